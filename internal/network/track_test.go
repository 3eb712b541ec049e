package network_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"callweave/internal/macaddr"
	"callweave/internal/measure"
	"callweave/internal/network"
	"callweave/internal/secret"
)

var (
	start   = time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC)
	site    = uuid.MustParse("1f6c3f0a-0000-4000-8000-000000000001")
	client  = macaddr.Addr{0x5c, 0x5b, 0x35, 0, 0, 1}
	ap1     = macaddr.Addr{0x5c, 0x5b, 0x35, 1, 0, 1}
	ap2     = macaddr.Addr{0x5c, 0x5b, 0x35, 1, 0, 2}
	addr1   = netip.MustParseAddr("10.0.0.7")
	addr2   = netip.MustParseAddr("10.0.0.8")
	cadence = network.Cadence{Every: time.Minute}
	unknown = measure.Value{}
)

func after(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }

// snapshot is the client at a second, associated with an access point at another.
func snapshot(at, associated int, ap macaddr.Addr, ip netip.Addr, retries int64) network.ClientSnapshot {
	return network.ClientSnapshot{
		SiteID: site, MAC: client, ObservedAt: after(at), AssociatedAt: after(associated),
		DeviceMAC: ap, Band: network.Band5, SSID: "office", IP: ip, Hostname: secret.New("laptop"),
		RSSIDBm: measure.Of(-60), TxRetries: network.CounterOf(retries),
	}
}

func TestClientTrack(t *testing.T) {
	t.Parallel()
	type lease struct {
		IP       netip.Addr
		AP       macaddr.Addr
		From, To int // seconds after start
	}
	type sample struct {
		From, To int
		Retries  measure.Value
	}
	noAssociation := func(s network.ClientSnapshot) network.ClientSnapshot {
		s.AssociatedAt = time.Time{}
		return s
	}
	tests := map[string]struct {
		snapshots []network.ClientSnapshot
		leases    []lease  // ended ones, then the running one
		samples   []sample // one per snapshot that taught something
	}{
		"associated long before the first snapshot": {
			[]network.ClientSnapshot{snapshot(0, -3600, ap1, addr1, 900)},
			[]lease{{addr1, ap1, -3600, 0}},
			[]sample{{-60, 0, unknown}},
		},
		"associated within the first interval counts from its start": {
			[]network.ClientSnapshot{snapshot(0, -20, ap1, addr1, 9)},
			[]lease{{addr1, ap1, -20, 0}},
			[]sample{{-20, 0, measure.Of(9)}},
		},
		"steady": {
			[]network.ClientSnapshot{snapshot(0, -3600, ap1, addr1, 900), snapshot(60, -3600, ap1, addr1, 912), snapshot(125, -3599, ap1, addr1, 912)},
			[]lease{{addr1, ap1, -3600, 125}},
			[]sample{{-60, 0, unknown}, {0, 60, measure.Of(12)}, {60, 125, measure.Of(0)}},
		},
		"not reported again": {
			[]network.ClientSnapshot{snapshot(0, -3600, ap1, addr1, 900), snapshot(0, -3600, ap1, addr1, 900)},
			[]lease{{addr1, ap1, -3600, 0}},
			[]sample{{-60, 0, unknown}},
		},
		"roam starts the counters again": {
			[]network.ClientSnapshot{snapshot(0, -3600, ap1, addr1, 900), snapshot(60, 45, ap2, addr1, 5)},
			[]lease{{addr1, ap1, -3600, 45}, {addr1, ap2, 45, 60}},
			[]sample{{-60, 0, unknown}, {45, 60, measure.Of(5)}},
		},
		"left and came back to the same access point": {
			[]network.ClientSnapshot{snapshot(0, -3600, ap1, addr1, 900), snapshot(60, 30, ap1, addr1, 1000)},
			[]lease{{addr1, ap1, -3600, 30}, {addr1, ap1, 30, 60}},
			[]sample{{-60, 0, unknown}, {30, 60, measure.Of(1000)}},
		},
		"roam dated before the last snapshot has no delta": {
			[]network.ClientSnapshot{snapshot(0, -3600, ap1, addr1, 900), snapshot(60, -10, ap2, addr1, 5)},
			[]lease{{addr1, ap1, -3600, 0}, {addr1, ap2, 0, 60}},
			[]sample{{-60, 0, unknown}, {0, 60, unknown}},
		},
		"counter reset within an association is unknown": {
			[]network.ClientSnapshot{snapshot(0, -3600, ap1, addr1, 900), snapshot(60, -3600, ap1, addr1, 3), snapshot(120, -3600, ap1, addr1, 4)},
			[]lease{{addr1, ap1, -3600, 120}},
			[]sample{{-60, 0, unknown}, {0, 60, unknown}, {60, 120, measure.Of(1)}},
		},
		"new address in the same association": {
			[]network.ClientSnapshot{snapshot(0, -3600, ap1, addr1, 0), snapshot(60, -3600, ap1, addr2, 1)},
			[]lease{{addr1, ap1, -3600, 0}, {addr2, ap1, 0, 60}},
			[]sample{{-60, 0, unknown}, {0, 60, measure.Of(1)}},
		},
		"address learned late, then not repeated": {
			[]network.ClientSnapshot{snapshot(0, -5, ap1, netip.Addr{}, 0), snapshot(60, -5, ap1, addr1, 1), snapshot(120, -5, ap1, netip.Addr{}, 2)},
			[]lease{{addr1, ap1, -5, 120}},
			[]sample{{-5, 0, measure.Of(0)}, {0, 60, measure.Of(1)}, {60, 120, measure.Of(1)}},
		},
		"long gap in one association bridges the lease, not the sample": {
			[]network.ClientSnapshot{snapshot(0, -3600, ap1, addr1, 900), snapshot(1800, -3600, ap1, addr1, 990)},
			[]lease{{addr1, ap1, -3600, 1800}},
			[]sample{{-60, 0, unknown}, {1740, 1800, unknown}},
		},
		"long gap with a new association leaves a hole": {
			[]network.ClientSnapshot{snapshot(0, -3600, ap1, addr1, 900), snapshot(1800, 1000, ap2, addr2, 7)},
			[]lease{{addr1, ap1, -3600, 0}, {addr2, ap2, 1000, 1800}},
			[]sample{{-60, 0, unknown}, {1740, 1800, unknown}},
		},
		"unknown association is trusted over a short gap only": {
			[]network.ClientSnapshot{
				noAssociation(snapshot(0, 0, ap1, addr1, 900)), noAssociation(snapshot(60, 0, ap1, addr1, 905)),
				noAssociation(snapshot(1800, 0, ap1, addr1, 999)),
			},
			[]lease{{addr1, ap1, -60, 60}, {addr1, ap1, 1740, 1800}},
			[]sample{{-60, 0, unknown}, {0, 60, measure.Of(5)}, {1740, 1800, unknown}},
		},
		"association in the future is unknown": {
			[]network.ClientSnapshot{snapshot(0, 500, ap1, addr1, 3)},
			[]lease{{addr1, ap1, -60, 0}},
			[]sample{{-60, 0, unknown}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var track network.Track
			var leases []lease
			var samples []sample
			seconds := func(at time.Time) int { return int(at.Sub(start) / time.Second) }
			add := func(l network.Lease) {
				leases = append(leases, lease{l.IP, l.DeviceMAC, seconds(l.From), seconds(l.To)})
			}
			for _, s := range tt.snapshots {
				step := cadence.Client(track, s)
				if step.Ended != nil {
					add(*step.Ended)
				}
				if step.Sample != nil {
					samples = append(samples, sample{seconds(step.Sample.From), seconds(step.Sample.To), step.Sample.TxRetriesDelta})
				}
				track = step.Track
			}
			add(track.Lease)
			opts := cmp.Options{cmp.AllowUnexported(measure.Value{}), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })}
			if diff := cmp.Diff(tt.leases, leases, opts); diff != "" {
				t.Errorf("leases (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.samples, samples, opts); diff != "" {
				t.Errorf("samples (-want +got):\n%s", diff)
			}
		})
	}
}

