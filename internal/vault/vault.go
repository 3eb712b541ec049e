package vault

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"

	"callweave/internal/provider"
	"callweave/internal/secret"
)

// ErrDestroyed says that the key of a scope was destroyed: what it sealed is gone.
var ErrDestroyed = errors.New("data key was destroyed")

// Scope is what a data key belongs to.
type Scope string

// AccountScope holds what is harvested of an account.
func AccountScope(ref provider.AccountRef) Scope { return Scope("account/" + ref.String()) }

// LinkScope holds what is woven of an account for an org.
func LinkScope(ref provider.AccountRef, org uuid.UUID) Scope {
	return Scope("link/" + ref.String() + "/" + org.String())
}

// OrgScope holds what is collected of an org's own network.
func OrgScope(org uuid.UUID) Scope { return Scope("org/" + org.String()) }

// canary is a scope whose key every start opens, to refuse a wrong master keyset.
const canary Scope = "canary"

// Keys is where sealed data keys are kept.
type Keys interface {
	// DataKey returns a scope's sealed key: nil, false where there is none yet, nil, true
	// where it was destroyed.
	DataKey(ctx context.Context, scope string) (sealed []byte, destroyed bool, err error)
	// AddDataKey keeps sealed unless the scope has a key already or its key was destroyed
	// and renew is false; then the caller reads again. It reports whether it was kept.
	AddDataKey(ctx context.Context, scope string, sealed []byte, renew bool) (bool, error)
}

// Vault seals under data keys. Safe for concurrent use. It keeps no key in memory
// longer than an operation, so that a destroyed key is out of use at once.
type Vault struct {
	master *Master
	keys   Keys
}

// New builds a vault over a master keyset and a place for data keys.
func New(master *Master, keys Keys) *Vault { return &Vault{master: master, keys: keys} }

// Master returns the master keyset.
func (v *Vault) Master() *Master { return v.master }

// Check refuses a master keyset that is not the one this database was sealed with, or that
// lacks the key with which it is sealed now.
func (v *Vault) Check(ctx context.Context) error {
	_, err := v.Key(ctx, canary)
	if !errors.Is(err, ErrUnsealed) {
		return err
	}
	sealed, _, readErr := v.keys.DataKey(ctx, string(canary))
	if readErr != nil {
		return fmt.Errorf("check keyset: %w", readErr)
	}
	if id, ok := SealedBy(sealed); ok {
		if _, there := find(v.master.keys, id); !there {
			return fmt.Errorf("%w: this database was sealed with another keyset: key %d is not in it", ErrNoKeyset, id)
		}
	}
	return fmt.Errorf("%w: this database was sealed with another keyset", ErrNoKeyset)
}

// Key returns the data key of a scope and makes it on first use. [ErrDestroyed] where
// it was destroyed; see [Vault.Renew].
func (v *Vault) Key(ctx context.Context, scope Scope) (*Key, error) {
	for {
		sealed, destroyed, err := v.keys.DataKey(ctx, string(scope))
		switch {
		case err != nil:
			return nil, fmt.Errorf("key of %s: %w", scope, err)
		case destroyed:
			return nil, fmt.Errorf("key of %s: %w", scope, ErrDestroyed)
		case sealed != nil:
			return v.open(scope, sealed)
		}
		if err := v.add(ctx, scope, false); err != nil {
			return nil, err
		}
	}
}

// Renew gives a scope whose key was destroyed a new one; a scope that has a key keeps
// it. It is for an org or an account that links again: what the old key sealed stays
// unreadable.
func (v *Vault) Renew(ctx context.Context, scope Scope) error { return v.add(ctx, scope, true) }

func (v *Vault) add(ctx context.Context, scope Scope, renew bool) error {
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return fmt.Errorf("make key of %s: %w", scope, err)
	}
	sealed, err := v.master.sealDataKey(scope, handle)
	if err != nil {
		return err
	}
	if _, err := v.keys.AddDataKey(ctx, string(scope), sealed, renew); err != nil {
		return fmt.Errorf("keep key of %s: %w", scope, err)
	}
	return nil
}

