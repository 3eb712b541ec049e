package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"callweave/internal/measure"
	"callweave/internal/provider"
)

// mediaColumn is a measurement of a media sample and the column it is kept in.
type mediaColumn struct {
	name string
	of   func(*provider.MediaSample) measure.Value
}

// mediaColumns are all measurements.
func mediaColumns() []mediaColumn {
	type sample = provider.MediaSample
	columns := []mediaColumn{
		{"client_cpu_avg_percent", func(s *sample) measure.Value { return s.ClientCPUAvgPercent }},
		{"client_cpu_max_percent", func(s *sample) measure.Value { return s.ClientCPUMaxPercent }},
		{"system_cpu_max_percent", func(s *sample) measure.Value { return s.SystemCPUMaxPercent }},
		{"wifi_rssi_avg_dbm", func(s *sample) measure.Value { return s.WiFiRSSIAvgDBm }},
		{"wifi_rssi_min_dbm", func(s *sample) measure.Value { return s.WiFiRSSIMinDBm }},
		{"wifi_rssi_max_dbm", func(s *sample) measure.Value { return s.WiFiRSSIMaxDBm }},
	}
	for _, stream := range []struct {
		name  string
		video bool
		of    func(*sample) *provider.Stream
	}{
		{"audio_in", false, func(s *sample) *provider.Stream { return &s.AudioIn }},
		{"audio_out", false, func(s *sample) *provider.Stream { return &s.AudioOut }},
		{"video_in", true, func(s *sample) *provider.Stream { return &s.VideoIn }},
		{"video_out", true, func(s *sample) *provider.Stream { return &s.VideoOut }},
		{"screen_in", true, func(s *sample) *provider.Stream { return &s.ScreenIn }},
		{"screen_out", true, func(s *sample) *provider.Stream { return &s.ScreenOut }},
	} {
		of := stream.of
		columns = append(columns,
			mediaColumn{stream.name + "_latency_ms", func(s *sample) measure.Value { return of(s).LatencyMS }},
			mediaColumn{stream.name + "_jitter_ms", func(s *sample) measure.Value { return of(s).JitterMS }},
			mediaColumn{stream.name + "_loss_avg_ratio", func(s *sample) measure.Value { return of(s).LossAvgRatio }},
			mediaColumn{stream.name + "_loss_max_ratio", func(s *sample) measure.Value { return of(s).LossMaxRatio }},
			mediaColumn{stream.name + "_bitrate_bps", func(s *sample) measure.Value { return of(s).BitrateBPS }},
		)
		if stream.video {
			columns = append(columns,
				mediaColumn{stream.name + "_frame_rate_fps", func(s *sample) measure.Value { return of(s).FrameRateFPS }},
				mediaColumn{stream.name + "_width_px", func(s *sample) measure.Value { return of(s).WidthPx }},
				mediaColumn{stream.name + "_height_px", func(s *sample) measure.Value { return of(s).HeightPx }},
			)
		}
	}
	return columns
}

// mergeMedia copies the samples of legs into a temporary table of the connection and
// merges them: what is known replaces, what is unknown keeps what is stored, and a row
// that would not change is not written.
func mergeMedia(ctx context.Context, tx pgx.Tx, legs []LegLanding, ids []int64) error {
	const prepare = "create temporary table if not exists incoming_media_samples (like media_samples) on commit delete rows"
	if _, err := tx.Exec(ctx, prepare); err != nil {
		return fmt.Errorf("prepare media samples: %w", err)
	}
	measurements := mediaColumns()
	columns := []string{"leg_id", "start_at", "end_at", "granularity"}
	keys := len(columns)
	for _, column := range measurements {
		columns = append(columns, column.name)
	}
	var (
		leg, next int
		row       = make([]any, len(columns))
	)
	source := pgx.CopyFromFunc(func() ([]any, error) {
		for leg < len(legs) && next == len(legs[leg].Samples) {
			leg, next = leg+1, 0
		}
		if leg == len(legs) {
			return nil, nil
		}
		sample := &legs[leg].Samples[next]
		next++
		row[0], row[1], row[2], row[3] = ids[leg], sample.StartAt, sample.EndAt, string(sample.Granularity)
		for i, column := range measurements {
			row[keys+i] = column.of(sample)
		}
		return row, nil
	})
	if _, err := tx.CopyFrom(ctx, pgx.Identifier{"incoming_media_samples"}, columns, source); err != nil {
		return fmt.Errorf("copy media samples: %w", err)
	}
	if _, err := tx.Exec(ctx, mergeMediaSQL(columns, measurements)); err != nil {
		return fmt.Errorf("merge media samples: %w", err)
	}
	return nil
}

func mergeMediaSQL(columns []string, measurements []mediaColumn) string {
	list := strings.Join(columns, ", ")
	var set, kept, merged strings.Builder
	for _, column := range measurements {
		fmt.Fprintf(&set, ", %[1]s = coalesce(excluded.%[1]s, m.%[1]s)", column.name)
		fmt.Fprintf(&kept, ", m.%s", column.name)
		fmt.Fprintf(&merged, ", coalesce(excluded.%[1]s, m.%[1]s)", column.name)
	}
	return "insert into media_samples as m (" + list + ") select " + list + " from incoming_media_samples" +
		" on conflict (leg_id, start_at) do update set end_at = excluded.end_at, granularity = excluded.granularity" + set.String() +
		" where (m.end_at, m.granularity" + kept.String() + ") is distinct from (excluded.end_at, excluded.granularity" + merged.String() + ")"
}
