package store

import (
	"net"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"callweave/internal/measure"
	"callweave/internal/store/db"
)

// Every column of a call minute comes back as it was written, be it known or not.
func TestCallMinutesAreWrittenWhole(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	ref, orgs := linkedAccount(t, s, "a", nil)
	yes, version := true, int32(7)
	known := db.CallMinute{
		OrgID: orgs[0], LegID: 7, StartAt: seedStart, EndAt: seedStart.Add(time.Minute), Provider: string(ref.Provider), AccountID: ref.AccountID,
		MeetingID: "m", SiteID: uuid.New(), ClientMac: net.HardwareAddr{1, 2, 3, 4, 5, 6}, ApMac: net.HardwareAddr{6, 5, 4, 3, 2, 1}, Band: "5",
		Bad: &yes, ClientVpn: &yes, WorstDirection: "audio_in", WorstMetric: "jitter", Bucket: "wireless",
		ModelVersion: &version, TopFeatures: []string{"radio_util", "client_rssi"},
	}
	fields := reflect.ValueOf(&known).Elem()
	for i := range fields.NumField() {
		if value, ok := reflect.TypeAssert[*measure.Value](fields.Field(i).Addr()); ok {
			*value = measure.Of(float64(i) + 0.5)
		}
		if fields.Field(i).IsZero() {
			t.Errorf("%s is not tried: give it a value here and, if it is to be stored, a line in minuteColumns", fields.Type().Field(i).Name)
		}
	}
	unknown := db.CallMinute{OrgID: orgs[0], LegID: 8, StartAt: seedStart, EndAt: seedStart.Add(time.Minute), Provider: string(ref.Provider), AccountID: ref.AccountID, MeetingID: "m"}
	var many []db.CallMinute // more than a chunk
	for i := range 2000 {
		minute := known
		minute.LegID = int64(100 + i)
		many = append(many, minute)
	}
	landed, err := s.LandWeaves(t.Context(), ref, orgs[0], 0, []WeaveLanding{
		{MeetingID: "m", Revision: 1, Minutes: []db.CallMinute{known, unknown}}, {MeetingID: "none", Revision: 1}, {MeetingID: "n", Revision: 1, Minutes: many},
	})
	if err != nil || len(landed) != 3 {
		t.Fatalf("landed %v, %v", landed, err)
	}
	rows, err := s.pool.Query(t.Context(), "select * from call_minutes order by leg_id")
	if err != nil {
		t.Fatal(err)
	}
	stored, err := pgx.CollectRows(rows, pgx.RowToStructByPos[db.CallMinute])
	if err != nil {
		t.Fatal(err)
	}
	if len(stored) != 2002 {
		t.Fatalf("%d rows are stored, want 2002", len(stored))
	}
	instant := cmp.Transformer("instant", time.Time.UnixMicro)
	for i, want := range []db.CallMinute{known, unknown, many[0]} {
		if diff := cmp.Diff(want, stored[i], instant, cmp.Comparer(func(a, b measure.Value) bool { return a == b })); diff != "" {
			t.Errorf("row %d (-want +got):\n%s", i, diff)
		}
	}
	if diff := cmp.Diff(many[1999], stored[2001], instant, cmp.Comparer(func(a, b measure.Value) bool { return a == b })); diff != "" {
		t.Errorf("the last row (-want +got):\n%s", diff)
	}
	var columns []string
	for _, column := range minuteColumns() {
		columns = append(columns, column.name)
	}
	inTable := columnsOfTable(t, s, "call_minutes")
	slices.Sort(columns)
	slices.Sort(inTable)
	if diff := cmp.Diff(inTable, columns); diff != "" {
		t.Errorf("columns of the table and minuteColumns (-table +ours):\n%s", diff)
	}
}

func columnsOfTable(t *testing.T, s *Store, table string) (names []string) {
	t.Helper()
	err := s.inTx(t.Context(), func(tx pgx.Tx, _ *db.Queries) (err error) {
		names, err = columnsOf(t.Context(), tx, table)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
