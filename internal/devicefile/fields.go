package devicefile

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"callweave/internal/correlate"
	"callweave/internal/macaddr"
	"callweave/internal/measure"
	"callweave/internal/network"
	"callweave/internal/secret"
)

// shape is how a field's text is written in JSON.
type shape uint8

const (
	asString shape = iota
	asNumber
	asBool
	asList // of strings; in CSV separated by spaces
)

// field is one column of a kind: how it is read into a record and written from one. The
// text of what is unknown is "", which read is never called with.
type field struct {
	name     string
	required bool
	shape    shape
	read     func(r *network.Record, text string) error
	write    func(r *network.Record) string
}

// must is a field that no record may lack.
func must(f field) field {
	f.required = true
	return f
}

func siteField(of func(*network.Record) *uuid.UUID) field {
	return field{
		name: "site_id",
		read: func(r *network.Record, text string) error {
			id, err := uuid.Parse(text)
			if err != nil || id == uuid.Nil {
				return errors.New("want a UUID like 441a1214-6928-442a-8e92-e1d34b8ec6a6")
			}
			*of(r) = id
			return nil
		},
		write: func(r *network.Record) string { return of(r).String() },
	}
}

// longestText bounds names, of which the network may have long ones.
const longestText = 255

func checkText(text string) error {
	if len(text) > longestText || strings.ContainsRune(text, 0) {
		return fmt.Errorf("want at most %d bytes of text", longestText)
	}
	return nil
}

func textField(name string, of func(*network.Record) *string) field {
	return field{
		name: name,
		read: func(r *network.Record, text string) error {
			*of(r) = text
			return checkText(text)
		},
		write: func(r *network.Record) string { return *of(r) },
	}
}

func zoneField(name string, of func(*network.Record) *string) field {
	f := textField(name, of)
	plain := f.read
	f.read = func(r *network.Record, text string) error {
		if _, err := time.LoadLocation(text); err != nil {
			return errors.New("want an IANA time zone like Europe/Berlin")
		}
		return plain(r, text)
	}
	return f
}

func nameField(name string, of func(*network.Record) *secret.Text) field {
	return field{
		name: name,
		read: func(r *network.Record, text string) error {
			*of(r) = secret.New(text)
			return checkText(text)
		},
		write: func(r *network.Record) string { return of(r).Reveal() },
	}
}

func macField(name string, of func(*network.Record) *macaddr.Addr) field {
	return field{
		name: name,
		read: func(r *network.Record, text string) error {
			mac, err := macaddr.Parse(text)
			if err != nil {
				return errors.New("want 12 hexadecimal digits, with or without separators")
			}
			*of(r) = mac
			return nil
		},
		write: func(r *network.Record) string { return of(r).String() },
	}
}

func ipField(name string, of func(*network.Record) *netip.Addr) field {
	return field{
		name: name,
		read: func(r *network.Record, text string) error {
			ip, err := netip.ParseAddr(text)
			if err != nil || ip.Zone() != "" {
				return errors.New("want an IP address")
			}
			*of(r) = ip.Unmap()
			return nil
		},
		write: func(r *network.Record) string {
			if !of(r).IsValid() {
				return ""
			}
			return of(r).String()
		},
	}
}

// parsePrefix reads a subnet; the bits of a host in it are nobody's.
func parsePrefix(text string) (netip.Prefix, error) {
	prefix, err := netip.ParsePrefix(text)
	return prefix.Masked(), err
}

