package explainbench

import (
	"cmp"
	"math"
	"slices"

	"callweave/internal/correlate"
	"callweave/internal/explain"
)

// suffering is the share of other legs, without a network in common where there are any,
// that were bad in the same minute.
func suffering(o explain.Others) float64 {
	if far := o.Legs - o.Near; far > 0 {
		return float64(o.Bad-o.NearBad) / float64(far)
	}
	return float64(o.Bad) / float64(max(1, o.Legs))
}

// limit is a threshold on a feature, as somebody who knows networks sets it.
type limit struct {
	feature explain.Feature
	beyond  float32
	below   bool
}

// limits are tried in this order: first what is of one client, then its radio, then what
// many share. The figures were set on the development worlds to be right as often as
// thresholds can be.
func limits() []limit {
	return []limit{
		{explain.ClientCPU, 85, false},
		{explain.ClientRSSI, -74, true},
		{explain.RadioUtilInterference, 0.2, false},
		{explain.RadioUtil, 0.75, false},
		{explain.WANLoss, 0.012, false},
		{explain.WANJitter, 22, false},
		{explain.WANRTT, 60, false},
	}
}

// ByThresholds guesses by the first limit that is passed; where none is, by the other
// legs, then by the tunnel.
func ByThresholds(m *explain.Minutes, row int) Guess {
	for _, l := range limits() {
		v := m.Feature[l.feature][row]
		if l.below && v < l.beyond || !l.below && v > l.beyond {
			return Guess{l.feature.Bucket(), []explain.Feature{l.feature}}
		}
	}
	switch {
	case m.Others[row].Legs > 0 && suffering(m.Others[row]) >= 0.5:
		return Guess{Bucket: explain.FarEnd}
	case m.Feature[explain.ClientVPNDistance][row] == 1:
		return Guess{explain.Client, []explain.Feature{explain.ClientVPNDistance}}
	}
	return Guess{Bucket: correlate.BucketUnknown}
}

// ZScores are means and deviations of features in good minutes.
type ZScores struct {
	mean, deviation [explain.NumFeatures]float64
	sign            [explain.NumFeatures]float64
}

// judged are the features that z-scores choose from: those of limits, and the uplink's load.
func judged() []explain.Feature {
	features := []explain.Feature{explain.APNumClients, explain.WANAvgDownloadMbps, explain.WANAvgUploadMbps, explain.ClientVPNDistance}
	for _, l := range limits() {
		features = append(features, l.feature)
	}
	return features
}

// NewZScores learns from the good minutes of some rows.
func NewZScores(m *explain.Minutes, thresholds correlate.Thresholds) *ZScores {
	z := &ZScores{}
	for _, f := range judged() {
		z.sign[f] = 1
		if f == explain.ClientRSSI {
			z.sign[f] = -1
		}
		var n, sum, square float64
		for row, value := range m.Feature[f] {
			if v := float64(value); v == v && !IsBad(m, row, thresholds) {
				n, sum, square = n+1, sum+v, square+v*v
			}
		}
		z.mean[f] = sum / max(1, n)
		z.deviation[f] = math.Sqrt(max(1e-12, square/max(1, n)-z.mean[f]*z.mean[f]))
	}
	return z
}

// Guess takes the feature furthest above its mean, in deviations; where none is by three,
// the other legs decide.
func (z *ZScores) Guess(m *explain.Minutes, row int) Guess {
	type ranked struct {
		feature explain.Feature
		z       float64
	}
	var list []ranked
	for _, f := range judged() {
		if v := float64(m.Feature[f][row]); v == v {
			list = append(list, ranked{f, z.sign[f] * (v - z.mean[f]) / z.deviation[f]})
		}
	}
	slices.SortStableFunc(list, func(a, b ranked) int { return cmp.Compare(b.z, a.z) })
	if len(list) < 2 || list[0].z < 3 {
		if m.Others[row].Legs > 0 && suffering(m.Others[row]) >= 0.5 {
			return Guess{Bucket: explain.FarEnd}
		}
		return Guess{Bucket: correlate.BucketUnknown}
	}
	return Guess{list[0].feature.Bucket(), []explain.Feature{list[0].feature, list[1].feature}}
}

// IsBad reports whether a row is beyond a threshold.
func IsBad(m *explain.Minutes, row int, thresholds correlate.Thresholds) bool {
	limits := [...]float32{thresholds.LatencyMS, thresholds.JitterMS, thresholds.LossRatio}
	for t, column := range m.Media {
		if column[row] > limits[t%len(limits)] {
			return true
		}
	}
	return false
}
