package explain

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"callweave/internal/correlate"
)

// ErrTooLittle is wrapped when the rows are too few to train on: the factory's model is
// better then.
var ErrTooLittle = errors.New("too little to train on")

// The least a model of an org's own is trained on. Below it bins of the tails, where the
// faults are, hold too few rows to tell a cause from chance.
const (
	leastRows = 5_000
	leastBad  = 100
	// With a prior these are enough to tell what good minutes have at which place. Faults
	// are still the prior's: such a model counts as the factory's.
	leastWithPrior = 500
)

// Options are what training can be told.
type Options struct {
	Thresholds correlate.Thresholds
	Seed       uint64 // chooses the hours that are held out
	// Prior is what is assumed where the rows say nothing else, usually the factory's
	// model; nil to learn everything from the rows.
	Prior   *Model
	Factory bool // marks the model as the factory's
}

// fromThreshold is where faults are cut off, in units of the threshold: beyond, a minute is
// bad all the same, and must not outweigh the others.
const cutOff = 5.0

// Train fits a model to the minutes of one org. The same rows and options give the same
// model. [ErrTooLittle] where the rows do not carry one.
func Train(in *Minutes, opt Options) (*Model, error) {
	if err := in.Validate(); err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	if opt.Thresholds.LatencyMS <= 0 || opt.Thresholds.JitterMS <= 0 || opt.Thresholds.LossRatio <= 0 {
		return nil, fmt.Errorf("train: thresholds %+v, want all above 0", opt.Thresholds)
	}
	t := newTrainer(in, opt)
	rows, bad := leastRows, leastBad
	if opt.Prior != nil {
		t.model.Factory = t.model.Factory || len(t.rows) < leastRows || t.model.Trained.BadRows < leastBad
		rows, bad = leastWithPrior, 0
	}
	if len(t.rows) < rows || t.model.Trained.BadRows < bad {
		return nil, fmt.Errorf("train: %d rows, %d bad; want %d and %d: %w",
			len(t.rows), t.model.Trained.BadRows, rows, bad, ErrTooLittle)
	}
	t.layout()
	for d := range numDirections {
		for _, targets := range t.alike(d) {
			t.fit(targets)
		}
	}
	t.odds()
	if opt.Factory {
		t.model.forgetPlaces()
	}
	return t.model, nil
}

// trainer holds the rows of a training as bins.
type trainer struct {
	in     *Minutes
	opt    Options
	model  *Model
	rows   []int32 // that have media
	bad    []bool  // by rows
	held   []bool
	blocks []block
	places [numWays][][]int32 // by way and rows: the places of its bins, ascending
}

func newTrainer(in *Minutes, opt Options) *trainer {
	t := &trainer{in: in, opt: opt, model: &Model{Thresholds: opt.Thresholds, Factory: opt.Factory}}
	for row := range in.Len() {
		_, ratio, ok := in.worst(row, opt.Thresholds)
		if !ok || in.weight(row) <= 0 {
			continue
		}
		t.rows = append(t.rows, int32(row))
		t.bad = append(t.bad, ratio > 1)
		t.held = append(t.held, heldOut(in.StartAt[row], opt.Seed))
		if ratio > 1 {
			t.model.Trained.BadRows++
		}
		at := in.StartAt[row]
		if len(t.rows) == 1 {
			t.model.Trained.From, t.model.Trained.To = at, at
		}
		t.model.Trained.From, t.model.Trained.To = min(t.model.Trained.From, at), max(t.model.Trained.To, at)
	}
	t.model.Trained.Rows = len(t.rows)
	return t
}

func (m *Minutes) weight(row int) float64 {
	if m.Weight == nil {
		return 1
	}
	return float64(m.Weight[row])
}

// heldOut chooses one in five twentieths of hours: neighbouring minutes share their
// faults, so that single ones would tell nothing.
func heldOut(at int64, seed uint64) bool {
	const slot = 1200
	z := uint64(at/slot)*0x9e3779b97f4a7c15 + seed
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return (z^(z>>31))%5 == 0
}

