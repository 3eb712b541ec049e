package zoom

import (
	"bytes"
	"strconv"

	"callweave/internal/measure"
)

// parseResolution reads "1280*720", "1280x720" or "1280×720" as width and height in
// pixels. Both are unknown where there is no picture.
func parseResolution(text []byte) (width, height measure.Value, ok bool) {
	text = trim(text)
	if isUnknown(text) {
		return measure.Value{}, measure.Value{}, true
	}
	digits := 0
	for digits < len(text) && isDigit(text[digits]) {
		digits++
	}
	rest := trim(text[digits:])
	switch {
	case bytes.HasPrefix(rest, []byte("×")):
		rest = rest[len("×"):]
	case len(rest) > 0 && (rest[0] == '*' || rest[0] == 'x' || rest[0] == 'X'):
		rest = rest[1:]
	default:
		return measure.Value{}, measure.Value{}, false
	}
	w, errW := strconv.ParseUint(string(text[:digits]), 10, 16)
	h, errH := strconv.ParseUint(string(trim(rest)), 10, 16)
	switch {
	case errW != nil || errH != nil || (w == 0) != (h == 0):
		return measure.Value{}, measure.Value{}, false
	case w == 0:
		return measure.Value{}, measure.Value{}, true
	}
	return measure.Of(float64(w)), measure.Of(float64(h)), true
}
