package insight_test

import (
	"math"
	"testing"
	"time"

	"callweave/internal/correlate"
	"callweave/internal/explain"
	"callweave/internal/explain/factory"
	"callweave/internal/explainbench"
	"callweave/internal/insight"
	"callweave/internal/world"
)

// What make bench-explain says of the product holds only if its rows are the product's: the
// same columns for the same minutes, collected, landed, woven and judged by the product
// itself; so its buckets are right as often.
func TestTheProductSeesWhatTheBenchSees(t *testing.T) {
	t.Parallel()
	cfg := world.Config{Seed: 61, Orgs: 2, SitesPerOrg: 2, APsPerSite: 4, Accounts: 1, PeoplePerOrg: 60, MeetingsPerDay: 130}
	noon := time.Date(2026, 11, 18, 13, 0, 20, 0, time.UTC)
	for _, tt := range []struct {
		name     string
		polls    int // after the first
		every    time.Duration
		lookback time.Duration
		from, to time.Duration // of the meetings, before the first and the last poll
		bench    explainbench.Sampling
	}{
		{"polls every minute", 150, time.Minute, 10 * time.Minute, -2 * time.Minute, 2 * time.Minute, explainbench.Minutely(20 * time.Second)},
		{"polls every ten minutes", 48, 10 * time.Minute, 10 * time.Minute, -20 * time.Minute, 20 * time.Minute, explainbench.Sampling{Every: 10 * time.Minute, Phase: 20 * time.Second}},
		{"histories of a day", 0, time.Minute, 24 * time.Hour, 23*time.Hour + 40*time.Minute, 15 * time.Minute, explainbench.TenMinutes()},
		{"histories of hours", 0, time.Minute, 48 * time.Hour, 42 * time.Hour, 25 * time.Hour, explainbench.Hours()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := watch(t, cfg, noon, tt.every, tt.lookback)
			from := w.now().Add(-tt.from)
			w.poll(t)
			for range tt.polls {
				w.clock.Add(int64(tt.every / time.Second))
				w.poll(t)
			}
			to := w.now().Add(-tt.to)
			var meetings []*world.Meeting
			for _, m := range w.world.MeetingsStarting(w.world.Accounts[0], from, to) {
				if m.EndAt.Before(to) {
					meetings = append(meetings, m)
				}
			}
			w.harvest(t, meetings)
			w.weave(t)
			w.compare(t, meetings, explainbench.Collect(w.world, w.world.Orgs[0], from, to, tt.bench))
		})
	}
}

// compare compares the stored minutes with the bench's, and both verdicts with the truth.
func (w *watched) compare(t *testing.T, meetings []*world.Meeting, bench *explainbench.Rows) {
	t.Helper()
	minutes, centers, of := w.woven(t, meetings)
	in := insight.ColumnsOf(minutes, centers)
	type key struct {
		leg *world.Leg
		at  int64
	}
	rowOf := map[key]int{}
	for row := range bench.Len() {
		rowOf[key{bench.Of[row], bench.StartAt[row]}] = row
	}
	model, err := factory.Model()
	if err != nil {
		t.Fatal(err)
	}
	verdicts := model.Judge(nil, &bench.Minutes, limits)
	byName := map[string]explain.Feature{}
	differ := map[string]int{}
	for f := range explain.Feature(explain.NumFeatures) {
		byName[f.String()] = f
	}
	var product, bought explainbench.Score
	missing := 0
	for i := range minutes {
		row, ok := rowOf[key{of[minutes[i].LegID], minutes[i].StartAt.Unix()}]
		if !ok {
			missing++
			continue
		}
		for f := range in.Feature {
			if !alike(in.Feature[f][i], bench.Feature[f][row]) {
				differ[explain.Feature(f).String()]++
			}
		}
		for m := range in.Media {
			if !alike(in.Media[m][i], bench.Media[m][row]) {
				differ["media"]++
			}
		}
		if in.Others[i] != bench.Others[row] {
			differ["others"]++
		}
		if in.Place[i] != bench.Place[row] {
			differ["place"]++
		}
		if verdicts[row].Bad != (minutes[i].Bad != nil && *minutes[i].Bad) {
			differ["bad"]++
		}
		for _, a := range explainbench.Answers() {
			if a.Cause == bench.Cause[row] && verdicts[row].Bad {
				guess := explainbench.Guess{Bucket: correlate.Bucket(minutes[i].Bucket)}
				for _, name := range minutes[i].TopFeatures {
					guess.Features = append(guess.Features, byName[name])
				}
				product.Add(guess, a)
				bought.Add(explainbench.GuessOf(&verdicts[row]), a)
			}
		}
	}
	t.Logf("%d minutes in %d meetings, %d not in the bench; columns that differ in rows: %v", len(minutes), len(meetings), missing, differ)
	t.Logf("right by the factory's model: %+v of the product, %+v of the bench", product, bought)
	if len(minutes) < 400 || product.Rows < 30 || missing*200 > len(minutes) {
		t.Errorf("%d minutes, %d of them bad with a cause, %d not in the bench: they prove too little", len(minutes), product.Rows, missing)
	}
	for name, rows := range differ {
		if rows*100 > len(minutes) {
			t.Errorf("%s differs in %d of %d minutes", name, rows, len(minutes))
		}
	}
	if off := product.Bucket - bought.Bucket; max(off, -off)*50 > product.Rows {
		t.Errorf("the product has %d of %d buckets right, the bench %d", product.Bucket, product.Rows, bought.Bucket)
	}
}

func alike(a, b float32) bool {
	return a == b || a != a && b != b || math.Abs(float64(a-b)) <= 1e-4*math.Abs(float64(b))
}
