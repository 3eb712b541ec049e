package insight

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"callweave/internal/store/db"
)

// longestLeg bounds the search for the other minutes of a leg: what is farther away says
// nothing of a minute.
const longestLeg = 6 * time.Hour

// legs are minutes among the others of their legs, by leg and time.
type legs struct {
	minutes []db.CallMinute
	place   []int // of a minute in what was asked for, or -1
}

// amongLegs finds what was worst in minutes that are to be judged among the others of their
// legs.
func (e *Explainer) amongLegs(ctx context.Context, work *explaining, open []int) error {
	all, err := e.withLegs(ctx, work, open)
	if err != nil {
		return err
	}
	versions := map[int]map[int64]bool{} // the legs of which a model is asked
	for _, place := range open {
		version := work.versions[place]
		if versions[version] == nil {
			versions[version] = map[int64]bool{}
		}
		versions[version][work.minutes[place].LegID] = true
	}
	for version, of := range versions {
		model, err := e.models.version(ctx, work.org, version)
		if err != nil {
			return fmt.Errorf("explain: %w", err)
		}
		in, rows := newColumns(len(all.minutes)), make([]int, 0, len(all.minutes))
		for row := range all.minutes {
			if m := &all.minutes[row]; of[m.LegID] {
				in.append(m, work.centers[m.LegID])
				rows = append(rows, row)
			}
		}
		verdicts := model.Judge(nil, &in.Minutes, work.thresholds)
		for i, row := range rows {
			place := all.place[row]
			if place >= 0 && work.versions[place] == version && verdicts[i].Bad {
				work.out[place].Worst = work.worst(&verdicts[i], topFeatures(&verdicts[i]))
			}
		}
	}
	return nil
}

// withLegs reads the other minutes of the legs of some.
func (e *Explainer) withLegs(ctx context.Context, work *explaining, open []int) (legs, error) {
	type key struct {
		leg int64
		at  int64
	}
	place := make(map[key]int, len(open))
	asked := make([]db.CallMinute, len(open))
	for i, at := range open {
		asked[i] = work.minutes[at]
		place[key{asked[i].LegID, asked[i].StartAt.UnixMicro()}] = at
	}
	earliest := func(a, b db.CallMinute) int { return a.StartAt.Compare(b.StartAt) }
	from, to := slices.MinFunc(asked, earliest).StartAt, slices.MaxFunc(asked, earliest).StartAt
	read, err := e.store.LegMinutes(ctx, work.org, legsOf(asked), from.Add(-longestLeg), to.Add(longestLeg))
	if err != nil {
		return legs{}, err
	}
	all := legs{minutes: asked, place: slices.Clone(open)}
	for i := range read {
		if _, here := place[key{read[i].LegID, read[i].StartAt.UnixMicro()}]; !here {
			all.minutes, all.place = append(all.minutes, read[i]), append(all.place, -1)
		}
	}
	order := make([]int, len(all.minutes))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		x, y := &all.minutes[a], &all.minutes[b]
		return cmp.Or(cmp.Compare(x.LegID, y.LegID), x.StartAt.Compare(y.StartAt))
	})
	sorted := legs{minutes: make([]db.CallMinute, len(order)), place: make([]int, len(order))}
	for i, at := range order {
		sorted.minutes[i], sorted.place[i] = all.minutes[at], all.place[at]
	}
	return sorted, nil
}

// legsOf lists the legs of minutes, each once.
func legsOf(minutes []db.CallMinute) []int64 {
	ids := make([]int64, len(minutes))
	for i := range minutes {
		ids[i] = minutes[i].LegID
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}
