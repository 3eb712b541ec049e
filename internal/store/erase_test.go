package store

import (
	"encoding/json"
	"errors"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"callweave/internal/provider"
	"callweave/internal/store/db"
	"callweave/internal/vault"
	"callweave/workflows"
)

// withoutProofs leaves out the tables that may speak of what is gone: they name nobody.
func withoutProofs(counts map[string]int64, also ...string) map[string]int64 {
	rest := maps.Clone(counts)
	for _, table := range append([]string{"receipts", "audit_log", usesTable}, also...) {
		delete(rest, table)
	}
	return rest
}

func reseal(c db.Credential, _ []byte) ([]byte, error) {
	return append([]byte("transit:"), c.GrantSealed...), nil
}

// unlink goes through a whole unlinking and returns the closed receipt.
func unlink(t *testing.T, s *Store, ref provider.AccountRef, org uuid.UUID, maxRows int) db.Receipt {
	t.Helper()
	receipt, err := s.Fence(t.Context(), ref, org, "test", "admin")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.HandOver(t.Context(), receipt.ReceiptID, reseal); err != nil {
		t.Fatal(err)
	}
	erase(t.Context(), t, s, receipt.ReceiptID, maxRows)
	return finish(t, s, receipt.ReceiptID)
}

func finish(t *testing.T, s *Store, id uuid.UUID) db.Receipt {
	t.Helper()
	receipt, done, err := s.FinishErasure(t.Context(), id)
	if err != nil || !done {
		t.Fatalf("FinishErasure = %v, %v, want done", done, err)
	}
	return receipt
}

func rowsOf(t *testing.T, counts []byte) map[string]int64 {
	t.Helper()
	var rows map[string]int64
	if err := json.Unmarshal(counts, &rows); err != nil {
		t.Fatal(err)
	}
	return rows
}

