package devicefile

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"callweave/internal/network"
)

// kindField names the kind of a record, in files that hold several.
const kindField = "kind"

// Options says what the reader cannot see in the file itself.
type Options struct {
	Name   string // of the file, for errors
	Format Format
	Kind   Kind // of records that do not say; "" where they all must
}

// Read yields the records of a file. After an error that is a [*LineError] it goes on with
// the next line; any other error ends it.
func Read(from io.Reader, opts Options) iter.Seq2[network.Record, error] {
	return func(yield func(network.Record, error) bool) {
		r := &reader{Options: opts, lines: newLines(from), schemas: schemas()}
		next := r.nextJSON
		if opts.Format == CSV {
			next = r.nextCSV
			if err := r.header(); err != nil {
				yield(network.Record{}, err)
				return
			}
		}
		for {
			cells, err := next()
			if errors.Is(err, io.EOF) {
				return
			}
			var record network.Record
			if err == nil && len(cells) == 0 {
				continue // an empty line
			}
			if err == nil {
				record, err = r.record(cells)
			}
			var bad *LineError
			if !yield(record, err) || err != nil && !errors.As(err, &bad) {
				return
			}
		}
	}
}

// cell is a value that a line has; what is empty is left out.
type cell struct{ name, text string }

type reader struct {
	Options

	lines   *lines
	schemas map[Kind]schema
	columns []string // CSV
	feed    lineFeed
	csv     *csv.Reader
	cells   []cell // of the last line
}

func (r *reader) where() string { return fmt.Sprintf("%s:%d", r.Name, r.lines.number) }

func (r *reader) bad(field string, err error) error {
	return &LineError{Where: r.where(), Field: field, Problem: err.Error()}
}

// line returns the next line.
func (r *reader) line() ([]byte, error) {
	line, err := r.lines.next()
	switch {
	case err == nil, errors.Is(err, io.EOF):
		return line, err
	case errors.Is(err, errLongLine):
		return nil, r.bad("", err)
	}
	return nil, fmt.Errorf("read %s after line %d: %w", r.Name, r.lines.number, err)
}

// header reads the first line of a CSV file. A column that nobody knows would be lost
// without a word.
func (r *reader) header() error {
	line, err := r.line()
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%s is empty: want a header with the names of the columns", r.Name)
	}
	if err != nil {
		return fmt.Errorf("read header of %s: %w", r.Name, fatal{err})
	}
	r.csv = csv.NewReader(&r.feed)
	r.csv.ReuseRecord, r.csv.FieldsPerRecord = true, -1
	cells, err := r.split(line)
	if err != nil {
		return fmt.Errorf("%s:1: header: want names separated by commas", r.Name)
	}
	for _, name := range cells {
		r.columns = append(r.columns, strings.ToLower(strings.TrimSpace(name)))
	}
	known := r.fieldNames(r.Kind)
	if slices.Contains(r.columns, kindField) {
		known = r.fieldNames("")
	}
	for i, name := range r.columns {
		switch {
		case !slices.Contains(known, name):
			return fmt.Errorf("%s:1: a column is none of %s", r.Name, strings.Join(known, ", "))
		case slices.Contains(r.columns[:i], name):
			return fmt.Errorf("%s:1: column %s is there twice", r.Name, name)
		}
	}
	if r.Kind == "" && !slices.Contains(r.columns, kindField) {
		return fmt.Errorf("%s:1: want a column %s, or a file name that begins with site, device, lease, client, radio or wan", r.Name, kindField)
	}
	return nil
}

// fatal hides that an error is of one line: without a header nothing can be read.
type fatal struct{ error }

// fieldNames lists the fields of a kind, or of all.
func (r *reader) fieldNames(kind Kind) []string {
	names := []string{kindField}
	for _, k := range Kinds() {
		if kind != "" && k != kind {
			continue
		}
		for _, f := range r.schemas[k].fields {
			if !slices.Contains(names, f.name) {
				names = append(names, f.name)
			}
		}
	}
	return names
}

