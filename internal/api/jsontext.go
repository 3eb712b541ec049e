package api

import (
	"encoding/hex"
	"encoding/json"
	"math"
	"net/http"
	"strconv"

	"github.com/google/uuid"
)

// jsonText writes a JSON text. What answers hold by the thousand is written by it: looking at
// values by reflection would cost more than reading them from the database. Each method
// writes one member of an object, or one element of a list, and the comma that it needs.
type jsonText struct {
	text []byte
	more bool // something stands before, in the object or list that is open
}

func (j *jsonText) next() {
	if j.more {
		j.text = append(j.text, ',')
	}
	j.more = true
}

// key begins a member. Names are ours: they need no escapes.
func (j *jsonText) key(name string) {
	j.next()
	j.text = append(j.text, '"')
	j.text = append(j.text, name...)
	j.text = append(j.text, '"', ':')
}

// open begins an object or a list, the value of a key or an element; its end is closed.
func (j *jsonText) open(bracket byte) {
	j.text, j.more = append(j.text, bracket), false
}

func (j *jsonText) close(bracket byte) {
	j.text, j.more = append(j.text, bracket), true
}

func (j *jsonText) str(name, value string) {
	j.key(name)
	j.text = appendJSONString(j.text, value)
}

// known is a text that is left out where it is "".
func (j *jsonText) known(name, value string) {
	if value != "" {
		j.str(name, value)
	}
}

func (j *jsonText) int(name string, value int64) {
	j.key(name)
	j.text = strconv.AppendInt(j.text, value, 10)
}

func (j *jsonText) bool(name string, value bool) {
	j.key(name)
	j.text = strconv.AppendBool(j.text, value)
}

func (j *jsonText) number(name string, value millionths) {
	j.key(name)
	j.text = value.append(j.text)
}

func (j *jsonText) uuid(name string, id uuid.UUID) {
	j.key(name)
	j.text = append(j.text, '"')
	j.text = appendUUID(j.text, id)
	j.text = append(j.text, '"')
}

// mac leaves out an address that is not known.
func (j *jsonText) mac(name string, mac []byte) { j.known(name, macShown(mac)) }

func appendUUID(text []byte, id uuid.UUID) []byte {
	for i, group := range [...][]byte{id[:4], id[4:6], id[6:8], id[8:10], id[10:]} {
		if i > 0 {
			text = append(text, '-')
		}
		text = hex.AppendEncode(text, group)
	}
	return text
}

func appendJSONString(text []byte, value string) []byte {
	for i := range len(value) {
		if c := value[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			escaped, _ := json.Marshal(value) //nolint:errchkjson // a string has a JSON text
			return append(text, escaped...)
		}
	}
	text = append(text, '"')
	text = append(text, value...)
	return append(text, '"')
}

// millionths is a number as answers show it: contributions are told to a millionth of their
// unit, so that their sums are exact in decimals.
type millionths int64

const inMillionths = 1_000_000

func toMillionths(value float64) millionths {
	const most = math.MaxInt64 / 1024 // nothing measured comes near; sums of such do not overflow
	return millionths(math.RoundToEven(max(-most, min(most, value*inMillionths))))
}

func (m millionths) append(text []byte) []byte {
	rest := uint64(m)
	if m < 0 {
		text, rest = append(text, '-'), uint64(-m)
	}
	text = strconv.AppendUint(text, rest/inMillionths, 10)
	fraction := rest % inMillionths
	if fraction == 0 {
		return text
	}
	text = append(text, '.')
	for place := uint64(inMillionths / 10); fraction > 0; place /= 10 {
		text = append(text, byte('0'+fraction/place))
		fraction %= place
	}
	return text
}

// keepText is the longest text whose memory is used for the next answers.
const keepText = 1 << 20

// writeText answers with what write writes.
func (s *Server) writeText(w http.ResponseWriter, write func(j *jsonText)) {
	j, ok := s.texts.Get().(*jsonText)
	if !ok {
		j = &jsonText{}
	}
	defer func() {
		if cap(j.text) <= keepText {
			s.texts.Put(j)
		}
	}()
	j.text, j.more = j.text[:0], false
	write(j)
	j.text = append(j.text, '\n')
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(j.text)))
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(j.text) // the client went away: nobody is left to tell
}
