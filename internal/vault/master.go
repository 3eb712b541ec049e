// Package vault seals tokens and personal data, and makes sealed data unreadable for
// good when its key is destroyed.
//
// A master keyset (Tink, AES-256-GCM) comes from the environment or a file and never
// touches the database. Under it, every account, every link and every org has a data
// key of its own, kept sealed in the schema vault of the database. What is sealed under
// a data key is lost with the key: that is how an erasure reaches backups.
package vault

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"

	"callweave/internal/secret"
)

var (
	// ErrNoKeyset says that no usable master keyset was configured.
	ErrNoKeyset = errors.New("no usable keyset: make one with `starter keys new` and give it in KEYSET or KEYSET_FILE")
	// ErrUnsealed says that a value cannot be opened with the keys at hand: it was
	// sealed with another key, for another place, or was changed.
	ErrUnsealed = errors.New("sealed value does not open with this key")
)

// Purpose is what a value sealed by the master keyset is for. It is authenticated with
// the value, so that a value sealed for one purpose opens for no other.
type Purpose string

// The purposes of the master keyset.
const (
	PurposeDataKey      Purpose = "data-key/v1"
	PurposeNetworkToken Purpose = "network-token/v1"
	PurposeVerifier     Purpose = "pkce-verifier/v1"
	PurposeCode         Purpose = "authorization-code/v1"
	PurposeGrant        Purpose = "grant-in-transit/v1" // before it has landed, or until it is revoked
	PurposeState        Purpose = "oauth-state/v1"
	PurposePayload      Purpose = "workflow-payload/v1"
	PurposeSession      Purpose = "console-session/v1"
	PurposeSearch       Purpose = "console-search/v1"
)

// Master is the master keyset. Safe for concurrent use.
type Master struct {
	aead tink.AEAD
	keys []KeyInfo
}

// OpenMaster reads a master keyset: Tink's JSON, plain or in base64. Every failure is
// [ErrNoKeyset] with the reason; the keyset itself is never repeated.
func OpenMaster(text secret.Text) (*Master, error) {
	handle, err := readKeyset(text)
	if err != nil {
		return nil, err
	}
	primitive, err := aead.New(handle)
	if err != nil {
		return nil, fmt.Errorf("%w: its keys are not AEAD keys", ErrNoKeyset)
	}
	return &Master{aead: primitive, keys: keysOf(handle)}, nil
}

// Keys lists the keys of the keyset, the one added last at the end.
func (m *Master) Keys() []KeyInfo { return slices.Clone(m.keys) }

// PrimaryID is the id of the key that seals.
func (m *Master) PrimaryID() uint32 {
	for _, key := range m.keys {
		if key.Primary {
			return key.ID
		}
	}
	return 0 // never: Tink refuses a keyset without one
}

// Reseal seals what Seal made for a purpose anew, with the primary key. [ErrUnsealed]
// where it does not open.
func (m *Master) Reseal(purpose Purpose, sealed []byte) ([]byte, error) {
	plain, err := m.Open(purpose, sealed)
	if err != nil {
		return nil, err
	}
	return m.Seal(purpose, plain)
}

// ResealDataKey is Reseal for the sealed data key of a scope. The data key itself stays.
func (m *Master) ResealDataKey(scope Scope, sealed []byte) ([]byte, error) {
	handle, err := keyset.ReadWithAssociatedData(keyset.NewBinaryReader(bytes.NewReader(sealed)), m.aead, keyContext(scope))
	if err != nil {
		return nil, fmt.Errorf("key of %s: %w", scope, ErrUnsealed)
	}
	return m.sealDataKey(scope, handle)
}

func (m *Master) sealDataKey(scope Scope, handle *keyset.Handle) ([]byte, error) {
	var sealed bytes.Buffer
	if err := handle.WriteWithAssociatedData(keyset.NewBinaryWriter(&sealed), m.aead, keyContext(scope)); err != nil {
		return nil, fmt.Errorf("seal key of %s: %w", scope, err)
	}
	return sealed.Bytes(), nil
}

// Seal encrypts plain for a purpose.
func (m *Master) Seal(purpose Purpose, plain []byte) ([]byte, error) {
	sealed, err := m.aead.Encrypt(plain, []byte(purpose))
	if err != nil {
		return nil, fmt.Errorf("seal %s: %w", purpose, err)
	}
	return sealed, nil
}

// Open decrypts what Seal made for the same purpose; else [ErrUnsealed].
func (m *Master) Open(purpose Purpose, sealed []byte) ([]byte, error) {
	plain, err := m.aead.Decrypt(sealed, []byte(purpose))
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", purpose, ErrUnsealed)
	}
	return plain, nil
}

// SealText and OpenText are Seal and Open for secrets.
func (m *Master) SealText(purpose Purpose, plain secret.Text) ([]byte, error) {
	return m.Seal(purpose, []byte(plain.Reveal()))
}

// OpenText opens what SealText made.
func (m *Master) OpenText(purpose Purpose, sealed []byte) (secret.Text, error) {
	plain, err := m.Open(purpose, sealed)
	return secret.New(string(plain)), err
}