// OpenKey opens a data key that was read as it is kept, along with what it seals.
func (v *Vault) OpenKey(scope Scope, sealed []byte) (*Key, error) { return v.open(scope, sealed) }

func (v *Vault) open(scope Scope, sealed []byte) (*Key, error) {
	handle, err := keyset.ReadWithAssociatedData(keyset.NewBinaryReader(bytes.NewReader(sealed)), v.master.aead, keyContext(scope))
	if err != nil {
		return nil, fmt.Errorf("key of %s: %w", scope, ErrUnsealed)
	}
	primitive, err := aead.New(handle)
	if err != nil {
		return nil, fmt.Errorf("key of %s: %w", scope, err)
	}
	return &Key{scope: scope, handle: handle, aead: primitive}, nil
}

func keyContext(scope Scope) []byte { return []byte(string(PurposeDataKey) + "/" + string(scope)) }

// Key seals under the data key of one scope.
type Key struct {
	scope  Scope
	handle *keyset.Handle
	aead   tink.AEAD
}

// Seal encrypts plain for a field (a column's name), bound to the key's scope.
func (k *Key) Seal(field string, plain []byte) ([]byte, error) {
	sealed, err := k.aead.Encrypt(plain, k.context(field))
	if err != nil {
		return nil, fmt.Errorf("seal %s of %s: %w", field, k.scope, err)
	}
	return sealed, nil
}

// Open decrypts what Seal made for the same field; else [ErrUnsealed].
func (k *Key) Open(field string, sealed []byte) ([]byte, error) {
	plain, err := k.aead.Decrypt(sealed, k.context(field))
	if err != nil {
		return nil, fmt.Errorf("open %s of %s: %w", field, k.scope, ErrUnsealed)
	}
	return plain, nil
}

func (k *Key) context(field string) []byte { return []byte(string(k.scope) + "/" + field) }

// person is the sealed form of a provider.Person.
type person struct {
	UserID   string `json:"user_id,omitempty"`
	Name     string `json:"name,omitempty"`
	Email    string `json:"email,omitempty"`
	Hostname string `json:"hostname,omitempty"`
}

// SealPerson seals all that is known of somebody.
func (k *Key) SealPerson(field string, p provider.Person) ([]byte, error) {
	plain, err := json.Marshal(person{p.UserID, p.Name.Reveal(), p.Email.Reveal(), p.Hostname.Reveal()})
	if err != nil {
		return nil, fmt.Errorf("seal %s of %s: %w", field, k.scope, err)
	}
	return k.Seal(field, plain)
}

// OpenPerson opens what SealPerson made.
func (k *Key) OpenPerson(field string, sealed []byte) (provider.Person, error) {
	plain, err := k.Open(field, sealed)
	if err != nil {
		return provider.Person{}, err
	}
	var p person
	if err := json.Unmarshal(plain, &p); err != nil {
		return provider.Person{}, fmt.Errorf("open %s of %s: %w", field, k.scope, ErrUnsealed)
	}
	return provider.Person{UserID: p.UserID, Name: secret.New(p.Name), Email: secret.New(p.Email), Hostname: secret.New(p.Hostname)}, nil
}

// grant is the sealed form of a token pair.
type grant struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
}

// SealGrant seals a token pair.
func (k *Key) SealGrant(field string, g provider.Grant) ([]byte, error) {
	plain, err := json.Marshal(grant{g.Access.Reveal(), g.Refresh.Reveal()}) //nolint:gosec // it is sealed below
	if err != nil {
		return nil, fmt.Errorf("seal %s of %s: %w", field, k.scope, err)
	}
	return k.Seal(field, plain)
}

// OpenGrant opens what SealGrant made: the tokens only.
func (k *Key) OpenGrant(field string, sealed []byte) (provider.Grant, error) {
	plain, err := k.Open(field, sealed)
	if err != nil {
		return provider.Grant{}, err
	}
	var g grant
	if err := json.Unmarshal(plain, &g); err != nil {
		return provider.Grant{}, fmt.Errorf("open %s of %s: %w", field, k.scope, ErrUnsealed)
	}
	return provider.Grant{Access: secret.New(g.Access), Refresh: secret.New(g.Refresh)}, nil
}
