// Package webhook reads Zoom's webhooks: it checks who sent a request and says what it is
// about. It does no I/O.
//
// The rules are those of Zoom's guide "Using webhooks": x-zm-signature is "v0=" and the
// hex HMAC-SHA256, under the secret token of the event subscription, of
// "v0:<x-zm-request-timestamp>:<body>" with the body's bytes as they came.
package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"callweave/internal/secret"
)

// Window is how far a request's timestamp may be from now. Zoom names no figure; its
// clocks and ours differ by seconds.
const Window = 5 * time.Minute

// Why a request is refused. Their texts say nothing that helps a forger.
var (
	ErrUnsigned  = errors.New("signature or timestamp is missing")
	ErrStale     = errors.New("timestamp is too far from now")
	ErrSignature = errors.New("signature does not match")
)

// The headers of a request.
const (
	timestampHeader = "X-Zm-Request-Timestamp"
	signatureHeader = "X-Zm-Signature"
)

// Verifier knows the secret token of our event subscription.
type Verifier struct {
	secret secret.Text
	now    func() time.Time
}

// NewVerifier builds a verifier. now is time.Now where it is nil.
func NewVerifier(secretToken secret.Text, now func() time.Time) *Verifier {
	if now == nil {
		now = time.Now
	}
	return &Verifier{secret: secretToken, now: now}
}

// Verify returns nil where Zoom sent the body, a moment ago; otherwise one of the errors
// above. It takes the same time for every wrong signature.
func (v *Verifier) Verify(header http.Header, body []byte) error {
	timestamp, signature := header.Get(timestampHeader), header.Get(signatureHeader)
	if timestamp == "" || signature == "" {
		return ErrUnsigned
	}
	// The signature first: a timestamp is only worth reading if it is Zoom's.
	want := "v0=" + v.sum("v0:", timestamp, ":", string(body))
	if !hmac.Equal([]byte(signature), []byte(want)) {
		return ErrSignature
	}
	at, err := requestTime(timestamp)
	if err != nil {
		return err
	}
	if age := v.now().Sub(at); age > Window || age < -Window {
		return ErrStale
	}
	return nil
}

// Validation answers endpoint.url_validation: it proves that we know the secret token.
type Validation struct {
	PlainToken     string `json:"plainToken"`
	EncryptedToken string `json:"encryptedToken"`
}

// Answer is the answer to a validation.
func (v *Verifier) Answer(plainToken string) Validation {
	return Validation{PlainToken: plainToken, EncryptedToken: v.sum(plainToken)}
}

func (v *Verifier) sum(parts ...string) string {
	mac := hmac.New(sha256.New, []byte(v.secret.Reveal()))
	for _, part := range parts {
		_, _ = mac.Write([]byte(part)) // never fails
	}
	return hex.EncodeToString(mac.Sum(nil))
}

// requestTime reads a timestamp in seconds or in milliseconds: Zoom does not document
// which, and has used both in events.
func requestTime(text string) (time.Time, error) {
	number, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("read timestamp: %w", ErrStale)
	}
	return instant(number), nil
}

const (
	// milliseconds begin where seconds would be the year 5138.
	milliseconds = 100_000_000_000
	// latest is the year 9999 in milliseconds: no calendar here goes further.
	latest = 253_370_764_800_000
)

func instant(number int64) time.Time {
	if number >= milliseconds {
		return time.UnixMilli(number).UTC()
	}
	return time.Unix(number, 0).UTC()
}

// eventTime reads when something happened: a number of seconds or milliseconds, as a
// number or as text, or a date and time (UTC where it names no zone). The zero time where
// it is none of these.
func eventTime(text string) time.Time {
	if number, err := strconv.ParseFloat(text, 64); err == nil {
		if math.IsNaN(number) || number < 1 || number > latest {
			return time.Time{}
		}
		return instant(int64(number))
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05", "2006-01-02T15:04:05"} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC()
		}
	}
	return time.Time{}
}
