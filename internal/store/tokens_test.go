package store

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"callweave/internal/provider"
	"callweave/internal/secret"
	"callweave/internal/store/db"
)

func TestTokens(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	a, b := uuid.New(), uuid.New()
	seedOrg(t, s, a)
	seedOrg(t, s, b)
	id, token, err := s.CreateToken(t.Context(), a, "admin")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.CreateToken(t.Context(), a, "owner"); err == nil {
		t.Error("a token with a role that does not exist was created")
	}

	found, err := s.TokenByHash(t.Context(), HashToken(token))
	if err != nil {
		t.Fatal(err)
	}
	if found.TokenID != id || found.OrgID != a || found.Role != "admin" || found.LastUsedAt != nil {
		t.Errorf("TokenByHash = %+v", found)
	}
	if _, err := s.TokenByHash(t.Context(), HashToken(secret.New("cw_other"))); !errors.Is(err, ErrNotFound) {
		t.Errorf("TokenByHash of another token = %v, want ErrNotFound", err)
	}
	if n := mentions(t, s, strings.TrimPrefix(token.Reveal(), tokenPrefix)); len(n) > 0 {
		t.Errorf("the token itself is stored in %v", n)
	}
	if err := s.TouchToken(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if found, err = s.TokenByHash(t.Context(), HashToken(token)); err != nil || found.LastUsedAt == nil {
		t.Errorf("last use = %v, %v, want a time", found.LastUsedAt, err)
	}

	if err := s.RevokeToken(t.Context(), b, id, "cli"); !errors.Is(err, ErrNotFound) {
		t.Errorf("RevokeToken by another org = %v, want ErrNotFound", err)
	}
	if err := s.RevokeToken(t.Context(), a, id, "cli"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.TokenByHash(t.Context(), HashToken(token)); !errors.Is(err, ErrNotFound) {
		t.Errorf("TokenByHash of a revoked token = %v, want ErrNotFound", err)
	}
}

// A busy client does not turn every read into a write: last use is to the minute.
func TestLastUseIsToTheMinute(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	org := uuid.New()
	seedOrg(t, s, org)
	id, _, err := s.CreateToken(t.Context(), org, "admin")
	if err != nil {
		t.Fatal(err)
	}
	version := func() int64 {
		if err := s.TouchToken(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		return number(t, s, "select xmin::text::bigint from api_tokens")
	}
	first := version()
	if version() != first {
		t.Error("the second use within a minute was written")
	}
	exec(t, s, "update api_tokens set last_used_at = now() - interval '61 seconds'")
	if n := number(t, s, "select count(*) from api_tokens where last_used_at < now() - interval '1 minute'"); n != 1 {
		t.Fatal("the token's use was not set back")
	}
	if version(); number(t, s, "select count(*) from api_tokens where last_used_at > now() - interval '10 seconds'") != 1 {
		t.Error("the use after a minute was not written")
	}
}

func TestAuditLogIsAppendOnly(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	org := uuid.New()
	if err := s.Audit(t.Context(), Entry{OrgID: &org, Actor: "cli", Action: "token created"}); err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{`update audit_log set actor = 'nobody'`, `delete from audit_log`, `truncate audit_log`} {
		if _, err := s.pool.Exec(t.Context(), sql); err == nil || !strings.Contains(err.Error(), "append only") {
			t.Errorf("%s: got %v, want it refused", sql, err)
		}
	}
	// Tools that load data as superusers switch triggers off, unless they fire always.
	if n := number(t, s, `select count(*) from pg_trigger where tgrelid = 'audit_log'::regclass and tgenabled = 'A' and not tgisinternal`); n != 1 {
		t.Errorf("%d triggers fire always, want 1", n)
	}
	log, err := s.AuditLog(t.Context(), org, 10)
	if err != nil || len(log) != 1 || log[0].Action != "token created" {
		t.Errorf("AuditLog = %v, %v", log, err)
	}
}

// Within an activity the workflow acts, unless somebody asked for it by name.
func TestActorOfAnEntry(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	org, token := uuid.New(), uuid.NewString()
	ctx := WithActor(t.Context(), "authorize/x")
	for _, actor := range []string{"credentials", "cli", token} {
		if err := s.Audit(ctx, Entry{OrgID: &org, Actor: actor, Action: "act", Detail: map[string]any{"n": 1}}); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := s.AuditLog(t.Context(), org, 10)
	if err != nil {
		t.Fatal(err)
	}
	var got [][2]string
	for _, row := range rows {
		got = append(got, [2]string{row.Actor, string(row.Detail)})
	}
	want := [][2]string{
		{token, `{"n": 1, "workflow": "authorize/x"}`},
		{"cli", `{"n": 1, "workflow": "authorize/x"}`},
		{"authorize/x", `{"n": 1, "part": "credentials"}`},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
}

// An org sees what is done with the credentials of its accounts, while they are linked.
func TestAuditOfAnOrg(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	x, y, a, b := zoomAccount("account-x"), zoomAccount("account-y"), uuid.New(), uuid.New()
	used := func(ref provider.AccountRef, action string) {
		t.Helper()
		if err := s.Audit(t.Context(), Entry{Actor: "harvest", Action: action, Object: ref.String()}); err != nil {
			t.Fatal(err)
		}
	}
	used(x, "before the link")
	for _, org := range []uuid.UUID{a, b} {
		seedOrg(t, s, org)
	}
	seedAccount(t, s, x)
	seedAccount(t, s, y)
	seedLink(t, s, x, a)
	seedLink(t, s, y, b)
	used(x, "use of x")
	used(y, "use of y")
	for _, org := range []uuid.UUID{a, b} {
		if err := s.Audit(t.Context(), Entry{OrgID: &org, Actor: "cli", Action: "act of " + org.String()}); err != nil {
			t.Fatal(err)
		}
	}
	seen := func(filter ReadFilter, since time.Time) (actions []string) {
		t.Helper()
		filter.Limit = 100
		rows, err := s.AuditSince(t.Context(), filter, since)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			actions = append(actions, row.Action)
		}
		return actions
	}
	if diff := cmp.Diff([]string{"act of " + a.String(), "use of x"}, seen(ReadFilter{OrgID: a}, time.Time{})); diff != "" {
		t.Errorf("what a sees (-want +got):\n%s", diff)
	}
	if got := seen(ReadFilter{}, time.Time{}); len(got) != 5 {
		t.Errorf("operators see %v, want all 5", got)
	}
	if got := seen(ReadFilter{}, time.Now().Add(time.Hour)); got != nil {
		t.Errorf("since later: %v", got)
	}
}

// Uses of other accounts' credentials are most of the log: an org that reads its part does not
// read through them, and neither does an operator who asks what happened lately.
func TestAuditCostsWhatItShows(t *testing.T) {
	t.Parallel()
	pages := func(others int) (ofOrg, lately int64) {
		s := openTest(t)
		x, a := zoomAccount("account-x"), uuid.New()
		seedOrg(t, s, a)
		seedAccount(t, s, x)
		seedLink(t, s, x, a)
		exec(t, s, `update links set linked_at = $1`, seedStart)
		exec(t, s, `insert into audit_log (at, actor, action, object)
			select $1::timestamptz + i * interval '1 second', 'harvest', 'token used', 'zoom/other-' || i % 50 from generate_series(1, $2::integer) i`, seedStart, others)
		exec(t, s, `insert into audit_log (at, org_id, actor, action, object)
			select $1::timestamptz - i * interval '1 second', $2, 'cli', 'act', '' from generate_series(1, 5) i`, seedStart.AddDate(0, 1, 0), a)
		exec(t, s, `insert into audit_log (at, actor, action, object)
			select $1::timestamptz + i * interval '1 second', 'harvest', 'token used', 'zoom/account-x' from generate_series(1, 5) i`, seedStart.AddDate(0, 1, 0))
		exec(t, s, `vacuum analyze audit_log`)
		reading := func(read func(*db.Queries) ([]db.AuditLog, error)) int64 {
			e := &explaining{Tx: begin(t, s), t: t}
			rows, err := read(db.New(e))
			if err != nil || len(rows) != 10 {
				t.Fatalf("%d lines, %v, want 10", len(rows), err)
			}
			return e.pages
		}
		ofOrg = reading(func(q *db.Queries) ([]db.AuditLog, error) {
			return q.AuditOfOrg(t.Context(), db.AuditOfOrgParams{OrgID: a, MaxRows: 1000, UsedAction: actionTokenUsed})
		})
		lately = reading(func(q *db.Queries) ([]db.AuditLog, error) {
			return q.AuditLog(t.Context(), seedStart.AddDate(0, 1, 0).Add(-time.Minute), 1000, actionTokenUsed)
		})
		return ofOrg, lately
	}
	fewOfOrg, fewLately := pages(4_000)
	manyOfOrg, manyLately := pages(40_000)
	t.Logf("of an org %d pages, then %d; lately %d, then %d", fewOfOrg, manyOfOrg, fewLately, manyLately)
	if manyOfOrg > fewOfOrg*3/2+10 {
		t.Errorf("an org's ten lines cost %d pages beside 4,000 lines of others, %d beside 40,000", fewOfOrg, manyOfOrg)
	}
	// Lines are summarized 128 pages at a time.
	if manyLately > 150 {
		t.Errorf("the last ten lines cost %d pages beside 40,000 earlier ones", manyLately)
	}
}
