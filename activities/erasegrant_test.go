package activities

import (
	"context"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"callweave/internal/provider"
	"callweave/internal/secret"
	"callweave/internal/store"
	"callweave/internal/vault"
	"callweave/workflows"
)

// seal keeps a grant as the account's credential, sealed by the account's key.
func (b *eraseBundle) seal(t *testing.T, v *vault.Vault) {
	t.Helper()
	key, err := v.Key(t.Context(), vault.AccountScope(b.ref))
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := key.SealGrant("grant_sealed", provider.Grant{Access: secret.New("access"), Refresh: secret.New("refresh")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.connect(t).Exec(t.Context(), `update credentials set grant_sealed = $1`, sealed); err != nil {
		t.Fatal(err)
	}
}

// keepGrant runs the activity as a workflow does, and says how many attempts it took.
func (b *eraseBundle) keepGrant(t *testing.T, e *Erasure) (workflows.DeboardResult, int) {
	t.Helper()
	env := (&testsuite.WorkflowTestSuite{}).NewTestWorkflowEnvironment()
	env.RegisterActivity(e.KeepGrantForRevocation)
	attempts := 0
	env.SetOnActivityStartedListener(func(info *activity.Info, _ context.Context, _ converter.EncodedValues) { attempts = int(info.Attempt) })
	env.ExecuteWorkflow(func(ctx workflow.Context) (result workflows.DeboardResult, err error) {
		ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
		err = workflow.ExecuteActivity(ctx, e.KeepGrantForRevocation, workflows.ReceiptInput{ReceiptID: b.receipt}).Get(ctx, &result)
		return result, err
	})
	var result workflows.DeboardResult
	if err := env.GetWorkflowResult(&result); err != nil {
		t.Fatalf("KeepGrantForRevocation: %v", err)
	}
	return result, attempts
}

// A grant that nobody can open any more cannot be revoked. It is no reason to leave
// anything behind: not after a restore without the schema vault, nor with a keyset that
// lost a key.
func TestErasureOutlivesItsKeys(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		lose     string // done to the database once the grant is sealed
		keyset   bool   // another one now
		outcome  string
		evidence string
		attempts int
	}{
		"as it should be":       {outcome: store.TokenPending, attempts: 1},
		"key destroyed":         {lose: `update vault.data_keys set key_sealed = null, destroyed_at = now()`, outcome: store.TokenGaveUp, evidence: "no key", attempts: 1},
		"restore without vault": {lose: `delete from vault.data_keys`, outcome: store.TokenGaveUp, evidence: "no key", attempts: 1},
		"grant changed":         {lose: `update credentials set grant_sealed = 'x'`, outcome: store.TokenGaveUp, evidence: "does not open", attempts: 1},
		"another keyset":        {keyset: true, outcome: store.TokenGaveUp, evidence: "does not open", attempts: openAttempts},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setupErase(t)
			e := &Erasure{Store: b.store, Vault: b.newVault(t)}
			b.seal(t, e.Vault)
			conn := b.connect(t)
			if _, err := conn.Exec(t.Context(), test.lose); err != nil {
				t.Fatal(err)
			}
			if test.keyset {
				e.Vault = b.newVault(t)
			}
			result, attempts := b.keepGrant(t, e)
			if result.TokenOutcome != test.outcome || attempts != test.attempts {
				t.Errorf("token %q after %d attempts, want %q after %d", result.TokenOutcome, attempts, test.outcome, test.attempts)
			}
			if again, _ := b.keepGrant(t, e); again.TokenOutcome != test.outcome {
				t.Errorf("once more: token %q", again.TokenOutcome)
			}
			var progress workflows.EraseProgress
			if err := b.run(t, e.EraseBatch, func() {}, &progress); err != nil || progress.More {
				t.Fatalf("EraseBatch = %+v, %v", progress, err)
			}
			var erased workflows.Erased
			if err := b.run(t, e.FinishErasure, func() {}, &erased); err != nil || !erased.Done || erased.Result.TokenOutcome != test.outcome {
				t.Fatalf("FinishErasure = %+v, %v", erased, err)
			}
			receipt, err := b.store.Receipt(t.Context(), b.receipt)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(receipt.TokenEvidence, test.evidence) || receipt.FinishedAt == nil {
				t.Errorf("receipt: evidence %q, finished %v", receipt.TokenEvidence, receipt.FinishedAt)
			}
			var audited, waiting, keys int
			err = conn.QueryRow(t.Context(), `select (select count(*) from audit_log where action = 'token gave_up'),
				(select count(*) from revocations), (select count(*) from vault.data_keys where key_sealed is not null and scope <> 'canary')`).Scan(&audited, &waiting, &keys)
			if err != nil {
				t.Fatal(err)
			}
			gaveUp := test.outcome == store.TokenGaveUp
			if (audited == 1) != gaveUp || (waiting == 1) == gaveUp || keys > 0 {
				t.Errorf("audit lines %d, revocations %d, keys %d", audited, waiting, keys)
			}
		})
	}
}

// Where nothing is to be revoked, no key is asked for, and none is made.
func TestKeepGrantNeedsNoKeyForNothing(t *testing.T) {
	t.Parallel()
	for name, sql := range map[string]string{
		"no credential":   `delete from credentials`,
		"dead credential": `update credentials set state = 'dead', verdict = 'revoked'`,
		"another link":    `with o as (insert into orgs (org_id, name, mist_url, mist_token_sealed) values (gen_random_uuid(), '', '', '') returning org_id) insert into links (provider, account_id, org_id, linked_by_sealed) select 'zoom', 'account', org_id, '' from o`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setupErase(t)
			conn := b.connect(t)
			if _, err := conn.Exec(t.Context(), sql); err != nil {
				t.Fatal(err)
			}
			b.keepGrant(t, &Erasure{Store: b.store, Vault: b.newVault(t)})
			var keys int
			if err := conn.QueryRow(t.Context(), `select count(*) from vault.data_keys`).Scan(&keys); err != nil || keys > 0 {
				t.Errorf("%d keys were made, %v", keys, err)
			}
		})
	}
}
