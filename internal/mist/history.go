package mist

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"callweave/internal/macaddr"
	"callweave/internal/measure"
	"callweave/internal/network"
)

// The insight metrics that histories are read from, where the cloud's catalogue has
// them in the scope needed. The public reference shows only num_clients; the others
// are looked for at run time, and a cloud without them offers no such history.
const (
	metricRSSI       = "rssi"        // client, dBm
	metricNumClients = "num_clients" // ap
	metricRadioUtil  = "radio_util"  // ap and band, percent
	metricWANLatency = "wan_latency" // site, ms
	metricWANJitter  = "wan_jitter"  // site, ms
	metricWANLoss    = "wan_loss"    // site, percent
)

// PastClient reads a client's signal. It costs one call for each resolution.
func (s *Source) PastClient(ctx context.Context, siteID uuid.UUID, mac macaddr.Addr, from, to time.Time) ([]network.ClientSample, error) {
	points, err := s.insight(ctx, InsightQuery{SiteID: siteID, Scope: ScopeClient, MAC: mac, Metric: metricRSSI, From: from, To: to})
	if err != nil {
		return nil, err
	}
	samples := make([]network.ClientSample, 0, len(points))
	for _, p := range points {
		samples = append(samples, network.ClientSample{SiteID: siteID, MAC: mac, From: p.From, To: p.To, RSSIDBm: p.Value})
	}
	return samples, nil
}

// PastRadio reads the utilisation of a radio. It costs one call for each resolution.
func (s *Source) PastRadio(ctx context.Context, siteID uuid.UUID, mac macaddr.Addr, band network.Band, from, to time.Time) ([]network.RadioSample, error) {
	points, err := s.insight(ctx, InsightQuery{
		SiteID: siteID, Scope: ScopeDevice, MAC: mac, Metric: metricRadioUtil, Band: band, From: from, To: to,
	})
	if err != nil {
		return nil, err
	}
	samples := make([]network.RadioSample, 0, len(points))
	for _, p := range points {
		samples = append(samples, network.RadioSample{From: p.From, To: p.To, Radio: network.RadioSnapshot{
			SiteID: siteID, DeviceMAC: mac, Band: band, ObservedAt: p.To, UtilRatio: percent(p.Value),
		}})
	}
	return samples, nil
}

// PastWAN reads the latency, jitter and loss of a site's uplink. It costs three calls
// for each resolution.
func (s *Source) PastWAN(ctx context.Context, siteID uuid.UUID, from, to time.Time) ([]network.WANSample, error) {
	type interval struct{ from, to int64 }
	samples := map[interval]*network.WANSample{}
	offered := false
	for _, metric := range []struct {
		name string
		set  func(*network.WANSnapshot, measure.Value)
	}{
		{metricWANLatency, func(w *network.WANSnapshot, v measure.Value) { w.LatencyMS = v }},
		{metricWANJitter, func(w *network.WANSnapshot, v measure.Value) { w.JitterMS = v }},
		{metricWANLoss, func(w *network.WANSnapshot, v measure.Value) { w.LossRatio = percent(v) }},
	} {
		points, err := s.insight(ctx, InsightQuery{SiteID: siteID, Scope: ScopeSite, Metric: metric.name, From: from, To: to})
		if errors.Is(err, network.ErrNotOffered) {
			continue
		}
		if err != nil {
			return nil, err
		}
		offered = true
		for _, p := range points {
			at := interval{p.From.Unix(), p.To.Unix()}
			sample, ok := samples[at]
			if !ok {
				sample = &network.WANSample{From: p.From, To: p.To, WAN: network.WANSnapshot{SiteID: siteID, ObservedAt: p.To, Up: true}}
				samples[at] = sample
			}
			metric.set(&sample.WAN, p.Value)
		}
	}
	if !offered {
		return nil, network.ErrNotOffered
	}
	out := make([]network.WANSample, 0, len(samples))
	for _, sample := range samples {
		out = append(out, *sample)
	}
	slices.SortFunc(out, func(a, b network.WANSample) int { return a.From.Compare(b.From) })
	return out, nil
}

// insight reads a history, each part of its time at the finest resolution that is kept of
// it. It costs one call for each resolution.
func (s *Source) insight(ctx context.Context, q InsightQuery) ([]Point, error) {
	metrics, err := s.catalogue(ctx)
	if err != nil {
		return nil, err
	}
	metric, ok := metrics[q.Metric]
	if !ok || !slices.Contains(metric.Scopes, q.Scope) || len(metric.Resolutions) == 0 {
		return nil, network.ErrNotOffered
	}
	var points []Point
	for _, part := range metric.parts(s.now(), q.From, q.To) {
		q.Resolution, q.From, q.To = part.Name, part.from, part.to
		more, err := s.client.Insight(ctx, q)
		if err != nil {
			return nil, err
		}
		points = append(points, more...)
	}
	return points, nil
}

func (s *Source) catalogue(ctx context.Context) (map[string]Metric, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.metrics == nil {
		metrics, err := s.client.InsightMetrics(ctx)
		if err != nil {
			return nil, err
		}
		s.metrics = metrics
	}
	return s.metrics, nil
}

func percent(v measure.Value) measure.Value {
	number, known := v.Get()
	if !known {
		return v
	}
	return measure.Of(number / 100)
}
