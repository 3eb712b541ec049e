package vault

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"strings"

	"github.com/tink-crypto/tink-go/v2/aead/aesgcm"
	"github.com/tink-crypto/tink-go/v2/insecuresecretdataaccess"

	"callweave/internal/provider"
)

// pseudonymAlphabet has no letters that are mistaken for others when they are read aloud
// (Crockford's Base32).
const pseudonymAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// Pseudonym is a short name for somebody that is the same wherever the key's scope knows
// them, and tells nothing to who has not the key: it is an HMAC under a key derived from
// the scope's (RFC 5869), so that it goes with it. Two people of a large org may share one.
// "" where nothing is known of the person.
func (k *Key) Pseudonym(p provider.Person) (string, error) {
	known := "email/" + strings.ToLower(p.Email.Reveal())
	switch {
	case !p.Email.IsZero():
	case p.UserID != "":
		known = "user/" + p.UserID
	case !p.Name.IsZero():
		known = "name/" + strings.ToLower(p.Name.Reveal())
	case !p.Hostname.IsZero():
		known = "hostname/" + strings.ToLower(p.Hostname.Reveal())
	default:
		return "", nil
	}
	entry, err := k.handle.Primary()
	if err != nil {
		return "", fmt.Errorf("pseudonym under %s: %w", k.scope, err)
	}
	raw, ok := entry.Key().(*aesgcm.Key)
	if !ok {
		return "", fmt.Errorf("pseudonym under %s: its key is not an AES-GCM key", k.scope)
	}
	derived, err := hkdf.Key(sha256.New, raw.KeyBytes().Data(insecuresecretdataaccess.Token{}), nil, "callweave/pseudonym/v1/"+string(k.scope), sha256.Size)
	if err != nil {
		return "", fmt.Errorf("pseudonym under %s: %w", k.scope, err)
	}
	mac := hmac.New(sha256.New, derived)
	_, _ = mac.Write([]byte(known)) // never fails
	text := base32.NewEncoding(pseudonymAlphabet).WithPadding(base32.NoPadding).EncodeToString(mac.Sum(nil)[:5])
	return text[:3] + "-" + text[3:6], nil
}
