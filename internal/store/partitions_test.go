package store

import (
	"net"
	"testing"
	"time"

	"callweave/internal/store/db"
)

// A new day is there before its first row, and making it waits for no writer.
func TestPartitionsAreMadeAheadBesideWriters(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	_, orgs := linkedAccount(t, s, "devices", nil)
	mac := net.HardwareAddr{2, 0, 0, 0, 0, 1}
	land := func(at time.Time) error {
		return s.LandDevices(t.Context(), DeviceLanding{
			OrgID: orgs[0], Clients: []db.ClientSample{{OrgID: orgs[0], Mac: mac, StartAt: at, EndAt: at.Add(time.Minute)}},
		})
	}
	made := func(day string) bool {
		return number(t, s, `select count(*) from pg_class where relname = 'client_samples_p' || $1 and relispartition`, day) == 1
	}
	today := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	if err := land(today.Add(11 * time.Hour)); err != nil {
		t.Fatal(err)
	}
	if !made("20261120") || made("20261121") {
		t.Errorf("in the morning: today %v, tomorrow %v", made("20261120"), made("20261121"))
	}
	writing := begin(t, s)
	_, err := writing.Exec(t.Context(), `insert into client_samples (org_id, mac, start_at, end_at) values ($1, $2, $3, $3)`, orgs[0], mac, today)
	if err != nil {
		t.Fatal(err)
	}
	landed := make(chan error, 1)
	go func() { landed <- land(today.Add(13 * time.Hour)) }()
	untilWaiting(t, s, 1, landed)
	select {
	case err := <-landed:
		if err != nil {
			t.Error(err)
		}
	default:
		t.Error("a new day waits for a writer of another one")
		if err := writing.Rollback(t.Context()); err != nil {
			t.Error(err)
		}
		<-landed
	}
	if !made("20261121") || made("20261122") {
		t.Errorf("in the afternoon: tomorrow %v, the day after %v", made("20261121"), made("20261122"))
	}
	// It is like the parent in every way.
	for what, sql := range map[string]string{
		"primary key": `select count(*) from pg_index where indrelid = 'client_samples_p20261121'::regclass and indisprimary`,
		"check":       `select count(*) from pg_constraint where conrelid = 'media_samples_p20261121'::regclass and contype = 'c'`,
	} {
		exec(t, s, `select ensure_partitions('media_samples', $1, $1)`, today.Add(24*time.Hour))
		if number(t, s, sql) != 1 {
			t.Errorf("the new day has no %s", what)
		}
	}
}
