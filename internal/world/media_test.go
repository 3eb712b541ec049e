package world

import (
	"fmt"
	"math"
	"strconv"
	"testing"
	"time"
)

func causes() []Cause {
	return []Cause{
		CauseRadioCrowded, CauseInterference, CauseWeakSignal, CauseWANLatency, CauseWANJitter,
		CauseWANSaturated, CauseClientCPU, CauseVPNDistance, CauseFarEnd,
	}
}

func TestShareOfBadMinutes(t *testing.T) {
	t.Parallel()
	for _, seed := range []uint64{1, 2, 7, 42} {
		w := demo(t, seed)
		truth := w.Truth(w.Accounts[0], monday(), monday().AddDate(0, 0, 14), DefaultThresholds)
		share := float64(truth.BadMinutes) / float64(truth.MediaSamples)
		if share < 0.03 || share > 0.08 {
			t.Errorf("seed %d: %.1f %% of minutes are bad, want 3 to 8", seed, 100*share)
		}
		if noise := float64(truth.Causes[CauseNone]) / float64(truth.BadMinutes); noise > 0.2 || noise == 0 {
			t.Errorf("seed %d: %.0f %% of the bad minutes are noise, want few but some", seed, 100*noise)
		}
	}
}

func TestEveryCauseMakesMinutesBadInAWeek(t *testing.T) {
	t.Parallel()
	for _, seed := range []uint64{1, 2, 7, 42} {
		w := demo(t, seed)
		truth := w.Truth(w.Accounts[0], monday(), monday().AddDate(0, 0, 7), DefaultThresholds)
		for _, cause := range causes() {
			if truth.Causes[cause] == 0 {
				t.Errorf("seed %d: no bad minute by %s", seed, cause)
			}
		}
	}
}

// TestCausesShow holds what the network and the client tell to what happened.
func TestCausesShow(t *testing.T) {
	t.Parallel()
	w := demo(t, 1)
	told := make(map[Cause]int)
	eachMinute(w, 7, func(l *Leg, m Minute, middle time.Time) {
		told[m.Cause]++
		if complaint := contradiction(w, l, m, middle); complaint != "" {
			t.Errorf("%s at %s: %s", m.Cause, m.StartAt, complaint)
		}
	})
	for _, cause := range causes() {
		if told[cause] == 0 {
			t.Errorf("no minute by %s", cause)
		}
	}
}

func contradiction(w *World, l *Leg, m Minute, middle time.Time) string {
	var radio RadioState
	var client ClientState
	if l.Client != nil && !l.Client.Wired {
		client, _ = w.ClientAt(l.Client, middle)
		radio = w.RadioAt(client.AP, client.Band, m.StartAt)
	}
	var wan WANState
	if l.Site != nil {
		wan = w.WANAt(l.Site, m.StartAt)
	}
	ok := true
	switch m.Cause {
	case CauseRadioCrowded:
		ok = radio.UtilAll >= 60 && radio.NumClients >= 14
	case CauseInterference:
		ok = radio.UtilNonWiFi >= 12
	case CauseWeakSignal:
		ok = client.RSSIDBm <= -72
	case CauseWANLatency:
		ok = wan.RTTMS >= 40
	case CauseWANJitter:
		ok = wan.JitterMS >= 10
	case CauseWANSaturated:
		ok = wan.UploadMbps >= 0.9*l.Site.uplinkMbps || wan.DownloadMbps >= 0.9*l.Site.downlinkMbps
	case CauseClientCPU:
		ok = m.CPU.SystemMax >= 90
	case CauseVPNDistance:
		ok = l.VPN && (l.Site == nil || !l.Site.Subnet.Contains(l.PrivateIP))
	case CauseNone:
		quiet := l.Site == nil || (wan.RTTMS < 60 && wan.JitterMS < 15)
		heard := client.AP == nil || (client.RSSIDBm > -76 && radio.UtilAll < 80)
		ok = quiet && heard && m.CPU.SystemMax < 98
	}
	if ok {
		return ""
	}
	return fmt.Sprintf("radio %+v, client rssi %d, wan %+v, cpu %+v", radio, client.RSSIDBm, wan, m.CPU)
}

func TestFarEndIsFeltByAllLegs(t *testing.T) {
	t.Parallel()
	w := demo(t, 1)
	alike, apart := 0, 0
	for _, m := range w.MeetingsStarting(w.Accounts[0], monday(), monday().AddDate(0, 0, 7)) {
		perMinute := make(map[time.Time][2]int)
		for _, l := range m.Legs {
			for _, minute := range w.Minutes(l) {
				n := perMinute[minute.StartAt]
				n[0]++
				if minute.Cause == CauseFarEnd {
					n[1]++
				}
				perMinute[minute.StartAt] = n
			}
		}
		for _, n := range perMinute {
			if n[1] > 0 {
				alike, apart = alike+n[1], apart+n[0]-n[1]
			}
		}
	}
	if alike == 0 || alike < 4*apart {
		t.Errorf("in far-end minutes %d legs suffer from it and %d do not", alike, apart)
	}
}

func TestHealthyMinutesAreClearlyHealthy(t *testing.T) {
	t.Parallel()
	w := demo(t, 1)
	fine, all := 0, 0
	half := Thresholds{LatencyMS: 120, JitterMS: 25, LossRatio: 0.01}
	eachMinute(w, 7, func(_ *Leg, m Minute, _ time.Time) {
		if m.Cause == CauseNone && m.Measurable() {
			all++
			if !m.Bad(half) {
				fine++
			}
		}
	})
	if float64(fine) < 0.97*float64(all) {
		t.Errorf("%d of %d minutes without fault are well below the thresholds, want 97 %%", fine, all)
	}
}

