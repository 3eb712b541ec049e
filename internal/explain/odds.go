package explain

import (
	"math"
	"slices"
)

const (
	oddsRounds = 8    // of Newton's method
	leastOdds  = 0.05 // variance of a row below which a step is held back: far from the optimum full steps diverge
)

// odds fits the log-odds of a bad minute: Newton's method, each step of which is a fit of
// squared error with weights.
func (t *trainer) odds() {
	m := t.model
	held := t.newton(func(i int) bool { return !t.held[i] })
	var scores []scored
	for i := range t.rows {
		if t.held[i] {
			scores = append(scores, scored{held.at(t.places[bothWays][i]), t.bad[i]})
		}
	}
	m.Scores.BadAUC = auc(scores)
	final := t.newton(func(int) bool { return true })
	good := make([]float64, m.size+len(m.places))
	rows := 0.0
	for i, row := range t.rows {
		if t.bad[i] {
			continue
		}
		weight := t.in.weight(int(row))
		rows += weight
		for _, p := range t.places[bothWays][i] {
			good[p] += weight
		}
	}
	m.sums[badTarget] = t.sum(final, good, rows, 0)
}

func (t *trainer) newton(take func(i int) bool) fit {
	m := t.model
	size := m.size + len(m.places)
	f := fit{shape: make([]float64, size)}
	share := (float64(m.Trained.BadRows) + 1) / (float64(len(t.rows)) + 2)
	f.mean = math.Log(share / (1 - share))
	usual := share * (1 - share) // variance of a row, so that a usual one counts as one
	for range oddsRounds {
		g := newGram(size, 1)
		y := make([]float64, 1)
		sum, n := 0.0, 0.0
		for i, row := range t.rows {
			if !take(i) {
				continue
			}
			truth := 0.0
			if t.bad[i] {
				truth = 1
			}
			eta := f.at(t.places[bothWays][i])
			p := 1 / (1 + math.Exp(-eta))
			variance := max(leastOdds, p*(1-p))
			sum += variance
			n++
			y[0] = eta + (truth-p)/variance
			g.add(t.places[bothWays][i], variance/usual*t.in.weight(int(row)), y)
		}
		usual = sum / max(1, n)
		g.mirror()
		f = boost(g, 0, t.assume(badTarget))
	}
	return f
}

type scored struct {
	score float64
	bad   bool
}

// auc is the chance that a bad row has a higher score than a good one.
func auc(rows []scored) float64 {
	slices.SortFunc(rows, func(a, b scored) int {
		switch {
		case a.score < b.score:
			return -1
		case a.score > b.score:
			return 1
		}
		return 0
	})
	var bad, rank float64
	for i := 0; i < len(rows); {
		j := i
		for j < len(rows) && rows[j].score == rows[i].score {
			j++
		}
		for _, r := range rows[i:j] {
			if r.bad {
				bad++
				rank += float64(i+j+1) / 2
			}
		}
		i = j
	}
	good := float64(len(rows)) - bad
	if bad == 0 || good == 0 {
		return math.NaN()
	}
	return (rank - bad*(bad+1)/2) / (bad * good)
}
