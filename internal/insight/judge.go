package insight

import (
	"callweave/internal/correlate"
	"callweave/internal/explain"
	"callweave/internal/measure"
	"callweave/internal/store/db"
)

// Judge gives the bad ones of some call minutes their bucket, the features that are most to
// blame and how sure that is, all by one model. The minutes of a leg are all there, adjacent
// and in the order of their time; dataCenters tell where a leg was served from.
func Judge(model *explain.Model, version int, thresholds correlate.Thresholds, minutes []db.CallMinute, dataCenters map[int64]string) {
	j := judging{model: model, version: int32(version), thresholds: thresholds}
	for from := 0; from < len(minutes); {
		to := from + 1
		for to < len(minutes) && minutes[to].LegID == minutes[from].LegID {
			to++
		}
		j.leg(minutes[from:to], dataCenters[minutes[from].LegID])
		from = to
	}
}

// judging keeps what one leg after the other is judged in: legs are short, and many.
type judging struct {
	model      *explain.Model
	version    int32
	thresholds correlate.Thresholds
	columns    *columns
	verdicts   []explain.Verdict
}

func (j *judging) leg(leg []db.CallMinute, dataCenter string) {
	anyBad := false
	for i := range leg {
		anyBad = anyBad || isBad(&leg[i])
	}
	if !anyBad {
		return // as nearly all legs
	}
	if j.columns == nil {
		j.columns = newColumns(len(leg))
	}
	j.columns.clear()
	for i := range leg {
		j.columns.append(&leg[i], dataCenter)
	}
	j.verdicts = j.model.Judge(j.verdicts[:0], &j.columns.Minutes, j.thresholds)
	for i := range j.verdicts {
		minute, verdict := &leg[i], &j.verdicts[i]
		if !isBad(minute) || !verdict.Bad {
			continue
		}
		by := j.version
		minute.Bucket, minute.ModelVersion = string(verdict.Bucket), &by
		minute.Confidence = measure.Of(verdict.Confidence)
		minute.TopFeatures = topFeatures(verdict)
		minute.DetourMs = measure.Value{}
		if tunnelled(minute, verdict.Target) {
			minute.DetourMs = measure.Of(verdict.Detour)
		}
	}
}

func isBad(m *db.CallMinute) bool { return m.Bad != nil && *m.Bad }

// tunnelled reports whether what the leg's tunnel adds is part of what explains a minute.
func tunnelled(m *db.CallMinute, target explain.Target) bool {
	return m.ClientVpn != nil && *m.ClientVpn && target.Metric() == correlate.Latency
}

func topFeatures(v *explain.Verdict) []string {
	names := make([]string, v.NumTop)
	for i := range names {
		names[i] = v.Top[i].String()
	}
	return names
}
