package correlate

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"callweave/internal/measure"
	"callweave/internal/provider"
	"callweave/internal/world"
)

func TestJudge(t *testing.T) {
	t.Parallel()
	limits := Thresholds{LatencyMS: 150, JitterMS: 40, LossRatio: 0.02}
	yes, no := true, false
	stream := func(latency, jitter, lossPercent float64) provider.Stream {
		return provider.Stream{LatencyMS: measure.Of(latency), JitterMS: measure.Of(jitter), LossAvgRatio: measure.Of(lossPercent / 100)}
	}
	bad := func(direction Direction, metric Metric) Verdict {
		return Verdict{Bad: &yes, Direction: direction, Metric: metric, Bucket: BucketUnknown}
	}
	for _, test := range []struct {
		name   string
		sample provider.MediaSample
		want   Verdict
	}{
		{"nothing measured", provider.MediaSample{}, Verdict{}},
		{"only screen sharing", provider.MediaSample{ScreenIn: stream(900, 900, 90)}, Verdict{}},
		{"only a bitrate", provider.MediaSample{AudioIn: provider.Stream{BitrateBPS: measure.Of(1)}}, Verdict{}},
		{"zero is measured", provider.MediaSample{AudioIn: stream(0, 0, 0)}, Verdict{Bad: &no}},
		{"all at the limit", provider.MediaSample{AudioIn: stream(150, 40, 2)}, Verdict{Bad: &no}},
		{"latency beyond", provider.MediaSample{AudioIn: stream(151, 40, 2)}, bad(AudioIn, Latency)},
		{"jitter beyond", provider.MediaSample{VideoOut: stream(150, 41, 2)}, bad(VideoOut, Jitter)},
		{"loss beyond by the least that is reported", provider.MediaSample{AudioOut: stream(150, 40, 2.01)}, bad(AudioOut, Loss)},
		{"the greatest ratio is worst", provider.MediaSample{AudioIn: stream(300, 0, 0), VideoIn: stream(160, 0, 8)}, bad(VideoIn, Loss)},
		{"the first of equals", provider.MediaSample{AudioOut: stream(300, 80, 0), VideoIn: stream(300, 0, 0)}, bad(AudioOut, Latency)},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, limits.Judge(&test.sample)); diff != "" {
				t.Errorf("verdict (-want +got):\n%s", diff)
			}
		})
	}
}

// Every loss that can be reported, against every whole-percent limit, is judged exactly
// as the decimal numbers compare.
func TestJudgeLossAtEveryBoundary(t *testing.T) {
	t.Parallel()
	for limit := 1; limit <= 100; limit++ {
		limits := Thresholds{LatencyMS: 150, JitterMS: 40, LossRatio: float32(float64(limit) / 100)}
		truth := world.Thresholds{LatencyMS: 150, JitterMS: 40, LossRatio: float64(limit) / 100}
		for hundredths := range 10001 {
			percent := float64(hundredths) / 100
			sample := provider.MediaSample{AudioIn: provider.Stream{LossAvgRatio: measure.Of(percent / 100)}}
			want := hundredths > limit*100
			if got := *limits.Judge(&sample).Bad; got != want {
				t.Fatalf("loss of %.2f %% at a limit of %d %%: bad = %v", percent, limit, got)
			}
			if got := (world.Minute{AudioIn: world.Stream{Present: true, LossAvgPercent: percent}}).Bad(truth); got != want {
				t.Fatalf("the world disagrees: loss of %.2f %% at a limit of %d %%: bad = %v", percent, limit, got)
			}
		}
	}
}
