package explain

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"math"
	"slices"

	"callweave/internal/correlate"
)

// A model as bytes, all numbers little-endian:
//
//	"CWEX" version:2 | head | columns | places | uplinks | sums | CRC-32C of all before
//
// Texts and lists have their length before them. Sums are in the order of the targets,
// the log-odds of a bad minute last.
const (
	magic   = "CWEX"
	version = 1
)

// ErrEncoding is wrapped by every complaint about the bytes of a model.
var ErrEncoding = errors.New("no model of this version")

// MarshalBinary writes the model. Equal models give equal bytes.
func (m *Model) MarshalBinary() ([]byte, error) {
	w := writer{[]byte(magic)}
	w.u16(version)
	w.bool(m.Factory)
	for _, v := range []float32{m.Thresholds.LatencyMS, m.Thresholds.JitterMS, m.Thresholds.LossRatio, m.usual[0], m.usual[1], m.usual[2]} {
		w.f32(v)
	}
	for _, v := range []int64{int64(m.Trained.Rows), int64(m.Trained.BadRows), m.Trained.From, m.Trained.To, int64(m.Scores.HeldOut)} {
		w.u64(uint64(v))
	}
	w.f64s(m.Scores.MAE[:])
	w.f64s(m.Scores.Mean[:])
	w.f64(m.Scores.BadAUC)

	w.u16(len(m.columns))
	for i := range m.columns {
		c := &m.columns[i]
		w.text(c.input.String())
		w.u16(len(c.edges))
		for _, edge := range c.edges {
			w.f32(edge)
		}
	}
	w.u16(len(m.places))
	for _, place := range m.places {
		w.text(place)
	}
	w.u16(len(m.uplinks))
	for _, site := range slices.Sorted(maps.Keys(m.uplinks)) {
		w.text(site)
		w.f32(m.uplinks[site].download)
		w.f32(m.uplinks[site].upload)
	}
	for i := range m.sums {
		s := &m.sums[i]
		w.bool(s.shape != nil)
		if s.shape == nil {
			continue
		}
		w.f64(s.expected)
		w.f64(s.spread)
		w.f64s(s.place)
		w.f64s(s.shape)
	}
	return binary.LittleEndian.AppendUint32(w.b, crc32.Checksum(w.b, crc32.MakeTable(crc32.Castagnoli))), nil
}

// UnmarshalBinary reads a model. Errors wrap [ErrEncoding]; a model that was read is as
// sound as one that was trained.
func (m *Model) UnmarshalBinary(data []byte) error {
	r := &reader{b: data}
	read := r.model()
	if r.err != nil {
		return fmt.Errorf("read model: %w: %w", ErrEncoding, r.err)
	}
	*m = *read
	return nil
}

const (
	maxText    = 256
	maxUplinks = 10_000
)

func (r *reader) model() *Model {
	m := &Model{placeOf: map[string]int32{}, uplinks: map[string]uplink{}}
	if len(r.b) < len(magic)+6 || string(r.b[:len(magic)]) != magic {
		r.failf("it does not begin like one")
		return m
	}
	body, checksum := r.b[:len(r.b)-4], binary.LittleEndian.Uint32(r.b[len(r.b)-4:])
	if crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)) != checksum {
		r.failf("the checksum differs")
		return m
	}
	r.b = body[len(magic):]
	if got := r.u16(1 << 16); got != version {
		r.failf("its version is %d, want %d", got, version)
		return m
	}
	m.Factory = r.bool()
	m.Thresholds = correlate.Thresholds{LatencyMS: r.f32(), JitterMS: r.f32(), LossRatio: r.f32()}
	if !(m.Thresholds.LatencyMS > 0 && m.Thresholds.JitterMS > 0 && m.Thresholds.LossRatio > 0) {
		r.failf("its thresholds are %+v", m.Thresholds)
	}
	for i := range m.usual {
		m.usual[i] = r.f32()
	}
	m.Trained = Trained{Rows: r.count(), BadRows: r.count(), From: int64(r.u64()), To: int64(r.u64())}
	m.Scores.HeldOut = r.count()
	copy(m.Scores.MAE[:], r.f64s(NumTargets))
	copy(m.Scores.Mean[:], r.f64s(NumTargets))
	m.Scores.BadAUC = r.f64() // NaN without bad rows
	r.columns(m)
	r.places(m)
	for i := range m.sums {
		if !r.bool() {
			continue
		}
		s := sum{expected: r.finite(), spread: r.finite(), place: r.f64s(len(m.places)), shape: r.f64s(m.size)}
		if s.spread < 0 {
			r.failf("a spread is %v", s.spread)
		}
		m.sums[i] = s
	}
	if r.err == nil && len(r.b) > 0 {
		r.failf("%d bytes are left over", len(r.b))
	}
	return m
}