func TestNumbersAreWhatZoomWrites(t *testing.T) {
	t.Parallel()
	w := demo(t, 1)
	whole := func(v float64) bool { return v == math.Trunc(v) && v >= 0 }
	twoDecimals := func(v float64) bool {
		parsed, err := strconv.ParseFloat(strconv.FormatFloat(v, 'f', 2, 64), 64)
		return err == nil && parsed == v && v >= 0
	}
	empty, silent := 0, 0
	eachMinute(w, 7, func(l *Leg, m Minute, _ time.Time) {
		for name, s := range map[string]Stream{
			"audio_in": m.AudioIn, "audio_out": m.AudioOut, "video_in": m.VideoIn,
			"video_out": m.VideoOut, "screen_in": m.ScreenIn, "screen_out": m.ScreenOut,
		} {
			if !s.Present {
				if s != (Stream{}) {
					t.Fatalf("%s is absent but has numbers: %+v", name, s)
				}
				continue
			}
			if !whole(s.LatencyMS) || !whole(s.JitterMS) || !whole(s.FrameRateFPS) || s.LatencyMS == 0 ||
				!twoDecimals(s.LossAvgPercent) || !twoDecimals(s.LossMaxPercent) || !twoDecimals(s.BitrateKbps) ||
				s.LossMaxPercent < s.LossAvgPercent || s.LossMaxPercent > 100 || s.BitrateKbps == 0 {
				t.Fatalf("%s is not as Zoom writes it: %+v", name, s)
			}
		}
		if r := m.RSSI; r != nil && (r.Min > r.Avg || r.Avg > r.Max || l.Network != "Wifi") {
			t.Fatalf("rssi %+v on network %s", *r, l.Network)
		}
		if c := m.CPU; c.ZoomMin > c.ZoomAvg || c.ZoomAvg > c.ZoomMax || c.ZoomMax > c.SystemMax || c.SystemMax > 100 || c.ZoomMin < 0 {
			t.Fatalf("cpu %+v", c)
		}
		if !m.HasMedia() {
			empty++
			if m.Bad(DefaultThresholds) {
				t.Fatal("a minute without media is bad")
			}
		}
		if !l.VideoOn && m.VideoIn.Present || !l.Sharing && m.ScreenIn.Present {
			t.Fatal("a leg sends what it does not have")
		}
		if m.AudioOut.Present && !m.AudioIn.Present {
			silent++
		}
	})
	if empty == 0 || silent == 0 {
		t.Errorf("%d minutes without media and %d muted ones, want some of each", empty, silent)
	}
}

func TestMinutesCoverTheLeg(t *testing.T) {
	t.Parallel()
	w := demo(t, 1)
	for _, m := range w.MeetingsStarting(w.Accounts[0], monday(), monday().AddDate(0, 0, 3)) {
		for _, l := range m.Legs {
			at := l.JoinAt.Truncate(time.Minute)
			for _, minute := range w.Minutes(l) {
				if !minute.StartAt.Equal(at) {
					t.Fatalf("minute %s, want %s", minute.StartAt, at)
				}
				at = at.Add(time.Minute)
			}
			if at.Before(l.LeaveAt) || !at.Add(-time.Minute).Before(l.LeaveAt) {
				t.Fatalf("minutes of leg [%s, %s) end at %s", l.JoinAt, l.LeaveAt, at)
			}
			if m.Alone() && w.Minutes(l)[0].HasMedia() {
				t.Fatal("somebody alone has media")
			}
		}
	}
}

func TestTruthAddsUp(t *testing.T) {
	t.Parallel()
	w := demo(t, 1)
	truth := w.Truth(w.Accounts[0], monday(), monday().AddDate(0, 0, 2), DefaultThresholds)
	var samples, bad, byCause, orgLegs int
	eachMinute(w, 2, func(_ *Leg, m Minute, _ time.Time) {
		if m.HasMedia() {
			samples++
		}
		if m.Bad(DefaultThresholds) {
			bad++
		}
	})
	for _, n := range truth.Causes {
		byCause += n
	}
	for _, org := range truth.Orgs {
		orgLegs += org.Legs
		sum := 0
		for _, n := range org.Causes {
			sum += n
		}
		if sum != org.BadMinutes || org.MediaSamples > org.Minutes || org.MediaSamples == 0 {
			t.Errorf("org truth %+v does not add up", org)
		}
	}
	if truth.MediaSamples != samples || truth.BadMinutes != bad || byCause != bad || orgLegs >= truth.Legs || len(truth.Orgs) != 3 {
		t.Errorf("truth %+v does not add up to %d samples and %d bad", truth, samples, bad)
	}
}

func BenchmarkDay(b *testing.B) {
	cfg := Config{Seed: 1, Orgs: 4, SitesPerOrg: 4, APsPerSite: 20, Accounts: 1, PeoplePerOrg: 400, MeetingsPerDay: 2000}
	legs := 0
	for b.Loop() {
		w := newWorld(b, cfg)
		legs = w.Truth(w.Accounts[0], monday(), monday().AddDate(0, 0, 1), DefaultThresholds).Legs
	}
	b.ReportMetric(float64(legs), "legs/day")
}

func BenchmarkPollOfASite(b *testing.B) {
	w := demo(b, 1)
	site := w.Orgs[0].Sites[0]
	at := monday()
	for b.Loop() {
		at = at.Add(time.Minute)
		for _, c := range w.ClientsOf(site) {
			w.ClientAt(c, at)
		}
	}
}
