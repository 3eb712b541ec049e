package insight

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/google/uuid"

	"callweave/internal/explain"
	"callweave/internal/explain/factory"
	"callweave/internal/store"
)

const (
	// learnFrom is how far back minutes teach: networks change, and two weeks hold every
	// weekday twice.
	learnFrom = 14 * 24 * time.Hour
	// maxRows bounds what a training holds in memory, at some 200 bytes a minute.
	maxRows = 400_000
	// keepModels is how long models are kept beside the newest. What an older one had judged
	// keeps its bucket, and is explained by the newest.
	keepModels = 30 * 24 * time.Hour
	// seed chooses the hours that are held out for the scores: the same minutes give the same
	// model, whoever trains.
	seed = 1
)

// Trainer fits models to orgs' call minutes. Safe for concurrent use.
type Trainer struct {
	store   *store.Store
	factory *explain.Model
	now     func() time.Time
}

// NewTrainer builds a trainer. now is the clock, time.Now where it is nil.
func NewTrainer(s *store.Store, now func() time.Time) (*Trainer, error) {
	if now == nil {
		now = time.Now
	}
	fallback, err := factory.Model()
	if err != nil {
		return nil, err
	}
	return &Trainer{store: s, factory: fallback, now: now}, nil
}

// Trained is what a training came to.
type Trained struct {
	Version    int  // 0: too little data, the factory's model goes on
	Factory    bool // what faults do is the factory's: only what good minutes have is the org's own
	Minutes    int
	BadMinutes int
	Scores     map[string]float64 // on minutes that were held out; empty where Version is 0
}

// Train fits a model to an org's call minutes of the last two weeks and keeps it as the
// org's newest. Where they are too few it keeps none. [store.ErrFenced] where an unlinking
// began meanwhile.
func (t *Trainer) Train(ctx context.Context, org uuid.UUID) (Trained, error) {
	row, err := t.store.Org(ctx, org)
	if err != nil {
		return Trained{}, err
	}
	to := t.now().UTC()
	from := to.Add(-learnFrom)
	in, bad := newColumns(0), 0
	token, err := t.store.TrainingMinutes(ctx, org, from, to, maxRows, func(m *store.TrainingMinute) {
		in.append(&m.CallMinute, m.DataCenter)
		if isBad(&m.CallMinute) {
			bad++
		}
	})
	if err != nil {
		return Trained{}, err
	}
	trained := Trained{Minutes: in.Len(), BadMinutes: bad}
	model, err := explain.Train(&in.Minutes, explain.Options{Thresholds: ThresholdsOf(&row), Seed: seed, Prior: t.factory})
	if errors.Is(err, explain.ErrTooLittle) {
		return trained, nil
	}
	if err != nil {
		return trained, fmt.Errorf("org %s: %w", org, err)
	}
	body, err := model.MarshalBinary()
	if err != nil {
		return trained, fmt.Errorf("write model of org %s: %w", org, err)
	}
	trained.Factory, trained.Scores = model.Factory, scoresOf(&model.Scores)
	scores, err := json.Marshal(trained.Scores)
	if err != nil {
		return trained, fmt.Errorf("write scores of org %s: %w", org, err)
	}
	trained.Version, err = t.store.PutModel(ctx, store.TrainedModel{
		OrgID: org, FromAt: from, ToAt: to, Minutes: trained.Minutes, BadMinutes: bad, Scores: scores, Body: body,
	}, token)
	if err != nil {
		return trained, err
	}
	_, err = t.store.DropModels(ctx, org, to.Add(-keepModels))
	return trained, err
}

// scoresOf names the scores with their units. What was not measured is left out.
func scoresOf(s *explain.Scores) map[string]float64 {
	scores := map[string]float64{"held_out": float64(s.HeldOut)}
	put := func(name string, v float64) {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			scores[name] = v
		}
	}
	put("bad_auc", s.BadAUC)
	for t := range explain.Target(explain.NumTargets) {
		name := string(t.Direction()) + "_" + string(t.Metric())
		put(name+"_mae", s.MAE[t])
		put(name+"_mae_of_mean", s.Mean[t])
	}
	return scores
}
