// Package measure holds one measured number that may be unknown.
//
// Unknown is not zero: a latency of 0 ms is a fact, an absent one is not. The
// zero Value is unknown, so a field nobody filled can never pass for a measurement.
package measure

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5/pgtype"
)

// Value is a number or unknown. The unit is in the name of the field that holds it.
type Value struct {
	number float32
	known  bool
}

// Of is a known measurement.
func Of(number float64) Value { return Value{number: float32(number), known: true} }

// OfPtr is a measurement from an optional number, as JSON decoders give it.
func OfPtr[N ~int | ~int32 | ~int64 | ~float32 | ~float64](number *N) Value {
	if number == nil {
		return Value{}
	}
	return Of(float64(*number))
}

// Get returns the number and whether it is known.
func (v Value) Get() (float64, bool) { return float64(v.number), v.known }

// Known reports whether there is a number.
func (v Value) Known() bool { return v.known }

// Or returns the number, or fallback where it is unknown.
func (v Value) Or(fallback float64) float64 {
	if v.known {
		return float64(v.number)
	}
	return fallback
}

// Above reports whether the number is known and greater than limit.
func (v Value) Above(limit float64) bool { return v.known && float64(v.number) > limit }

// String prints the number in its shortest form, or "unknown".
func (v Value) String() string {
	if !v.known {
		return "unknown"
	}
	return strconv.FormatFloat(float64(v.number), 'g', -1, 32)
}

// MarshalJSON writes a number or null.
func (v Value) MarshalJSON() ([]byte, error) {
	if !v.known {
		return []byte("null"), nil
	}
	return []byte(strconv.FormatFloat(float64(v.number), 'g', -1, 32)), nil
}

// UnmarshalJSON reads a number or null.
func (v *Value) UnmarshalJSON(data []byte) error {
	var number *float64
	if err := json.Unmarshal(data, &number); err != nil {
		return fmt.Errorf("measurement: %w", err)
	}
	*v = OfPtr(number)
	return nil
}

// Float64Value is how pgx writes it: NULL where unknown.
func (v Value) Float64Value() (pgtype.Float8, error) {
	return pgtype.Float8{Float64: float64(v.number), Valid: v.known}, nil
}

// ScanFloat64 is how pgx reads it.
func (v *Value) ScanFloat64(f pgtype.Float8) error {
	*v = Value{number: float32(f.Float64), known: f.Valid}
	return nil
}

// Value implements driver.Valuer for database/sql.
func (v Value) Value() (driver.Value, error) {
	if !v.known {
		return nil, nil //nolint:nilnil // NULL
	}
	return float64(v.number), nil
}
