// Package secret holds values that must never be shown by accident: tokens,
// codes, client secrets, names and e-mail addresses of people.
//
// Every way Go has of turning a value into text (fmt, slog, encoding/json,
// encoding.TextMarshaler) yields [Redacted], or an address where fmt looks into an
// unexported field and calls no methods. Only [Text.Reveal] gives the value, so a
// reviewer finds every use by searching for that one name.
package secret

import (
	"fmt"
	"io"
	"log/slog"
	"unique"
)

// Redacted is what a secret looks like wherever it is printed.
const Redacted = "[redacted]"

// Text is a secret string. Its zero value is the absent secret. Two of the same value
// are equal by ==.
type Text struct {
	// A handle is a pointer to fmt, which prints its address and never what it points to,
	// also where this is an unexported field of somebody else's struct. And unlike a plain
	// pointer it compares by value.
	handle unique.Handle[string]
}

// New wraps value.
func New(value string) Text {
	if value == "" {
		return Text{}
	}
	return Text{handle: unique.Make(value)}
}

// Reveal returns the secret itself. Call it only where the value leaves for its
// purpose: a request to the provider, a sealing, a constant-time comparison.
func (t Text) Reveal() string {
	if t.IsZero() {
		return ""
	}
	return t.handle.Value()
}

// Equal reports whether both are the same secret.
func (t Text) Equal(other Text) bool { return t == other }

// IsZero reports whether there is no secret.
func (t Text) IsZero() bool { return t.handle == unique.Handle[string]{} }

// String returns [Redacted], or "" for the absent secret.
func (t Text) String() string {
	if t.IsZero() {
		return ""
	}
	return Redacted
}

// Format answers every verb of fmt, also those that would look inside the struct.
func (t Text) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, t.String()) }

// LogValue is what slog writes: never the value.
func (t Text) LogValue() slog.Value { return slog.StringValue(t.String()) }

// MarshalText is what encoding/json writes: never the value.
func (t Text) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads a secret from a configuration value.
func (t *Text) UnmarshalText(text []byte) error {
	*t = New(string(text))
	return nil
}

// EnvDecode reads a secret from an environment variable (go-envconfig).
func (t *Text) EnvDecode(value string) error {
	*t = New(value)
	return nil
}
