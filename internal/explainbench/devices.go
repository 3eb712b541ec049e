package explainbench

import (
	"net/netip"
	"slices"
	"time"

	"callweave/internal/correlate"
	"callweave/internal/macaddr"
	"callweave/internal/measure"
	"callweave/internal/network"
	"callweave/internal/secret"
	"callweave/internal/world"
)

// observed is what the collector has of an org's network for some time, and the history
// that names its rows by their position.
type observed struct {
	leases  []correlate.Lease
	clients []network.ClientSample
	radios  []network.RadioSample
	wans    []network.WANSample
	history *correlate.History

	apClients map[apMoment]float64
}

type apMoment struct {
	ap       macaddr.Addr
	from, to int64
}

// observe collects [from, to) of an org as internal/collect would: by polls, or, for a
// past before the first poll, from histories of ten minutes. The clients are those that
// legs were matched with, each for the time of its legs.
func (s *sampler) observe(clients map[macaddr.Addr][]correlate.Stay, from, to time.Time) *observed {
	o := &observed{leases: s.leases, apClients: map[apMoment]float64{}}
	for _, site := range s.org.Sites {
		s.uplink(o, site, from, to)
		for _, ap := range site.APs {
			for _, band := range []world.Band{world.Band24, world.Band5, world.Band6} {
				s.radio(o, ap, band, from, to)
			}
		}
	}
	for mac, stays := range clients {
		client, ok := s.world.Client(mac)
		if !ok {
			continue
		}
		for _, stay := range stays {
			s.client(o, client, stay)
		}
	}
	o.index(clients)
	return o
}

func (s *sampler) polls(from, to time.Time, visit func(at time.Time)) {
	at := from.Truncate(s.Every).Add(s.Phase)
	for ; !at.After(to.Add(2 * s.Every)); at = at.Add(s.Every) {
		visit(at)
	}
}

func (s *sampler) cadence() network.Cadence { return network.Cadence{Every: s.Every} }

func (s *sampler) client(o *observed, c *world.Client, stay correlate.Stay) {
	if s.Histories {
		s.intervals(stay.JoinAt, stay.LeaveAt, func(begin time.Time) {
			value := s.mean(begin, 2, func(at time.Time) (float64, bool) {
				state, ok := s.world.ClientAt(c, at)
				return float64(state.RSSIDBm), ok && state.AP != nil && state.AP.Site.ID == stay.SiteID
			})
			if value.Known() {
				o.clients = append(o.clients, network.ClientSample{SiteID: stay.SiteID, MAC: c.MAC, From: begin, To: begin.Add(s.Every), RSSIDBm: value})
			}
		})
		return
	}
	if c.Wired {
		return // the cloud has no statistics of wired clients
	}
	var track network.Track
	s.polls(stay.JoinAt.Add(-2*s.Every), stay.LeaveAt, func(at time.Time) {
		state, ok := s.world.ClientAt(c, at)
		if !ok {
			return
		}
		step := s.cadence().Client(track, snapshot(c, state, at))
		track = step.Track
		if step.Sample != nil {
			o.clients = append(o.clients, *step.Sample)
		}
	})
}

// snapshot is a row of the network's client statistics.
func snapshot(c *world.Client, state world.ClientState, at time.Time) network.ClientSnapshot {
	snap := network.ClientSnapshot{
		MAC: c.MAC, ObservedAt: at, IP: state.IP, AssociatedAt: state.AssocAt,
		TxBytes: network.CounterOf(state.TxBytes), RxBytes: network.CounterOf(state.RxBytes),
	}
	snap.SiteID, snap.DeviceMAC, snap.Band, snap.Proto = state.AP.Site.ID, state.AP.MAC, network.Band(state.Band), c.Proto
	snap.Channel, snap.RSSIDBm = measure.Of(float64(state.Channel)), measure.Of(float64(state.RSSIDBm))
	snap.TxRateMbps, snap.RxRateMbps = measure.Of(state.TxRateMbps), measure.Of(state.RxRateMbps)
	snap.TxRetries, snap.RxRetries = network.CounterOf(state.TxRetries), network.CounterOf(state.RxRetries)
	return snap
}

