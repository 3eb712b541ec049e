package zoom

import "strings"

// clean takes out of a text what Postgres does not store in one, and what no reader of it
// misses: NUL, and bytes that are not UTF-8.
func clean(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "")
}
