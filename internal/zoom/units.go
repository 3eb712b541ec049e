package zoom

import (
	"bytes"

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

// unit is what a measurement is of.
type unit uint8

const (
	milliseconds unit = iota
	ratio
	bitsPerSecond
	framesPerSecond
	percent
	decibels
	unitCount
)

// spelling is what one unit may be written in, and how it becomes the unit we keep. A
// number without a suffix is in Zoom's usual unit.
type spelling struct {
	want     string
	usual    float64   // factor of a bare number
	suffixes [4]suffix // lower case, the usual one first
	min, max float64   // in the unit we keep; what is beyond is no measurement
	bits     bool      // "b" is a bit and "B" a byte
}

type suffix struct {
	text   string
	factor float64
}

func spellings() *[unitCount]spelling {
	return &[unitCount]spelling{
		milliseconds:    {want: "a time in ms", usual: 1, suffixes: [4]suffix{{"ms", 1}, {"s", 1000}}, max: 3.6e6},
		ratio:           {want: "a percentage", usual: 0.01, suffixes: [4]suffix{{"%", 0.01}}, max: 1},
		bitsPerSecond:   {want: "a bit rate", usual: 1000, suffixes: [4]suffix{{"kbps", 1e3}, {"mbps", 1e6}, {"bps", 1}, {"gbps", 1e9}}, max: 1e11, bits: true},
		framesPerSecond: {want: "a frame rate", usual: 1, suffixes: [4]suffix{{"fps", 1}}, max: 1000},
		percent:         {want: "a percentage", usual: 1, suffixes: [4]suffix{{"%", 1}}, max: 100},
		// Of a signal received by Wi-Fi: above 1 mW (0 dBm) is no such signal but most
		// likely a percentage, which some drivers give.
		decibels: {want: "a signal strength in dBm", usual: 1, suffixes: [4]suffix{{"dbm", 1}}, min: -150, max: 0},
	}
}

// factor returns what a number with this suffix is multiplied by.
func (s *spelling) factor(text []byte) (float64, bool) {
	if len(text) == 0 {
		return s.usual, true
	}
	if s.bits && bytes.IndexByte(text, 'B') >= 0 {
		return 0, false
	}
	for i := range s.suffixes {
		if equalFold(text, s.suffixes[i].text) {
			return s.suffixes[i].factor, true
		}
	}
	return 0, false
}

// parse reads "27.15 kbps", "27.15kbps", "0.03%", "12", "1.2e2". Empty, "-" and the like
// are unknown. ok is false for anything else: it is never a number in a wrong unit.
func (s *spelling) parse(text []byte) (value measure.Value, ok bool) {
	text = trim(text)
	if isUnknown(text) {
		return measure.Value{}, true
	}
	number, rest, ok := decimal(text)
	if !ok {
		return measure.Value{}, false
	}
	factor, ok := s.factor(trim(rest))
	if !ok {
		return measure.Value{}, false
	}
	return s.within(number * factor)
}

// parseUsual reads what parse does, as Zoom mostly writes it; ok is false for other
// texts, whatever they are.
func (s *spelling) parseUsual(text []byte) (value measure.Value, ok bool) {
	number, rest, ok := plainDecimal(text)
	if len(rest) > 0 && rest[0] == ' ' {
		rest = rest[1:]
	}
	if !ok || string(rest) != s.suffixes[0].text {
		return measure.Value{}, false
	}
	return s.within(number * s.suffixes[0].factor)
}

// within returns a number that is in range.
func (s *spelling) within(number float64) (value measure.Value, ok bool) {
	if !(number >= s.min && number <= s.max) { // nor where it is not a number
		return measure.Value{}, false
	}
	if number == 0 {
		number = 0 // which was perhaps -0
	}
	return measure.Of(number), true
}
