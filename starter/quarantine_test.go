package main

import (
	"strings"
	"testing"
)

func TestQuarantineIsRetriedAndSkipped(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.addOrg(t)
	b.link(t)
	conn := b.conn(t)
	if _, err := conn.Exec(t.Context(), `insert into meetings (provider, account_id, meeting_id, meeting_number, list_kind, host_sealed, start_at, end_at, participant_count, state, cause, attempts)
		values ('zoom', $1, 'old==', 1, 'past', '', '2026-11-01', '2026-11-01 01:00', 2, 'gone', 'not_found', 5)`, account); err != nil {
		t.Fatal(err)
	}
	shown := func() map[string]quarantined {
		t.Helper()
		var rows []quarantined
		b.json(t, &rows, "quarantine", "--account", account)
		found := map[string]quarantined{}
		for _, r := range rows {
			found[r.MeetingID] = r
		}
		return found
	}
	if got := shown(); len(got) != 2 || got["old=="].State != "gone" || got["old=="].DueAt != nil || got["bad=="].State != "quarantined" {
		t.Errorf("shown %+v, want what is gone too", got)
	}
	var done struct{ Retried, Skipped int }
	b.json(t, &done, "quarantine", "retry", "--account", account, "--meeting", "old==")
	if got := shown(); done.Retried != 1 || got["old=="].DueAt == nil || got["old=="].Attempts != 0 || got["bad=="].DueAt != nil {
		t.Errorf("retried %d, shown %+v", done.Retried, got)
	}
	b.json(t, &done, "quarantine", "skip", "--account", account, "--meeting", "old==")
	b.json(t, &done, "quarantine", "retry", "--account", account)
	if got := shown(); done.Skipped != 1 || done.Retried != 1 || len(got) != 1 || got["bad=="].DueAt == nil {
		t.Errorf("skipped %d, then retried %d, shown %+v; want what was skipped left alone", done.Skipped, done.Retried, got)
	}
	b.json(t, &done, "quarantine", "retry", "--account", account, "--meeting", "old==")
	var due int
	if err := conn.QueryRow(t.Context(), "select count(*) from meetings where meeting_id = 'old==' and due_at <= now()").Scan(&due); err != nil || due != 1 {
		t.Errorf("a skipped meeting that is named is not due: %v", err)
	}
	if err := conn.QueryRow(t.Context(), "select count(*) from audit_log where action like 'quarantine %' and object = 'zoom/' || $1", account).Scan(&due); err != nil || due != 4 {
		t.Errorf("%d lines of the audit log, %v", due, err)
	}
	for line, want := range map[string]int{
		"quarantine retry": 2, "quarantine skip --account a": 2, "quarantine nonsense": 2,
		"quarantine skip --account " + account + " --meeting none":  1,
		"quarantine retry --account " + account + " --meeting none": 1,
		"quarantine retry --account other":                          1,
	} {
		if code, _, problems := b.run(t, strings.Fields(line)...); code != want {
			t.Errorf("starter %s: exit %d, want %d: %s", line, code, want, problems)
		}
	}
}
