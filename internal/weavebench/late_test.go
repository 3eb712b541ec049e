package weavebench

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"callweave/internal/store"
	"callweave/internal/store/db"
)

// late takes away what was known of the people of one meeting of the day for an hour,
// brings it again as late, and has it woven.
func (s *stage) late(b *testing.B) {
	b.Helper()
	meeting := meetingID(s.day.meetings() / 2)
	var from time.Time
	if err := s.pool.QueryRow(b.Context(), "select start_at + interval '20 minutes' from meetings where meeting_id = $1", meeting).Scan(&from); err != nil {
		b.Fatal(err)
	}
	const within = "mac in (select client_mac from matches where meeting_id = $1) and start_at >= $2 and start_at < $2 + interval '1 hour'"
	rows, err := s.pool.Query(b.Context(), "delete from client_samples where "+within+" returning *", meeting, from)
	if err != nil {
		b.Fatal(err)
	}
	samples, err := pgx.CollectRows(rows, pgx.RowToStructByPos[db.ClientSample])
	if err != nil || len(samples) == 0 {
		b.Fatalf("%d samples, %v", len(samples), err)
	}
	if err := s.store.LandDevices(b.Context(), store.DeviceLanding{OrgID: s.org, Clients: samples}); err != nil {
		b.Fatal(err)
	}
	s.exec("update late_devices set landed_at = landed_at - interval '1 hour'")
	began := time.Now()
	result, err := s.weaver.Weave(b.Context(), s.ref, s.org, func() {})
	took := time.Since(began)
	if err != nil || result.Meetings == 0 || result.Ready > 0 {
		b.Fatalf("woven %+v, %v", result, err)
	}
	b.Logf("late: an hour of %d client samples of the people of one meeting: %d of %d meetings are woven again, %d call minutes, in %.0f ms",
		len(samples), result.Meetings, s.day.meetings(), result.Minutes, float64(took.Microseconds())/1000)
	b.ReportMetric(float64(took.Microseconds())/1000, "late-ms")
}
