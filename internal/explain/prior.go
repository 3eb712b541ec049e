package explain

import "callweave/internal/correlate"

// prior is what is assumed of a feature where the rows say nothing else, in ms of latency
// or units of the threshold. What a probe of the uplink measures, media on the same way
// feel: one for one.
func prior(f Feature, metric correlate.Metric, value float64, thresholds correlate.Thresholds) float64 {
	switch {
	case f == WANRTT && metric == correlate.Latency:
		return value
	case f == WANJitter && metric == correlate.Jitter:
		return value / float64(thresholds.JitterMS)
	case f == WANLoss && metric == correlate.Loss:
		return value / float64(thresholds.LossRatio)
	}
	return 0
}

// beyond are edges above what the rows hold of a feature of which something is assumed.
func beyond(f Feature, largest float32) []float32 {
	step := map[Feature]float32{WANRTT: 10, WANJitter: 4, WANLoss: 0.004}[f]
	if step == 0 {
		return nil
	}
	var edges []float32
	for i := float32(1); i <= 20; i++ {
		if edge := i * step; edge > largest {
			edges = append(edges, edge)
		}
	}
	return edges
}
