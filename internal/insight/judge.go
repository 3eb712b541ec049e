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
	for from := 0; from < len(minutes); {
		to := from + 1
		for to < len(minutes) && minutes[to].LegID == minutes[from].LegID {
			to++
		}
		judgeLeg(model, version, thresholds, minutes[from:to], dataCenters[minutes[from].LegID])
		from = to
	}
}

func judgeLeg(model *explain.Model, version int, thresholds correlate.Thresholds, leg []db.CallMinute, dataCenter string) {
	anyBad := false
	for i := range leg {
		anyBad = anyBad || isBad(&leg[i])
	}
	if !anyBad {
		return // as nearly all legs
	}
	in := newColumns(len(leg))
	for i := range leg {
		in.append(&leg[i], dataCenter)
	}
	for i, verdict := range model.Judge(nil, &in.Minutes, thresholds) {
		minute := &leg[i]
		if !isBad(minute) || !verdict.Bad {
			continue
		}
		by := int32(version)
		minute.Bucket, minute.ModelVersion = string(verdict.Bucket), &by
		minute.Confidence = measure.Of(verdict.Confidence)
		minute.TopFeatures = topFeatures(&verdict)
	}
}

func isBad(m *db.CallMinute) bool { return m.Bad != nil && *m.Bad }

func topFeatures(v *explain.Verdict) []string {
	names := make([]string, v.NumTop)
	for i := range names {
		names[i] = v.Top[i].String()
	}
	return names
}
