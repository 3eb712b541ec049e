package explain

import (
	"math"
	"slices"
)

// missingBin is the bin of what is not known; known values begin at the next.
const missingBin = 0

const (
	evenBins     = 20     // of equal numbers of rows
	tailBins     = 28     // of equal width: the tails are where the faults are, and hold few rows
	sampledRows  = 60_000 // to place edges by
	maxBins      = 64     // of a column; a bin must fit a byte
	fewestValues = 8
	shareOfSpill = 0.0005 // of rows beyond the first and the last edge of equal width
)

// column is one input of the models, as bins.
type column struct {
	input
	edges []float32 // ascending; a value is in the bin after as many edges as are not above it
}

func (c *column) bins() int { return len(c.edges) + 2 }

// bin finds the bin of a value.
func (c *column) bin(v float32) uint8 {
	if v != v {
		return missingBin
	}
	lo, hi := 0, len(c.edges)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if c.edges[mid] <= v {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return uint8(lo + 1)
}

// centre is a value in the middle of a bin of known values.
func (c *column) centre(bin int) float64 {
	n := len(c.edges)
	edge := func(i int) float64 { return float64(c.edges[min(max(i, 0), n-1)]) }
	switch k := bin - 1; {
	case n == 1:
		return edge(0)
	case k == 0:
		return edge(0) - (edge(1)-edge(0))/2
	case k == n:
		return edge(n-1) + (edge(n-1)-edge(n-2))/2
	default:
		return (edge(k-1) + edge(k)) / 2
	}
}

// at is the value of a feature, NaN where unknown.
func (m *Minutes) at(f Feature, row int) float32 {
	if m.Feature[f] == nil {
		return float32(math.NaN())
	}
	return m.Feature[f][row]
}

// newColumn places the edges of an input by its values. One that is unknown, or the same,
// in every row is no column, unless a prior knows what it does.
func (m *Model) newColumn(in *Minutes, of input, rows []int32, assumed assumption) (column, bool) {
	c := column{input: of}
	step := max(1, len(rows)/sampledRows)
	values := make([]float32, 0, len(rows)/step+1)
	for i := 0; i < len(rows); i += step {
		if v := m.input(in, of, int(rows[i]), bothWays, bothWays); v == v && !math.IsInf(float64(v), 0) {
			values = append(values, v)
		}
	}
	if len(values) < fewestValues {
		c.edges = assumed.edges(of)
		return c, len(c.edges) > 0
	}
	slices.Sort(values)
	lo, hi := bulk(values)
	c.edges = edgesOf(values, assumed.beyond(of, lo, hi))
	return c, len(c.edges) > 0
}

// bulk is where all but the few smallest and largest of sorted values lie.
func bulk(values []float32) (lo, hi float32) {
	spill := int(shareOfSpill * float64(len(values)))
	return values[spill], values[len(values)-1-spill]
}

// edgesOf places edges between sorted values: some so that their bins hold equal numbers,
// some of equal width, and those beyond what is usual. Bins may be empty: they are filled
// from their neighbours.
func edgesOf(values, beyond []float32) []float32 {
	n := len(values)
	var wanted []float32
	for i := 1; i < evenBins; i++ {
		wanted = append(wanted, values[i*n/evenBins])
	}
	lo, hi := bulk(values)
	for i := range tailBins {
		wanted = append(wanted, lo+(hi-lo)*float32(i)/tailBins)
	}
	wanted = append(wanted, hi)
	wanted = append(wanted, beyond...)
	slices.Sort(wanted)
	wanted = slices.Compact(wanted)
	narrow := (hi - lo) / (4 * tailBins)
	edges := wanted[:0]
	for _, edge := range wanted {
		if edge == values[0] || len(edges) == maxBins-2 || len(edges) > 0 && edge-edges[len(edges)-1] < narrow {
			continue
		}
		edges = append(edges, edge)
	}
	return edges
}
