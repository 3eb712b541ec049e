package explain

// gram holds all that squared error knows of some rows: how often two bins meet, and the
// sum of each target over each bin. Boosting on it is boosting on the rows, at a cost that
// does not grow with them; what is held out is added in or left out by addition.
type gram struct {
	size   int
	weight float64
	meet   []float64 // size x size, symmetric
	sum    [][]float64
	total  []float64 // of each target
	square []float64
}

func newGram(size, targets int) *gram {
	g := &gram{size: size, meet: make([]float64, size*size), total: make([]float64, targets), square: make([]float64, targets)}
	for range targets {
		g.sum = append(g.sum, make([]float64, size))
	}
	return g
}

// add counts a row, given the places of its bins in ascending order.
func (g *gram) add(places []int32, weight float64, y []float64) {
	g.weight += weight
	for i, a := range places {
		line := g.meet[int(a)*g.size : (int(a)+1)*g.size]
		for _, b := range places[i:] {
			line[b] += weight
		}
	}
	for t, value := range y {
		w := weight * value
		g.total[t] += w
		g.square[t] += w * value
		sum := g.sum[t]
		for _, a := range places {
			sum[a] += w
		}
	}
}

// mirror fills the lower half, which add leaves out.
func (g *gram) mirror() {
	for i := range g.size {
		for j := i + 1; j < g.size; j++ {
			g.meet[j*g.size+i] = g.meet[i*g.size+j]
		}
	}
}

// plus is the gram of the rows of both.
func (g *gram) plus(o *gram) *gram {
	out := newGram(g.size, len(g.sum))
	out.weight = g.weight + o.weight
	for i := range out.meet {
		out.meet[i] = g.meet[i] + o.meet[i]
	}
	for t := range out.sum {
		out.total[t], out.square[t] = g.total[t]+o.total[t], g.square[t]+o.square[t]
		for i := range out.sum[t] {
			out.sum[t][i] = g.sum[t][i] + o.sum[t][i]
		}
	}
	return out
}

// loss is the mean squared error of a fit on the rows of the gram.
func (g *gram) loss(target int, f fit) float64 {
	if g.weight == 0 {
		return 0
	}
	// The sum over rows of (y - mean - shapes)^2, multiplied out.
	total := g.square[target] - 2*f.mean*g.total[target] + f.mean*f.mean*g.weight
	for i := range g.size {
		if f.shape[i] == 0 {
			continue
		}
		line := g.meet[i*g.size : (i+1)*g.size]
		dot := 0.0
		for j, s := range f.shape {
			dot += line[j] * s
		}
		total += f.shape[i] * (dot - 2*(g.sum[target][i]-f.mean*line[i]))
	}
	return total / g.weight
}
