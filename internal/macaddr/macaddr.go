// Package macaddr reads hardware addresses in every form the providers and the
// networks write them, and writes them in one.
package macaddr

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"strings"
)

// Addr is a 48-bit hardware address. The zero Addr means unknown: no device has it.
type Addr [6]byte

// ErrInvalid says that a text is not a hardware address.
var ErrInvalid = errors.New("not a hardware address: want 12 hexadecimal digits, with or without separators")

// Parse reads 12 hexadecimal digits with any of the separators ":", "-", "." or
// none, in any grouping, with surrounding space: "f85e-a012-92d8",
// " 00:0a:95:9d:68:16" (sample replies of Zoom's Dashboard API reference),
// "5c5b350e0410" (Mist).
// Empty and sentinel values (all zeros, all ones) are the zero Addr without error.
func Parse(text string) (Addr, error) {
	text = strings.TrimSpace(text)
	if text == "" || text == "-" {
		return Addr{}, nil
	}
	digits := strings.Map(withoutSeparators, text)
	raw, err := hex.DecodeString(digits)
	if err != nil || len(raw) != len(Addr{}) {
		return Addr{}, fmt.Errorf("%w: got %d characters", ErrInvalid, len(text))
	}
	addr := Addr(raw)
	if addr == (Addr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}) {
		return Addr{}, nil
	}
	return addr, nil
}

func withoutSeparators(r rune) rune {
	switch r {
	case ':', '-', '.', ' ':
		return -1
	}
	return r
}

// FromHardware converts what pgx reads from a macaddr column.
func FromHardware(hw net.HardwareAddr) Addr {
	if len(hw) != len(Addr{}) {
		return Addr{}
	}
	return Addr(hw)
}

// Hardware converts for pgx: nil (NULL) where unknown.
func (a Addr) Hardware() net.HardwareAddr {
	if a.IsZero() {
		return nil
	}
	return net.HardwareAddr(a[:])
}

// IsZero reports whether the address is unknown.
func (a Addr) IsZero() bool { return a == Addr{} }

// Local reports whether the address was made up by the device (the locally
// administered bit of IEEE 802), as private Wi-Fi addresses are.
func (a Addr) Local() bool { return a[0]&0x02 != 0 }

// String is 12 lower-case hexadecimal digits without separators, as Mist writes
// them; "" where unknown.
func (a Addr) String() string {
	if a.IsZero() {
		return ""
	}
	return hex.EncodeToString(a[:])
}

// MarshalText writes [Addr.String].
func (a Addr) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads what [Parse] reads.
func (a *Addr) UnmarshalText(text []byte) error {
	addr, err := Parse(string(text))
	if err != nil {
		return err
	}
	*a = addr
	return nil
}
