package explainbench

import (
	"testing"
	"time"

	"callweave/internal/explain"
	"callweave/internal/explain/factory"
	"callweave/internal/world"
)

// A world that nothing was tried on: the factory's model names most true causes there,
// and the rows hold what it needs.
func TestFactoryExplainsAnotherWorld(t *testing.T) {
	t.Parallel()
	w, err := world.New(world.Config{Seed: 77, Orgs: 2, SitesPerOrg: 2, APsPerSite: 4, Accounts: 1, PeoplePerOrg: 60, MeetingsPerDay: 150})
	if err != nil {
		t.Fatal(err)
	}
	from := time.Date(2026, 11, 18, 0, 0, 0, 0, time.UTC)
	rows := Collect(w, w.Orgs[0], from, from.AddDate(0, 0, 2), Minutely(40*time.Second))
	if err := rows.Validate(); err != nil {
		t.Fatal(err)
	}
	model, err := factory.Model()
	if err != nil {
		t.Fatal(err)
	}
	if !model.Factory {
		t.Error("the factory's model does not say that it is")
	}
	var score, naive Score
	for i, v := range model.Judge(nil, &rows.Minutes, model.Thresholds) {
		if v.Bad != IsBad(&rows.Minutes, i, model.Thresholds) {
			t.Fatalf("row %d: bad is %v", i, v.Bad)
		}
		for _, a := range Answers() {
			if v.Bad && a.Cause == rows.Cause[i] {
				score.Add(GuessOf(&v), a)
				naive.Add(ByThresholds(&rows.Minutes, i), a)
			}
		}
	}
	t.Logf("%d minutes, %+v; thresholds %+v", rows.Len(), score, naive)
	if score.Rows < 300 || score.Bucket*100 < score.Rows*95 || score.Top*100 < score.Rows*93 {
		t.Errorf("%+v, want 95 %% of the buckets and 93 %% of the features of at least 300", score)
	}
	if score.Bucket < naive.Bucket || score.Top < naive.Top {
		t.Errorf("%+v, and thresholds %+v", score, naive)
	}
	for f, column := range rows.Feature {
		known := 0
		for _, v := range column {
			if v == v {
				known++
			}
		}
		missing := map[explain.Feature]bool{explain.ClientNStreams: true, explain.APRTT: true, explain.SiteNumClients: true}
		if f := explain.Feature(f); (known == 0) != missing[f] {
			t.Errorf("%s is known in %d of %d rows", f, known, rows.Len())
		}
	}
}
