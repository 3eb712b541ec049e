package store

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"callweave/internal/utcday"
)

// A use of a token is a line of the audit log like every other, in its place among them, that
// nobody changes or removes: only its day goes, when it is over, and no other line.
func TestTokenUses(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	x, y, org := zoomAccount("account-x"), zoomAccount("account-y"), uuid.New()
	seedOrg(t, s, org)
	seedAccount(t, s, x)
	seedAccount(t, s, y)
	act := func(action string) {
		t.Helper()
		if err := s.Audit(t.Context(), Entry{OrgID: &org, Actor: "cli", Action: action}); err != nil {
			t.Fatal(err)
		}
	}
	seen := func(filter ReadFilter) (lines []string) {
		t.Helper()
		rows, err := s.AuditSince(t.Context(), filter, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			lines = append(lines, strings.Join([]string{row.Actor, row.Action, row.Object, string(row.Detail)}, " "))
		}
		return lines
	}
	const used = `harvest/x token used zoom/account-x {"part": "credentials"}`

	ctx := WithActor(t.Context(), "harvest/x")
	if err := s.NoteUse(ctx, x); err != nil { // before the link
		t.Fatal(err)
	}
	seedLink(t, s, x, org)
	act("before")
	for range 2 {
		for _, ref := range []string{"account-x", "account-y"} {
			if err := s.NoteUse(WithActor(t.Context(), "harvest/x"), zoomAccount(ref)); err != nil {
				t.Fatal(err)
			}
		}
	}
	act("after")
	want := []string{"cli after  {}", used, used, "cli before  {}"}
	if diff := cmp.Diff(want, seen(ReadFilter{OrgID: org, Limit: 10})); diff != "" {
		t.Errorf("what the org sees (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want[:2], seen(ReadFilter{OrgID: org, Limit: 2})); diff != "" {
		t.Errorf("the newest two (-want +got):\n%s", diff)
	}
	if all := seen(ReadFilter{Limit: 20}); len(all) != 7 {
		t.Errorf("operators see %q, want 7 lines", all)
	}

	day := "token_uses_p" + utcday.Of(time.Now()).Format("20060102")
	for _, sql := range []string{`update token_uses set actor = 'nobody'`, `delete from token_uses`, `truncate token_uses`, `delete from ` + day, `update ` + day + ` set object = ''`} {
		if _, err := s.pool.Exec(t.Context(), sql); err == nil || !strings.Contains(err.Error(), "append only") {
			t.Errorf("%s: got %v, want it refused", sql, err)
		}
	}
	// Also where tools that load data switch triggers off.
	if n := number(t, s, `select count(*) from pg_trigger where tgrelid in ('token_uses'::regclass, $1::regclass) and tgenabled = 'A' and tgfoid = 'refuse_change'::regproc`, day); n != 3 {
		t.Errorf("%d triggers fire always, want 3", n)
	}

	expire := func(keep, after, want int) {
		t.Helper()
		now := time.Now().AddDate(0, 0, after)
		if _, err := s.Expire(t.Context(), Keep{Minutes: 9000, Media: 9000, Devices: 9000, Uses: keep}, now, func() {}); err != nil {
			t.Fatal(err)
		}
		if got := number(t, s, `select count(*) from token_uses`); int(got) != want {
			t.Errorf("%d days later, kept for %d: %d uses are left, want %d", after, keep, got, want)
		}
	}
	expire(0, 89, 5) // for good
	expire(90, 90, 5)
	expire(90, 91, 0)
	if diff := cmp.Diff([]string{"cli after  {}", "cli before  {}"}, seen(ReadFilter{OrgID: org, Limit: 10})); diff != "" {
		t.Errorf("without uses (-want +got):\n%s", diff)
	}
}

// Room for a day is made before it begins, and asked for once.
func TestDaysOfUsesAreReadyBefore(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	days := func() int64 {
		return number(t, s, `select count(*) from pg_inherits where inhparent = 'token_uses'::regclass`)
	}
	noon := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	for _, step := range []struct {
		at   time.Time
		want int64
	}{
		{noon, 2}, {noon.Add(23 * time.Hour), 2}, {noon.Add(25 * time.Hour), 3}, {noon.AddDate(0, 0, 10), 5},
	} {
		if err := s.readyForUses(t.Context(), step.at); err != nil {
			t.Fatal(err)
		}
		if got := days(); got != step.want {
			t.Errorf("at %s: %d days, want %d", step.at, got, step.want)
		}
	}
}
