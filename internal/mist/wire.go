package mist

import (
	"encoding/json"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"callweave/internal/macaddr"
	"callweave/internal/measure"
	"callweave/internal/network"
	"callweave/internal/secret"
)

// The scalars of a reply are read leniently: one field of an unexpected kind is
// unknown and does not cost the thousand rows of its page.

// text is a JSON string, or a number written as one (bands and VLANs come as both).
type text string

// UnmarshalJSON never fails.
func (t *text) UnmarshalJSON(data []byte) error {
	var s string
	if json.Unmarshal(data, &s) == nil {
		*t = text(s)
	} else if raw := string(data); strings.Trim(raw, "-.0123456789") == "" {
		*t = text(raw)
	}
	return nil
}

// texts is a list of strings; one string alone is a list of one.
type texts []string

// UnmarshalJSON never fails.
func (t *texts) UnmarshalJSON(data []byte) error {
	var many []text
	if json.Unmarshal(data, &many) != nil {
		many = make([]text, 1)
		_ = many[0].UnmarshalJSON(data)
	}
	for _, one := range many {
		if one != "" {
			*t = append(*t, string(one))
		}
	}
	return nil
}

// num is a JSON number, or a string that holds one, or unknown.
type num struct {
	value float64
	known bool
}

// UnmarshalJSON never fails.
func (n *num) UnmarshalJSON(data []byte) error {
	value, err := strconv.ParseFloat(strings.Trim(string(data), `"`), 64)
	if err == nil && !math.IsInf(value, 0) && !math.IsNaN(value) {
		*n = num{value: value, known: true}
	}
	return nil
}

// times is the measurement in another unit.
func (n num) times(factor float64) measure.Value {
	if !n.known {
		return measure.Value{}
	}
	return measure.Of(n.value * factor)
}

// measured is the measurement as it is.
func (n num) measured() measure.Value { return n.times(1) }

// ratio turns percent into 0..1.
func (n num) ratio() measure.Value { return n.times(0.01) }

// counter is a count since association.
func (n num) counter() network.Counter {
	if !n.known || n.value < 0 {
		return network.Counter{}
	}
	return network.CounterOf(int64(n.value))
}

// epoch is a moment in seconds since 1970, possibly with a fraction.
func (n num) epoch() time.Time {
	if !n.known || n.value <= 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(math.Round(n.value * 1e3))).UTC()
}

// stamp reads the forms in which replies write time as text.
func (t text) stamp() time.Time {
	for _, layout := range []string{"2006-01-02T15:04:05.999-0700", "2006-01-02 15:04:05-07:00", time.RFC3339} {
		if at, err := time.Parse(layout, string(t)); err == nil {
			return at.UTC()
		}
	}
	return time.Time{}
}

// id is an identifier; one that cannot be read is the zero UUID.
func (t text) id() uuid.UUID {
	id, err := uuid.Parse(string(t))
	if err != nil {
		return uuid.Nil
	}
	return id
}

// mac reads a hardware address; one that cannot be read is unknown.
func (t text) mac() macaddr.Addr {
	addr, err := macaddr.Parse(string(t))
	if err != nil {
		return macaddr.Addr{}
	}
	return addr
}

// ip reads an address with or without a prefix length; one that cannot be read is
// unknown.
func (t text) ip() netip.Addr {
	bare, _, _ := strings.Cut(strings.TrimSpace(string(t)), "/")
	addr, err := netip.ParseAddr(bare)
	if err != nil || addr.IsUnspecified() {
		return netip.Addr{}
	}
	return addr.Unmap()
}

// secret keeps personal data.
func (t text) secret() secret.Text { return secret.New(string(t)) }

// band is a radio band of those we know.
func (t text) band() network.Band {
	switch band := network.Band(t); band {
	case network.Band24, network.Band5, network.Band6:
		return band
	}
	return ""
}

func (t texts) ips() []netip.Addr {
	var out []netip.Addr
	for _, one := range t {
		if addr := text(one).ip(); addr.IsValid() {
			out = append(out, addr)
		}
	}
	return out
}

func (t texts) secrets() []secret.Text {
	var out []secret.Text
	for _, one := range t {
		out = append(out, secret.New(one))
	}
	return out
}
