package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
)

// format is a form of output, as a flag.
type format string

const (
	formatText format = "text"
	formatJSON format = "json"
)

func (f *format) String() string { return string(*f) }
func (f *format) Type() string   { return "text|json" }
func (f *format) Set(text string) error {
	switch format(text) {
	case formatText, formatJSON:
		*f = format(text)
		return nil
	}
	return errors.New("want text or json")
}

// print writes value as JSON, or the lines as text with their tabs aligned.
func (a *app) print(value any, lines ...string) error {
	if a.format == formatJSON {
		encoder := json.NewEncoder(a.out)
		encoder.SetIndent("", "  ")
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(value); err != nil {
			return fmt.Errorf("print: %w", err)
		}
		return nil
	}
	table := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	for _, line := range lines {
		_, _ = fmt.Fprintln(table, line) // Flush tells
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

// row is a line of a table.
func row(cells ...any) string {
	texts := make([]string, len(cells))
	for i, cell := range cells {
		switch cell := cell.(type) {
		case time.Time:
			texts[i] = when(cell)
		case *time.Time:
			if cell != nil {
				texts[i] = when(*cell)
			}
		case *string:
			if cell != nil {
				texts[i] = *cell
			}
		default:
			texts[i] = fmt.Sprint(cell)
		}
		if texts[i] == "" {
			texts[i] = "-"
		}
	}
	return strings.Join(texts, "\t")
}

func when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