// Two accounts over two orgs. Every unlinking takes exactly what nobody else needs, and
// after the last no table but the proofs speaks of account or org.
func TestErasureTakesExactlyWhatNobodyNeeds(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	x, y := zoomAccount("account-x"), zoomAccount("account-y")
	a, b := uuid.New(), uuid.New()
	for _, org := range []uuid.UUID{a, b} {
		seedOrg(t, s, org)
	}
	for _, ref := range []provider.AccountRef{x, y} {
		seedAccount(t, s, ref)
	}
	seedLink(t, s, x, a)
	seedLink(t, s, x, b)
	seedLink(t, s, y, a)
	requireSeeded(t, s, x, a)

	// The first of two links of x, one of two of a: only its own rows go.
	beforeB, beforeY := mentions(t, s, b.String()), mentions(t, s, y.AccountID)
	receipt := unlink(t, s, x, a, 50)
	if receipt.LastLink || receipt.LastOfOrg || receipt.TokenOutcome != TokenKept {
		t.Errorf("receipt: last link %v, last of org %v, token %q; want neither, kept", receipt.LastLink, receipt.LastOfOrg, receipt.TokenOutcome)
	}
	wantBefore := map[string]int64{"call_minutes": 240, "matches": 12, "models": 1, "weaves": 3, "authorizations": 1, "links": 1}
	if diff := cmp.Diff(wantBefore, rowsOf(t, receipt.RowsBefore)); diff != "" {
		t.Errorf("rows before (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(beforeB, mentions(t, s, b.String())); diff != "" {
		t.Errorf("rows of the other org changed (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(beforeY, mentions(t, s, y.AccountID)); diff != "" {
		t.Errorf("rows of the other account changed (-want +got):\n%s", diff)
	}
	if n := number(t, s, `select count(*) from call_minutes where account_id = $1 and org_id = $2`, x.AccountID, a); n != 0 {
		t.Errorf("%d call minutes of the unlinked org are left", n)
	}
	if n := number(t, s, `select count(*) from legs where account_id = $1`, x.AccountID); n != 12 {
		t.Errorf("the account has %d legs, want all 12: another org needs them", n)
	}

	// The last link of x and of b: everything of both goes.
	legs := number(t, s, `select count(*) from media_samples`)
	receipt = unlink(t, s, x, b, 50)
	if !receipt.LastLink || !receipt.LastOfOrg || receipt.TokenOutcome != TokenPending {
		t.Errorf("receipt: last link %v, last of org %v, token %q; want both, pending", receipt.LastLink, receipt.LastOfOrg, receipt.TokenOutcome)
	}
	if after := rowsOf(t, receipt.RowsAfter); rowCounts(after).sum() != 0 {
		t.Errorf("rows after = %v, want none", after)
	}
	if left := number(t, s, `select count(*) from media_samples`); left != legs-240 {
		t.Errorf("%d media samples are left, want %d", left, legs-240)
	}
	wantKeys := []string{string(vault.LinkScope(x, b)), string(vault.OrgScope(b)), string(vault.AccountScope(x))}
	if diff := cmp.Diff(wantKeys, receipt.KeysDestroyed); diff != "" {
		t.Errorf("keys destroyed (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int64{"revocations": 1}, withoutProofs(mentions(t, s, x.AccountID))); diff != "" {
		t.Errorf("rows that speak of the account while its token waits (-want +got):\n%s", diff)
	}
	if err := s.SettleRevocation(t.Context(), receipt.ReceiptID, TokenRevoked, ""); err != nil {
		t.Fatal(err)
	}
	if left := withoutProofs(mentions(t, s, x.AccountID)); len(left) > 0 {
		t.Errorf("rows that still speak of the account: %v", left)
	}
	if left := withoutProofs(mentions(t, s, b.String()), "orgs"); len(left) > 0 {
		t.Errorf("rows that still speak of the org: %v", left)
	}

	// And the rest.
	receipt = unlink(t, s, y, a, 1000)
	if err := s.SettleRevocation(t.Context(), receipt.ReceiptID, TokenRevoked, ""); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{y.AccountID, a.String()} {
		if left := withoutProofs(mentions(t, s, text), "orgs"); len(left) > 0 {
			t.Errorf("rows that still speak of %s: %v", text, left)
		}
	}
	if n := number(t, s, `select count(*) from vault.data_keys where key_sealed is not null`); n != 0 {
		t.Errorf("%d data keys are left", n)
	}
	if n := number(t, s, `select count(*) from orgs where devices_synced_at is not null`); n != 0 {
		t.Errorf("%d orgs without device data claim to be synced", n)
	}
}

func TestFenceIsOneReceipt(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	x, a := zoomAccount("account-x"), uuid.New()
	seedOrg(t, s, a)
	seedAccount(t, s, x)
	seedLink(t, s, x, a)

	if _, err := s.Fence(t.Context(), zoomAccount("nobody"), a, "test", "admin"); !errors.Is(err, ErrNotFound) {
		t.Errorf("Fence of no link = %v, want ErrNotFound", err)
	}
	first, err := s.Fence(t.Context(), x, a, "test", "admin")
	if err != nil {
		t.Fatal(err)
	}
	second, err := s.Fence(t.Context(), x, a, "test", "operator")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("second fence (-first +second):\n%s", diff)
	}
	if _, done, err := s.FinishErasure(t.Context(), first.ReceiptID); done || err != nil {
		t.Errorf("FinishErasure with rows left = %v, %v, want not done", done, err)
	}
	closed := unlink(t, s, x, a, 7)
	again, err := s.Fence(t.Context(), x, a, "test", "admin")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(closed, again, cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".TokenAt" }, cmp.Ignore())); diff != "" {
		t.Errorf("fence after the erasure (-closed +again):\n%s", diff)
	}
}

