package explainbench

import (
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"callweave/internal/correlate"
	"callweave/internal/explain"
	"callweave/internal/explain/factory"
	"callweave/internal/world"
)

// Everything was built and tuned on worlds of the seeds below 100. Those of the bench were
// never fitted, tuned or looked at but for what it prints, and the factory's model has
// seeds of its own (501 to 508).
const firstSeed, lastSeed = 9001, 9003

// strangeBy is how far apart the seeds are of worlds whose faults act more or less than in
// those that the factory's model learned from, and in other shapes.
const strangeBy = 100

func thresholds() correlate.Thresholds {
	return correlate.Thresholds{LatencyMS: 150, JitterMS: 40, LossRatio: 0.02}
}

// seeds are the bench's, or those to try things on that CALLWEAVE_EXPLAIN_SEEDS names, as
// "1-4".
func seeds(b *testing.B) (from, to uint64) {
	b.Helper()
	text := os.Getenv("CALLWEAVE_EXPLAIN_SEEDS")
	if text == "" {
		return firstSeed, lastSeed
	}
	if _, err := fmt.Sscanf(text, "%d-%d", &from, &to); err != nil || from > to {
		b.Fatalf("CALLWEAVE_EXPLAIN_SEEDS is %q, want two seeds as in 1-4", text)
	}
	return from, to
}

// split is rows to learn from and later ones to explain.
type split struct{ learn, judge *Rows }

// variant is a way of watching orgs in which everybody guesses.
type variant struct {
	name     string
	sampling func(seed uint64) Sampling
	hours    bool // learn from four hours and not from four days
	strange  bool // in worlds where faults act otherwise
}

func variants() []variant {
	minutely := func(seed uint64) Sampling { return Minutely(time.Duration(seed*17%60) * time.Second) }
	return []variant{
		{name: "four days", sampling: minutely},
		{name: "four hours", sampling: minutely, hours: true},
		{name: "four days of histories of ten minutes", sampling: func(uint64) Sampling { return TenMinutes() }},
		{name: "four days of histories of hours", sampling: func(uint64) Sampling { return Hours() }},
		{name: "four days of polls every ten minutes", sampling: func(seed uint64) Sampling {
			return Sampling{Every: 10 * time.Minute, Phase: time.Duration(seed*137%600) * time.Second}
		}},
		{name: "four days where faults act otherwise", sampling: minutely, strange: true},
		{name: "four hours where faults act otherwise", sampling: minutely, hours: true, strange: true},
	}
}

// weeks are the rows of orgs, five days each, that were collected.
type weeks map[string]*Rows

// splits are what a variant learns from and judges: four days, or four hours of the last of
// them, and the fifth day.
func (w weeks) splits(b *testing.B, v variant) []split {
	b.Helper()
	monday := time.Date(2026, 11, 16, 0, 0, 0, 0, time.UTC)
	friday := monday.AddDate(0, 0, 4)
	var out []split
	from, to := seeds(b)
	for seed := from; seed <= to; seed++ {
		cfg := Large(seed)
		if v.strange {
			cfg.Seed += strangeBy
			cfg.Physics = cfg.Seed
		}
		sampling := v.sampling(seed)
		key := fmt.Sprint(cfg, sampling)
		if w[key] == nil {
			made, err := world.New(cfg)
			if err != nil {
				b.Fatal(err)
			}
			w[key] = Collect(made, made.Orgs[seed%2], monday, friday.AddDate(0, 0, 1), sampling)
			w[key].Of = make([]*world.Leg, w[key].Len()) // let the world go
		}
		rows := w[key]
		at := rows.begin(friday)
		learn, judge := rows.Slice(0, at), rows.Slice(at, rows.Len())
		if v.hours {
			noon := friday.Add(-12 * time.Hour)
			learn = learn.Slice(learn.begin(noon), learn.begin(noon.Add(4*time.Hour)))
		}
		out = append(out, split{learn, judge})
	}
	return out
}

// begin is the first row of the first meeting that begins then or later.
func (r *Rows) begin(at time.Time) int {
	for i, start := range r.StartAt {
		if start >= at.Unix() && (i == 0 || r.Leg[i] != r.Leg[i-1]) {
			return i
		}
	}
	return r.Len()
}

// BenchmarkExplain prints how often explanations of bad minutes name the true cause, and
// how fast they are: bucket, top feature, true feature among the first two.
func BenchmarkExplain(b *testing.B) {
	made, err := factory.Model()
	if err != nil {
		b.Fatal(err)
	}
	collected := weeks{}
	for _, v := range variants() {
		b.Run(v.name, func(b *testing.B) {
			for range b.N {
				compare(b, v.name, collected.splits(b, v), made)
			}
		})
	}
	b.Run("speed", func(b *testing.B) {
		for range b.N {
			timings(b, collected.splits(b, variants()[0]))
		}
	})
}

