package zoom

import (
	"bytes"
	"errors"
	"math"
	"strconv"
	"strings"

	"callweave/internal/measure"
)

// valueError says that a measurement is written in a way we do not know. It names the
// unit wanted and never the value.
type valueError struct{ want string }

// Error implements error.
func (e *valueError) Error() string { return "reply has a value that is not " + e.want }

// A unit is what one kind of measurement may be written in, and how it becomes the unit
// we keep. A number without a suffix is in Zoom's usual unit.
type unit struct {
	want     string
	usual    float64   // factor of a bare number
	suffixes [4]suffix // lower case
	min, max float64   // in the unit we keep; what is beyond is no measurement
}

type suffix struct {
	text   string
	factor float64
}

func milliseconds() unit {
	return unit{"a time in ms", 1, [4]suffix{{"ms", 1}, {"s", 1000}}, 0, 3.6e6}
}

func ratio() unit {
	return unit{"a percentage", 0.01, [4]suffix{{"%", 0.01}}, 0, 1}
}

func bitsPerSecond() unit {
	return unit{"a bit rate", 1000, [4]suffix{{"kbps", 1e3}, {"mbps", 1e6}, {"bps", 1}, {"gbps", 1e9}}, 0, 1e11}
}

func framesPerSecond() unit {
	return unit{"a frame rate", 1, [4]suffix{{"fps", 1}}, 0, 1000}
}

func percent() unit {
	return unit{"a percentage", 1, [4]suffix{{"%", 1}}, 0, 100_000} // a client with many cores may say more than 100
}

func decibels() unit {
	return unit{"a signal strength in dBm", 1, [4]suffix{{"dbm", 1}}, -200, 100}
}

// factor returns what a number with this suffix is multiplied by.
func (u unit) factor(text string) (float64, bool) {
	if text == "" {
		return u.usual, true
	}
	for _, s := range u.suffixes {
		if s.text != "" && strings.EqualFold(s.text, text) {
			return s.factor, true
		}
	}
	return 0, false
}

// parse reads "27.15 kbps", "27.15kbps", "0.03%", 12, "12". Absent, empty, "-" and the
// like are unknown. Anything else is an error and never a number in a wrong unit.
func (u unit) parse(text string) (measure.Value, error) {
	text = strings.TrimSpace(text)
	if isUnknown(text) {
		return measure.Value{}, nil
	}
	end := numberEnd(text)
	number, err := strconv.ParseFloat(text[:end], 64)
	if err != nil {
		return measure.Value{}, &valueError{u.want}
	}
	factor, known := u.factor(strings.TrimSpace(text[end:]))
	if !known {
		return measure.Value{}, &valueError{u.want}
	}
	number *= factor
	if math.IsNaN(number) || number < u.min || number > u.max {
		return measure.Value{}, &valueError{u.want}
	}
	return measure.Of(number), nil
}

// parseJSON reads a JSON string, number or null.
func (u unit) parseJSON(data []byte) (measure.Value, error) {
	text, err := scalar(data)
	if err != nil {
		return measure.Value{}, &valueError{u.want}
	}
	return u.parse(text)
}

func isUnknown(text string) bool {
	if text == "" || text == "-" {
		return true
	}
	for _, word := range [...]string{"--", "n/a", "na", "null", "none", "unknown"} {
		if strings.EqualFold(text, word) {
			return true
		}
	}
	return false
}

// numberEnd is the length of the decimal number that text begins with.
func numberEnd(text string) int {
	for i := range len(text) {
		switch c := text[i]; {
		case c >= '0' && c <= '9', c == '.', i == 0 && (c == '-' || c == '+'):
		default:
			return i
		}
	}
	return len(text)
}

var errNotScalar = errors.New("not a string, number or null")

// scalar returns the text of a JSON string without escapes, of a number, or "" for null.
// Zoom's measurements hold no character that JSON escapes.
func scalar(data []byte) (string, error) {
	data = bytes.TrimSpace(data)
	switch {
	case bytes.Equal(data, []byte("null")):
		return "", nil
	case len(data) >= 2 && data[0] == '"' && data[len(data)-1] == '"':
		inner := data[1 : len(data)-1]
		if bytes.IndexByte(inner, '\\') >= 0 {
			text, err := strconv.Unquote(string(data))
			if err != nil {
				return "", errNotScalar
			}
			return text, nil
		}
		return string(inner), nil
	case len(data) > 0 && (data[0] == '-' || data[0] >= '0' && data[0] <= '9'):
		number, err := strconv.ParseFloat(string(data), 64) // JSON may write 1e2
		if err != nil {
			return "", errNotScalar
		}
		return strconv.FormatFloat(number, 'f', -1, 64), nil
	}
	return "", errNotScalar
}

// parseResolution reads "1280*720" or "1280x720" as width and height in pixels.
func parseResolution(text string) (width, height measure.Value, err error) {
	text = strings.TrimSpace(text)
	if isUnknown(text) {
		return measure.Value{}, measure.Value{}, nil
	}
	left, right, found := strings.Cut(strings.NewReplacer("x", "*", "X", "*", "×", "*").Replace(text), "*")
	w, errW := strconv.ParseUint(strings.TrimSpace(left), 10, 16)
	h, errH := strconv.ParseUint(strings.TrimSpace(right), 10, 16)
	if !found || errW != nil || errH != nil {
		return measure.Value{}, measure.Value{}, &valueError{"a resolution"}
	}
	return measure.Of(float64(w)), measure.Of(float64(h)), nil
}
