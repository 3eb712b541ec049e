package store

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"callweave/internal/provider"
	"callweave/internal/vault"
)

// landing prepares an authorization that came back, and the landing of its grant.
func landing(t testing.TB, s *Store, ref provider.AccountRef, org uuid.UUID) Landing {
	t.Helper()
	id := uuid.New()
	exec(t, s, `insert into authorizations (authorization_id, org_id, provider, requested_by, forward_url, verifier_sealed, code_sealed, state, expires_at)
		values ($1, $2, $3, 'cli', 'https://portal.example', 'verifier', 'code', 'returned', now() + interval '10 minutes')`, id, org, ref.Provider)
	if err := s.KeepGrant(t.Context(), id, []byte("grant")); err != nil {
		t.Fatal(err)
	}
	for _, scope := range []vault.Scope{vault.AccountScope(ref), vault.LinkScope(ref, org), vault.OrgScope(org)} {
		if _, err := s.AddDataKey(t.Context(), string(scope), []byte("sealed key"), true); err != nil {
			t.Fatal(err)
		}
	}
	return Landing{
		AuthorizationID: id, RequestedBy: "cli", Ref: ref, OrgID: org, GrantSealed: []byte("new grant"), Scopes: []string{},
		MissingScopes: []string{}, AccessExpiresAt: time.Now().Add(time.Hour), LinkedBySealed: []byte("somebody"),
	}
}