// split splits a line of CSV.
func (r *reader) split(line []byte) ([]string, error) {
	r.feed.rest = append(line, '\n') //nolint:gocritic // the line is ours until the next one is read
	return r.csv.Read()
}

func (r *reader) nextCSV() ([]cell, error) {
	line, err := r.line()
	if err != nil || len(line) == 0 {
		return nil, err
	}
	texts, err := r.split(line)
	if err != nil || len(texts) != len(r.columns) {
		return nil, r.bad("", fmt.Errorf("want %d values separated by commas, as the header has, with every quote closed", len(r.columns)))
	}
	r.cells = r.cells[:0]
	for i, text := range texts {
		if text = strings.TrimSpace(text); text != "" {
			r.cells = append(r.cells, cell{r.columns[i], text})
		}
	}
	return r.cells, nil
}

func (r *reader) nextJSON() ([]cell, error) {
	line, err := r.line()
	if err != nil || len(bytes.TrimSpace(line)) == 0 {
		return nil, err
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(line, &object) != nil {
		return nil, r.bad("", errors.New("want one JSON object in a line"))
	}
	r.cells = r.cells[:0]
	for name, raw := range object {
		text, err := jsonText(raw)
		if err != nil {
			if !slices.Contains(r.fieldNames(""), name) {
				name = "" // not ours to repeat
			}
			return nil, r.bad(name, err)
		}
		if text != "" {
			r.cells = append(r.cells, cell{name, text})
		}
	}
	// A line with nothing in it is a record without its fields, not an empty line.
	if len(r.cells) == 0 {
		return nil, r.bad("", errors.New("want a record, got an empty one"))
	}
	return r.cells, nil
}

// jsonText is the text of a scalar, or of a list of strings separated by spaces.
func jsonText(raw json.RawMessage) (string, error) {
	switch raw[0] {
	case '"':
		var text string
		err := json.Unmarshal(raw, &text)
		return strings.TrimSpace(text), err
	case '[':
		var list []string
		if json.Unmarshal(raw, &list) != nil {
			return "", errors.New("want a list of strings")
		}
		return strings.Join(list, " "), nil
	case '{':
		return "", errors.New("want a string, a number, true, false or null")
	}
	if text := string(raw); text != "null" {
		return text, nil
	}
	return "", nil
}

// record makes the record of a line.
func (r *reader) record(cells []cell) (network.Record, error) {
	kind := r.Kind
	for _, c := range cells {
		if c.name != kindField {
			continue
		}
		said, err := ParseKind(c.text)
		if err != nil {
			return network.Record{}, r.bad(kindField, err)
		}
		kind = said
	}
	if kind == "" {
		return network.Record{}, r.bad(kindField, errors.New("want site, device, lease, client, radio or wan"))
	}
	s := r.schemas[kind]
	record := s.begin()
	for _, f := range s.fields {
		i := slices.IndexFunc(cells, func(c cell) bool { return c.name == f.name })
		if i < 0 {
			if f.required {
				return network.Record{}, r.bad(f.name, fmt.Errorf("a %s needs one", kind))
			}
			continue
		}
		if err := f.read(&record, cells[i].text); err != nil {
			return network.Record{}, r.bad(f.name, err)
		}
		if f.required && f.write(&record) == "" { // an address of zeros is of nobody
			return network.Record{}, r.bad(f.name, fmt.Errorf("a %s needs one", kind))
		}
	}
	for _, c := range cells {
		if c.name == kindField {
			continue
		}
		if !slices.ContainsFunc(s.fields, func(f field) bool { return f.name == c.name }) {
			if !slices.Contains(r.fieldNames(""), c.name) {
				return network.Record{}, r.bad("", fmt.Errorf("a field is none of %s", strings.Join(r.fieldNames(kind), ", ")))
			}
			return network.Record{}, r.bad(c.name, fmt.Errorf("a %s has none: leave it empty", kind))
		}
	}
	if s.check != nil {
		if name, err := s.check(&record); err != nil {
			return network.Record{}, r.bad(name, err)
		}
	}
	record.Where = r.where()
	return record, nil
}
