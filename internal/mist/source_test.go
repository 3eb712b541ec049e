package mist_test

import (
	"errors"
	"math"
	"testing"
	"time"

	"callweave/internal/macaddr"
	"callweave/internal/measure"
	"callweave/internal/mist"
	"callweave/internal/network"
	"callweave/internal/world"
	"callweave/internal/world/mistwindow"
)

func near(v measure.Value, want, tolerance float64) bool {
	got, ok := v.Get()
	return ok && math.Abs(got-want) <= tolerance+math.Abs(want)*1e-6
}

func TestSitesHaveTheirAddresses(t *testing.T) {
	t.Parallel()
	b := setup(t, mistwindow.Config{})
	sites, err := b.source.Sites(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(sites) != len(b.org.Sites) {
		t.Fatalf("%d sites, want %d", len(sites), len(b.org.Sites))
	}
	for _, site := range sites {
		truth, _ := b.world.Site(site.ID)
		if site.Name != truth.Name || site.Timezone != truth.Timezone || !near(site.Lat, truth.Lat, 1e-4) ||
			len(site.PublicAddrs) != 1 || site.PublicAddrs[0] != truth.PublicIP ||
			len(site.Subnets) != 1 || site.Subnets[0] != truth.Subnet.Masked() {
			t.Errorf("%+v is not %+v", site, truth)
		}
	}
}

func TestClientsAreThoseOfTheWorld(t *testing.T) {
	t.Parallel()
	b := setup(t, mistwindow.Config{})
	want := map[macaddr.Addr]world.ClientState{}
	for _, lease := range b.present(b.site) {
		if state, ok := b.world.ClientAt(lease.Client, noon); ok && state.AP != nil {
			want[lease.Client.MAC] = state
		}
	}
	got := collect(t, b.source.Clients(t.Context(), b.site.ID))
	if len(got) != len(want) || len(got) == 0 {
		t.Fatalf("%d clients, want %d", len(got), len(want))
	}
	for _, c := range got {
		s := want[c.MAC]
		client, _ := b.world.Client(c.MAC)
		if c.IP != s.IP || c.DeviceMAC != s.AP.MAC || string(c.Band) != string(s.Band) ||
			!near(c.RSSIDBm, float64(s.RSSIDBm), 0) || !near(c.TxRateMbps, s.TxRateMbps, 1e-3) ||
			c.TxRetries != network.CounterOf(s.TxRetries) || c.RxBytes != network.CounterOf(s.RxBytes) ||
			!c.AssociatedAt.Equal(s.AssocAt.Truncate(time.Second)) || !c.ObservedAt.Equal(noon) ||
			c.Hostname.Reveal() != client.Hostname || c.SSID != b.site.SSID || c.Wired {
			t.Errorf("%+v is not %+v", c, s)
		}
	}
}

func TestDevicesAreThoseOfTheWorld(t *testing.T) {
	t.Parallel()
	b := setup(t, mistwindow.Config{})
	devices, err := b.source.Devices(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	aps := map[macaddr.Addr]*world.AP{}
	for _, site := range b.org.Sites {
		for _, ap := range site.APs {
			aps[ap.MAC] = ap
		}
	}
	if len(devices.Radios) < 2*len(aps) || len(devices.WANs) != len(b.org.Sites) {
		t.Fatalf("%d radios of %d access points, %d uplinks", len(devices.Radios), len(aps), len(devices.WANs))
	}
	names := map[macaddr.Addr]network.Device{}
	for _, d := range devices.Named {
		names[d.MAC] = d
	}
	if want := len(aps) + len(b.org.Sites); len(names) != want {
		t.Errorf("%d devices have names, want %d", len(names), want)
	}
	for mac, ap := range aps {
		if got, want := names[mac], (network.Device{SiteID: ap.Site.ID, MAC: mac, Kind: network.AP, Name: ap.Name}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	for _, site := range b.org.Sites {
		if got := names[site.Gateway.MAC]; got.Kind != network.Gateway || got.Name != site.Gateway.Name {
			t.Errorf("gateway %s is %+v", site.Gateway.Name, got)
		}
	}
	for _, r := range devices.Radios {
		s := b.world.RadioAt(aps[r.DeviceMAC], world.Band(r.Band), noon)
		if !near(r.UtilRatio, float64(s.UtilAll)/100, 0) || !near(r.UtilNonWiFiRatio, float64(s.UtilNonWiFi)/100, 0) ||
			!near(r.Clients, float64(s.NumClients), 0) || !near(r.Channel, float64(s.Channel), 0) || !near(r.NoiseFloorDBm, float64(s.NoiseFloorDBm), 0) {
			t.Errorf("%+v is not %+v", r, s)
		}
	}
	for _, wan := range devices.WANs {
		site, _ := b.world.Site(wan.SiteID)
		s := b.world.WANAt(site, noon)
		if !near(wan.LatencyMS, s.RTTMS, 0) || !near(wan.JitterMS, s.JitterMS, 0) || !near(wan.LossRatio, s.LossPercent/100, 1e-9) ||
			!near(wan.DownloadMbps, s.DownloadMbps, 1e-3) || !near(wan.UploadMbps, s.UploadMbps, 1e-3) || !wan.ObservedAt.Equal(noon) || !wan.Up {
			t.Errorf("%+v is not %+v", wan, s)
		}
	}
}

// The past is rebuilt from sessions without addresses and addresses without times:
// what comes out may miss leases, but none may be wrong.
func TestPastIsRebuilt(t *testing.T) {
	t.Parallel()
	b := setup(t, mistwindow.Config{})
	sites, err := b.source.Sites(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	from, to := noon.Add(-8*time.Hour), noon
	sessions := collect(t, b.source.Sessions(t.Context(), from, to))
	sightings := collect(t, b.source.Sightings(t.Context(), from, to))
	leases := network.PastLeases(sites, sessions, sightings)
	with, wired := 0, 0
	for _, lease := range leases {
		if !lease.IP.IsValid() {
			continue
		}
		with++
		if lease.Wired {
			wired++
		}
		site, _ := b.world.Site(lease.SiteID)
		middle := lease.From.Add(lease.To.Sub(lease.From) / 2)
		found := false
		for _, truth := range b.world.Leases(site, middle, middle.Add(time.Second)) {
			found = found || truth.Client.MAC == lease.MAC && truth.IP == lease.IP
		}
		if !found {
			t.Errorf("nobody had this lease: %+v", lease)
		}
	}
	if with < 10 || wired == 0 {
		t.Errorf("%d leases with an address (%d wired) from %d sessions and %d sightings", with, wired, len(sessions), len(sightings))
	}
}

func TestHistories(t *testing.T) {
	t.Parallel()
	b := setup(t, mistwindow.Config{})
	from := noon.Add(-3 * time.Hour)
	wans, err := b.source.PastWAN(t.Context(), b.site.ID, from, noon)
	if err != nil || len(wans) != 18 {
		t.Fatalf("%d WAN samples, want 18: %v", len(wans), err)
	}
	for _, s := range wans {
		if s.To.Sub(s.From) != 10*time.Minute || !s.WAN.LatencyMS.Known() || !s.WAN.LossRatio.Known() {
			t.Errorf("WAN sample %+v", s)
		}
	}
	var sum float64
	for at := wans[3].From; at.Before(wans[3].To); at = at.Add(time.Minute) {
		sum += b.world.WANAt(b.site, at).RTTMS
	}
	if !near(wans[3].WAN.LatencyMS, sum/10, 0.006) {
		t.Errorf("latency %v, want %v", wans[3].WAN.LatencyMS, sum/10)
	}

	ap := b.site.APs[0]
	radios, err := b.source.PastRadio(t.Context(), b.site.ID, ap.MAC, network.Band5, from, noon)
	if err != nil || len(radios) != 18 || radios[0].Radio.UtilRatio.Or(9) > 1 {
		t.Errorf("%d radio samples: %v", len(radios), err)
	}

	for _, lease := range b.present(b.site) {
		if lease.Client.Wired || noon.Sub(lease.From) < time.Hour {
			continue
		}
		samples, err := b.source.PastClient(t.Context(), b.site.ID, lease.Client.MAC, lease.From, noon)
		if err != nil || len(samples) == 0 {
			t.Errorf("%d client samples: %v", len(samples), err)
		}
		for _, s := range samples {
			if rssi := s.RSSIDBm.Or(0); rssi > -20 || rssi < -100 {
				t.Errorf("client sample %+v", s)
			}
		}
		break
	}

	old, err := b.source.PastWAN(t.Context(), b.site.ID, noon.Add(-72*time.Hour), noon.Add(-48*time.Hour))
	if err != nil || len(old) != 25 || old[0].To.Sub(old[0].From) != time.Hour {
		t.Errorf("%d old WAN samples: %v", len(old), err)
	}
}

// What reaches back a little too far for the finest resolution is not read at a coarser one.
func TestHistoriesAreReadAsFineAsTheyAreKept(t *testing.T) {
	t.Parallel()
	b := setup(t, mistwindow.Config{})
	for _, tt := range []struct {
		name       string
		back       time.Duration
		tens, hour int
	}{
		{"a day and a moment", 24*time.Hour + time.Second, 143, 0},
		{"a day and three hours", 27 * time.Hour, 143, 4},
		{"two weeks and a day", 15 * 24 * time.Hour, 143, 13*24 + 0},
	} {
		wans, err := b.source.PastWAN(t.Context(), b.site.ID, noon.Add(-tt.back), noon)
		if err != nil {
			t.Fatal(err)
		}
		tens, hours := 0, 0
		covered := map[time.Time]bool{}
		for _, s := range wans {
			switch s.To.Sub(s.From) {
			case 10 * time.Minute:
				tens++
			case time.Hour:
				hours++
			}
			for at := s.From; at.Before(s.To); at = at.Add(time.Minute) {
				covered[at] = true
			}
		}
		if tens != tt.tens || hours != tt.hour {
			t.Errorf("%s: %d samples of ten minutes and %d of an hour, want %d and %d", tt.name, tens, hours, tt.tens, tt.hour)
		}
		for at := noon.Add(-min(tt.back, 14*24*time.Hour) + time.Hour).Truncate(time.Minute); at.Before(noon.Add(-11 * time.Minute)); at = at.Add(time.Minute) {
			if !covered[at] {
				t.Errorf("%s: nothing speaks for %s", tt.name, at)
				break
			}
		}
	}
}

func TestHistoryNotOffered(t *testing.T) {
	t.Parallel()
	b := setup(t, mistwindow.Config{})
	b.window.Inject(mistwindow.Fault{Path: "/const/insight_metrics", Body: `{"bytes":{"scopes":["client"],"intervals":{"10m":{"interval":600,"max_age":86400}}}}`})
	_, errClient := b.source.PastClient(t.Context(), b.site.ID, macaddr.Addr{1}, noon.Add(-time.Hour), noon)
	_, errWAN := b.source.PastWAN(t.Context(), b.site.ID, noon.Add(-time.Hour), noon)
	if !errors.Is(errClient, network.ErrNotOffered) || !errors.Is(errWAN, network.ErrNotOffered) {
		t.Errorf("client: %v, WAN: %v", errClient, errWAN)
	}
}

func TestInsightForms(t *testing.T) {
	t.Parallel()
	b := setup(t, mistwindow.Config{})
	for name, body := range map[string]string{
		"numbers and gaps": `{"start":1763470800,"end":1763472600,"interval":600,"results":[-61,null,-63]}`,
		"objects":          `{"start":1,"end":1,"interval":600,"results":[{"timestamp":1763470800,"rssi":-61},{"timestamp":1763472000,"rssi":-63},{"timestamp":1763472600,"rssi":null}]}`,
		"texts with times": `{"start":1,"end":1,"interval":600,"results":["-61",-63],"rt":["2025-11-18 13:00:00+00:00","2025-11-18 13:20:00+00:00"]}`,
	} {
		cancel := b.window.Inject(mistwindow.Fault{Path: "/insights/", Body: body})
		points, err := b.client.Insight(t.Context(), mist.InsightQuery{SiteID: b.site.ID, Scope: mist.ScopeClient, MAC: macaddr.Addr{1}, Metric: "rssi", From: noon, To: noon, Resolution: "10m"})
		cancel()
		if err != nil || len(points) != 2 || points[0].From.Unix() != 1763470800 || points[1].From.Unix() != 1763472000 ||
			points[0].Value.Or(0) != -61 || points[1].Value.Or(0) != -63 || points[1].To.Sub(points[1].From) != 10*time.Minute {
			t.Errorf("%s: %+v, %v", name, points, err)
		}
	}
}

// A poll of a day from snapshots alone: leases and deltas agree with the world.
func TestTracksAgreeWithTheWorld(t *testing.T) {
	t.Parallel()
	b := setup(t, mistwindow.Config{CallsPerHour: 1 << 20})
	cadence := network.Cadence{Every: time.Minute}
	tracks := map[macaddr.Addr]network.Track{}
	samples, deltas, leases := 0, 0, 0
	for b.now = noon.Add(-time.Hour); b.now.Before(noon); b.now = b.now.Add(time.Minute) {
		for _, snapshot := range collect(t, b.source.Clients(t.Context(), b.site.ID)) {
			step := cadence.Client(tracks[snapshot.MAC], snapshot)
			tracks[snapshot.MAC] = step.Track
			if s := step.Sample; s != nil {
				samples++
				if s.TxBytesDelta.Known() {
					deltas++
				}
				client, _ := b.world.Client(s.MAC)
				state, ok := b.world.ClientAt(client, s.To.Add(-time.Second))
				if !ok && s.To.Sub(s.From) > 2*time.Second || ok && state.AP.MAC != s.DeviceMAC {
					t.Errorf("client was not on this access point at the end of %+v", s)
				}
			}
		}
	}
	for _, track := range tracks {
		leases++
		for _, at := range []time.Time{track.Lease.From, track.Lease.To.Add(-time.Second)} {
			client, _ := b.world.Client(track.Lease.MAC)
			if state, ok := b.world.ClientAt(client, at); !ok || state.IP != track.Lease.IP {
				t.Errorf("lease %+v is wrong at %v", track.Lease, at)
			}
		}
	}
	if leases == 0 || samples < 30*leases || deltas < samples*8/10 {
		t.Errorf("%d leases, %d samples, %d with deltas", leases, samples, deltas)
	}
}

// A poll costs one call per site and page, and two for all devices and ports.
func TestCallsOfAPoll(t *testing.T) {
	t.Parallel()
	b := setup(t, mistwindow.Config{})
	for _, site := range b.org.Sites {
		collect(t, b.source.Clients(t.Context(), site.ID))
	}
	if _, err := b.source.Devices(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := len(b.org.Sites) + 2
	if got := b.window.Calls(b.token); got != want {
		t.Errorf("%d calls, want %d", got, want)
	}
	budget, err := b.source.Budget(t.Context())
	if err != nil || budget.Used != want+1 || budget.Limit != 5000 || budget.ResetIn <= 0 {
		t.Errorf("budget %+v, %v", budget, err)
	}
	privileges, err := b.client.Privileges(t.Context())
	if err != nil || len(privileges) != 1 || privileges[0].OrgID != b.org.ID {
		t.Errorf("privileges %+v, %v", privileges, err)
	}
	if wired := collect(t, b.client.ClientStats(t.Context(), b.site.ID, true)); len(wired) == 0 || !wired[0].Wired || wired[0].DeviceMAC != b.site.Gateway.MAC {
		t.Errorf("wired clients: %+v", wired)
	}
	if seen := collect(t, b.client.SiteClientSearch(t.Context(), b.site.ID, noon.Add(-time.Hour), noon)); len(seen) == 0 || len(seen[0].IPs) == 0 {
		t.Errorf("clients of the site: %+v", seen)
	}
}
