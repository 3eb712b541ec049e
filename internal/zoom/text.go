package zoom

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// clean takes out of a text what Postgres does not store in one, and what no reader of it
// misses: NUL, and bytes that are not UTF-8.
func clean(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "")
}

// trim takes away the space around a text.
func trim(text []byte) []byte {
	if last := len(text) - 1; last < 0 || text[0] > ' ' && text[0] < utf8.RuneSelf && text[last] > ' ' && text[last] < utf8.RuneSelf {
		return text
	}
	return bytes.TrimSpace(text)
}

// isUnknown reports whether a trimmed text says that there is nothing to say.
func isUnknown(text []byte) bool {
	if len(text) == 0 {
		return true
	}
	if text[0] >= '0' && text[0] <= '9' {
		return false
	}
	for _, word := range [...]string{"-", "--", "n/a", "na", "null", "none", "unknown"} {
		if equalFold(text, word) {
			return true
		}
	}
	return false
}

// equalFold compares with a lower-case word. Only ASCII letters have two cases here: for
// strings.EqualFold the Kelvin sign is a k.
func equalFold(text []byte, word string) bool {
	if len(text) != len(word) {
		return false
	}
	for i, c := range text {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != word[i] {
			return false
		}
	}
	return true
}
