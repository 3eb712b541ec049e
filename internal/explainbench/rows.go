// Package explainbench shows simulated worlds to package explain as the product's
// pipeline would: media as Zoom reports them, devices as the collector samples them, legs
// matched and minutes joined by package correlate. Nothing of the world's truth is in the
// columns; the true cause of each minute lies beside them, for scores only.
package explainbench

import (
	"math"
	"net/netip"
	"slices"
	"time"

	"github.com/google/uuid"

	"callweave/internal/correlate"
	"callweave/internal/explain"
	"callweave/internal/macaddr"
	"callweave/internal/measure"
	"callweave/internal/world"
)

// Sampling is how an org's network is watched.
type Sampling struct {
	Every     time.Duration // between polls
	Phase     time.Duration // of the polls within Every
	Histories bool          // no polls: means over Every, of few measures
}

// Minutely is how the collector watches: a poll a minute.
func Minutely(phase time.Duration) Sampling { return Sampling{Every: time.Minute, Phase: phase} }

// TenMinutes is what the network still knows of the last day: means of ten minutes.
func TenMinutes() Sampling { return Sampling{Every: 10 * time.Minute, Histories: true} }

// Hours is what it knows of the two weeks before: means of hours.
func Hours() Sampling { return Sampling{Every: time.Hour, Histories: true} }

// Rows are call minutes with their truth.
type Rows struct {
	explain.Minutes
	Cause []world.Cause
	Of    []*world.Leg // what the numbers of Leg stand for
}

// sampler makes the rows of one org.
type sampler struct {
	Sampling
	world  *world.World
	org    *world.Org
	leases []correlate.Lease
	sites  map[uuid.UUID]correlate.Site
	leased map[macaddr.Addr][]netip.Addr
}

// Collect returns the call minutes of an org in the meetings of an account that begin in
// [from, to), day by day as the weaver's batches do.
func Collect(w *world.World, org *world.Org, from, to time.Time, sampling Sampling) *Rows {
	rows := &Rows{}
	for f := range rows.Feature {
		rows.Feature[f] = []float32{}
	}
	for t := range rows.Media {
		rows.Media[t] = []float32{}
	}
	for ; from.Before(to); from = from.AddDate(0, 0, 1) {
		end := from.AddDate(0, 0, 1)
		if end.After(to) {
			end = to
		}
		for _, account := range w.Accounts {
			s := &sampler{
				Sampling: sampling, world: w, org: org, leases: leasesOf(w, org, from.Add(-time.Hour), end.Add(5*time.Hour)),
				sites: map[uuid.UUID]correlate.Site{}, leased: map[macaddr.Addr][]netip.Addr{},
			}
			for _, site := range sitesOf(org) {
				s.sites[site.ID] = site
			}
			for _, l := range s.leases {
				if l.IP.IsValid() {
					s.leased[l.MAC] = append(s.leased[l.MAC], l.IP)
				}
			}
			s.collect(rows, w.MeetingsStarting(account, from, end))
		}
	}
	return rows
}

func (s *sampler) collect(rows *Rows, meetings []*world.Meeting) {
	matcher := correlate.NewMatcher(sitesOf(s.org), s.leases)
	matches := map[*world.Leg]correlate.Match{}
	clients := map[macaddr.Addr][]correlate.Stay{}
	var from, to time.Time
	for _, m := range meetings {
		for _, l := range m.Legs {
			match, ok := matcher.Match(legOf(l))
			if !ok {
				continue
			}
			matches[l] = match
			for _, stay := range match.Stays {
				clients[stay.MAC] = append(clients[stay.MAC], stay)
			}
			if from.IsZero() || l.JoinAt.Before(from) {
				from = l.JoinAt
			}
			if l.LeaveAt.After(to) {
				to = l.LeaveAt
			}
		}
	}
	if len(matches) == 0 {
		return
	}
	seen := s.observe(clients, from.Add(-5*time.Minute), to)
	for _, m := range meetings {
		s.meeting(rows, m, matches, seen)
	}
}

