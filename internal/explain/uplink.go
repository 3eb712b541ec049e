package explain

import (
	"math"
	"slices"
	"strings"
)

// way is the direction in which media go through the uplink.
type way uint8

const (
	bothWays way = iota
	sent         // by the participant: into the meeting, as Zoom names it
	heard
)

const numWays = int(heard) + 1

// way is that of a target's direction.
func (t Target) way() way {
	if int(t)/numMetrics%2 == 0 {
		return sent
	}
	return heard
}

// uplink is what a site's uplink carries at most while it answers as promptly as it
// usually does: more than that is a queue. Nobody tells us an uplink's capacity.
type uplink struct {
	download, upload float32 // Mbit/s; +Inf where unknown
}

const (
	leastOfUplink = 200  // minutes that tell what an uplink carries
	leastHours    = 24   // that they lie in: what is most in a quiet hour is usual in a busy one
	prompt        = 15   // ms above the median that still are prompt
	beyondPrompt  = 1.05 // of the most that was carried promptly is a queue
)

// siteOf is the site of a place.
func siteOf(place string) string {
	site, _, _ := strings.Cut(place, "/")
	return site
}

// learnUplinks finds what each site's uplink carries while it is prompt.
func learnUplinks(in *Minutes, rows []int32) map[string]uplink {
	uplinks := map[string]uplink{}
	if in.Place == nil || in.Feature[WANRTT] == nil {
		return uplinks
	}
	bySite := map[string][]int32{}
	for _, row := range rows {
		if v := in.at(WANRTT, int(row)); known(v) && in.Place[row] != "" {
			site := siteOf(in.Place[row])
			bySite[site] = append(bySite[site], row)
		}
	}
	for site, of := range bySite {
		hours := map[int64]bool{}
		for _, row := range of {
			hours[in.StartAt[row]/3600] = true
		}
		if len(of) < leastOfUplink || len(hours) < leastHours {
			continue
		}
		rtt := make([]float32, len(of))
		for i, row := range of {
			rtt[i] = in.at(WANRTT, int(row))
		}
		slices.Sort(rtt)
		limit := rtt[len(rtt)/2] + prompt
		var most uplink
		for _, row := range of {
			if in.at(WANRTT, int(row)) > limit {
				continue
			}
			if v := in.at(WANAvgDownloadMbps, int(row)); known(v) {
				most.download = max(most.download, v)
			}
			if v := in.at(WANAvgUploadMbps, int(row)); known(v) {
				most.upload = max(most.upload, v)
			}
		}
		uplinks[site] = uplink{beyondPrompt * most.download, beyondPrompt * most.upload}
	}
	return uplinks
}

// queue says in which direction alone a queue stands before the uplink in a row; bothWays
// where in none, in both, or nobody knows.
func (m *Model) queue(in *Minutes, row int) way {
	if in.Place == nil {
		return bothWays
	}
	u, ok := m.uplinks[siteOf(in.Place[row])]
	if !ok {
		return bothWays
	}
	down, up := in.at(WANAvgDownloadMbps, row), in.at(WANAvgUploadMbps, row)
	switch {
	case u.upload > 0 && up > u.upload && !(down > u.download):
		return sent
	case u.download > 0 && down > u.download && !(up > u.upload):
		return heard
	}
	return bothWays
}

// input is what a column reads of a row.
type input struct {
	feature Feature
	whole   bool // of RadioUtil: where nobody knows how much of it is not Wi-Fi
}

// inputs are what models may read: the features that may be blamed, and utilisation twice.
func inputs() []input {
	var list []input
	for f := range Feature(NumFeatures) {
		if !f.Symptom() {
			list = append(list, input{feature: f})
		}
	}
	return append(list, input{RadioUtil, true})
}

// String names an input: a feature, or what a part of its rows has of it.
func (i input) String() string {
	if i.whole {
		return i.feature.String() + "_whole"
	}
	return i.feature.String()
}

// input is the value that a sum sees of an input, of one way and with the queue of the
// row. Utilisation is what Wi-Fi uses: what is not Wi-Fi has a feature of its own and must
// not be blamed twice. Histories tell only the whole: that does less than as much of Wi-Fi
// where it is interference, and is a column of its own. And where a queue stands in one
// direction, the probe, which goes there and back, says nothing of the other.
func (m *Model) input(in *Minutes, read input, row int, of, queue way) float32 {
	f := read.feature
	v := in.at(f, row)
	switch f {
	case RadioUtil:
		other := in.at(RadioUtilInterference, row)
		switch split := other == other; {
		case split == read.whole:
			return float32(math.NaN())
		case split:
			v -= other
		}
	case WANRTT, WANJitter, WANLoss:
		if of != bothWays && queue != bothWays && of != queue && v == v {
			v = min(v, m.usual[f-WANRTT])
		}
	}
	return v
}

// probed reports whether a feature is what a probe of the uplink measures.
func (f Feature) probed() bool { return f == WANRTT || f == WANJitter || f == WANLoss }

// learnUsual finds the medians of what probes of uplinks measure.
func (m *Model) learnUsual(in *Minutes, rows []int32) {
	for i := range m.usual {
		var values []float32
		for _, row := range rows {
			if v := in.at(WANRTT+Feature(i), int(row)); known(v) {
				values = append(values, v)
			}
		}
		m.usual[i] = float32(math.NaN())
		if len(values) > 0 {
			slices.Sort(values)
			m.usual[i] = values[len(values)/2]
		}
	}
}
