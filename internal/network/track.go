package network

import (
	"time"

	"callweave/internal/measure"
)

// associationJitter is how far two readings of one association's start may differ:
// some networks give it as "now minus uptime", in whole seconds.
const associationJitter = 5 * time.Second

// Track is what is remembered of one client between two polls. The zero Track is a
// client never seen.
type Track struct {
	Last  ClientSnapshot
	Lease Lease // the running one; To is Last.ObservedAt
}

// Step is what one more snapshot of a client taught.
type Step struct {
	Track  Track
	Ended  *Lease // the lease that Track.Lease replaced, with its final To
	Sample *ClientSample
}

// Client advances the track of one client by its current snapshot. A snapshot that
// is not newer than the last one changes nothing.
//
// The lease of an association begins when the client associated; a change of address
// within it is dated to the interval of the snapshot that shows it. A roam hands over without a hole where
// the gap is short enough to be bridged: finished sessions later tell it exactly.
func (c Cadence) Client(track Track, current ClientSnapshot) Step {
	from, ok := c.span(track.Last.ObservedAt, current.ObservedAt)
	if !ok {
		return Step{Track: track}
	}
	if current.AssociatedAt.After(current.ObservedAt) {
		current.AssociatedAt = time.Time{}
	}
	previous := track.Last
	seen := !previous.ObservedAt.IsZero()
	bridged := seen && current.ObservedAt.Sub(previous.ObservedAt) <= c.maxGap()
	same := seen && sameAssociation(previous, current, bridged)

	step := Step{Sample: c.sample(previous, current, from, same && bridged)}
	switch {
	case same && sameAddress(track.Lease, current):
		step.Track.Lease = extend(track.Lease, current)
	case same:
		step.Track.Lease = newLease(current, from)
		step.Ended = &track.Lease
	default:
		begin := from
		if current.AssociatedAt.After(previous.ObservedAt) {
			begin = current.AssociatedAt
		}
		step.Track.Lease = newLease(current, begin)
		if seen {
			ended := track.Lease
			if ended.SiteID == current.SiteID && begin.After(ended.To) && begin.Sub(ended.To) <= c.maxGap() {
				ended.To = begin
			}
			step.Ended = &ended
		}
	}
	step.Track.Last = current
	return step
}

// sample is the current snapshot over its interval. counted says that the previous
// snapshot's counters are of the same association and near enough to subtract.
func (c Cadence) sample(previous, current ClientSnapshot, from time.Time, counted bool) *ClientSample {
	began := !current.AssociatedAt.IsZero() && !current.AssociatedAt.Before(from)
	if began && !counted {
		from = current.AssociatedAt
	}
	if !from.Before(current.ObservedAt) {
		return nil
	}
	delta := func(Counter, Counter) measure.Value { return measure.Value{} }
	switch {
	case counted:
		delta = func(current, previous Counter) measure.Value { return current.since(previous) }
	case began:
		delta = func(current, _ Counter) measure.Value { return current.all() }
	}
	return &ClientSample{
		SiteID: current.SiteID, MAC: current.MAC, DeviceMAC: current.DeviceMAC,
		Wired: current.Wired, Band: current.Band, WiFiVersion: wifiVersion(current.Proto),
		From: from, To: current.ObservedAt,
		Channel: current.Channel, RSSIDBm: current.RSSIDBm, SNRDB: current.SNRDB,
		TxRateMbps: current.TxRateMbps, RxRateMbps: current.RxRateMbps,
		TxBPS: current.TxBPS, RxBPS: current.RxBPS,
		TxRetriesDelta: delta(current.TxRetries, previous.TxRetries),
		RxRetriesDelta: delta(current.RxRetries, previous.RxRetries),
		TxBytesDelta:   delta(current.TxBytes, previous.TxBytes),
		RxBytesDelta:   delta(current.RxBytes, previous.RxBytes),
	}
}

// wifiVersion is the generation that the Wi-Fi Alliance counts ("Generational Wi-Fi"):
// those before 802.11n have no number.
func wifiVersion(proto string) measure.Value {
	version, known := map[string]float64{"n": 4, "ac": 5, "ax": 6, "be": 7}[proto]
	if !known {
		return measure.Value{}
	}
	return measure.Of(version)
}

// sameAssociation reports whether the client never left between the snapshots.
// Without a known start of the association only a bridged gap may be trusted.
func sameAssociation(a, b ClientSnapshot, bridged bool) bool {
	if a.SiteID != b.SiteID || a.DeviceMAC != b.DeviceMAC || a.Port != b.Port || a.Band != b.Band || a.SSID != b.SSID {
		return false
	}
	if a.AssociatedAt.IsZero() || b.AssociatedAt.IsZero() {
		return bridged
	}
	return a.AssociatedAt.Sub(b.AssociatedAt).Abs() <= associationJitter
}

// sameAddress reports whether the snapshot has nothing against the lease's address
// and name: an unknown one is no news.
func sameAddress(l Lease, s ClientSnapshot) bool {
	ip := !l.IP.IsValid() || !s.IP.IsValid() || l.IP == s.IP
	hostname := l.Hostname.IsZero() || s.Hostname.IsZero() || l.Hostname == s.Hostname
	return ip && hostname
}

func newLease(s ClientSnapshot, from time.Time) Lease {
	return Lease{
		SiteID: s.SiteID, MAC: s.MAC, Wired: s.Wired, IP: s.IP,
		Hostname: s.Hostname, Username: s.Username,
		DeviceMAC: s.DeviceMAC, Port: s.Port, SSID: s.SSID, Band: s.Band,
		From: from, To: s.ObservedAt,
	}
}

func extend(l Lease, s ClientSnapshot) Lease {
	if !l.IP.IsValid() {
		l.IP = s.IP
	}
	if l.Hostname.IsZero() {
		l.Hostname = s.Hostname
	}
	if !s.Username.IsZero() {
		l.Username = s.Username
	}
	l.To = s.ObservedAt
	return l
}
