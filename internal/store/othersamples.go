package store

import (
	"context"
	"time"
)

// Limits are what makes a minute bad: a greater value.
type Limits struct{ LatencyMS, JitterMS, LossRatio float32 }

// OtherMinute is how a leg fared in the time of a media sample, and no more.
type OtherMinute struct {
	LegID          int64
	StartAt, EndAt time.Time
	Bad            bool
}

// OtherMinutes tells of some legs which of their media samples, all within [from, to) or
// near it, were bad: by audio or video, as package correlate judges. Samples without any
// measurement are left out. Rows are by leg.
func (s *Store) OtherMinutes(ctx context.Context, legs []int64, limits Limits, from, to time.Time) ([]OtherMinute, error) {
	const query = `
select leg_id, start_at, end_at, coalesce(
    greatest(audio_in_latency_ms, audio_out_latency_ms, video_in_latency_ms, video_out_latency_ms) > $4::real
    or greatest(audio_in_jitter_ms, audio_out_jitter_ms, video_in_jitter_ms, video_out_jitter_ms) > $5::real
    or greatest(audio_in_loss_avg_ratio, audio_out_loss_avg_ratio, video_in_loss_avg_ratio, video_out_loss_avg_ratio) > $6::real, false)
from media_samples
where leg_id = any($1::bigint[]) and start_at >= $2 and start_at < $3
  and num_nonnulls(audio_in_latency_ms, audio_in_jitter_ms, audio_in_loss_avg_ratio, audio_out_latency_ms, audio_out_jitter_ms, audio_out_loss_avg_ratio,
    video_in_latency_ms, video_in_jitter_ms, video_in_loss_avg_ratio, video_out_latency_ms, video_out_jitter_ms, video_out_loss_avg_ratio) > 0
order by leg_id`
	if len(legs) == 0 {
		return nil, nil
	}
	var minutes []OtherMinute
	args := []any{legs, from.Add(-beyondLeg), to.Add(beyondLeg), limits.LatencyMS, limits.JitterMS, limits.LossRatio}
	err := s.readWire(ctx, query, args, func(row wireRow) {
		minutes = append(minutes, OtherMinute{LegID: row.int64(0), StartAt: row.instant(1), EndAt: row.instant(2), Bad: row[3][0] != 0})
	})
	return minutes, notFound(err, "list minutes of other legs")
}