func TestFenceStopsWriters(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	x, a, b := zoomAccount("account-x"), uuid.New(), uuid.New()
	seedOrg(t, s, a)
	seedOrg(t, s, b)
	seedAccount(t, s, x)
	seedLink(t, s, x, a)
	seedLink(t, s, x, b)
	guards := func() []bool {
		q := s.queries()
		errs := []error{
			requireLink(t.Context(), q, x, a), requireLink(t.Context(), q, x, b), requireAccount(t.Context(), q, x),
			requireOrg(t.Context(), q, a), requireOrg(t.Context(), q, b),
		}
		fenced := make([]bool, len(errs))
		for i, err := range errs {
			if err != nil && !errors.Is(err, ErrFenced) {
				t.Fatal(err)
			}
			fenced[i] = err != nil
		}
		return fenced
	}
	steps := []struct {
		name  string
		fence *uuid.UUID
		want  []bool // link a, link b, account, org a, org b
	}{
		{"nothing fenced", nil, []bool{false, false, false, false, false}},
		{"a fenced", &a, []bool{true, false, false, true, false}},
		{"both fenced", &b, []bool{true, true, true, true, true}},
	}
	for _, step := range steps {
		if step.fence != nil {
			if _, err := s.Fence(t.Context(), x, *step.fence, "test", "admin"); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(step.want, guards()); diff != "" {
			t.Errorf("%s: fenced (-want +got):\n%s", step.name, diff)
		}
	}
}

// A writer that was first commits before the fence stands.
func TestFenceWaitsForWriter(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	x, a := zoomAccount("account-x"), uuid.New()
	seedOrg(t, s, a)
	seedAccount(t, s, x)
	seedLink(t, s, x, a)

	tx, err := s.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(t.Context())
	if err := requireLink(t.Context(), db.New(tx), x, a); err != nil {
		t.Fatal(err)
	}
	fenced := make(chan error, 1)
	go func() {
		_, err := s.Fence(t.Context(), x, a, "test", "admin")
		fenced <- err
	}()
	for number(t, s, `select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`) == 0 {
		select {
		case err := <-fenced:
			t.Fatalf("the fence stood before the writer had ended: %v", err)
		default:
		}
	}
	if _, err := tx.Exec(t.Context(), `delete from weaves`); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-fenced; err != nil {
		t.Fatal(err)
	}
}

// Offers and attempts from before the fence go with the org's last link; what somebody
// just came back with, and what was offered since, goes on.
func TestErasureTakesOffers(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	x, a, b := zoomAccount("account-x"), uuid.New(), uuid.New()
	seedOrg(t, s, a)
	seedOrg(t, s, b)
	seedAccount(t, s, x)
	seedLink(t, s, x, a)
	before := number(t, s, `select count(*) from authorizations where org_id = $1`, a)
	const offer = `insert into authorizations (authorization_id, org_id, provider, requested_by, forward_url, verifier_sealed, state, created_at, expires_at)
		values (gen_random_uuid(), $1, 'zoom', $2, '', '', $3, now() + $4::interval, now() + $4::interval + interval '10 minutes')`
	for _, kind := range []struct {
		name, state, created string
		org                  uuid.UUID
	}{
		{"open", "offered", "-1 minute", a},
		{"expired", "offered", "-1 hour", a},
		{"refused", "refused", "-1 minute", a},
		{"stuck", "returned", "-2 hours", a},
		{"asking whose it is", "returned", "-74 minutes", a}, // returned in the last of its 10 minutes
		{"under way", "returned", "-1 minute", a},
		{"new", "offered", "1 minute", a},
		{"another's", "offered", "-1 minute", b},
	} {
		exec(t, s, offer, kind.org, kind.name, kind.state, kind.created)
	}
	receipt := unlink(t, s, x, a, 100)
	if got := rowsOf(t, receipt.RowsBefore)["authorizations"]; got != before+4 {
		t.Errorf("the receipt has %d authorizations, want %d", got, before+4)
	}
	rows, err := s.pool.Query(t.Context(), `select requested_by from authorizations order by requested_by`)
	if err != nil {
		t.Fatal(err)
	}
	left, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"another's", "asking whose it is", "new", "under way"}, left); diff != "" {
		t.Errorf("what is left (-want +got):\n%s", diff)
	}
}

// What an authorization may take is workflow code; what outlasts it is taken here.
func TestErasureSparesWhatGoesOn(t *testing.T) {
	t.Parallel()
	if attemptLasts <= workflows.AuthorizeFor {
		t.Errorf("an attempt is erased %s after its expiry, and can succeed for %s", attemptLasts, workflows.AuthorizeFor)
	}
}

// Attempts that came to nothing are forgotten a day later, whoever's they were.
func TestDropStaleAuthorizations(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	a := uuid.New()
	seedOrg(t, s, a)
	exec(t, s, `insert into authorizations (authorization_id, org_id, provider, requested_by, forward_url, verifier_sealed, state, account_id, expires_at)
		select gen_random_uuid(), $1, 'zoom', state || age, '', '', state, case state when 'linked' then 'x' end, now() - age::interval
		from unnest(array['offered', 'refused', 'returned', 'linked']) state, unnest(array['23 hours', '25 hours']) age`, a)
	for _, want := range []int64{3, 0} {
		if got, err := s.DropStaleAuthorizations(t.Context()); err != nil || got != want {
			t.Errorf("DropStaleAuthorizations = %d, %v, want %d", got, err, want)
		}
	}
	if n := number(t, s, `select count(*) from authorizations`); n != 5 {
		t.Errorf("%d authorizations are left, want the young ones and the linked one", n)
	}
}
