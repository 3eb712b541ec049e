package explain

import (
	"math"
	"math/rand/v2"
	"testing"

	"callweave/internal/correlate"
)

// office are minutes of a simple truth: audio has the latency of the path, plus what the
// uplink takes above 10 ms, plus 200 ms on a busy computer, plus 10 ms behind a tunnel.
func office(r *rand.Rand) *Minutes {
	m := &Minutes{}
	for i := range 6000 {
		rtt, cpu, tunnel := 10.0, 30.0, 0.0
		switch i / 20 % 12 {
		case 3:
			rtt = 100 + 150*r.Float64()
		case 7:
			cpu = 95
		case 9:
			tunnel = 1
		}
		m.minute(int64(i/20), rtt+r.Float64(), cpu+r.Float64(), tunnel, Others{Legs: 2})
	}
	return m
}

func (m *Minutes) minute(leg int64, rtt, cpu, tunnel float64, others Others) {
	row := m.Len()
	m.Leg = append(m.Leg, leg)
	m.StartAt = append(m.StartAt, 1_800_000_000+60*int64(row))
	m.Place = append(m.Place, "hq/AMS")
	m.Others = append(m.Others, others)
	m.Feature[WANRTT] = append(m.Feature[WANRTT], float32(rtt))
	m.Feature[ClientCPU] = append(m.Feature[ClientCPU], float32(cpu))
	m.Feature[ClientVPNDistance] = append(m.Feature[ClientVPNDistance], float32(tunnel))
	latency := 30 + max(0, rtt-10) + 10*tunnel
	if cpu > 90 {
		latency += 200
	}
	for t := range m.Media {
		v := float32(math.NaN())
		switch Target(t).Metric() {
		case correlate.Latency:
			v = float32(latency)
		case correlate.Jitter:
			v = 3
		case correlate.Loss:
			v = 0.001
		}
		m.Media[t] = append(m.Media[t], v)
	}
}

// slow adds latency that nothing in the columns tells of.
func (m *Minutes) slow(row int, ms float32) {
	for d := range numDirections {
		m.Media[d*numMetrics][row] += ms
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	model, err := Train(office(rand.New(rand.NewPCG(1, 2))), Options{Thresholds: testThresholds})
	if err != nil {
		t.Fatal(err)
	}
	quiet, suffering, together := Others{Legs: 3, Near: 1}, Others{Legs: 3, Near: 1, Bad: 2}, Others{Legs: 3, Near: 3, Bad: 1, NearBad: 1}
	for _, tt := range []struct {
		name    string
		minutes func(*Minutes) int // returns the row to look at
		bucket  correlate.Bucket
		top     Feature
		nearby  bool
		added   float64 // ms, by top
	}{
		{"the uplink", func(m *Minutes) int { m.minute(1, 200, 30, 0, quiet); return 0 }, SiteWAN, WANRTT, false, 190},
		{"the computer, while the uplink is a little slow", func(m *Minutes) int { m.minute(1, 60, 95, 0, quiet); return 0 }, Client, ClientCPU, false, 200},
		{"the uplink, though others suffer", func(m *Minutes) int { m.minute(1, 200, 30, 0, suffering); return 0 }, SiteWAN, WANRTT, false, 190},
		{"nobody knows", func(m *Minutes) int { m.minute(1, 10, 30, 0, quiet); m.slow(0, 180); return 0 }, correlate.BucketUnknown, 0, false, 0},
		{"the far end", func(m *Minutes) int { m.minute(1, 10, 30, 0, suffering); m.slow(0, 180); return 0 }, FarEnd, 0, false, 0},
		{"one of many of the same site", func(m *Minutes) int {
			m.minute(1, 10, 30, 0, Others{Legs: 20, Near: 20, Bad: 1, NearBad: 1})
			m.slow(0, 180)
			return 0
		}, correlate.BucketUnknown, 0, false, 0},
		{"others around now", func(m *Minutes) int {
			for range 3 {
				m.minute(1, 10, 30, 0, suffering)
			}
			m.minute(1, 10, 30, 0, together)
			m.slow(3, 180)
			return 3
		}, FarEnd, 0, false, 0},
		{"a tunnel to far away", func(m *Minutes) int {
			for row := range 6 {
				m.minute(1, 10, 30, 1, quiet)
				m.slow(row, 140)
			}
			return 5
		}, Client, ClientVPNDistance, false, 150},
		{"the uplink, behind a tunnel", func(m *Minutes) int {
			for range 5 {
				m.minute(1, 10, 30, 1, quiet)
			}
			m.minute(1, 200, 30, 1, quiet)
			return 5
		}, SiteWAN, WANRTT, false, 190},
		{"the sample before knows", func(m *Minutes) int {
			m.minute(1, 200, 30, 0, quiet)
			m.minute(1, 10, 30, 0, quiet)
			m.slow(1, 190)
			return 1
		}, SiteWAN, WANRTT, true, 0},
		{"the sample before knows, mostly of the computer", func(m *Minutes) int {
			m.minute(1, 60, 95, 0, quiet)
			m.minute(1, 10, 30, 0, quiet)
			m.slow(1, 230)
			return 1
		}, Client, ClientCPU, true, 0},
		{"another leg's sample does not", func(m *Minutes) int {
			m.minute(1, 200, 30, 0, quiet)
			m.minute(2, 10, 30, 0, quiet)
			m.slow(1, 190)
			return 1
		}, correlate.BucketUnknown, 0, false, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			in := &Minutes{}
			row := tt.minutes(in)
			v := model.Judge(nil, in, testThresholds)[row]
			if !v.Bad || v.Bucket != tt.bucket || v.Nearby != tt.nearby {
				t.Fatalf("bad %v, bucket %s, nearby %v; want %s, %v (%+v)", v.Bad, v.Bucket, v.Nearby, tt.bucket, tt.nearby, v)
			}
			if tt.bucket != FarEnd && tt.bucket != correlate.BucketUnknown && v.Top[0] != tt.top {
				t.Errorf("the most to blame is %s, want %s", v.Top[0], tt.top)
			}
			if tt.added == 0 {
				return
			}
			if got := v.Parts.Feature[tt.top]; math.Abs(got-tt.added) > 0.15*tt.added {
				t.Errorf("%s adds %.0f ms, want about %.0f", tt.top, got, tt.added)
			}
			if got, want := v.WithoutTop(), v.Observed-v.Parts.Feature[tt.top]; got != want {
				t.Errorf("without %s it would be %v ms, want %v", tt.top, got, want)
			}
		})
	}
}

