// Package devicefile reads and writes a network's past as files: sites, names of devices,
// leases, and samples of clients, radios and uplinks, as CSV with a header or as JSON lines. It is
// how a network that no package of ours can poll tells what it knew (docs/devices.md).
//
// Files are read line by line in constant memory. What cannot be read is a [LineError]
// that names the file, the line, the field and the accepted form, and never repeats what
// stood there: a value in the wrong column may be somebody's name.
package devicefile

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// Kind is what a record is about.
type Kind string

// The kinds of records.
const (
	Site   Kind = "site"
	Device Kind = "device"
	Lease  Kind = "lease"
	Client Kind = "client"
	Radio  Kind = "radio"
	WAN    Kind = "wan"
)

// Kinds lists the kinds in the order in which an archive tells them: sites first, because
// the others are of sites.
func Kinds() []Kind { return []Kind{Site, Device, Lease, Client, Radio, WAN} }

// ParseKind reads a kind, also in the plural.
func ParseKind(text string) (Kind, error) {
	kind := Kind(strings.TrimSuffix(strings.ToLower(strings.TrimSpace(text)), "s"))
	if !slices.Contains(Kinds(), kind) {
		return "", errors.New("want site, device, lease, client, radio or wan")
	}
	return kind, nil
}

// Format is a form of file.
type Format string

// The formats.
const (
	CSV   Format = "csv"
	JSONL Format = "jsonl"
)

// ParseFormat reads a format.
func ParseFormat(text string) (Format, error) {
	switch strings.ToLower(text) {
	case "csv":
		return CSV, nil
	case "jsonl", "ndjson":
		return JSONL, nil
	}
	return "", errors.New("want csv or jsonl")
}

// FormatOf tells the format of a file by its name, and whether it is compressed
// (leases.csv, leases.jsonl.gz); it is not ok where the name says neither.
func FormatOf(name string) (format Format, gzipped, ok bool) {
	name = strings.ToLower(name)
	plain, gzipped := strings.CutSuffix(name, ".gz")
	format, err := ParseFormat(strings.TrimPrefix(filepath.Ext(plain), "."))
	return format, gzipped, err == nil
}

// KindOf tells what a file is about by the beginning of its name: leases-2026-11.csv. ""
// where that says nothing: then every record must.
func KindOf(name string) Kind {
	name = strings.ToLower(filepath.Base(name))
	for _, kind := range Kinds() {
		if strings.HasPrefix(name, string(kind)) {
			return kind
		}
	}
	return ""
}

// LineError says what is wrong with one line; the lines after it can still be read.
type LineError struct {
	Where   string // file and line
	Field   string // "" where it is the line as a whole
	Problem string // and what is accepted
}

func (e *LineError) Error() string {
	if e.Field == "" {
		return fmt.Sprintf("%s: %s", e.Where, e.Problem)
	}
	return fmt.Sprintf("%s: %s: %s", e.Where, e.Field, e.Problem)
}
