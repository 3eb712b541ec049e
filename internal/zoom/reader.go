package zoom

import (
	"bytes"
	"errors"
	"io"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"callweave/internal/measure"
	"callweave/internal/provider"
)

// maxToken bounds one text of a reply. The longest that Zoom writes are names of devices.
const maxToken = 1 << 20

var errTooLong = errors.New("a text of more than a megabyte")

// reader reads a reply token by token as it arrives and holds no more of it than one
// token. The first trouble ends it: from then on every read gives nothing, and err says
// why. So the decoders are plain tables of fields, and look at err once, at the end.
//
// Zoom changes: fields come and go, objects are missing or null, numbers are texts and
// texts are numbers. None of this is an error; see [reader.fail] for what is.
type reader struct {
	tokens  *jsontext.Decoder
	body    io.Reader
	read    int64 // bytes of body
	err     error
	text    []byte                 // the last text that had escapes
	samples []provider.MediaSample // the minutes of the row being read
}

func newReader(body io.Reader) *reader {
	r := &reader{body: body}
	// As encoding/json: participants choose their own names, and what is not UTF-8 in
	// them or said twice is no reason to lose a meeting.
	r.tokens = jsontext.NewDecoder((*input)(r), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	return r
}

// input is the reader as its own tokens read from it.
type input reader

// Read implements io.Reader. It ends a reply whose next token does not.
func (in *input) Read(p []byte) (int, error) {
	if in.read-in.tokens.InputOffset() > maxToken {
		return 0, errTooLong
	}
	n, err := in.body.Read(p)
	in.read += int64(n)
	return n, err //nolint:wrapcheck // io.EOF must stay what it is
}

// fail ends reading because a value is not what it must be: a measurement in a unit we do
// not know, an absurd number, a structure that is another one. The error says where, by
// the names of fields we know, and never what.
func (r *reader) fail(want string) {
	if r.err == nil {
		r.err = &valueError{want: want, where: string(r.tokens.StackPointer())}
	}
}

// peek tells what comes next: KindInvalid after trouble.
func (r *reader) peek() jsontext.Kind {
	if r.err != nil {
		return jsontext.KindInvalid
	}
	kind := r.tokens.PeekKind()
	if kind == jsontext.KindInvalid {
		_, r.err = r.tokens.ReadToken() // PeekKind leaves its error there
	}
	return kind
}

func (r *reader) token() {
	if r.err == nil {
		_, r.err = r.tokens.ReadToken()
	}
}

func (r *reader) skip() {
	if r.err == nil {
		r.err = r.tokens.SkipValue()
	}
}

// end reads on to the end of the reply, where nothing may follow.
func (r *reader) end() error {
	if r.err != nil {
		return r.err
	}
	_, err := r.tokens.ReadToken()
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case err == nil:
		return &valueError{want: "the end of the reply"}
	}
	return err //nolint:wrapcheck // see malformed
}

// fields iterates over the names of the object that comes next. A value that the loop
// does not read is skipped. null, "" and the like are an object without fields. A name is
// valid until its value is read.
func (r *reader) fields(yield func(name []byte) bool) {
	if !r.begin(jsontext.KindBeginObject, "an object") {
		return
	}
	for r.peek() == jsontext.KindString {
		name, ok := r.scalar()
		at := r.tokens.InputOffset()
		if !ok || !yield(name) {
			return
		}
		if r.err == nil && r.tokens.InputOffset() == at {
			r.skip()
		}
	}
	r.token()
}

// elements iterates over the array that comes next, as [reader.fields] does.
func (r *reader) elements(yield func() bool) {
	if !r.begin(jsontext.KindBeginArray, "a list") {
		return
	}
	for kind := r.peek(); r.err == nil && kind != jsontext.KindEndArray; kind = r.peek() {
		at := r.tokens.InputOffset()
		if !yield() {
			return
		}
		if r.err == nil && r.tokens.InputOffset() == at {
			r.skip()
		}
	}
	r.token()
}

// begin enters an object or array; false where there is none to enter, be it because
// nothing is there or because something else is.
func (r *reader) begin(wanted jsontext.Kind, want string) bool {
	switch found := r.peek(); found {
	case wanted:
		r.token()
	case jsontext.KindBeginObject, jsontext.KindBeginArray:
		r.token() // some servers write an empty object as [], and the other way round
		if after := r.peek(); after != jsontext.KindEndObject && after != jsontext.KindEndArray {
			r.fail(want)
		}
		r.token()
		return false
	default:
		if text, ok := r.scalar(); !ok || !isUnknown(bytes.TrimSpace(text)) {
			r.fail(want)
		}
		return false
	}
	return r.err == nil
}

// scalar returns a text without its escapes, a number as it is written, or nothing for
// null; ok is false where something else is next, which is then still to be read. The
// bytes are valid until the next read.
func (r *reader) scalar() (text []byte, ok bool) {
	kind := r.peek()
	switch kind {
	case jsontext.KindString, jsontext.KindNumber, jsontext.KindNull:
	default:
		return nil, false
	}
	value, err := r.tokens.ReadValue()
	switch {
	case err != nil:
		r.err = err
		return nil, false
	case kind == jsontext.KindNull:
		return nil, true
	case kind == jsontext.KindNumber:
		return value, true
	case bytes.IndexByte(value, '\\') < 0:
		return value[1 : len(value)-1], true
	}
	r.text, _ = jsontext.AppendUnquote(r.text[:0], value) // its error is bytes that are not UTF-8, which it replaces
	return r.text, true
}

// string reads a text, or a number as it is written. Anything else is "".
func (r *reader) string() string {
	text, ok := r.scalar()
	if !ok {
		return ""
	}
	return clean(text)
}

// verbatim reads what string reads, and leaves in it what cannot be stored.
func (r *reader) verbatim() string {
	text, _ := r.scalar()
	return string(text)
}

// measure reads a measurement.
func (r *reader) measure(u unit) measure.Value {
	text, ok := r.scalar()
	if ok {
		value, known := u.parse(text)
		if known {
			return value
		}
	}
	r.fail(u.want)
	return measure.Value{}
}

// resolution reads a width and a height.
func (r *reader) resolution() (width, height measure.Value) {
	text, ok := r.scalar()
	if ok {
		if width, height, ok = parseResolution(text); ok {
			return width, height
		}
	}
	r.fail("a resolution")
	return measure.Value{}, measure.Value{}
}

// time reads a time; the zero time where there is none.
func (r *reader) time() time.Time {
	text, ok := r.scalar()
	if ok {
		if at, err := parseTime(text); err == nil {
			return at
		}
	}
	r.fail("a time")
	return time.Time{}
}
