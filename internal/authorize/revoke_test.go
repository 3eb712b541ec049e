package authorize_test

import (
	"testing"

	"callweave/internal/store"
	"callweave/workflows"
)

// A grant that Zoom does not accept because the account's administrator disabled the app
// is not dead: it is asked about until it can be ended.
func TestRevocationOutlastsADisabledApp(t *testing.T) {
	t.Parallel()
	b := setup(t, options{})
	o := b.orgs[0]
	b.link(t, o, b.account.Admins[0])
	b.exec(t, "update credentials set access_expires_at = now()")
	b.window.WithdrawApproval(clientID, b.account.ID, true)
	if _, err := b.flows.Unlink(t.Context(), b.ref, o.id, "admin"); err != nil {
		t.Fatal(err)
	}
	receipt := b.receipt(t)
	b.eventually(t, "Zoom is asked more than once", func() bool { return b.attempts(t, workflows.RevokeID(b.ref, receipt.ReceiptID)) > 1 })
	b.eventually(t, "the erasure is done without it", func() bool { return b.receipt(t).FinishedAt != nil })
	if outcome := b.receipt(t).TokenOutcome; outcome != store.TokenPending {
		t.Errorf("token outcome while the app is disabled = %q, want pending", outcome)
	}
	b.window.WithdrawApproval(clientID, b.account.ID, false)
	b.eventually(t, "it is revoked", func() bool { return b.receipt(t).TokenOutcome == store.TokenRevoked })
	if grants := b.window.Grants(); grants[len(grants)-1].Dead != "revoked" {
		t.Errorf("the grants at Zoom: %+v", grants)
	}
}
