package zoom

import (
	"bytes"
	"strconv"
	"unicode/utf8"

	"callweave/internal/measure"
)

// valueError says that a value is not what it must be. It names what is wanted and where,
// and never the value.
type valueError struct{ want, where string }

// Error implements error.
func (e *valueError) Error() string {
	text := "reply has a value that is not " + e.want
	if e.where != "" {
		text += " at " + e.where
	}
	return text
}

// A unit is what one kind of measurement may be written in, and how it becomes the unit
// we keep. A number without a suffix is in Zoom's usual unit.
type unit struct {
	want     string
	usual    float64   // factor of a bare number
	suffixes [4]suffix // lower case
	min, max float64   // in the unit we keep; what is beyond is no measurement
	bits     bool      // "b" is a bit and "B" a byte
}

type suffix struct {
	text   string
	factor float64
}

func milliseconds() unit {
	return unit{want: "a time in ms", usual: 1, suffixes: [4]suffix{{"ms", 1}, {"s", 1000}}, max: 3.6e6}
}

func ratio() unit {
	return unit{want: "a percentage", usual: 0.01, suffixes: [4]suffix{{"%", 0.01}}, max: 1}
}

func bitsPerSecond() unit {
	return unit{want: "a bit rate", usual: 1000, suffixes: [4]suffix{{"kbps", 1e3}, {"mbps", 1e6}, {"bps", 1}, {"gbps", 1e9}}, max: 1e11, bits: true}
}

func framesPerSecond() unit {
	return unit{want: "a frame rate", usual: 1, suffixes: [4]suffix{{"fps", 1}}, max: 1000}
}

func percent() unit {
	return unit{want: "a percentage", usual: 1, suffixes: [4]suffix{{"%", 1}}, max: 100}
}

// decibels are of a signal received by Wi-Fi: above 1 mW (0 dBm) is no such signal but
// most likely a percentage, which some drivers give.
func decibels() unit {
	return unit{want: "a signal strength in dBm", usual: 1, suffixes: [4]suffix{{"dbm", 1}}, min: -150, max: 0}
}

// factor returns what a number with this suffix is multiplied by.
func (u *unit) factor(text []byte) (float64, bool) {
	if len(text) == 0 {
		return u.usual, true
	}
	if u.bits && bytes.IndexByte(text, 'B') >= 0 {
		return 0, false
	}
	for i := range u.suffixes {
		if equalFold(text, u.suffixes[i].text) {
			return u.suffixes[i].factor, true
		}
	}
	return 0, false
}

// parse reads "27.15 kbps", "27.15kbps", "0.03%", "12", "1.2e2". Empty, "-" and the like
// are unknown. ok is false for anything else: it is never a number in a wrong unit.
func (u *unit) parse(text []byte) (value measure.Value, ok bool) {
	text = bytes.TrimSpace(text)
	if isUnknown(text) {
		return measure.Value{}, true
	}
	end := numberEnd(text)
	number, err := strconv.ParseFloat(string(text[:end]), 64)
	if err != nil {
		return measure.Value{}, false
	}
	factor, known := u.factor(bytes.TrimSpace(text[end:]))
	if !known {
		return measure.Value{}, false
	}
	number *= factor
	if !(number >= u.min && number <= u.max) { // nor where it is not a number
		return measure.Value{}, false
	}
	if number == 0 {
		number = 0 // which was perhaps -0
	}
	return measure.Of(number), true
}

// numberEnd is the length of the decimal number that text begins with.
func numberEnd(text []byte) int {
	i := 0
	if i < len(text) && (text[i] == '-' || text[i] == '+') {
		i++
	}
	for i < len(text) && (isDigit(text[i]) || text[i] == '.') {
		i++
	}
	if i < len(text) && (text[i] == 'e' || text[i] == 'E') { // JSON writes 120 as 1.2e2 too
		j := i + 1
		if j < len(text) && (text[j] == '-' || text[j] == '+') {
			j++
		}
		for ; j < len(text) && isDigit(text[j]); j++ {
			i = j + 1
		}
	}
	return i
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// parseResolution reads "1280*720" or "1280x720" as width and height in pixels. Both are
// unknown where there is no picture.
func parseResolution(text []byte) (width, height measure.Value, ok bool) {
	text = bytes.TrimSpace(text)
	if isUnknown(text) {
		return measure.Value{}, measure.Value{}, true
	}
	at := bytes.IndexAny(text, "*xX×")
	if at < 0 {
		return measure.Value{}, measure.Value{}, false
	}
	_, size := utf8.DecodeRune(text[at:])
	w, errW := strconv.ParseUint(string(bytes.TrimSpace(text[:at])), 10, 16)
	h, errH := strconv.ParseUint(string(bytes.TrimSpace(text[at+size:])), 10, 16)
	switch {
	case errW != nil || errH != nil || (w == 0) != (h == 0):
		return measure.Value{}, measure.Value{}, false
	case w == 0:
		return measure.Value{}, measure.Value{}, true
	}
	return measure.Of(float64(w)), measure.Of(float64(h)), true
}
