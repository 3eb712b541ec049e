package explain

import (
	"fmt"

	"callweave/internal/correlate"
)

// Target is a metric of a medium in a direction: one measured number of a minute.
type Target uint8

// NumTargets is the number of targets: four directions of three metrics.
const NumTargets = 12

const (
	numDirections = 4
	numMetrics    = 3
)

// TargetOf names a target; ok is false where either name is of none.
func TargetOf(direction correlate.Direction, metric correlate.Metric) (Target, bool) {
	for t := range Target(NumTargets) {
		if t.Direction() == direction && t.Metric() == metric {
			return t, true
		}
	}
	return 0, false
}

// Direction is the medium and the direction of a target.
func (t Target) Direction() correlate.Direction {
	return [...]correlate.Direction{correlate.AudioIn, correlate.AudioOut, correlate.VideoIn, correlate.VideoOut}[t/numMetrics]
}

// Metric is what is measured.
func (t Target) Metric() correlate.Metric {
	return [...]correlate.Metric{correlate.Latency, correlate.Jitter, correlate.Loss}[t%numMetrics]
}

// limit is the threshold of a target.
func (t Target) limit(of correlate.Thresholds) float32 {
	return [...]float32{of.LatencyMS, of.JitterMS, of.LossRatio}[t%numMetrics]
}

// Others is what became of the other legs of the meeting in the same minute, whoever
// they were: only those count that had audio or video to measure.
type Others struct {
	Legs    int16
	Bad     int16
	Near    int16 // of Legs, on the leg's own site or behind its public address
	NearBad int16
}

// Minutes are call minutes by column. All columns that are not nil have one length. The
// rows of one leg are adjacent and in the order of time: what a leg is like as a whole
// is told from them.
type Minutes struct {
	Leg     []int64                // anything that tells legs apart
	StartAt []int64                // seconds since 1970
	Place   []string               // where the path begins and ends, as "site/data center"; nil or "" where unknown
	Feature [NumFeatures][]float32 // NaN where unknown; a nil column is unknown throughout
	Media   [NumTargets][]float32  // as measured: ms, or a ratio for loss; NaN where there was none
	Others  []Others               // nil where unknown
	Weight  []float32              // of rows in training; nil for equal ones
}

// Len is the number of rows.
func (m *Minutes) Len() int { return len(m.Leg) }

// Validate says what is wrong with the columns.
func (m *Minutes) Validate() error {
	n := m.Len()
	check := func(name string, length int, required bool) error {
		if length == n || length == 0 && !required {
			return nil
		}
		return fmt.Errorf("column %s has %d rows, want %d", name, length, n)
	}
	if err := check("start_at", len(m.StartAt), true); err != nil {
		return err
	}
	for f, column := range m.Feature {
		if err := check(Feature(f).String(), len(column), false); err != nil {
			return err
		}
	}
	for t, column := range m.Media {
		target := Target(t)
		if err := check(string(target.Direction())+" "+string(target.Metric()), len(column), false); err != nil {
			return err
		}
	}
	for name, length := range map[string]int{"place": len(m.Place), "others": len(m.Others), "weight": len(m.Weight)} {
		if err := check(name, length, false); err != nil {
			return err
		}
	}
	return nil
}