func TestLand(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	x, a, b := zoomAccount("account-x"), uuid.New(), uuid.New()
	seedOrg(t, s, a)
	seedOrg(t, s, b)
	first := landing(t, s, x, a)
	for range 2 { // the second changes nothing
		if err := s.Land(t.Context(), first); err != nil {
			t.Fatal(err)
		}
	}
	authorization, err := s.Authorization(t.Context(), first.AuthorizationID)
	if err != nil {
		t.Fatal(err)
	}
	if authorization.State != AuthorizationLinked || authorization.CodeSealed != nil || len(authorization.VerifierSealed) > 0 || number(t, s, "select count(*) from unlanded_grants") != 0 {
		t.Errorf("authorization after landing: state %q, secrets left %v", authorization.State,
			authorization.CodeSealed != nil || len(authorization.VerifierSealed) > 0)
	}
	err = s.LockCredential(t.Context(), x, func(c *LockedCredential) error {
		orgs, err := c.Kill(t.Context(), "revoked", "status 400", "link again")
		if diff := cmp.Diff([]uuid.UUID{a}, orgs); diff != "" {
			t.Errorf("failed links (-want +got):\n%s", diff)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	link, err := s.Link(t.Context(), x, a)
	if err != nil {
		t.Fatal(err)
	}
	if link.Link.Status != LinkFailed || cmp.Diff([]string{"link again"}, link.Link.Errors) != "" {
		t.Errorf("link of a dead credential: %q %v", link.Link.Status, link.Link.Errors)
	}

	// Another org links the account: the new credential serves both.
	if err := s.Land(t.Context(), landing(t, s, x, b)); err != nil {
		t.Fatal(err)
	}
	for _, org := range []uuid.UUID{a, b} {
		link, err := s.Link(t.Context(), x, org)
		if err != nil {
			t.Fatal(err)
		}
		if link.Link.Status != LinkActive || len(link.Link.Errors) > 0 || *link.CredentialState != CredentialActive {
			t.Errorf("link of org %s after another authorization: %q %v, credential %q", org, link.Link.Status, link.Link.Errors, *link.CredentialState)
		}
	}
}

// Of two grants the one exchanged last stands, in whichever order they land and whichever
// access token lives longer.
func TestLandKeepsTheLaterGrant(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	x, a := zoomAccount("account-x"), uuid.New()
	seedOrg(t, s, a)
	earlier, later := landing(t, s, x, a), landing(t, s, x, a)
	later.GrantSealed = []byte("later")
	earlier.AccessExpiresAt = later.AccessExpiresAt.Add(time.Hour)
	for _, l := range []Landing{later, earlier} {
		if err := s.Land(t.Context(), l); err != nil {
			t.Fatal(err)
		}
	}
	row, err := s.Credential(t.Context(), x)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(row.Credential.GrantSealed); got != "later" {
		t.Errorf("stored grant = %q, want the later one", got)
	}
}

// A link that comes up in the middle of an account's erasure keeps the account.
func TestNewLinkSavesTheAccount(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	x, a, b := zoomAccount("account-x"), uuid.New(), uuid.New()
	seedOrg(t, s, a)
	seedOrg(t, s, b)
	seedAccount(t, s, x)
	seedLink(t, s, x, a)

	receipt, err := s.Fence(t.Context(), x, a, "test", "admin")
	if err != nil {
		t.Fatal(err)
	}
	if receipt, err = s.HandOver(t.Context(), receipt.ReceiptID, reseal); err != nil || receipt.TokenOutcome != TokenPending {
		t.Fatalf("HandOver = %q, %v, want pending", receipt.TokenOutcome, err)
	}
	if err := s.CountErasure(t.Context(), receipt.ReceiptID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.EraseBatch(t.Context(), receipt.ReceiptID, 10); err != nil {
		t.Fatal(err)
	}

	if err := s.Land(t.Context(), landing(t, s, x, a)); !errors.Is(err, ErrUnlinking) {
		t.Errorf("Land for the org that is being erased = %v, want ErrUnlinking", err)
	}
	if err := s.Land(t.Context(), landing(t, s, x, b)); err != nil {
		t.Fatal(err)
	}

	erase(t.Context(), t, s, receipt.ReceiptID, 10)
	receipt = finish(t, s, receipt.ReceiptID)
	if receipt.LastLink || receipt.TokenOutcome != TokenAlreadyDead {
		t.Errorf("receipt: last link %v, token %q; want false and already_dead: a new authorization ended it", receipt.LastLink, receipt.TokenOutcome)
	}
	if _, counted := rowsOf(t, receipt.RowsBefore)["meetings"]; counted {
		t.Error("the receipt counts rows of the account, which stays")
	}
	if n := number(t, s, `select count(*) from legs where account_id = $1`, x.AccountID); n != 12 {
		t.Errorf("%d legs are left, want all 12", n)
	}
	row, err := s.Credential(t.Context(), x)
	if err != nil || string(row.Credential.GrantSealed) != "new grant" {
		t.Errorf("credential = %q, %v, want the new grant", row.Credential.GrantSealed, err)
	}
	if n := number(t, s, `select count(*) from revocations`); n != 0 {
		t.Errorf("%d revocations wait, want none", n)
	}

	// And the first org may link again now.
	if err := s.Land(t.Context(), landing(t, s, x, a)); err != nil {
		t.Errorf("Land after the erasure = %v", err)
	}
}

// Two erasures that would both take the account: the one fenced last does, once the
// other's link is gone.
func TestTwoLastLinks(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	x, a, b := zoomAccount("account-x"), uuid.New(), uuid.New()
	seedOrg(t, s, a)
	seedOrg(t, s, b)
	seedAccount(t, s, x)
	seedLink(t, s, x, a)
	first, err := s.Fence(t.Context(), x, a, "test", "admin")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Land(t.Context(), landing(t, s, x, b)); err != nil {
		t.Fatal(err)
	}
	second, err := s.Fence(t.Context(), x, b, "test", "admin")
	if err != nil {
		t.Fatal(err)
	}
	if !first.LastLink || !second.LastLink {
		t.Fatalf("last link: %v and %v, want both", first.LastLink, second.LastLink)
	}
	if _, err := s.HandOver(t.Context(), second.ReceiptID, reseal); err != nil {
		t.Fatal(err)
	}
	erase(t.Context(), t, s, second.ReceiptID, 100)
	if _, _, err := s.FinishErasure(t.Context(), second.ReceiptID); !errors.Is(err, ErrEraseWaits) {
		t.Fatalf("FinishErasure before the other = %v, want ErrEraseWaits", err)
	}
	erase(t.Context(), t, s, first.ReceiptID, 100)
	if receipt := finish(t, s, first.ReceiptID); receipt.LastLink {
		t.Error("the first erasure claims the account")
	}
	if receipt := finish(t, s, second.ReceiptID); !receipt.LastLink {
		t.Error("the second erasure does not claim the account")
	}
	if left := withoutProofs(mentions(t, s, x.AccountID), "revocations"); len(left) > 0 {
		t.Errorf("rows that still speak of the account: %v", left)
	}
}

// A link that comes up in the middle of the erasure of an org's last one keeps what the
// org's network left: the receipt counts nothing of it.
func TestNewLinkSavesTheOrg(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	x, y, a := zoomAccount("account-x"), zoomAccount("account-y"), uuid.New()
	seedOrg(t, s, a)
	seedAccount(t, s, x)
	seedLink(t, s, x, a)
	receipt, err := s.Fence(t.Context(), x, a, "test", "admin")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.HandOver(t.Context(), receipt.ReceiptID, reseal); err != nil {
		t.Fatal(err)
	}
	if err := s.CountErasure(t.Context(), receipt.ReceiptID); err != nil {
		t.Fatal(err)
	}
	if err := s.Land(t.Context(), landing(t, s, y, a)); err != nil {
		t.Fatal(err)
	}
	before := mentions(t, s, a.String())
	erase(t.Context(), t, s, receipt.ReceiptID, 100)
	receipt = finish(t, s, receipt.ReceiptID)
	if receipt.LastOfOrg {
		t.Error("the receipt says that the org's own data went")
	}
	left, counted := mentions(t, s, a.String()), rowsOf(t, receipt.RowsBefore)
	for _, step := range orgSteps() {
		if step.table == "authorizations" { // the link's own went
			continue
		}
		if left[step.table] != before[step.table] {
			t.Errorf("%s: %d rows of the org are left of %d", step.table, left[step.table], before[step.table])
		}
		if n, there := counted[step.table]; there {
			t.Errorf("the receipt counts %d rows of %s, which stay", n, step.table)
		}
	}
}
