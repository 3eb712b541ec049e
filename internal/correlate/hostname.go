package correlate

import (
	"slices"
	"strings"
	"unicode"

	"callweave/internal/secret"
)

// hostname brings a name into the one form in which names are compared: the first label
// in lower case. What an owner called their machine, "Anna's MacBook Pro", is announced as
// "Annas-MacBook-Pro" (macOS turns what a label may not hold into hyphens and leaves
// apostrophes out). "" where there is no name.
func hostname(text secret.Text) string {
	if text.IsZero() {
		return ""
	}
	label, _, _ := strings.Cut(strings.TrimSpace(text.Reveal()), ".")
	var b strings.Builder
	for _, r := range label {
		switch {
		case unicode.IsLetter(r), unicode.IsDigit(r):
			b.WriteRune(unicode.ToLower(r))
		case r == '\'', r == '’':
		default:
			b.WriteByte('-')
		}
	}
	name := strings.Trim(b.String(), "-")
	if name == "localhost" || name == "unknown" || name == "" {
		return ""
	}
	// A name that is only an address, or a number, is none.
	if !strings.ContainsFunc(name, unicode.IsLetter) {
		return ""
	}
	return name
}

// given reports whether a name, in the form of [hostname], is one that devices come with,
// with or without a number that tells two of them apart on one network ("macbook-pro-2").
func given(name string) bool {
	if at := strings.LastIndexByte(name, '-'); at > 0 && strings.IndexFunc(name[at+1:], unicode.IsLetter) < 0 {
		name = name[:at]
	}
	return slices.Contains([]string{
		"iphone", "ipad", "android", "macbook", "macbook-air", "macbook-pro", "imac", "mac-mini", "mac-studio", "mac",
		"pixel", "galaxy", "windows", "windows-pc", "desktop", "laptop", "pc", "ubuntu", "debian", "fedora", "linux", "chromebook",
	}, name)
}