// Bytes of a busy client outgrow the precision of a measurement; their difference
// must not.
func TestDeltaOfLargeCounters(t *testing.T) {
	t.Parallel()
	const large = int64(8_515_104_416_123)
	first, second := snapshot(0, -3600, ap1, addr1, 0), snapshot(60, -3600, ap1, addr1, 0)
	first.TxBytes, second.TxBytes = network.CounterOf(large), network.CounterOf(large+77)
	step := cadence.Client(cadence.Client(network.Track{}, first).Track, second)
	if got, _ := step.Sample.TxBytesDelta.Get(); got != 77 {
		t.Errorf("delta is %v, want 77", got)
	}
	if step.Sample.RxBytesDelta.Known() {
		t.Error("delta of an unknown counter is known")
	}
}

func TestRadioSpan(t *testing.T) {
	t.Parallel()
	radio := func(at int) network.RadioSnapshot { return network.RadioSnapshot{ObservedAt: after(at)} }
	tests := map[string]struct {
		previous, current network.RadioSnapshot
		from              time.Time
		ok                bool
	}{
		"first":       {network.RadioSnapshot{}, radio(0), after(-60), true},
		"next":        {radio(0), radio(65), after(0), true},
		"after a gap": {radio(0), radio(600), after(540), true},
		"silent":      {radio(60), radio(60), time.Time{}, false},
	}
	for name, tt := range tests {
		sample, ok := cadence.Radio(tt.previous, tt.current)
		if ok != tt.ok || ok && (!sample.From.Equal(tt.from) || !sample.To.Equal(tt.current.ObservedAt)) {
			t.Errorf("%s: [%v, %v) %v", name, sample.From, sample.To, ok)
		}
	}
}

func TestPollInterval(t *testing.T) {
	t.Parallel()
	tests := []struct {
		budget   network.Budget
		requests int
		want     time.Duration
	}{
		{network.Budget{Limit: 5000, Period: time.Hour}, 3, time.Minute},         // 180 an hour: the floor
		{network.Budget{Limit: 5000, Period: time.Hour}, 100, 144 * time.Second}, // 25 polls of 100
		{network.Budget{}, 100, time.Minute},
	}
	for _, tt := range tests {
		if got := tt.budget.PollInterval(tt.requests, 0.5, time.Minute); got != tt.want {
			t.Errorf("%+v, %d requests: %v, want %v", tt.budget, tt.requests, got, tt.want)
		}
	}
}