// What rows without a feature have on top is part of the prediction, and nobody's fault.
func TestWhatIsNotKnownIsNotBlamed(t *testing.T) {
	t.Parallel()
	hole := float32(math.NaN())
	in := office(rand.New(rand.NewPCG(1, 2)))
	for row := range in.Len() {
		if row/20%12 == 5 {
			in.Feature[ClientCPU][row] = hole
			in.slow(row, 60)
		}
	}
	model, err := Train(in, Options{Thresholds: testThresholds})
	if err != nil {
		t.Fatal(err)
	}
	asked := &Minutes{}
	asked.minute(1, 150, 30, 0, Others{Legs: 2})
	asked.Feature[ClientCPU][0] = hole
	v := model.Judge(nil, asked, testThresholds)[0]
	if v.Parts.Feature[ClientCPU] < 30 {
		t.Fatalf("not to know of the computer adds %.0f ms: the test proves nothing", v.Parts.Feature[ClientCPU])
	}
	for _, f := range v.Top[:v.NumTop] {
		if f == ClientCPU {
			t.Errorf("%v are blamed, one of which is not known", v.Top[:v.NumTop])
		}
	}
}

// What an uplink carries at most is told by busy hours: some quiet ones tell nothing.
func TestUplinksAreLearnedFromManyHours(t *testing.T) {
	t.Parallel()
	for apart, want := range map[int64]int{60: 0, 600: 1} { // seconds between minutes: 5 hours, or 50
		in := &Minutes{}
		var rows []int32
		for i := range int32(300) {
			in.minute(int64(i/20), 10, 30, 0, Others{})
			in.StartAt[i] = 1_800_000_000 + apart*int64(i)
			in.Feature[WANAvgUploadMbps] = append(in.Feature[WANAvgUploadMbps], 20)
			rows = append(rows, i)
		}
		if got := learnUplinks(in, rows); len(got) != want {
			t.Errorf("a minute every %d s: %d uplinks are known, want %d", apart, len(got), want)
		}
	}
}