const (
	mostPlaces   = 400
	leastOfPlace = 30
)

// layout chooses the columns and lays their bins out.
func (t *trainer) layout() {
	m := t.model
	m.uplinks = learnUplinks(t.in, t.rows)
	m.learnUsual(t.in, t.rows)
	for _, read := range inputs() {
		c, ok := m.newColumn(t.in, read, t.rows, t.assumption())
		if !ok {
			continue
		}
		m.columns = append(m.columns, c)
		m.offset = append(m.offset, m.size)
		t.blocks = append(t.blocks, block{from: m.size, to: m.size + c.bins(), trend: properties()[read.feature].trend, ridge: t.ridge()})
		m.size += c.bins()
	}
	t.choosePlaces()
	for of := range way(numWays) {
		t.places[of] = t.layRows(of)
	}
	if len(m.places) > 0 {
		t.blocks = append(t.blocks, block{from: m.size, to: m.size + len(m.places), place: true})
	}
}

func (t *trainer) layRows(of way) [][]int32 {
	m := t.model
	rows := make([][]int32, len(t.rows))
	all := make([]int32, 0, (len(m.columns)+1)*len(t.rows))
	for i, row := range t.rows {
		begin := len(all)
		queue := m.queue(t.in, int(row))
		for k := range m.columns {
			c := &m.columns[k]
			all = append(all, int32(m.offset[k]+int(c.bin(m.input(t.in, c.input, int(row), of, queue)))))
		}
		if t.in.Place != nil {
			if p, ok := m.placeOf[t.in.Place[row]]; ok {
				all = append(all, int32(m.size)+p)
			}
		}
		rows[i] = all[begin:len(all):len(all)]
	}
	return rows
}

// ridge is how much rows must say before they outweigh what is assumed.
func (t *trainer) ridge() float64 {
	if t.opt.Prior != nil {
		return ridgePrior
	}
	return ridge
}

func (t *trainer) assumption() assumption { return assumption{t.opt.Prior, t.opt.Thresholds} }

// assume sets what is assumed of each column for a target.
func (t *trainer) assume(target int) []block {
	blocks := slices.Clone(t.blocks)
	for i := range t.model.columns {
		c := &t.model.columns[i]
		b := &blocks[i]
		b.prior = make([]float64, b.to-b.from)
		for bin := 1; bin < c.bins(); bin++ {
			b.prior[bin] = t.assumption().of(c.input, target, c.centre(bin))
			b.assumed = b.assumed || b.prior[bin] != 0
		}
	}
	return blocks
}

func (t *trainer) choosePlaces() {
	m := t.model
	m.placeOf = map[string]int32{}
	if t.in.Place == nil {
		return
	}
	count := map[string]int{}
	for _, row := range t.rows {
		count[t.in.Place[row]]++
	}
	delete(count, "")
	for place, n := range count {
		if n >= leastOfPlace {
			m.places = append(m.places, place)
		}
	}
	slices.SortFunc(m.places, func(a, b string) int {
		if count[a] != count[b] {
			return count[b] - count[a]
		}
		if a < b {
			return -1
		}
		return 1
	})
	m.places = m.places[:min(len(m.places), mostPlaces)]
	for i, place := range m.places {
		m.placeOf[place] = int32(i)
	}
}

// value is what a sum learns of a row: ms, or units of the threshold; NaN where unknown.
func (t *trainer) value(target Target, row int32) float64 {
	if !t.in.measured(target, row) {
		return math.NaN()
	}
	limit := float64(target.limit(t.opt.Thresholds))
	v := min(float64(t.in.Media[target][row]), cutOff*limit)
	if target.Metric() == correlate.Latency {
		return v
	}
	return v / limit
}

// alike groups the targets of a direction by the rows in which they are known: mostly all
// three in the same.
func (t *trainer) alike(d int) [][]Target {
	var groups [][]Target
	for k := range Target(numMetrics) {
		target := Target(d*numMetrics) + k
		i := slices.IndexFunc(groups, func(group []Target) bool {
			return !slices.ContainsFunc(t.rows, func(row int32) bool {
				return t.in.measured(group[0], row) != t.in.measured(target, row)
			})
		})
		if i < 0 {
			groups = append(groups, nil)
			i = len(groups) - 1
		}
		groups[i] = append(groups[i], target)
	}
	return groups
}

