package store

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
)

// What an org's last link leaves of it, its registration, goes when it is removed, and not a
// moment before the link has.
func TestRemoveOrg(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	x, a := zoomAccount("account-x"), uuid.New()
	seedOrg(t, s, a)
	seedAccount(t, s, x)
	seedLink(t, s, x, a)
	id, _, err := s.CreateToken(t.Context(), a, "admin")
	if err != nil {
		t.Fatal(err)
	}
	code, err := s.CreateSignInCode(t.Context(), a, id, "cli", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	refused := func(when string) {
		t.Helper()
		if err := s.RemoveOrg(t.Context(), a, "cli"); !errors.Is(err, ErrLinked) {
			t.Errorf("%s: %v, want ErrLinked", when, err)
		}
	}
	refused("linked")
	receipt, err := s.Fence(t.Context(), x, a, "test", "admin")
	if err != nil {
		t.Fatal(err)
	}
	if receipt, err = s.HandOver(t.Context(), receipt.ReceiptID, reseal); err != nil {
		t.Fatal(err)
	}
	erase(t.Context(), t, s, receipt.ReceiptID, 100)
	refused("while the link is erased")
	finish(t, s, receipt.ReceiptID)

	// An attempt that was under way when the org was unlinked.
	l := landing(t, s, x, a)
	if err := s.RemoveOrg(t.Context(), a, "cli"); err != nil {
		t.Fatal(err)
	}
	if left := withoutProofs(mentions(t, s, a.String())); len(left) > 0 {
		t.Errorf("rows that still speak of the org: %v", left)
	}
	if n := number(t, s, `select count(*) from vault.data_keys where scope = $1`, "org/"+a.String()); n != 0 {
		t.Error("the org's key is left")
	}
	if _, err := s.TakeSignInCode(t.Context(), code, time.Now()); !errors.Is(err, ErrNotFound) {
		t.Errorf("a link that signs in: %v, want ErrNotFound", err)
	}
	if err := s.Land(t.Context(), l); !errors.Is(err, ErrNotFound) {
		t.Errorf("Land = %v, want ErrNotFound", err)
	}
	if _, err := s.UnlandedGrant(t.Context(), l.AuthorizationID); err != nil {
		t.Errorf("the grant that is to be revoked: %v", err)
	}
	if err := s.RemoveOrg(t.Context(), a, "cli"); !errors.Is(err, ErrNotFound) {
		t.Errorf("once more: %v, want ErrNotFound", err)
	}
}
