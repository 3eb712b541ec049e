package zoom

import "strconv"

// decimal reads the number that text begins with and returns what follows it: "27.15",
// "+5", "1.2e2" as JSON writes 120 too.
func decimal(text []byte) (number float64, rest []byte, ok bool) {
	end := decimalEnd(text)
	number, err := strconv.ParseFloat(string(text[:end]), 64)
	return number, text[end:], err == nil
}

// decimalEnd is the length of the number that text begins with.
func decimalEnd(text []byte) int {
	end := 0
	if end < len(text) && (text[end] == '-' || text[end] == '+') {
		end++
	}
	for end < len(text) && (isDigit(text[end]) || text[end] == '.') {
		end++
	}
	if end < len(text) && (text[end] == 'e' || text[end] == 'E') {
		i := end + 1
		if i < len(text) && (text[i] == '-' || text[i] == '+') {
			i++
		}
		for ; i < len(text) && isDigit(text[i]); i++ {
			end = i + 1
		}
	}
	return end
}

// plainDecimal reads what decimal does, where the number has at most 15 digits, a "-" and
// a point between digits; ok is false for other texts, whatever they are. It gives the
// same number: so many digits and their power of ten are exact, and so the nearest number
// to their quotient is the nearest to what is written.
func plainDecimal(text []byte) (number float64, rest []byte, ok bool) {
	i := 0
	negative := len(text) > 0 && text[0] == '-'
	if negative {
		i++
	}
	var mantissa, scale uint64 = 0, 0
	first := i
	for ; i < len(text); i++ {
		if c := text[i]; isDigit(c) {
			mantissa = mantissa*10 + uint64(c-'0')
			scale *= 10
		} else if c == '.' && scale == 0 && i > first {
			scale = 1
		} else {
			break
		}
	}
	if i == first || i > first+16 || text[i-1] == '.' || i < len(text) && (text[i] == '.' || text[i] == 'e' || text[i] == 'E') {
		return 0, nil, false
	}
	number = float64(mantissa)
	if scale > 1 {
		number /= float64(scale)
	}
	if negative {
		number = -number
	}
	return number, text[i:], true
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