func (r *reader) columns(m *Model) {
	byName := map[string]input{}
	for _, read := range inputs() {
		byName[read.String()] = read
	}
	for range r.u16(len(byName)) {
		name := r.text()
		read, ok := byName[name]
		if !ok {
			r.failf("it has a column %q", name)
		}
		delete(byName, name) // each once
		c := column{input: read, edges: make([]float32, r.u16(maxBins-2))}
		for i := range c.edges {
			c.edges[i] = r.f32()
			if !known(c.edges[i]) || i > 0 && c.edges[i] <= c.edges[i-1] {
				r.failf("the edges of %s do not rise", name)
			}
		}
		if len(c.edges) == 0 {
			r.failf("%s has no edges", name)
		}
		m.columns = append(m.columns, c)
		m.offset = append(m.offset, m.size)
		m.size += c.bins()
		if r.err != nil {
			return
		}
	}
}

func (r *reader) places(m *Model) {
	for i := range r.u16(mostPlaces) {
		place := r.text()
		if _, twice := m.placeOf[place]; twice || place == "" {
			r.failf("a place is named twice, or not at all")
		}
		m.places, m.placeOf[place] = append(m.places, place), int32(i)
		if r.err != nil {
			return
		}
	}
	for range r.u16(maxUplinks) {
		site := r.text()
		m.uplinks[site] = uplink{r.f32(), r.f32()}
		if r.err != nil {
			return
		}
	}
}

type writer struct{ b []byte }

func (w *writer) u16(v int)     { w.b = binary.LittleEndian.AppendUint16(w.b, uint16(v)) }
func (w *writer) u64(v uint64)  { w.b = binary.LittleEndian.AppendUint64(w.b, v) }
func (w *writer) f32(v float32) { w.b = binary.LittleEndian.AppendUint32(w.b, math.Float32bits(v)) }
func (w *writer) f64(v float64) { w.u64(math.Float64bits(v)) }

func (w *writer) bool(v bool) {
	if v {
		w.b = append(w.b, 1)
	} else {
		w.b = append(w.b, 0)
	}
}

func (w *writer) text(v string) {
	w.u16(len(v))
	w.b = append(w.b, v...)
}

func (w *writer) f64s(values []float64) {
	for _, v := range values {
		w.f64(v)
	}
}

// reader reads until the first error, and zeros after it.
type reader struct {
	b   []byte
	err error
}

func (r *reader) failf(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
}

func (r *reader) take(n int) []byte {
	if r.err == nil && len(r.b) < n {
		r.failf("it ends too soon")
	}
	if r.err != nil {
		return make([]byte, min(n, 8))
	}
	taken := r.b[:n]
	r.b = r.b[n:]
	return taken
}

// u16 reads a number that may be no greater than most; 0 when it is.
func (r *reader) u16(most int) int {
	v := int(binary.LittleEndian.Uint16(r.take(2)))
	if v > most {
		r.failf("a length is %d, at most %d are allowed", v, most)
		return 0
	}
	return v
}

func (r *reader) u64() uint64  { return binary.LittleEndian.Uint64(r.take(8)) }
func (r *reader) f32() float32 { return math.Float32frombits(binary.LittleEndian.Uint32(r.take(4))) }
func (r *reader) f64() float64 { return math.Float64frombits(r.u64()) }
func (r *reader) bool() bool   { return r.take(1)[0] == 1 }

func (r *reader) count() int {
	v := r.u64()
	if v > math.MaxInt32 {
		r.failf("a count is %d", v)
		return 0
	}
	return int(v)
}

func (r *reader) finite() float64 {
	v := r.f64()
	if math.IsNaN(v) || math.IsInf(v, 0) {
		r.failf("a number is %v", v)
	}
	return v
}

func (r *reader) text() string {
	n := r.u16(maxText)
	taken := r.take(n)
	if r.err != nil {
		return ""
	}
	return string(taken)
}

func (r *reader) f64s(n int) []float64 {
	if r.err != nil || len(r.b) < 8*n {
		r.failf("it ends too soon")
		return nil
	}
	out := make([]float64, n)
	for i := range out {
		out[i] = r.finite()
	}
	return out
}