// meeting appends the minutes of a meeting's matched legs.
func (s *sampler) meeting(rows *Rows, m *world.Meeting, matches map[*world.Leg]correlate.Match, seen *observed) {
	if !slices.ContainsFunc(m.Legs, func(l *world.Leg) bool { _, ours := matches[l]; return ours }) {
		return
	}
	minutes := make([][]world.Minute, len(m.Legs))
	first, last := m.StartAt, m.EndAt
	for i, l := range m.Legs {
		for _, minute := range s.world.Minutes(l) {
			if minute.HasMedia() {
				minutes[i] = append(minutes[i], minute)
			}
		}
		if l.JoinAt.Before(first) {
			first = l.JoinAt
		}
		if l.LeaveAt.After(last) {
			last = l.LeaveAt
		}
	}
	far := correlate.NewFarEnd(first.UnixMicro(), last.UnixMicro())
	for i, l := range m.Legs {
		at := correlate.Network{Site: matches[l].SiteID, PublicIP: l.PublicIP}
		for _, minute := range minutes[i] {
			if bad := badness(minute); bad != nil {
				far.Add(at, minute.StartAt.UnixMicro(), minute.StartAt.Add(time.Minute).UnixMicro(), *bad)
			}
		}
	}
	for i, l := range m.Legs {
		if match, ours := matches[l]; ours {
			s.leg(rows, l, minutes[i], match, far, seen)
		}
	}
}

// badness is nil where nothing was measurable.
func badness(minute world.Minute) *bool {
	if !minute.Measurable() {
		return nil
	}
	bad := minute.Bad(world.DefaultThresholds)
	return &bad
}

// leg appends the minutes of a matched leg.
func (s *sampler) leg(rows *Rows, l *world.Leg, minutes []world.Minute, match correlate.Match, far *correlate.FarEnd, seen *observed) {
	at := correlate.Intervals{Join: l.JoinAt.UnixMicro(), Leave: l.LeaveAt.UnixMicro()}
	for _, minute := range minutes {
		at.Start = append(at.Start, minute.StartAt.UnixMicro())
		at.End = append(at.End, minute.StartAt.Add(time.Minute).UnixMicro())
	}
	roams := seen.history.Roams(nil, match.Stays, at)
	network := correlate.Network{Site: match.SiteID, PublicIP: l.PublicIP}
	for k, joined := range seen.history.Join(nil, match.Stays, at) {
		if joined.Stay == correlate.None {
			continue
		}
		o := far.Others(network, at.Start[k], at.End[k], badness(minutes[k]))
		s.row(rows, l, match.Stays[joined.Stay], minutes[k], explain.Others{
			Legs: int16(o.Legs), Bad: int16(o.Bad), Near: int16(o.Near), NearBad: int16(o.NearBad),
		})
		n := len(rows.Leg) - 1
		seen.fill(&rows.Minutes, n, joined)
		if !joined.AP.IsZero() {
			rows.Feature[explain.RadioAPChange][n] = float32(roams[k])
		}
	}
}

// row appends a minute without what the network knew of it.
func (s *sampler) row(rows *Rows, l *world.Leg, stay correlate.Stay, minute world.Minute, others explain.Others) {
	leg := int64(1)
	if n := len(rows.Leg); n > 0 {
		leg = rows.Leg[n-1]
		if rows.Of[n-1] != l {
			leg++
		}
	}
	rows.Of = append(rows.Of, l)
	rows.Leg = append(rows.Leg, leg)
	rows.StartAt = append(rows.StartAt, minute.StartAt.Unix())
	rows.Place = append(rows.Place, stay.SiteID.String()+"/"+l.DataCenter)
	rows.Others = append(rows.Others, others)
	rows.Cause = append(rows.Cause, minute.Cause)
	for f := range rows.Feature {
		rows.Feature[f] = append(rows.Feature[f], nan)
	}
	n := len(rows.Leg) - 1
	rows.Feature[explain.ClientCPU][n] = float32(minute.CPU.SystemMax)
	if tunnelled := correlate.Tunnelled(legOf(l), s.sites[stay.SiteID], s.leased[stay.MAC]); tunnelled != nil {
		rows.Feature[explain.ClientVPNDistance][n] = 0
		if *tunnelled {
			rows.Feature[explain.ClientVPNDistance][n] = 1
		}
	}
	for d, stream := range []world.Stream{minute.AudioIn, minute.AudioOut, minute.VideoIn, minute.VideoOut} {
		values := []float32{nan, nan, nan}
		if stream.Present {
			values = []float32{float32(stream.LatencyMS), float32(stream.JitterMS), float32(stream.LossAvgPercent / 100)}
		}
		for k, value := range values {
			rows.Media[3*d+k] = append(rows.Media[3*d+k], value)
		}
	}
}