func (s *sampler) radio(o *observed, ap *world.AP, band world.Band, from, to time.Time) {
	if s.Histories {
		s.intervals(from, to, func(begin time.Time) {
			util := s.mean(begin, 0, func(at time.Time) (float64, bool) {
				return float64(s.world.RadioAt(ap, band, at).UtilAll), true
			})
			o.radios = append(o.radios, network.RadioSample{From: begin, To: begin.Add(s.Every), Radio: network.RadioSnapshot{
				DeviceMAC: ap.MAC, Band: network.Band(band), UtilRatio: measure.Of(util.Or(0) / 100),
			}})
		})
		return
	}
	var before network.RadioSnapshot
	s.polls(from, to, func(at time.Time) {
		r := s.world.RadioAt(ap, band, at)
		now := network.RadioSnapshot{
			SiteID: ap.Site.ID, DeviceMAC: ap.MAC, Band: network.Band(band), ObservedAt: at,
			Channel: measure.Of(float64(r.Channel)), BandwidthMHz: measure.Of(float64(r.BandwidthMHz)),
			TxPowerDBm: measure.Of(float64(r.PowerDBm)), Clients: measure.Of(float64(r.NumClients)),
			UtilRatio: measure.Of(float64(r.UtilAll) / 100), UtilNonWiFiRatio: measure.Of(float64(r.UtilNonWiFi) / 100),
		}
		if sample, ok := s.cadence().Radio(before, now); ok {
			o.radios = append(o.radios, sample)
			o.apClients[apMoment{ap.MAC, sample.From.Unix(), sample.To.Unix()}] += float64(r.NumClients)
		}
		before = now
	})
}

func (s *sampler) uplink(o *observed, site *world.Site, from, to time.Time) {
	if s.Histories {
		s.intervals(from, to, func(begin time.Time) {
			read := func(of func(world.WANState) float64) measure.Value {
				return s.mean(begin, 2, func(at time.Time) (float64, bool) { return of(s.world.WANAt(site, at)), true })
			}
			loss := read(func(w world.WANState) float64 { return w.LossPercent })
			o.wans = append(o.wans, network.WANSample{From: begin, To: begin.Add(s.Every), WAN: network.WANSnapshot{
				SiteID: site.ID, Up: true, LatencyMS: read(func(w world.WANState) float64 { return w.RTTMS }),
				JitterMS: read(func(w world.WANState) float64 { return w.JitterMS }), LossRatio: measure.Of(loss.Or(0) / 100),
			}})
		})
		return
	}
	var before network.WANSnapshot
	s.polls(from, to, func(at time.Time) {
		u := s.world.WANAt(site, at)
		now := network.WANSnapshot{
			SiteID: site.ID, DeviceMAC: site.Gateway.MAC, Port: site.Gateway.Port, ObservedAt: at, Up: true,
			LatencyMS: measure.Of(u.RTTMS), JitterMS: measure.Of(u.JitterMS), LossRatio: measure.Of(u.LossPercent / 100),
			DownloadMbps: measure.Of(u.DownloadMbps), UploadMbps: measure.Of(u.UploadMbps),
		}
		if sample, ok := s.cadence().WAN(before, now); ok {
			o.wans = append(o.wans, sample)
		}
		before = now
	})
}

// intervals visits the whole intervals that overlap [from, to).
func (s *sampler) intervals(from, to time.Time, visit func(begin time.Time)) {
	for at := from.Truncate(s.Every); at.Before(to); at = at.Add(s.Every) {
		visit(at)
	}
}

