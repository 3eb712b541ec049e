package world

import (
	"math"
	"time"
)

func bandIndex(b Band) int {
	switch b {
	case Band24:
		return 0
	case Band6:
		return 2
	default:
		return 1
	}
}

// air is a radio during one minute. Shares are of air time, from 0 to 1.
type air struct {
	clients                    int // of ours
	visitors                   int // of no client we know, while crowded
	tx, rxIn, rxOther, nonWiFi float64
	crowd                      float64 // what a crowd adds to tx, rxIn and rxOther together
	interference               float64 // what an interferer adds to nonWiFi
	noiseFloorDBm              float64
}

func (a air) util() float64 { return a.tx + a.rxIn + a.rxOther + a.nonWiFi + a.crowd + a.interference }

// room is the air time that is left to fill; a medium is never seen quite full.
func (a air) room() float64 { return max(0, 0.97-a.util()) }

// RadioAt returns a radio's state, constant over each UTC minute. NumClients counts
// every device, also visitors who are nobody's Client.
func (w *World) RadioAt(ap *AP, band Band, t time.Time) RadioState {
	unix := t.Unix()
	a := w.air(ap, band, floorDiv(unix, 60))
	percent := func(share float64) int { return int(math.Round(100 * share)) }
	return RadioState{
		Channel:        w.channel(ap, band, unix),
		BandwidthMHz:   bandwidthMHz(band),
		PowerDBm:       []int{8, 14, 17}[bandIndex(band)] + int(ap.key%4),
		NoiseFloorDBm:  int(math.Round(a.noiseFloorDBm)),
		NumClients:     a.clients + a.visitors,
		UtilAll:        percent(a.util()),
		UtilTx:         percent(a.tx + 0.45*a.crowd),
		UtilRxInBSS:    percent(a.rxIn + 0.35*a.crowd),
		UtilRxOtherBSS: percent(a.rxOther + 0.2*a.crowd),
		UtilNonWiFi:    percent(a.nonWiFi + a.interference),
	}
}

func bandwidthMHz(band Band) int { return []int{20, 40, 80}[bandIndex(band)] }

// channel is planned anew every night; radar moves a 5 GHz radio for a while.
func (w *World) channel(ap *AP, band Band, unix int64) int {
	night := floorDiv(unix+ap.Site.offset-3*3600, daySeconds)
	h := hash(ap.key, saltChannel, uint64(bandIndex(band)), uint64(night))
	switch band {
	case Band24:
		return pick(h, []int{1, 6, 11})
	case Band6:
		return pick(h, []int{5, 21, 37, 53, 69, 85})
	}
	if radar, own := episode(ap.key, episodeRadar, 0.05, unix); radar > 0 {
		return pick(own, []int{36, 44, 149, 157})
	}
	return pick(h, []int{36, 44, 52, 60, 100, 108, 116, 132, 149, 157})
}

func (w *World) air(ap *AP, band Band, minute int64) air {
	b := uint64(bandIndex(band))
	load := w.load(ap.Site, minute)
	at := load.at(ap, int(b), minute)
	noise := func(n uint64) float64 {
		return centred(hash(ap.key, saltRadio, b, n, uint64(minute)))
	}
	drift := centred(hash(ap.key, saltRadio, b, uint64(floorDiv(minute, 30)))) // half-hours differ
	neighbours := 0.5 + 1.8*unit(hash(ap.key, saltRadio, b))                   // some APs stand beside other networks
	a := air{
		clients:       at.clients,
		tx:            min(0.16, 0.03+0.006*float64(at.clients)) * (1 + 0.3*noise(1)),
		rxIn:          min(0.10, 0.01+0.004*float64(at.clients)+0.05*min(2, float64(at.weak))) * (1 + 0.3*noise(2)),
		rxOther:       max(0.01, neighbours*[]float64{0.15, 0.09, 0.03}[b]*(1+0.4*drift+0.2*noise(3))),
		nonWiFi:       max(0, []float64{0.04, 0.015, 0.005}[b]*(1+0.5*drift+0.3*noise(4))),
		noiseFloorDBm: []float64{-91, -94, -96}[b] + 1.5*noise(5),
	}
	unix := minute*60 + 30
	if severity, own := episode(ap.key, episodeCrowded, chanceCrowded, unix); severity > 0 && (own%4 == 0) == (b == 2) {
		// A crowd (all hands in the canteen) fills 2.4 and 5 GHz, or, of new devices, 6 GHz.
		a.crowd = min(a.room(), (0.44+0.40*severity)*(1+0.06*noise(6)))
		a.visitors = int(14 + 40*severity + 3*noise(7))
	}
	if severity, own := episode(ap.key, episodeInterference, chanceInterference, unix); severity > 0 && (own%4 != 0) == (b == 1) {
		a.interference = min(a.room(), (0.16+0.42*severity)*(1+0.1*noise(8)))
		a.noiseFloorDBm += 4 + 9*severity
	}
	return a
}

// contention is what a busy medium does: queueing grows without bound as the air
// fills up, and beyond 70 percent retries run out.
func (p *physics) contention(util float64) effect {
	free := 1 - util
	beyond := max(0, util-p.retriesFrom) / 0.30
	return p.felt(forceContention, both(4*util/free, 6*util*util*util/free, 6*beyond*beyond))
}

// disturbance is what energy that is not Wi-Fi does: frames are lost, sent again, and
// arrive late.
func (p *physics) disturbance(nonWiFi float64) effect {
	beyond := max(0, nonWiFi-p.disturbFrom)
	return p.felt(forceDisturbance, both(60*beyond, 110*beyond, 8*beyond))
}

// fading is what a weak signal does. Clients send with less power than APs.
func (p *physics) fading(rssiDBm float64) effect {
	below := max(0, p.fadesBelow-rssiDBm)
	return p.felt(forceFading, both(2.5*below, 2.4*below, 0.2*below).lean(0.9, 1.15))
}