// measured reports whether a target is known in a row.
func (m *Minutes) measured(t Target, row int32) bool {
	return m.Media[t] != nil && known(m.Media[t][row])
}

// fit fits targets of one direction that are known in the same rows.
func (t *trainer) fit(targets []Target) {
	m := t.model
	of := targets[0].way()
	size := m.size + len(m.places)
	learn, hold := newGram(size, len(targets)), newGram(size, len(targets))
	good := make([]float64, size) // rows of good minutes by bin
	goodRows := 0.0
	y := make([]float64, len(targets))
	for i, row := range t.rows {
		if !t.in.measured(targets[0], row) {
			continue
		}
		for k, target := range targets {
			y[k] = t.value(target, row)
		}
		weight := t.in.weight(int(row))
		into := learn
		if t.held[i] {
			into = hold
		}
		into.add(t.places[of][i], weight, y)
		if !t.bad[i] {
			goodRows += weight
			for _, p := range t.places[of][i] {
				good[p] += weight
			}
		}
	}
	learn.mirror()
	hold.mirror()
	if learn.weight == 0 {
		return
	}
	all := learn.plus(hold)
	for k, target := range targets {
		blocks := earn(learn, hold, k, t.assume(int(target)))
		t.score(target, boost(learn, k, blocks))
		m.sums[target] = t.sum(boost(all, k, blocks), good, goodRows, m.sums[target].spread)
	}
}

// leastGain is the part of the error on held-out rows that a column must take away to stay.
const leastGain = 0.0005

// earn leaves out the columns that explain nothing on rows that were held out.
func earn(learn, hold *gram, target int, blocks []block) []block {
	f := boost(learn, target, blocks)
	whole := hold.loss(target, f)
	kept := slices.Clone(blocks)
	for i, b := range blocks {
		if b.place || b.assumed {
			continue
		}
		without := fit{mean: f.mean, shape: slices.Clone(f.shape)}
		mean := 0.0
		for j := b.from; j < b.to; j++ {
			mean += f.shape[j] * learn.meet[j*learn.size+j]
			without.shape[j] = 0
		}
		without.mean += mean / learn.weight
		kept[i].off = hold.loss(target, without)-whole < leastGain*whole
	}
	return kept
}

// sum centres each shape on the good minutes: what is expected is what good minutes have.
func (t *trainer) sum(f fit, good []float64, goodRows, spread float64) sum {
	m := t.model
	s := sum{expected: f.mean, shape: f.shape[:m.size:m.size], place: f.shape[m.size:], spread: spread}
	for _, b := range t.blocks {
		mean := 0.0
		for i := b.from; i < b.to; i++ {
			mean += f.shape[i] * good[i]
		}
		mean /= max(1, goodRows)
		s.expected += mean
		for i := b.from; i < b.to; i++ {
			f.shape[i] -= mean
		}
	}
	return s
}

// score measures a fit on the rows that it did not see.
func (t *trainer) score(target Target, f fit) {
	var off, base float64
	var errs []float64
	for i, row := range t.rows {
		y := t.value(target, row)
		if !t.held[i] || math.IsNaN(y) {
			continue
		}
		p := f.at(t.places[target.way()][i])
		off += math.Abs(y - p)
		base += math.Abs(y - f.mean)
		errs = append(errs, math.Abs(y-p))
	}
	n := float64(max(1, len(errs)))
	scores := &t.model.Scores
	scores.HeldOut = max(scores.HeldOut, len(errs))
	scores.MAE[target], scores.Mean[target] = off/n, base/n
	if len(errs) > 0 {
		slices.Sort(errs)
		t.model.sums[target].spread = errs[len(errs)*68/100]
	}
}

func (f fit) at(places []int32) float64 {
	p := f.mean
	for _, i := range places {
		p += f.shape[i]
	}
	return p
}