// mean is that of the interval that begins then, rounded as Mist's histories are.
func (s *sampler) mean(begin time.Time, decimals int, at func(time.Time) (float64, bool)) measure.Value {
	step := time.Minute
	if s.Every > 10*time.Minute {
		step = 5 * time.Minute
	}
	sum, n := 0.0, 0.0
	for moment := begin; moment.Before(begin.Add(s.Every)); moment = moment.Add(step) {
		if value, ok := at(moment); ok {
			sum, n = sum+value, n+1
		}
	}
	if n == 0 {
		return measure.Value{}
	}
	return measure.Of(round(sum/n, decimals))
}

func (o *observed) index(clients map[macaddr.Addr][]correlate.Stay) {
	var spans correlate.Devices
	for _, l := range o.leases {
		if clients[l.MAC] != nil {
			spans.Leases = append(spans.Leases, l)
		}
	}
	for _, c := range o.clients {
		span := correlate.ClientSpan{MAC: c.MAC, Band: string(c.Band), From: c.From, To: c.To}
		if !c.Wired {
			span.AP = c.DeviceMAC
		}
		spans.Clients = append(spans.Clients, span)
	}
	for _, r := range o.radios {
		spans.Radios = append(spans.Radios, correlate.RadioSpan{AP: r.Radio.DeviceMAC, Band: string(r.Radio.Band), From: r.From, To: r.To})
	}
	for _, u := range o.wans {
		spans.WANs = append(spans.WANs, correlate.WANSpan{SiteID: u.WAN.SiteID, Gateway: u.WAN.DeviceMAC, Port: u.WAN.Port, From: u.From, To: u.To})
	}
	o.history = correlate.NewHistory(spans)
}

func sitesOf(org *world.Org) []correlate.Site {
	var sites []correlate.Site
	for _, s := range org.Sites {
		sites = append(sites, correlate.Site{ID: s.ID, PublicIPs: []netip.Addr{s.PublicIP}, Subnets: []netip.Prefix{s.Subnet.Masked()}})
	}
	return sites
}

// leasesOf are an org's leases as finished sessions and searches tell them.
func leasesOf(w *world.World, org *world.Org, from, to time.Time) []correlate.Lease {
	var leases []correlate.Lease
	for _, site := range org.Sites {
		addresses := map[macaddr.Addr][]world.Lease{}
		for _, l := range w.Leases(site, from, to) {
			addresses[l.Client.MAC] = append(addresses[l.Client.MAC], l)
			if l.Client.Wired {
				leases = append(leases, correlate.Lease{
					MAC: l.Client.MAC, SiteID: site.ID, IP: l.IP, Hostname: secret.New(l.Client.Hostname), Wired: true,
					Source: correlate.SourceSearch, From: l.From, To: l.To,
				})
			}
		}
		for _, session := range w.Sessions(site, from, to) {
			lease := correlate.Lease{
				MAC: session.Client.MAC, SiteID: site.ID, Hostname: secret.New(session.Client.Hostname),
				AP: session.AP.MAC, Band: string(session.Band), Source: correlate.SourceSession, From: session.ConnectAt, To: session.DisconnectAt,
			}
			of := addresses[session.Client.MAC]
			if i := slices.IndexFunc(of, func(l world.Lease) bool {
				return !l.From.After(session.ConnectAt) && l.To.After(session.ConnectAt)
			}); i >= 0 {
				lease.IP = of[i].IP
			}
			leases = append(leases, lease)
		}
	}
	return leases
}

func legOf(l *world.Leg) correlate.Leg {
	media := map[string]correlate.Medium{"Wired": correlate.MediumWired, "Wifi": correlate.MediumWireless, "Cellular": correlate.MediumCellular}
	return correlate.Leg{
		JoinAt: l.JoinAt, LeaveAt: l.LeaveAt, MAC: l.MAC, PublicIP: l.PublicIP, PrivateIPs: []netip.Addr{l.PrivateIP},
		Hostname: secret.New(l.Hostname), Medium: media[l.Network], Guest: l.Person == nil,
	}
}
