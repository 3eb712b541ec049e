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

var errTooLong = errors.New("reply has a text of more than a megabyte")

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
	units   *[unitCount]spelling
	samples []provider.MediaSample // the minutes of the row being read
}

func newReader(body io.Reader) *reader {
	r := &reader{units: spellings(), tokens: new(jsontext.Decoder)}
	r.reset(body)
	return r
}

// reset begins another reply, in the memory of the one before.
func (r *reader) reset(body io.Reader) {
	r.body, r.read, r.err = body, 0, nil
	// As encoding/json: participants choose their own names, and what is not UTF-8 in
	// them or said twice is no reason to lose a meeting.
	r.tokens.Reset((*input)(r), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
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
	return n, err
}

// fail ends reading because a value is not what it must be: a measurement in a unit we do
// not know, an absurd number, a structure that is another one. The error says where, by
// the names of fields we know, and never what.
func (r *reader) fail(want string) {
	if r.err != nil {
		return
	}
	r.err = &valueError{want: want, where: string(r.tokens.StackPointer())}
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

// token reads the next token; one without kind after trouble.
func (r *reader) token() (token jsontext.Token) {
	if r.err == nil {
		token, r.err = r.tokens.ReadToken()
	}
	return token
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
	for r.another() {
		name := r.value()
		if r.err != nil {
			return
		}
		at := r.tokens.InputOffset()
		if !yield(name[1 : len(name)-1]) {
			return
		}
		if r.err != nil || r.tokens.InputOffset() != at {
			continue
		}
		// Nobody knows the name as it is written; asking this only now is cheaper.
		if bytes.IndexByte(name, '\\') >= 0 {
			if plain, _ := unescaped(name); !yield(plain) {
				return
			}
		}
		if r.err == nil && r.tokens.InputOffset() == at {
			r.skip()
		}
	}
	r.token()
}

// another reports whether the object has another field.
func (r *reader) another() bool {
	if rest := r.tokens.UnreadBuffer(); len(rest) > 0 && rest[0] == ',' && r.err == nil {
		return true // without the cost of peeking
	}
	return r.peek() == jsontext.KindString
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
	switch found := r.token(); found.Kind() {
	case wanted:
		return true
	case jsontext.KindNull:
	case jsontext.KindString:
		if !isUnknown(trim([]byte(found.String()))) {
			r.fail(want)
		}
	case jsontext.KindBeginObject, jsontext.KindBeginArray: // some servers write an empty object as [], and the other way round
		if after := r.token().Kind(); after != jsontext.KindEndObject && after != jsontext.KindEndArray {
			r.fail(want)
		}
	default:
		r.fail(want)
	}
	return false
}

// value reads the next value; nil after trouble. It is valid until the next read.
func (r *reader) value() (value jsontext.Value) {
	if r.err == nil {
		value, r.err = r.tokens.ReadValue()
	}
	return value
}

// unescaped returns what a text says, a number as it is written, or nothing for null; ok
// is false for a value that is something else.
func unescaped(value []byte) (text []byte, ok bool) {
	if len(value) == 0 {
		return nil, false
	}
	switch value[0] {
	case '"':
		if bytes.IndexByte(value, '\\') >= 0 {
			text, _ = jsontext.AppendUnquote(nil, value) // its error is bytes that are not UTF-8, which it replaces
			return text, true
		}
		return value[1 : len(value)-1], true
	case 'n':
		return nil, true
	case 't', 'f', '{', '[':
		return nil, false
	}
	return value, true
}

// verbatim reads a text, or a number as it is written. Anything else is "".
func (r *reader) verbatim() string {
	switch r.peek() {
	case jsontext.KindString, jsontext.KindNumber:
		return r.token().String()
	}
	r.skip()
	return ""
}

// string reads what verbatim does, without what cannot be stored.
func (r *reader) string() string { return clean(r.verbatim()) }

// measure reads a measurement.
func (r *reader) measure(u unit) measure.Value {
	value, spelling := r.value(), &r.units[u]
	if len(value) > 2 && value[0] == '"' {
		if number, ok := spelling.parseUsual(value[1 : len(value)-1]); ok {
			return number
		}
	}
	number, ok := measure.Value{}, false
	if text, isScalar := unescaped(value); isScalar {
		number, ok = spelling.parse(text)
	}
	if !ok {
		r.fail(spelling.want)
	}
	return number
}

// resolution reads a width and a height.
func (r *reader) resolution() (width, height measure.Value) {
	text, ok := unescaped(r.value())
	if ok {
		width, height, ok = parseResolution(text)
	}
	if !ok {
		r.fail("a resolution")
	}
	return width, height
}

// time reads a time; the zero time where there is none.
func (r *reader) time() time.Time {
	text, ok := unescaped(r.value())
	at, err := parseTime(string(text))
	if !ok || err != nil {
		r.fail("a time")
	}
	return at
}
