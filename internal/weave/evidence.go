package weave

import (
	"context"
	"net/netip"
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
	others []store.OtherMinute // of legs that were on no network of the org, by leg
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
	for _, site := range sitesOf(sites) {
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
			if some && !legs[i].matched {
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
	for i := range legs {
		at := b.ofLeg[legs[i].LegID]
		for _, o := range b.others[at.from:at.to] {
			far.Add(correlate.Network{PublicIP: public[o.LegID]}, o.StartAt.UnixMicro(), o.EndAt.UnixMicro(), o.Bad)
		}
	}
	for i := range minutes {
		m := &minutes[i]
		o := far.Others(correlate.Network{Site: m.SiteID, PublicIP: public[m.LegID]}, m.StartAt.UnixMicro(), m.EndAt.UnixMicro(), m.Bad)
		m.OtherLegs, m.OtherLegsBad = measure.Of(float64(o.Legs)), measure.Of(float64(o.Bad))
		m.OtherLegsNear, m.OtherLegsNearBad = measure.Of(float64(o.Near)), measure.Of(float64(o.NearBad))
	}
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
	return is
}
