package vault

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	tinkpb "github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"
	"google.golang.org/protobuf/encoding/protowire"

	"callweave/internal/secret"
)

// A master keyset is rotated in steps, so that no program ever meets a value that it
// cannot open: [AddKey] adds a key that nobody seals with yet, and is given to every
// program; then [PromoteKey] makes it the one to seal with, and is given to every program;
// then what is sealed under older keys is resealed; then [DropKey] takes an old key away.

// ErrKey says that a key cannot be promoted or dropped as asked.
var ErrKey = errors.New("no such change of the keyset")

// KeyInfo tells a key of a master keyset from the others. It is no secret.
type KeyInfo struct {
	ID      uint32
	Primary bool // what is sealed now is sealed with it
}

// NewKeyset makes a master keyset with one fresh AES-256-GCM key, in the form that
// [OpenMaster] reads: base64 of Tink's JSON.
func NewKeyset() (secret.Text, error) {
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return secret.Text{}, fmt.Errorf("make keyset: %w", err)
	}
	return writeKeyset(handle)
}

// AddKey returns the keyset with a fresh key that opens but does not seal yet, and its id.
func AddKey(text secret.Text) (secret.Text, uint32, error) {
	handle, err := readKeyset(text)
	if err != nil {
		return secret.Text{}, 0, err
	}
	manager := keyset.NewManagerFromHandle(handle)
	id, err := manager.Add(aead.AES256GCMKeyTemplate())
	if err != nil {
		return secret.Text{}, 0, fmt.Errorf("add key: %w", err)
	}
	changed, err := change(manager)
	return changed, id, err
}

// PromoteKey returns the keyset with a key of its own as the one that seals; id 0 is the
// key that was added last. [ErrKey] where there is none, or it is so already.
func PromoteKey(text secret.Text, id uint32) (secret.Text, uint32, error) {
	handle, err := readKeyset(text)
	if err != nil {
		return secret.Text{}, 0, err
	}
	keys := keysOf(handle)
	if id == 0 {
		id = keys[len(keys)-1].ID
	}
	switch key, there := find(keys, id); {
	case !there:
		return secret.Text{}, 0, fmt.Errorf("promote key %d: %w: it is not in the keyset", id, ErrKey)
	case key.Primary:
		return secret.Text{}, 0, fmt.Errorf("promote key %d: %w: it is the primary one already", id, ErrKey)
	}
	manager := keyset.NewManagerFromHandle(handle)
	if err := manager.SetPrimary(id); err != nil {
		return secret.Text{}, 0, fmt.Errorf("promote key %d: %w", id, err)
	}
	changed, err := change(manager)
	return changed, id, err
}

// DropKey returns the keyset without a key: what is sealed with it is lost from then on.
// [ErrKey] where there is none, or it is the primary one.
func DropKey(text secret.Text, id uint32) (secret.Text, error) {
	handle, err := readKeyset(text)
	if err != nil {
		return secret.Text{}, err
	}
	switch key, there := find(keysOf(handle), id); {
	case !there:
		return secret.Text{}, fmt.Errorf("drop key %d: %w: it is not in the keyset", id, ErrKey)
	case key.Primary:
		return secret.Text{}, fmt.Errorf("drop key %d: %w: it is the primary one; promote another first", id, ErrKey)
	}
	manager := keyset.NewManagerFromHandle(handle)
	if err := manager.Delete(id); err != nil {
		return secret.Text{}, fmt.Errorf("drop key %d: %w", id, err)
	}
	return change(manager)
}

func find(keys []KeyInfo, id uint32) (KeyInfo, bool) {
	for _, key := range keys {
		if key.ID == id {
			return key, true
		}
	}
	return KeyInfo{}, false
}

func keysOf(handle *keyset.Handle) []KeyInfo {
	info := handle.KeysetInfo()
	keys := make([]KeyInfo, len(info.GetKeyInfo()))
	for i, key := range info.GetKeyInfo() {
		keys[i] = KeyInfo{ID: key.GetKeyId(), Primary: key.GetKeyId() == info.GetPrimaryKeyId()}
	}
	return keys
}

func change(manager *keyset.Manager) (secret.Text, error) {
	handle, err := manager.Handle()
	if err != nil {
		return secret.Text{}, fmt.Errorf("change keyset: %w", err)
	}
	return writeKeyset(handle)
}

func writeKeyset(handle *keyset.Handle) (secret.Text, error) {
	var cleartext bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&cleartext)); err != nil {
		return secret.Text{}, fmt.Errorf("write keyset: %w", err)
	}
	return secret.New(base64.StdEncoding.EncodeToString(cleartext.Bytes())), nil
}

// readKeyset reads Tink's JSON, plain or in base64.
func readKeyset(text secret.Text) (*keyset.Handle, error) {
	raw := strings.TrimSpace(text.Reveal())
	if raw == "" {
		return nil, fmt.Errorf("%w: it is empty", ErrNoKeyset)
	}
	if !strings.HasPrefix(raw, "{") {
		decoded, err := base64.StdEncoding.DecodeString(raw)
		if err != nil {
			return nil, fmt.Errorf("%w: it is neither JSON nor base64", ErrNoKeyset)
		}
		raw = string(decoded)
	}
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(strings.NewReader(raw)))
	if err != nil {
		return nil, fmt.Errorf("%w: it is not a Tink keyset", ErrNoKeyset)
	}
	for _, key := range handle.KeysetInfo().GetKeyInfo() {
		switch {
		case key.GetOutputPrefixType() != tinkpb.OutputPrefixType_TINK:
			return nil, fmt.Errorf("%w: key %d does not mark what it seals with its id", ErrNoKeyset, key.GetKeyId())
		case key.GetStatus() != tinkpb.KeyStatusType_ENABLED:
			return nil, fmt.Errorf("%w: key %d is not enabled", ErrNoKeyset, key.GetKeyId())
		}
	}
	return handle, nil
}

// Tink's wire format: a ciphertext begins with a version and the key's id, big endian; a
// sealed keyset is a protocol buffer whose field 2 is such a ciphertext.
const (
	tinkVersion    = 1
	prefixLength   = 5
	encryptedField = 2
)

// SealedBy returns the id of the master key that a value was sealed with: one that Seal
// made, or a sealed data key. The first 16 bytes are enough. It reports false for anything
// else.
func SealedBy(sealed []byte) (uint32, bool) {
	number, wire, n := protowire.ConsumeTag(sealed)
	if n > 0 && number == encryptedField && wire == protowire.BytesType {
		_, m := protowire.ConsumeVarint(sealed[n:])
		if m < 0 {
			return 0, false
		}
		sealed = sealed[n+m:]
	}
	if len(sealed) < prefixLength || sealed[0] != tinkVersion {
		return 0, false
	}
	return binary.BigEndian.Uint32(sealed[1:prefixLength]), true
}