//nolint:gochecknoglobals // a constant
var nan = float32(math.NaN())

func short(v measure.Value) float32 {
	if number, ok := v.Get(); ok {
		return float32(number)
	}
	return nan
}

// fill adds what the network knew.
func (o *observed) fill(m *explain.Minutes, n int, joined correlate.Joined) {
	set := func(f explain.Feature, v measure.Value) { m.Feature[f][n] = short(v) }
	if joined.Client != correlate.None {
		c := &o.clients[joined.Client]
		set(explain.ClientRSSI, c.RSSIDBm)
		set(explain.ClientTxRates, c.TxRateMbps)
		set(explain.ClientRxRates, c.RxRateMbps)
		set(explain.ClientTxRetries, c.TxRetriesDelta)
		set(explain.ClientRxRetries, c.RxRetriesDelta)
		set(explain.ClientTxBytes, c.TxBytesDelta)
		set(explain.ClientRxBytes, c.RxBytesDelta)
		set(explain.ClientWiFiVersion, c.WiFiVersion)
		set(explain.ClientNStreams, c.Streams)
	}
	switch joined.Band {
	case "24":
		m.Feature[explain.ClientRadioBand][n] = 2.4
	case "5":
		m.Feature[explain.ClientRadioBand][n] = 5
	case "6":
		m.Feature[explain.ClientRadioBand][n] = 6
	}
	if joined.Radio != correlate.None {
		r := &o.radios[joined.Radio]
		set(explain.RadioChannel, r.Radio.Channel)
		set(explain.RadioBandwidth, r.Radio.BandwidthMHz)
		set(explain.RadioTxPower, r.Radio.TxPowerDBm)
		set(explain.RadioUtil, r.Radio.UtilRatio)
		set(explain.RadioUtilInterference, r.Radio.UtilNonWiFiRatio)
		if clients, ok := o.apClients[apMoment{r.Radio.DeviceMAC, r.From.Unix(), r.To.Unix()}]; ok {
			m.Feature[explain.APNumClients][n] = float32(clients)
		}
	}
	if joined.WAN != correlate.None {
		u := &o.wans[joined.WAN].WAN
		set(explain.WANRTT, u.LatencyMS)
		set(explain.WANJitter, u.JitterMS)
		set(explain.WANLoss, u.LossRatio)
		set(explain.WANAvgDownloadMbps, u.DownloadMbps)
		set(explain.WANAvgUploadMbps, u.UploadMbps)
	}
}

func round(v float64, decimals int) float64 {
	shift := math.Pow10(decimals)
	return math.Round(v*shift) / shift
}

// Slice is the rows from one to another.
func (r *Rows) Slice(from, to int) *Rows {
	out := &Rows{Cause: r.Cause[from:to], Of: r.Of[from:to]}
	out.Leg, out.StartAt, out.Place, out.Others = r.Leg[from:to], r.StartAt[from:to], r.Place[from:to], r.Others[from:to]
	for f := range r.Feature {
		out.Feature[f] = r.Feature[f][from:to]
	}
	for t := range r.Media {
		out.Media[t] = r.Media[t][from:to]
	}
	return out
}

// Large is a world with orgs of 400 people, of about 200,000 call minutes a week each.
func Large(seed uint64) world.Config {
	return world.Config{Seed: seed, Orgs: 2, SitesPerOrg: 3, APsPerSite: 10, Accounts: 1, PeoplePerOrg: 400, MeetingsPerDay: 700}
}

// Append adds the rows of another org or another time.
func (r *Rows) Append(o *Rows) {
	legs := int64(0)
	if n := r.Len(); n > 0 {
		legs = r.Leg[n-1]
	}
	for _, leg := range o.Leg {
		r.Leg = append(r.Leg, legs+leg)
	}
	r.StartAt, r.Place = append(r.StartAt, o.StartAt...), append(r.Place, o.Place...)
	r.Others, r.Cause, r.Of = append(r.Others, o.Others...), append(r.Cause, o.Cause...), append(r.Of, o.Of...)
	for f := range r.Feature {
		r.Feature[f] = append(r.Feature[f], o.Feature[f]...)
	}
	for t := range r.Media {
		r.Media[t] = append(r.Media[t], o.Media[t]...)
	}
}
