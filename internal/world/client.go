package world

import (
	"math"
	"slices"
	"time"
)

// weak is the severity of a client's weak signal during a minute: somebody sits
// behind a concrete wall.
func (c *Client) weak(minute int64) float64 {
	severity, _ := episode(c.key, episodeWeakSignal, chanceWeakSignal, minute*60+30)
	return severity
}

// rssi is what an AP hears of a client during a minute, and what it would hear
// without the weak-signal fault.
func (c *Client) rssi(ap *AP, band Band, minute int64) (actual, healthy float64) {
	swing := centred(hash(c.key, saltSignal, ap.key, uint64(minute)))
	healthy = -47 - 17*unit(hash(c.key, saltSignal, ap.key)) + 4*swing
	switch band {
	case Band24:
		healthy += 3
	case Band6:
		healthy -= 3
	}
	if severity := c.weak(minute); severity > 0 {
		return -72 - 15*severity + 1.5*swing, healthy
	}
	return healthy, healthy
}

// session finds the association of a wireless client at a moment.
func (w *World) session(c *Client, unix int64) (Session, bool) {
	for i, own := range c.Person.Clients {
		if own != c {
			continue
		}
		for _, s := range w.track(c.Person, c.Person.localDay(unix)).sessions[i] {
			if s.ConnectAt.Unix() <= unix && unix < s.DisconnectAt.Unix() {
				return s, true
			}
		}
	}
	return Session{}, false
}

// ClientAt returns what the network knows of a client at a moment; false while it is
// on no network of an org. Signal and rates hold for the UTC minute; counters only
// grow while AssocAt stays.
func (w *World) ClientAt(c *Client, t time.Time) (ClientState, bool) {
	unix := t.Unix()
	p := c.Person
	day := p.localDay(unix)
	stay, present := w.track(p, day).onAt(slices.Index(p.Clients, c), unix)
	if !present || !c.on(day) {
		return ClientState{}, false
	}
	state := ClientState{IP: c.address(stay.site, day), IdleSeconds: int(hash(c.key, saltTraffic, uint64(unix)) % 6)}
	since := stay.from
	if !c.Wired {
		s, ok := w.session(c, unix)
		if !ok {
			return ClientState{}, false
		}
		since = s.ConnectAt.Unix()
		state.AP, state.Band = s.AP, s.Band
		state.Channel = w.channel(s.AP, s.Band, unix)
		minute := floorDiv(unix, 60)
		l := w.link(c, s, minute)
		state.RSSIDBm, state.SNRDB = int(math.Round(l.rssiDBm)), int(math.Round(l.snrDB))
		state.TxRateMbps, state.RxRateMbps = l.txRateMbps, l.rxRateMbps
	}
	state.AssocAt = unixTime(since)
	w.count(&state, c, since, unix)
	return state, true
}

// link is the radio link of a client during a minute. Tx is from AP to client, as the
// network counts.
type link struct {
	rssiDBm, snrDB         float64
	txRateMbps, rxRateMbps float64
	retryRatio             float64
}

func (w *World) link(c *Client, s Session, minute int64) link {
	rssi, _ := c.rssi(s.AP, s.Band, minute)
	a := w.air(s.AP, s.Band, minute)
	l := link{rssiDBm: rssi, snrDB: rssi - a.noiseFloorDBm}
	l.txRateMbps = rateMbps(c, s.Band, l.snrDB)
	l.rxRateMbps = rateMbps(c, s.Band, l.snrDB-3)
	l.retryRatio = 0.05 + 0.02*unit(hash(c.key, saltSignal, 5, uint64(minute))) +
		0.022*max(0, -70-rssi) + 0.6*max(0, a.nonWiFi+a.interference-0.10) + 0.5*max(0, a.util()-0.70)
	l.retryRatio = min(0.75, l.retryRatio)
	return l
}

// rateMbps is the PHY rate that a signal-to-noise ratio allows: the 1-stream 20 MHz
// rates of IEEE 802.11ax (802.11be for the last two) with 0.8 µs guard interval,
// scaled by width and streams.
func rateMbps(c *Client, band Band, snrDB float64) float64 {
	steps := [...]struct{ snrDB, mbps float64 }{
		{5, 8.6},
		{8, 17.2},
		{10, 25.8},
		{13, 34.4},
		{17, 51.6},
		{21, 68.8},
		{23, 77.4},
		{25, 86},
		{29, 103.2},
		{31, 114.7},
		{34, 129},
		{36, 143.4},
		{39, 154.9},
		{42, 172.1},
	}
	last := map[string]int{"n": 7, "ac": 9, "ax": 11, "be": 13}[c.Proto]
	rate := steps[0].mbps
	for _, step := range steps[:last+1] {
		if snrDB >= step.snrDB {
			rate = step.mbps
		}
	}
	width := []float64{1, 2, 4.2}[bandIndex(band)]
	return math.Round(rate*width*float64(c.Streams)*10) / 10
}

// count sums the traffic of an association up to a moment.
func (w *World) count(state *ClientState, c *Client, since, unix int64) {
	var txBytes, rxBytes, txRetries, rxRetries float64
	calls := w.callsOf(c, since, unix)
	for minute := floorDiv(since, 60); minute*60 < unix; minute++ {
		from, to := max(since, minute*60), min(unix, minute*60+60)
		txBPS, rxBPS := traffic(c, calls, minute)
		seconds := float64(to - from)
		txBytes += txBPS * seconds / 8
		rxBytes += rxBPS * seconds / 8
		if state.AP != nil {
			const frameBits = 1000 * 8
			ratio := w.link(c, Session{AP: state.AP, Band: state.Band}, minute).retryRatio
			txRetries += txBPS * seconds / frameBits * ratio
			rxRetries += rxBPS * seconds / frameBits * ratio
		}
		state.TxBPS, state.RxBPS = int64(txBPS), int64(rxBPS)
	}
	state.TxBytes, state.RxBytes = int64(txBytes), int64(rxBytes)
	state.TxRetries, state.RxRetries = int64(txRetries), int64(rxRetries)
}

// traffic is the bit rate of a client during a minute: little, and more in a call.
func traffic(c *Client, calls []carried, minute int64) (txBPS, rxBPS float64) {
	h := hash(c.key, saltTraffic, uint64(minute))
	txBPS, rxBPS = 30_000*exponential(h), 9_000*exponential(mix(h+1))
	for _, call := range calls {
		if !call.overlaps(span{minute * 60, minute*60 + 60}) {
			continue
		}
		txBPS += 900_000 + 300_000*unit(mix(h+2))
		rxBPS += 90_000
		if call.leg.VideoOn {
			rxBPS += 700_000 + 300_000*unit(mix(h+3))
		}
	}
	return txBPS, rxBPS
}

// carried is a leg for the time that one client carries it.
type carried struct {
	leg *Leg
	span
}

// callsOf returns the legs that a client carries during a span.
func (w *World) callsOf(c *Client, from, to int64) []carried {
	var list []carried
	for day := floorDiv(from, daySeconds) - 1; day <= floorDiv(to, daySeconds); day++ {
		for _, l := range w.day(c.Person.Account, day).legs[c.Person] {
			for _, s := range l.Stays {
				at := span{s.From.Unix(), s.To.Unix()}
				if s.Client == c && at.overlaps(span{from, to}) {
					list = append(list, carried{l, at})
				}
			}
		}
	}
	return list
}
