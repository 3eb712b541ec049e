package weave

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/google/uuid"

	"callweave/internal/correlate"
	"callweave/internal/macaddr"
	"callweave/internal/measure"
	"callweave/internal/store"
	"callweave/internal/store/db"
)

// evidence is what tells of minutes beside their own measurements: the other legs of the
// meeting, and where the legs' own addresses are of.
type evidence struct {
	others []store.OtherMinute // of legs that were on no network of the org at some time, by leg
	ofLeg  map[int64]others
	sites  map[uuid.UUID]correlate.Site
	leased map[macaddr.Addr][]netip.Addr
}

// others is where the minutes of a leg are.
type others struct{ from, to int }

// loadEvidence reads how the other legs of the meetings fared in which somebody was
// recognised, as good or bad only.
func (w *Weaver) loadEvidence(ctx context.Context, b *batch, from, to time.Time) error {
	sites, err := w.store.Sites(ctx, b.orgID)
	if err != nil {
		return err
	}
	b.sites = make(map[uuid.UUID]correlate.Site, len(sites))
	for _, site := range sitesOf(sites, from) {
		b.sites[site.ID] = site
	}
	b.leased = make(map[macaddr.Addr][]netip.Addr)
	for i := range b.devices.leases {
		if l := &b.devices.leases[i]; l.Ip != nil {
			mac := macaddr.FromHardware(l.Mac)
			b.leased[mac] = append(b.leased[mac], l.Ip.Unmap())
		}
	}
	var ids []int64
	for _, legs := range b.legs {
		some := false
		for i := range legs {
			some = some || legs[i].matched
		}
		for i := range legs {
			if some && (!legs[i].matched || legs[i].away()) {
				ids = append(ids, legs[i].LegID)
			}
		}
	}
	return w.loadOthers(ctx, b, ids, from, to)
}

// loadOthers reads how some legs fared.
func (w *Weaver) loadOthers(ctx context.Context, b *batch, ids []int64, from, to time.Time) (err error) {
	limits := store.Limits{LatencyMS: b.thresholds.LatencyMS, JitterMS: b.thresholds.JitterMS, LossRatio: b.thresholds.LossRatio}
	if b.others, err = w.store.OtherMinutes(ctx, ids, limits, from, to); err != nil {
		return err
	}
	b.ofLeg = make(map[int64]others, len(ids))
	for i := range b.others {
		at, known := b.ofLeg[b.others[i].LegID]
		if !known {
			at.from = i
		}
		at.to = i + 1
		b.ofLeg[b.others[i].LegID] = at
	}
	return nil
}

// farEnd tells every call minute of a meeting about the other legs.
func (b *batch) farEnd(minutes []db.CallMinute, legs []leg) {
	if len(minutes) == 0 {
		return
	}
	public := make(map[int64]netip.Addr, len(legs))
	for i := range legs {
		if ip := legs[i].PublicIp; ip != nil {
			public[legs[i].LegID] = ip.Unmap()
		}
	}
	// Nobody else's minutes matter than those beside the ones that are woven.
	first, last := minutes[0].StartAt, minutes[0].EndAt
	for i := range minutes {
		if m := &minutes[i]; m.StartAt.Before(first) {
			first = m.StartAt
		} else if m.EndAt.After(last) {
			last = m.EndAt
		}
	}
	far := correlate.NewFarEnd(first.UnixMicro(), last.UnixMicro())
	for i := range minutes {
		if m := &minutes[i]; m.Bad != nil {
			far.Add(correlate.Network{Site: m.SiteID, PublicIP: public[m.LegID]}, m.StartAt.UnixMicro(), m.EndAt.UnixMicro(), *m.Bad)
		}
	}
	here := b.alsoHere(minutes)
	for i := range legs {
		at := b.ofLeg[legs[i].LegID]
		for _, o := range b.others[at.from:at.to] {
			if start := o.StartAt.UnixMicro(); !here[legMinute{o.LegID, start}] {
				far.Add(correlate.Network{PublicIP: public[o.LegID]}, start, o.EndAt.UnixMicro(), o.Bad)
			}
		}
	}
	for i := range minutes {
		m := &minutes[i]
		o := far.Others(correlate.Network{Site: m.SiteID, PublicIP: public[m.LegID]}, m.StartAt.UnixMicro(), m.EndAt.UnixMicro(), m.Bad)
		m.OtherLegs, m.OtherLegsBad = measure.Of(float64(o.Legs)), measure.Of(float64(o.Bad))
		m.OtherLegsNear, m.OtherLegsNearBad = measure.Of(float64(o.Near)), measure.Of(float64(o.NearBad))
	}
}

// legMinute is a minute of a leg, by its start in microseconds since 1970.
type legMinute struct{ leg, start int64 }

// alsoHere are the minutes that tell of themselves, of the legs that are among the others as
// well.
func (b *batch) alsoHere(minutes []db.CallMinute) map[legMinute]bool {
	here := make(map[legMinute]bool)
	for i := range minutes {
		if _, both := b.ofLeg[minutes[i].LegID]; both {
			here[legMinute{minutes[i].LegID, minutes[i].StartAt.UnixMicro()}] = true
		}
	}
	return here
}

// away reports whether a matched leg was on no network of the org for a part of its time.
func (l *leg) away() bool {
	at := l.JoinAt
	for _, stay := range l.match.Stays {
		if stay.JoinAt.After(at) {
			return true
		}
		at = stay.LeaveAt
	}
	return at.Before(l.leaveAt)
}

// tunnelled tells for every stay of a leg whether it went through a tunnel.
func (b *batch) tunnelled(l *leg) []*bool {
	facts := correlate.Leg{PrivateIPs: l.PrivateIps}
	if l.PublicIp != nil {
		facts.PublicIP = *l.PublicIp
	}
	is := make([]*bool, len(l.match.Stays))
	for i, stay := range l.match.Stays {
		is[i] = correlate.Tunnelled(facts, b.sites[stay.SiteID], b.leased[stay.MAC])
	}
	// What Zoom shows is of one moment, of whichever stay. An address that is of no tunnel in
	// one of them is of none in the others; a foreign one may be that of where the leg was
	// outside the org's networks.
	if slices.ContainsFunc(is, func(t *bool) bool { return t != nil && !*t }) {
		for i := range is {
			is[i] = new(false)
		}
	} else if l.away() {
		clear(is)
	}
	return is
}
