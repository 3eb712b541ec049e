package explain

import "math"

// fit is an additive model of one target: a mean, and a step for each bin of each column.
type fit struct {
	mean  float64
	shape []float64
}

// block is a column within the bins of all columns.
type block struct {
	from, to int // its bins, the one of what is missing first
	trend    trend
	place    bool      // of places, which have no order
	off      bool      // takes no part
	ridge    float64   // pulls a bin to what is assumed of it
	prior    []float64 // of its bins, what is assumed where rows are few; nil for nothing
	assumed  bool
	mean     float64 // of prior
}

// The strengths of the fit, in rows: how many rows at the mean, or between two neighbours,
// weigh as much as one row of data.
const (
	ridge       = 3.0  // pulls a bin to nothing, or to a rule
	ridgePrior  = 40.0 // pulls a bin to what other networks taught
	smooth      = 25.0 // pulls neighbours together
	ridgePlaces = 20.0
	leastCount  = 0.01 // of an empty bin
	rate        = 0.4  // of a step: small ones share what features have in common
	maxCycles   = 150
	enough      = 1e-4 // change of a step, in standard deviations of the target, that ends the fit
)

// boost fits one target by cyclic boosting: column after column takes a part of the step
// that the others leave to it, again and again.
func boost(g *gram, target int, blocks []block) fit {
	f := fit{shape: make([]float64, g.size)}
	if g.weight == 0 {
		return f
	}
	f.mean = g.total[target] / g.weight
	deviation := math.Sqrt(max(0, g.square[target]/g.weight-f.mean*f.mean))
	left := make([]float64, g.size) // of the sums over bins, what the fit does not explain yet
	for i := range left {
		left[i] = g.sum[target][i] - f.mean*g.meet[i*g.size+i]
	}
	w := &stepper{}
	for i := range blocks {
		b := &blocks[i]
		if b.assumed && !b.off {
			b.start(g, f.shape, left)
		}
	}
	for range maxCycles {
		change := 0.0
		for i := range blocks {
			b := &blocks[i]
			if b.off {
				continue
			}
			w.before = append(w.before[:0], f.shape[b.from:b.to]...)
			w.step(g, f.shape, left, b)
			for i := b.from; i < b.to; i++ {
				d := f.shape[i] - w.before[i-b.from]
				if d == 0 {
					continue
				}
				change = max(change, math.Abs(d))
				line := g.meet[i*g.size : (i+1)*g.size]
				for j, n := range line {
					left[j] -= d * n
				}
			}
		}
		if change < enough*deviation {
			break
		}
	}
	return f
}

// start puts a shape where it is assumed to be. What is not known is assumed to be as usual.
func (b *block) start(g *gram, shape, left []float64) {
	n, mean := 0.0, 0.0
	for i := b.from + 1; i < b.to; i++ {
		count := g.meet[i*g.size+i]
		n, mean = n+count, mean+count*b.prior[i-b.from]
	}
	mean /= max(1, n)
	for i := b.from + 1; i < b.to; i++ {
		d := b.prior[i-b.from] - mean
		shape[i] = d
		for j, meet := range g.meet[i*g.size : (i+1)*g.size] {
			left[j] -= d * meet
		}
	}
	b.mean = mean
}

// stepper holds the scratch space of steps.
type stepper struct {
	before, diagonal, right, weight []float64
}

// step moves the shape of one column towards the penalised optimum of that column alone,
// by rate, and keeps its trend.
func (w *stepper) step(g *gram, shape, left []float64, b *block) {
	count := func(i int) float64 { return g.meet[i*g.size+i] }
	if b.place {
		for i := b.from; i < b.to; i++ {
			shape[i] += rate * (left[i] - ridgePlaces*shape[i]) / (count(i) + ridgePlaces)
		}
		return
	}
	missing := b.from
	shape[missing] += rate * (left[missing] - ridge*shape[missing]) / (count(missing) + ridge)

	from, n := b.from+1, b.to-b.from-1
	w.diagonal, w.right, w.weight = w.diagonal[:0], w.right[:0], w.weight[:0]
	for k := range n {
		i := from + k
		pull := b.ridge * min(1, count(i)) // an empty bin goes with its neighbours
		d, r := count(i)+pull+leastCount, left[i]-pull*(shape[i]-b.assume(i))
		if k > 0 {
			d, r = d+smooth, r-smooth*(shape[i]-b.assume(i)-shape[i-1]+b.assume(i-1))
		}
		if k < n-1 {
			d, r = d+smooth, r-smooth*(shape[i]-b.assume(i)-shape[i+1]+b.assume(i+1))
		}
		w.diagonal, w.right = append(w.diagonal, d), append(w.right, r)
		w.weight = append(w.weight, count(i)+leastCount)
	}
	// The penalty ties neighbours only: the system is tridiagonal (Thomas's algorithm).
	for k := 1; k < n; k++ {
		m := smooth / w.diagonal[k-1]
		w.diagonal[k] -= m * smooth
		w.right[k] += m * w.right[k-1]
	}
	for k := n - 1; k >= 0; k-- {
		if k < n-1 {
			w.right[k] += smooth * w.right[k+1]
		}
		w.right[k] /= w.diagonal[k]
		shape[from+k] += rate * w.right[k]
	}
	if b.trend != neither {
		monotone(shape[from:b.to], w.weight, float64(b.trend))
	}
}

// assume is what is assumed of a bin.
func (b *block) assume(i int) float64 {
	if !b.assumed {
		return 0
	}
	return b.prior[i-b.from] - b.mean
}

// monotone replaces values by the nearest ones, by weighted squares, that never fall (or,
// for a sign of -1, never rise): pool adjacent violators.
func monotone(values, weight []float64, sign float64) {
	type pool struct {
		value, weight float64
		n             int
	}
	pools := make([]pool, 0, len(values))
	for i, v := range values {
		pools = append(pools, pool{sign * v, weight[i], 1})
		for len(pools) > 1 && pools[len(pools)-2].value > pools[len(pools)-1].value {
			a, b := pools[len(pools)-2], pools[len(pools)-1]
			pools = pools[:len(pools)-1]
			total := a.weight + b.weight
			pools[len(pools)-1] = pool{(a.value*a.weight + b.value*b.weight) / total, total, a.n + b.n}
		}
	}
	i := 0
	for _, p := range pools {
		for range p.n {
			values[i] = sign * p.value
			i++
		}
	}
}
