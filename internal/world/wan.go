package world

import (
	"math"
	"time"
)

// uplink is a site's WAN during one minute: how it is, and what its faults add.
type uplink struct {
	rttMS, jitterMS, lossPercent float64
	downloadMbps, uploadMbps     float64
	faults                       []influence
}

// WANAt returns a site's uplink as its gateway measures it, constant over each UTC
// minute.
func (w *World) WANAt(s *Site, t time.Time) WANState {
	u := w.uplink(s, floorDiv(t.Unix(), 60))
	round := func(v float64, steps float64) float64 { return math.Round(v*steps) / steps }
	return WANState{
		RTTMS: round(u.rttMS, 10), JitterMS: round(u.jitterMS, 10), LossPercent: round(u.lossPercent, 100),
		DownloadMbps: round(u.downloadMbps, 100), UploadMbps: round(u.uploadMbps, 100),
	}
}

func (w *World) uplink(s *Site, minute int64) uplink {
	noise := func(n uint64) uint64 { return hash(s.key, saltWAN, n, uint64(minute)) }
	people := float64(w.load(s, minute).people[minute-floorDiv(minute, 1440)*1440])
	u := uplink{
		rttMS:        5 + 8*unit(hash(s.key, saltWAN, 2)) + exponential(noise(3)),
		jitterMS:     0.4 + 0.6*exponential(noise(4)),
		lossPercent:  0.02 * exponential(noise(5)),
		downloadMbps: min(0.55*s.downlinkMbps, (1+1.6*people)*(0.6+0.8*unit(noise(6)))),
		uploadMbps:   min(0.55*s.uplinkMbps, (0.4+0.7*people)*(0.6+0.8*unit(noise(7)))),
	}
	unix := minute*60 + 30
	swing := 1 + 0.1*centred(noise(8))
	if v, _ := episode(s.key, episodeWANLatency, chanceWANLatency, unix); v > 0 {
		u.add(CauseWANLatency, both((50+190*v)*swing, 5*v, 0.1*v))
	}
	if v, _ := episode(s.key, episodeWANJitter, chanceWANJitter, unix); v > 0 {
		u.add(CauseWANJitter, both((4+14*v)*swing, (12+60*v)*swing, 0.5*v))
	}
	if v, own := episode(s.key, episodeWANSaturated, chanceWANSaturated, unix); v > 0 {
		full := both((35+150*v)*swing, (8+25*v)*swing, (0.5+5*v)*swing)
		if own%3 > 0 {
			u.uploadMbps = s.uplinkMbps * (0.94 + 0.05*unit(noise(9)))
			u.add(CauseWANSaturated, full.lean(0.15, 1))
		} else {
			u.downloadMbps = s.downlinkMbps * (0.94 + 0.05*unit(noise(9)))
			u.add(CauseWANSaturated, full.lean(1, 0.15))
		}
	}
	return u
}

// add puts a fault on the uplink: a probe there and back feels both directions.
func (u *uplink) add(cause Cause, e effect) {
	u.faults = append(u.faults, influence{cause, e})
	u.rttMS += max(e.latencyMS[heard], e.latencyMS[sent])
	u.jitterMS += max(e.jitterMS[heard], e.jitterMS[sent])
	u.lossPercent += max(e.lossPercent[heard], e.lossPercent[sent])
}
