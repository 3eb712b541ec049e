package correlate

import (
	"callweave/internal/measure"
	"callweave/internal/provider"
)

// Thresholds are an org's limits: a minute with anything greater is bad.
type Thresholds struct {
	LatencyMS float32
	JitterMS  float32
	LossRatio float32
}

// Direction is a medium in a direction, seen from the participant.
type Direction string

// The directions that make a minute bad. Screen sharing does not.
const (
	AudioIn  Direction = "audio_in"
	AudioOut Direction = "audio_out"
	VideoIn  Direction = "video_in"
	VideoOut Direction = "video_out"
)

// Metric is what was too great.
type Metric string

// The metrics that have thresholds.
const (
	Latency Metric = "latency"
	Jitter  Metric = "jitter"
	Loss    Metric = "loss"
)

// Bucket is where a bad minute is to be fixed; "" for a minute that is not bad.
type Bucket string

// BucketUnknown is of a bad minute that nothing explains.
const BucketUnknown Bucket = "unknown"

// Verdict is what became of a minute.
type Verdict struct {
	Bad       *bool     // nil: nothing was measurable
	Direction Direction // of the value furthest beyond its threshold; "" unless bad
	Metric    Metric
	Bucket    Bucket
}

// Judge compares audio and video, both ways, with the thresholds: a value is too great
// when it is strictly greater. The worst one is that of the greatest ratio of value to
// threshold; the first in the order above where two are equal.
//
// Measurements are kept as float32. The thresholds are too, so that a loss of 2.00 % is
// not greater than a limit of 2 % by rounding.
func (t Thresholds) Judge(sample *provider.MediaSample) Verdict {
	var verdict Verdict
	var worst float32
	measured := false
	look := func(direction Direction, metric Metric, value measure.Value, limit float32) {
		number, known := value.Get()
		if !known {
			return
		}
		measured = true
		got := float32(number)
		if got > limit && got/limit > worst {
			worst, verdict.Direction, verdict.Metric = got/limit, direction, metric
		}
	}
	stream := func(direction Direction, s *provider.Stream) {
		look(direction, Latency, s.LatencyMS, t.LatencyMS)
		look(direction, Jitter, s.JitterMS, t.JitterMS)
		look(direction, Loss, s.LossAvgRatio, t.LossRatio)
	}
	stream(AudioIn, &sample.AudioIn)
	stream(AudioOut, &sample.AudioOut)
	stream(VideoIn, &sample.VideoIn)
	stream(VideoOut, &sample.VideoOut)
	if !measured {
		return Verdict{}
	}
	bad := worst > 0
	verdict.Bad = &bad
	if bad {
		verdict.Bucket = BucketUnknown
	}
	return verdict
}
