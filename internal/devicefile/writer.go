package devicefile

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"callweave/internal/network"
)

// Writer writes records as a file that [Read] reads. Safe for one goroutine.
type Writer struct {
	format  Format
	kind    Kind // "" writes the kind of every record
	schemas map[Kind]schema
	columns []string
	buffer  *bufio.Writer
	csv     *csv.Writer
}

// NewWriter returns a writer of records of one kind, or of all where kind is "". Call
// [Writer.Flush] in the end.
func NewWriter(to io.Writer, format Format, kind Kind) *Writer {
	w := &Writer{format: format, kind: kind, schemas: schemas(), buffer: bufio.NewWriterSize(to, 64<<10)}
	all := &reader{schemas: w.schemas}
	w.columns = all.fieldNames(kind)
	if kind != "" {
		w.columns = w.columns[1:]
	}
	if format == CSV {
		w.csv = csv.NewWriter(w.buffer)
		_ = w.csv.Write(w.columns) // Flush tells
	}
	return w
}

// Write writes one record.
func (w *Writer) Write(record network.Record) error {
	kind := kindOf(&record)
	s := w.schemas[kind]
	if w.format == CSV {
		texts := make([]string, len(w.columns))
		for i, name := range w.columns {
			if name == kindField {
				texts[i] = string(kind)
				continue
			}
			if f := slices.IndexFunc(s.fields, func(f field) bool { return f.name == name }); f >= 0 {
				texts[i] = s.fields[f].write(&record)
			}
		}
		return wrote(w.csv.Write(texts))
	}
	return wrote(w.writeJSON(kind, s, &record))
}

func (w *Writer) writeJSON(kind Kind, s schema, record *network.Record) error {
	between := byte('{')
	put := func(name string, value []byte) {
		_ = w.buffer.WriteByte(between) // sticky: Flush tells
		_, _ = fmt.Fprintf(w.buffer, "%q:%s", name, value)
		between = ','
	}
	if w.kind == "" {
		put(kindField, []byte(`"`+string(kind)+`"`))
	}
	for _, f := range s.fields {
		text := f.write(record)
		if text == "" {
			continue
		}
		var value any = text
		switch f.shape {
		case asNumber, asBool:
			put(f.name, []byte(text))
			continue
		case asList:
			value = strings.Fields(text)
		case asString:
		}
		raw, err := json.Marshal(value)
		if err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		put(f.name, raw)
	}
	_, err := w.buffer.WriteString("}\n")
	return err //nolint:wrapcheck // the caller does
}

// Flush writes what is buffered.
func (w *Writer) Flush() error {
	if w.csv != nil {
		w.csv.Flush()
		if err := w.csv.Error(); err != nil {
			return wrote(err)
		}
	}
	return wrote(w.buffer.Flush())
}

func wrote(err error) error {
	if err != nil {
		return fmt.Errorf("write records: %w", err)
	}
	return nil
}

func kindOf(r *network.Record) Kind {
	switch {
	case r.Site != nil:
		return Site
	case r.Device != nil:
		return Device
	case r.Lease != nil:
		return Lease
	case r.Client != nil:
		return Client
	case r.Radio != nil:
		return Radio
	}
	return WAN
}
