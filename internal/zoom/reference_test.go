package zoom

import (
	"math"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The reference says what a measurement means, slowly and in another way than the
// decoders do: patterns, and numbers of any size.
type reference struct {
	unit     unit
	bare     *big.Rat
	suffixes map[string]*big.Rat // by pattern
	min, max float64
}

func references() []reference {
	rat := big.NewRat
	return []reference{
		{milliseconds, rat(1, 1), map[string]*big.Rat{`[mM][sS]`: rat(1, 1), `[sS]`: rat(1000, 1)}, 0, 3.6e6},
		{ratio, rat(1, 100), map[string]*big.Rat{`%`: rat(1, 100)}, 0, 1},
		{bitsPerSecond, rat(1000, 1), map[string]*big.Rat{
			`b[pP][sS]`: rat(1, 1), `[kK]b[pP][sS]`: rat(1000, 1), `[mM]b[pP][sS]`: rat(1e6, 1), `[gG]b[pP][sS]`: rat(1e9, 1),
		}, 0, 1e11},
		{framesPerSecond, rat(1, 1), map[string]*big.Rat{`[fF][pP][sS]`: rat(1, 1)}, 0, 1000},
		{percent, rat(1, 1), map[string]*big.Rat{`%`: rat(1, 1)}, 0, 100},
		{decibels, rat(1, 1), map[string]*big.Rat{`[dD][bB][mM]`: rat(1, 1)}, -150, 0},
	}
}

// meaning is a measurement: refused, unknown, or a number. Where the number is on the very
// edge of the range, rounding decides, and either is right.
type meaning struct {
	refused, known, edge bool
	number               float64
}

var (
	numberForm     = regexp.MustCompile(`^([+-]?)([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE]([+-]?)0*([0-9]*))?`)
	resolutionForm = regexp.MustCompile(`^0*([0-9]{1,6})[\s\v\x{85}\p{Z}]*(?:\*|x|X|×)[\s\v\x{85}\p{Z}]*0*([0-9]{1,6})$`)
)

func saysUnknown(text string) bool {
	return slices.Contains([]string{"", "-", "--", "n/a", "na", "null", "none", "unknown"}, asciiLower(text))
}

func asciiLower(text string) string {
	return strings.Map(func(c rune) rune {
		if c < 128 {
			return []rune(strings.ToLower(string(c)))[0]
		}
		return c
	}, text)
}

func (r reference) of(text string) meaning {
	text = strings.TrimSpace(text)
	if saysUnknown(text) {
		return meaning{}
	}
	number := numberForm.FindString(text)
	if strings.HasSuffix(strings.ToLower(number), "e") { // an exponent has digits: "1e" is a 1 and an "e"
		number = number[:len(number)-1]
	}
	if strings.HasSuffix(number, "+") || strings.HasSuffix(number, "-") {
		number = strings.TrimRight(number, "+-eE")
	}
	if number == "" {
		return meaning{refused: true}
	}
	factor := r.bare
	if suffix := strings.TrimSpace(text[len(number):]); suffix != "" {
		factor = nil
		for pattern, f := range r.suffixes {
			if regexp.MustCompile("^" + pattern + "$").MatchString(suffix) {
				factor = f
			}
		}
	}
	if factor == nil {
		return meaning{refused: true}
	}
	value, finite := rational(number)
	if !finite {
		return meaning{refused: true}
	}
	exact, _ := value.Mul(value, factor).Float64()
	at := func(limit float64) bool {
		isLimit := value.Cmp(new(big.Rat).SetFloat64(limit)) == 0
		return !isLimit && math.Abs(exact-limit) < 1e-9*math.Max(1, math.Abs(limit))
	}
	return meaning{known: true, number: exact, refused: exact < r.min || exact > r.max, edge: at(r.min) || at(r.max)}
}

// rational is a decimal number; it is not finite where a double cannot hold it.
func rational(number string) (value *big.Rat, finite bool) {
	mantissa, exponent, _ := strings.Cut(strings.ToLower(number), "e")
	value, ok := new(big.Rat).SetString(strings.TrimSuffix(mantissa, "."))
	if !ok {
		return nil, false
	}
	power, err := strconv.Atoi(exponent)
	switch {
	case exponent == "", value.Sign() == 0:
		return value, true
	case err != nil && strings.HasPrefix(exponent, "-"), err == nil && power < -10_000:
		return new(big.Rat), true
	case err != nil, power > 10_000:
		return nil, false
	}
	shift := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(power, -power))), nil))
	if power < 0 {
		shift.Inv(shift)
	}
	value.Mul(value, shift)
	double, _ := value.Float64()
	return value, !math.IsInf(double, 0)
}

func resolutionOf(text string) (width, height meaning) {
	text = strings.TrimSpace(text)
	refused := meaning{refused: true}
	if saysUnknown(text) {
		return meaning{}, meaning{}
	}
	parts := resolutionForm.FindStringSubmatch(text)
	if parts == nil {
		return refused, refused
	}
	w, _ := strconv.Atoi(parts[1])
	h, _ := strconv.Atoi(parts[2])
	switch {
	case w == 0 && h == 0:
		return meaning{}, meaning{}
	case w == 0 || h == 0 || w > 65535 || h > 65535:
		return refused, refused
	}
	return meaning{known: true, number: float64(w)}, meaning{known: true, number: float64(h)}
}

// agrees reports whether a decoder came to the same.
func (m meaning) agrees(number float64, known, ok bool) bool {
	switch {
	case m.edge:
		return !ok || !known || near(number, m.number)
	case m.refused || !ok:
		return m.refused == !ok
	}
	return known == m.known && (!known || near(number, m.number))
}

func near(a, b float64) bool {
	return !math.IsNaN(a) && math.Abs(a-b) <= 1e-6*math.Abs(b)+1e-37
}