// compare scores every way of guessing on the same rows.
func compare(b *testing.B, title string, splits []split, made *explain.Model) {
	b.Helper()
	depths := []int{6, 1} // of XGBoost's trees
	own, prior, shipped := &column{name: "own data alone"}, &column{name: "own data + factory"}, &column{name: "factory alone"}
	byLimit, byZ := &column{name: "thresholds"}, &column{name: "largest z-score"}
	var trees []*column
	for _, depth := range depths {
		trees = append(trees, &column{name: fmt.Sprintf("XGBoost depth %d", depth)})
	}
	var sure, doubtful Score
	var errs, base float64
	var n int
	var rows int
	for _, s := range splits {
		rows += s.learn.Len()
		model, err := explain.Train(&s.learn.Minutes, explain.Options{Thresholds: thresholds(), Seed: 1})
		if err != nil {
			b.Fatal(err)
		}
		better, err := explain.Train(&s.learn.Minutes, explain.Options{Thresholds: thresholds(), Seed: 1, Prior: made})
		if err != nil {
			b.Fatal(err)
		}
		verdicts := model.Judge(nil, &s.judge.Minutes, thresholds())
		for c, m := range map[*column]*explain.Model{own: model, prior: better, shipped: made} {
			for i, v := range m.Judge(nil, &s.judge.Minutes, thresholds()) {
				if v.Bad {
					c.add(GuessOf(&v), s.judge.Cause[i])
				}
				if c == prior && v.Bad && v.Bucket != correlate.BucketUnknown {
					addByConfidence(&sure, &doubtful, &v, s.judge.Cause[i])
				}
			}
		}
		z := NewZScores(&s.learn.Minutes, thresholds())
		var bad []int
		for i := range verdicts {
			if verdicts[i].Bad {
				bad = append(bad, i)
				byLimit.add(ByThresholds(&s.judge.Minutes, i), s.judge.Cause[i])
				byZ.add(z.Guess(&s.judge.Minutes, i), s.judge.Cause[i])
			}
		}
		for row := range s.judge.Len() {
			for d := range 4 {
				t := explain.Target(3 * d)
				if got := float64(s.judge.Media[t][row]); got == got {
					c := model.Explain(&s.judge.Minutes, row, t, thresholds())
					errs += max(got-c.Predicted, c.Predicted-got)
					base += max(got-c.Expected, c.Expected-got)
					n++
				}
			}
		}
		for i, depth := range depths {
			runXGBoost(b, trees[i], s, verdicts, bad, depth, map[int]int{6: 100, 1: 200}[depth])
		}
	}
	columns := []*column{own, prior, shipped, byLimit, byZ}
	for _, c := range trees {
		if c.all.Rows > 0 {
			columns = append(columns, c)
		}
	}
	table(b, fmt.Sprintf("%s (%d minutes an org); each: bucket, top feature, one of top two", title, rows/len(splits)), columns)
	b.Logf("own data + factory, buckets named with a confidence of 0.9 and more: %s right of %d; with less: %s right of %d",
		ratio(sure.Bucket, sure.Rows), sure.Rows, ratio(doubtful.Bucket, doubtful.Rows), doubtful.Rows)
	b.Logf("mean absolute error of latency over all minutes and directions: %.2f ms, of what is expected alone %.2f ms", errs/float64(n), base/float64(n))
}

func addByConfidence(sure, doubtful *Score, v *explain.Verdict, cause world.Cause) {
	for _, a := range Answers() {
		switch {
		case a.Cause != cause:
		case v.Confidence >= 0.9:
			sure.Add(GuessOf(v), a)
		default:
			doubtful.Add(GuessOf(v), a)
		}
	}
}

// timings measures on one core, by processor time.
func timings(b *testing.B, splits []split) {
	b.Helper()
	whole := &Rows{}
	for whole.Len() < 200_000 {
		for _, s := range splits {
			if whole.Len() < 200_000 {
				whole.Append(s.learn)
			}
		}
	}
	whole = whole.Slice(0, 200_000)
	begin := processorTime(b)
	model, err := explain.Train(&whole.Minutes, explain.Options{Thresholds: thresholds(), Seed: 1})
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("training on %d minutes: %.1f s of one core", whole.Len(), (processorTime(b) - begin).Seconds())

	var shown explain.Troubleshoot
	best := time.Hour
	for range 5 {
		begin = processorTime(b)
		for row := range whole.Len() {
			model.Troubleshoot(&shown, &whole.Minutes, row)
		}
		best = min(best, processorTime(b)-begin)
	}
	b.Logf("explaining a minute in all directions and its log-odds: %.2f million minutes/s of one core", float64(whole.Len())/best.Seconds()/1e6)
	var verdicts []explain.Verdict
	begin = processorTime(b)
	verdicts = model.Judge(verdicts, &whole.Minutes, thresholds())
	took := processorTime(b) - begin
	b.Logf("judging %d minutes, the bad ones in full: %.2f million minutes/s of one core", len(verdicts), float64(len(verdicts))/took.Seconds()/1e6)
}

func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
