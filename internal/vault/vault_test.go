package vault_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"callweave/internal/provider"
	"callweave/internal/secret"
	"callweave/internal/vault"
)

// memory keeps data keys as the store does.
type memory struct {
	mu   sync.Mutex
	keys map[string][]byte // nil: destroyed
}

func (m *memory) DataKey(_ context.Context, scope string) ([]byte, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	sealed, known := m.keys[scope]
	return sealed, known && sealed == nil, nil
}

func (m *memory) AddDataKey(_ context.Context, scope string, sealed []byte, renew bool) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if old, known := m.keys[scope]; known && (old != nil || !renew) {
		return false, nil
	}
	m.keys[scope] = sealed
	return true, nil
}

func (m *memory) destroy(scope vault.Scope) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.keys[string(scope)] = nil
}

func newKeyset(t *testing.T) secret.Text {
	t.Helper()
	text, err := vault.NewKeyset()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func newMaster(t *testing.T) *vault.Master {
	t.Helper()
	master, err := vault.OpenMaster(newKeyset(t))
	if err != nil {
		t.Fatal(err)
	}
	return master
}

func newVault(t *testing.T) (*vault.Vault, *memory) {
	t.Helper()
	keys := &memory{keys: map[string][]byte{}}
	return vault.New(newMaster(t), keys), keys
}

var scope = vault.AccountScope(provider.AccountRef{Provider: provider.Zoom, AccountID: "acc"})

func TestMasterRefusesWhatIsNoKeyset(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "  ", "not base64 !", "{}", "eyJhIjoxfQ==", "{\"primaryKeyId\":1,\"key\":[]}"} {
		if _, err := vault.OpenMaster(secret.New(text)); !errors.Is(err, vault.ErrNoKeyset) {
			t.Errorf("%q: want ErrNoKeyset, got %v", text, err)
		}
	}
}

func TestMasterBindsThePurpose(t *testing.T) {
	t.Parallel()
	master := newMaster(t)
	sealed, err := master.SealText(vault.PurposeCode, secret.New("code"))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(sealed, []byte("code")) {
		t.Error("sealed text shows")
	}
	if back, err := master.OpenText(vault.PurposeCode, sealed); err != nil || back.Reveal() != "code" {
		t.Errorf("got %q, %v", back.Reveal(), err)
	}
	if _, err := master.Open(vault.PurposeState, sealed); !errors.Is(err, vault.ErrUnsealed) {
		t.Errorf("another purpose: want ErrUnsealed, got %v", err)
	}
	if _, err := newMaster(t).Open(vault.PurposeCode, sealed); !errors.Is(err, vault.ErrUnsealed) {
		t.Errorf("another keyset: want ErrUnsealed, got %v", err)
	}
}

func TestPersonsAndGrantsComeBack(t *testing.T) {
	t.Parallel()
	v, _ := newVault(t)
	key, err := v.Key(t.Context(), scope)
	if err != nil {
		t.Fatal(err)
	}
	person := provider.Person{UserID: "u", Name: secret.New("A B"), Email: secret.New("a@b.example"), Hostname: secret.New("host")}
	sealed, err := key.SealPerson("person", person)
	if err != nil {
		t.Fatal(err)
	}
	back, err := key.OpenPerson("person", sealed)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(person, back); diff != "" {
		t.Error(diff)
	}
	if _, err := key.OpenPerson("host", sealed); !errors.Is(err, vault.ErrUnsealed) {
		t.Errorf("another field: want ErrUnsealed, got %v", err)
	}

	grant := provider.Grant{Access: secret.New("acc"), Refresh: secret.New("ref")}
	if sealed, err = key.SealGrant("grant", grant); err != nil {
		t.Fatal(err)
	}
	got, err := key.OpenGrant("grant", sealed)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(grant, got); diff != "" {
		t.Error(diff)
	}
}

func TestScopesDoNotOpenEachOther(t *testing.T) {
	t.Parallel()
	v, _ := newVault(t)
	mine, err := v.Key(t.Context(), vault.OrgScope(uuid.New()))
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := v.Key(t.Context(), vault.OrgScope(uuid.New()))
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := mine.Seal("f", []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := theirs.Open("f", sealed); !errors.Is(err, vault.ErrUnsealed) {
		t.Errorf("want ErrUnsealed, got %v", err)
	}
}

func TestDestroyedKeysStayDestroyedUntilRenewed(t *testing.T) {
	t.Parallel()
	v, keys := newVault(t)
	key, err := v.Key(t.Context(), scope)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := key.Seal("f", []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Renew(t.Context(), scope); err != nil {
		t.Fatal(err)
	}
	if same, err := v.Key(t.Context(), scope); err != nil {
		t.Fatal(err)
	} else if _, err := same.Open("f", sealed); err != nil {
		t.Errorf("renewing a living key replaced it: %v", err)
	}

	keys.destroy(scope)
	if _, err := v.Key(t.Context(), scope); !errors.Is(err, vault.ErrDestroyed) {
		t.Fatalf("want ErrDestroyed, got %v", err)
	}
	if err := v.Renew(t.Context(), scope); err != nil {
		t.Fatal(err)
	}
	renewed, err := v.Key(t.Context(), scope)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := renewed.Open("f", sealed); !errors.Is(err, vault.ErrUnsealed) {
		t.Errorf("what the destroyed key sealed opens again: %v", err)
	}
}

func TestManyMakeOneKey(t *testing.T) {
	t.Parallel()
	v, _ := newVault(t)
	var wait sync.WaitGroup
	sealed := make([][]byte, 8)
	problems := make([]error, 8)
	for i := range sealed {
		wait.Go(func() {
			key, err := v.Key(t.Context(), scope)
			if err == nil {
				sealed[i], err = key.Seal("f", fmt.Append(nil, i))
			}
			problems[i] = err
		})
	}
	wait.Wait()
	if err := errors.Join(problems...); err != nil {
		t.Fatal(err)
	}
	key, err := v.Key(t.Context(), scope)
	if err != nil {
		t.Fatal(err)
	}
	for i := range sealed {
		if plain, err := key.Open("f", sealed[i]); err != nil || string(plain) != strconv.Itoa(i) {
			t.Errorf("%d: %q, %v", i, plain, err)
		}
	}
}

func TestAWrongKeysetIsRefusedAtStart(t *testing.T) {
	t.Parallel()
	v, keys := newVault(t)
	for range 2 {
		if err := v.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := vault.New(newMaster(t), keys).Check(t.Context()); !errors.Is(err, vault.ErrNoKeyset) {
		t.Errorf("want ErrNoKeyset, got %v", err)
	}
}