func listField[T interface{ String() string }](name, what string, of func(*network.Record) *[]T, parse func(string) (T, error), compare func(T, T) int) field {
	return field{
		name: name, shape: asList,
		read: func(r *network.Record, text string) error {
			var list []T
			for _, word := range strings.FieldsFunc(text, func(c rune) bool { return c == ' ' || c == ',' || c == ';' }) {
				value, err := parse(word)
				if err != nil {
					return fmt.Errorf("want %s, separated by spaces", what)
				}
				list = append(list, value)
			}
			slices.SortFunc(list, compare)
			*of(r) = slices.CompactFunc(list, func(a, b T) bool { return compare(a, b) == 0 })
			return nil
		},
		write: func(r *network.Record) string {
			words := make([]string, len(*of(r)))
			for i, value := range *of(r) {
				words[i] = value.String()
			}
			return strings.Join(words, " ")
		},
	}
}

func boolField(name string, of func(*network.Record) *bool) field {
	return field{
		name: name, shape: asBool,
		read: func(r *network.Record, text string) error {
			value, err := strconv.ParseBool(strings.ToLower(text))
			if err != nil {
				return errors.New("want true or false")
			}
			*of(r) = value
			return nil
		},
		write: func(r *network.Record) string { return strconv.FormatBool(*of(r)) },
	}
}

func bandField(name string, of func(*network.Record) *network.Band) field {
	return field{
		name: name,
		read: func(r *network.Record, text string) error {
			switch text {
			case "24", "2.4":
				*of(r) = network.Band24
			case "5":
				*of(r) = network.Band5
			case "6":
				*of(r) = network.Band6
			default:
				return errors.New("want 24, 5 or 6")
			}
			return nil
		},
		write: func(r *network.Record) string { return string(*of(r)) },
	}
}

func typeField(name string, of func(*network.Record) *network.DeviceKind) field {
	return field{
		name: name,
		read: func(r *network.Record, text string) error {
			switch kind := network.DeviceKind(text); kind {
			case network.AP, network.Gateway, network.Switch:
				*of(r) = kind
				return nil
			}
			return errors.New("want ap, gateway or switch")
		},
		write: func(r *network.Record) string { return string(*of(r)) },
	}
}

func sourceField(name string, of func(*network.Record) *string) field {
	return field{
		name: name,
		read: func(r *network.Record, text string) error {
			switch source := correlate.Source(text); source {
			case correlate.SourceSession, correlate.SourceImport, correlate.SourceSnapshot, correlate.SourceSearch:
				*of(r) = text
				return nil
			}
			return errors.New("want import, session, snapshot or search")
		},
		write: func(r *network.Record) string { return *of(r) },
	}
}

func numberField(name string, least, most float64, of func(*network.Record) *measure.Value) field {
	return field{
		name: name, shape: asNumber,
		read: func(r *network.Record, text string) error {
			number, err := strconv.ParseFloat(text, 64)
			if err != nil || !(number >= least && number <= most) { // NaN is neither
				return fmt.Errorf("want a number from %v to %v", least, most)
			}
			*of(r) = measure.Of(number)
			return nil
		},
		write: func(r *network.Record) string {
			if !of(r).Known() {
				return ""
			}
			return of(r).String()
		},
	}
}

func timeField(name string, of func(*network.Record) *time.Time) field {
	return field{
		name: name,
		read: func(r *network.Record, text string) (err error) {
			*of(r), err = parseTime(text)
			return err
		},
		write: func(r *network.Record) string { return of(r).UTC().Format(time.RFC3339Nano) },
	}
}

var errTime = errors.New("want a time like 2026-11-18T15:00:00Z or seconds since 1970, from the year 2000 on")

// parseTime reads RFC 3339 or seconds since 1970, to the microsecond.
func parseTime(text string) (time.Time, error) {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		seconds, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(seconds) || math.Abs(seconds) > 1e11 {
			if seconds > 1e11 {
				return time.Time{}, errors.New("want seconds since 1970: these are milliseconds")
			}
			return time.Time{}, errTime
		}
		at = time.UnixMicro(int64(math.Round(seconds * 1e6)))
	}
	if year := at.Year(); year < 2000 || year > 2200 {
		return time.Time{}, errTime
	}
	return at.UTC().Truncate(time.Microsecond), nil
}
