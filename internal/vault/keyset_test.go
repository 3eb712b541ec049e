package vault_test

import (
	"errors"
	"strings"
	"testing"

	"callweave/internal/secret"
	"callweave/internal/vault"
)

func open(t *testing.T, text secret.Text) *vault.Master {
	t.Helper()
	master, err := vault.OpenMaster(text)
	if err != nil {
		t.Fatal(err)
	}
	return master
}

// rotated returns a keyset, the same with another key added, and that with it promoted.
func rotated(t *testing.T) (before, added, promoted secret.Text) {
	t.Helper()
	before = newKeyset(t)
	added, id, err := vault.AddKey(before)
	if err != nil {
		t.Fatal(err)
	}
	promoted, newest, err := vault.PromoteKey(added, 0)
	if err != nil || newest != id {
		t.Fatalf("promoted %d, want %d: %v", newest, id, err)
	}
	return before, added, promoted
}

// While programs go from one keyset to the next, each opens what any other seals.
func TestNoStepOfARotationMeetsWhatItCannotOpen(t *testing.T) {
	t.Parallel()
	before, added, promoted := rotated(t)
	for name, deployment := range map[string][2]secret.Text{"adding": {before, added}, "promoting": {added, promoted}} {
		a, b := open(t, deployment[0]), open(t, deployment[1])
		for _, way := range [][2]*vault.Master{{a, b}, {b, a}} {
			sealed, err := way[0].Seal(vault.PurposeGrant, []byte("grant"))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := way[1].Open(vault.PurposeGrant, sealed); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	sealed, err := open(t, promoted).Seal(vault.PurposeGrant, []byte("grant"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, before).Open(vault.PurposeGrant, sealed); !errors.Is(err, vault.ErrUnsealed) {
		t.Errorf("the keyset of two steps ago opens what the new key sealed: %v", err)
	}
}

func TestPromoteAndDropRefuse(t *testing.T) {
	t.Parallel()
	before, added, promoted := rotated(t)
	old := open(t, before).PrimaryID()
	if _, _, err := vault.PromoteKey(promoted, 0); !errors.Is(err, vault.ErrKey) {
		t.Errorf("promoting the primary key: %v", err)
	}
	if _, _, err := vault.PromoteKey(added, 7); !errors.Is(err, vault.ErrKey) {
		t.Errorf("promoting a key of no keyset: %v", err)
	}
	if _, err := vault.DropKey(added, old); !errors.Is(err, vault.ErrKey) {
		t.Errorf("dropping the primary key: %v", err)
	}
	if _, err := vault.DropKey(promoted, 7); !errors.Is(err, vault.ErrKey) {
		t.Errorf("dropping a key of no keyset: %v", err)
	}
	dropped, err := vault.DropKey(promoted, old)
	if err != nil {
		t.Fatal(err)
	}
	if keys := open(t, dropped).Keys(); len(keys) != 1 || keys[0].ID == old || !keys[0].Primary {
		t.Errorf("keys after the drop: %+v", keys)
	}
	if _, _, err := vault.AddKey(secret.New("nonsense")); !errors.Is(err, vault.ErrNoKeyset) {
		t.Errorf("adding to no keyset: %v", err)
	}
}

func TestResealedUnderThePrimaryKey(t *testing.T) {
	t.Parallel()
	before, _, promoted := rotated(t)
	old, now := open(t, before), open(t, promoted)
	sealed, err := old.Seal(vault.PurposeNetworkToken, []byte("token"))
	if err != nil {
		t.Fatal(err)
	}
	if id, ok := vault.SealedBy(sealed[:16]); !ok || id != old.PrimaryID() {
		t.Errorf("sealed by %d, %v; want %d", id, ok, old.PrimaryID())
	}
	resealed, err := now.Reseal(vault.PurposeNetworkToken, sealed)
	if err != nil {
		t.Fatal(err)
	}
	if id, ok := vault.SealedBy(resealed); !ok || id != now.PrimaryID() {
		t.Errorf("resealed by %d, %v; want %d", id, ok, now.PrimaryID())
	}
	if plain, err := now.Open(vault.PurposeNetworkToken, resealed); err != nil || string(plain) != "token" {
		t.Errorf("got %q, %v", plain, err)
	}
	if _, err := now.Reseal(vault.PurposeGrant, sealed); !errors.Is(err, vault.ErrUnsealed) {
		t.Errorf("reseal for another purpose: %v", err)
	}
}

func TestResealedDataKeyStaysTheSame(t *testing.T) {
	t.Parallel()
	before, _, promoted := rotated(t)
	old, now := open(t, before), open(t, promoted)
	keys := &memory{keys: map[string][]byte{}}
	key, err := vault.New(old, keys).Key(t.Context(), scope)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := key.Seal("field", []byte("value"))
	if err != nil {
		t.Fatal(err)
	}
	if id, ok := vault.SealedBy(keys.keys[string(scope)][:16]); !ok || id != old.PrimaryID() {
		t.Errorf("data key sealed by %d, %v; want %d", id, ok, old.PrimaryID())
	}
	resealed, err := now.ResealDataKey(scope, keys.keys[string(scope)])
	if err != nil {
		t.Fatal(err)
	}
	if id, ok := vault.SealedBy(resealed[:16]); !ok || id != now.PrimaryID() {
		t.Errorf("data key resealed by %d, %v; want %d", id, ok, now.PrimaryID())
	}
	if _, err := now.ResealDataKey("another/scope", keys.keys[string(scope)]); !errors.Is(err, vault.ErrUnsealed) {
		t.Errorf("reseal for another scope: %v", err)
	}
	keys.keys[string(scope)] = resealed
	if key, err = vault.New(now, keys).Key(t.Context(), scope); err != nil {
		t.Fatal(err)
	}
	if plain, err := key.Open("field", sealed); err != nil || string(plain) != "value" {
		t.Errorf("what it sealed before: %q, %v", plain, err)
	}
}

func TestSealedByKnowsNothingOfOtherBytes(t *testing.T) {
	t.Parallel()
	for _, sealed := range [][]byte{nil, {}, {1}, {1, 0, 0, 0}, []byte("grant"), {0x12}, {0x12, 0x80}, {0x12, 3, 1, 0, 0}} {
		if id, ok := vault.SealedBy(sealed); ok {
			t.Errorf("%x was sealed by %d", sealed, id)
		}
	}
}

// A program that was left out of a rotation is refused at its next start, with the key.
func TestCheckNamesTheMissingKey(t *testing.T) {
	t.Parallel()
	before, _, promoted := rotated(t)
	keys := &memory{keys: map[string][]byte{}}
	now := vault.New(open(t, promoted), keys)
	if err := now.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	err := vault.New(open(t, before), keys).Check(t.Context())
	if !errors.Is(err, vault.ErrNoKeyset) || !strings.Contains(err.Error(), "is not in it") {
		t.Errorf("the keyset of before: %v", err)
	}
}
