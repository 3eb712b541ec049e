package store

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"callweave/internal/measure"
	"callweave/internal/provider"
	"callweave/internal/store/db"
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

// mediaRow is a sample to be stored.
type mediaRow struct {
	legID  int64
	sample *provider.MediaSample
}

// mediaRowsOf are the samples of landings whose legs are written.
func mediaRowsOf(landings []*lockedLanding) []mediaRow {
	n := 0
	for _, l := range landings {
		for i := range l.Legs {
			n += len(l.Legs[i].Samples)
		}
	}
	rows := make([]mediaRow, 0, n)
	for _, l := range landings {
		for i := range l.Legs {
			for j := range l.Legs[i].Samples {
				rows = append(rows, mediaRow{l.legIDs[i], &l.Legs[i].Samples[j]})
			}
		}
	}
	return rows
}

// mediaTable is how media samples are written and compared.
type mediaTable struct {
	measurements []mediaColumn
	columns      string // all, the key first
}

func newMediaTable() mediaTable {
	t := mediaTable{measurements: mediaColumns()}
	names := []string{"leg_id", "start_at", "end_at", "granularity"}
	for _, column := range t.measurements {
		names = append(names, column.name)
	}
	t.columns = strings.Join(names, ", ")
	return t
}

// mergedAtOnce is how far apart samples may begin that are compared with what is stored at
// once: the query looks into every day's partition between.
const mergedAtOnce = 36 * time.Hour

// mergeLandings adds the samples of landings to those that are stored, or replaces these
// where they are provisional.
func (t mediaTable) mergeLandings(ctx context.Context, tx pgx.Tx, q *db.Queries, landings []*lockedLanding) error {
	var (
		together []*lockedLanding
		span     days
	)
	for _, l := range landings {
		if l.replaces() {
			if err := t.replaceLegs(ctx, tx, q, l); err != nil {
				return err
			}
			continue
		}
		both, own := span, l.span()
		if !own.first.IsZero() {
			both.add(own.first)
			both.add(own.last)
		}
		if both.last.Sub(both.first) > mergedAtOnce {
			if err := t.mergeMedia(ctx, tx, mediaRowsOf(together)); err != nil {
				return err
			}
			together, both = nil, own
		}
		together, span = append(together, l), both
	}
	return t.mergeMedia(ctx, tx, mediaRowsOf(together))
}

// mergeMedia adds samples to those that are stored of the same legs: what is known
// replaces, what is unknown keeps what is stored, and a row that would not change is not
// written. The meeting is locked, so that nobody else writes them meanwhile.
func (t mediaTable) mergeMedia(ctx context.Context, tx pgx.Tx, rows []mediaRow) error {
	absent, changed, err := t.compare(ctx, tx, rows)
	if err != nil {
		return fmt.Errorf("compare media samples: %w", err)
	}
	if err := t.copyInto(ctx, tx, "media_samples", absent); err != nil {
		return err
	}
	return t.update(ctx, tx, changed)
}

// mediaKey is the key of media_samples, as precise as the database is.
type mediaKey struct{ legID, startMicros int64 }

// compare tells the rows that are not stored from those that are stored and would change.
// Values are compared as they are on the wire: a row that looks changed and is not, for
// what form ever the connection uses, is left as it is by update.
func (t mediaTable) compare(ctx context.Context, tx pgx.Tx, rows []mediaRow) (absent, changed []mediaRow, err error) {
	if len(rows) == 0 {
		return nil, nil, nil
	}
	byKey := make(map[mediaKey]int, len(rows))
	var (
		ids  []int64
		span days
	)
	for i, row := range rows {
		byKey[mediaKey{row.legID, row.sample.StartAt.UnixMicro()}] = i
		span.add(row.sample.StartAt)
		if len(ids) == 0 || ids[len(ids)-1] != row.legID {
			ids = append(ids, row.legID)
		}
	}
	stored, err := tx.Query(ctx, "select "+t.columns+" from media_samples where leg_id = any($1) and start_at between $2 and $3", ids, span.first, span.last)
	if err != nil {
		return nil, nil, err //nolint:wrapcheck // the caller does
	}
	defer stored.Close()
	var (
		legID   int64
		startAt time.Time
		wire    copyRow
		found   = make([]bool, len(rows))
		into    = make([]any, 4+len(t.measurements)) // nil: not scanned
	)
	into[0], into[1] = &legID, &startAt
	for stored.Next() {
		if err := stored.Scan(into...); err != nil {
			return nil, nil, err
		}
		i, ok := byKey[mediaKey{legID, startAt.UnixMicro()}]
		if !ok || found[i] {
			continue
		}
		found[i] = true
		if wire.set(t.measurements, rows[i]); wire.changes(stored.RawValues()) {
			changed = append(changed, rows[i])
		}
	}
	for i, row := range rows {
		if !found[i] {
			absent = append(absent, row)
		}
	}
	return absent, changed, stored.Err()
}

// changes reports whether a stored row is another one after the row was merged into it.
func (r *copyRow) changes(stored [][]byte) bool {
	fields := r.fields()
	for _, value := range stored {
		if field := fields.next(); field != nil && !bytes.Equal(field, value) {
			return true
		}
	}
	return false
}

// equals reports whether a stored row is the row. One that does not look so, for what form
// ever the connection uses, is written anew.
func (r *copyRow) equals(stored [][]byte) bool {
	fields := r.fields()
	for _, value := range stored {
		if field := fields.next(); (field == nil) != (value == nil) || !bytes.Equal(field, value) {
			return false
		}
	}
	return true
}

// update merges rows into those that are stored, by way of a temporary table of the
// connection.
func (t mediaTable) update(ctx context.Context, tx pgx.Tx, rows []mediaRow) error {
	if len(rows) == 0 {
		return nil
	}
	const prepare = "create temporary table if not exists incoming_media_samples (like media_samples) on commit delete rows"
	if _, err := tx.Exec(ctx, prepare); err != nil {
		return fmt.Errorf("prepare media samples: %w", err)
	}
	if err := t.copyInto(ctx, tx, "incoming_media_samples", rows); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, t.mergeSQL()); err != nil {
		return fmt.Errorf("merge media samples: %w", err)
	}
	return nil
}

func (t mediaTable) mergeSQL() string {
	var set, kept, merged strings.Builder
	for _, column := range t.measurements {
		fmt.Fprintf(&set, ", %[1]s = coalesce(excluded.%[1]s, m.%[1]s)", column.name)
		fmt.Fprintf(&kept, ", m.%s", column.name)
		fmt.Fprintf(&merged, ", coalesce(excluded.%[1]s, m.%[1]s)", column.name)
	}
	return "insert into media_samples as m (" + t.columns + ") select " + t.columns + " from incoming_media_samples" +
		" on conflict (leg_id, start_at) do update set end_at = excluded.end_at, granularity = excluded.granularity" + set.String() +
		" where (m.end_at, m.granularity" + kept.String() + ") is distinct from (excluded.end_at, excluded.granularity" + merged.String() + ")"
}
