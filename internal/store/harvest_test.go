package store

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"callweave/internal/macaddr"
	"callweave/internal/measure"
	"callweave/internal/provider"
)

// linkedAccount adds an account with one link per setting of max_daily_api_requests.
func linkedAccount(t *testing.T, s *Store, id string, budgets ...any) (provider.AccountRef, []uuid.UUID) {
	t.Helper()
	ref := zoomAccount(id)
	exec(t, s, `insert into accounts (provider, account_id) values ($1, $2)`, ref.Provider, ref.AccountID)
	var orgs []uuid.UUID
	for _, budget := range budgets {
		org := uuid.New()
		exec(t, s, `insert into orgs (org_id, name, mist_url, mist_token_sealed) values ($1, 'Org', '', '')`, org)
		exec(t, s, `insert into links (provider, account_id, org_id, linked_by_sealed, max_daily_api_requests) values ($1, $2, $3, '', $4)`, ref.Provider, ref.AccountID, org, budget)
		orgs = append(orgs, org)
	}
	return ref, orgs
}

func seen(id string, end time.Time) SeenMeeting {
	return SeenMeeting{Meeting: provider.Meeting{ID: id, Number: 7, StartAt: end.Add(-time.Hour), EndAt: end, ParticipantCount: 2}, HostSealed: []byte("host")}
}

// sampleAt is a minute that was measured with a latency, and of which the RSSI is known
// where it is not zero.
func sampleAt(at time.Time, latencyMS, rssi float64) provider.MediaSample {
	sample := provider.MediaSample{StartAt: at, EndAt: at.Add(time.Minute), Granularity: provider.PerMinute, AudioIn: provider.Stream{LatencyMS: measure.Of(latencyMS)}}
	if rssi != 0 {
		sample.WiFiRSSIAvgDBm = measure.Of(rssi)
	}
	return sample
}

func TestLandMeeting(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	ref, _ := linkedAccount(t, s, "a", nil)
	end := seedStart.Add(time.Hour)
	if added, err := s.SeeMeetings(t.Context(), ref, OriginLive, provider.ListPast, []SeenMeeting{seen("m", end), seen("m", end)}, end); err != nil || added != 1 {
		t.Fatalf("added %d, %v", added, err)
	}
	leg := func(mac macaddr.Addr, leaves time.Time, samples ...provider.MediaSample) LegLanding {
		return LegLanding{Leg: provider.Leg{ParticipantID: "1", JoinAt: seedStart, LeaveAt: leaves, MAC: mac, Samples: samples}, PersonSealed: []byte("p")}
	}
	land := func(at time.Time, legs ...LegLanding) {
		t.Helper()
		err := s.LandMeeting(t.Context(), MeetingLanding{AccountRef: ref, MeetingID: "m", ReadAt: at, SettleAfter: 30 * time.Minute, Legs: legs})
		if err != nil {
			t.Fatal(err)
		}
	}
	meeting := func() (state string, revision int, due *time.Time) {
		t.Helper()
		if err := s.pool.QueryRow(t.Context(), "select state, revision, due_at from meetings").Scan(&state, &revision, &due); err != nil {
			t.Fatal(err)
		}
		return state, revision, due
	}
	mac := macaddr.Addr{2, 0, 0, 0, 0, 1}
	midnight := seedStart.Truncate(24 * time.Hour).Add(24 * time.Hour)
	first := []provider.MediaSample{sampleAt(seedStart, 10, -60), sampleAt(midnight.Add(-time.Minute), 20, 0), sampleAt(midnight, 30, 0)}

	land(end.Add(time.Minute), leg(mac, end, first...))
	if state, revision, due := meeting(); state != MeetingReadOnce || revision != 1 || due == nil || !due.Equal(end.Add(30*time.Minute)) {
		t.Errorf("after the first read the meeting is %s, revision %d, due %v", state, revision, due)
	}

	// The settling read lacks what the first one had and has what it lacked.
	land(end.Add(31*time.Minute), leg(macaddr.Addr{}, time.Time{}, sampleAt(seedStart, 11, 0), sampleAt(midnight.Add(time.Minute), 40, 0)))
	if state, revision, due := meeting(); state != MeetingSettled || revision != 2 || due != nil {
		t.Errorf("after the settling read the meeting is %s, revision %d, due %v", state, revision, due)
	}
	rows, err := s.pool.Query(t.Context(), "select audio_in_latency_ms, wifi_rssi_avg_dbm from media_samples order by start_at")
	if err != nil {
		t.Fatal(err)
	}
	var got [][2]string
	for rows.Next() {
		var latency, rssi measure.Value
		if err := rows.Scan(&latency, &rssi); err != nil {
			t.Fatal(err)
		}
		got = append(got, [2]string{latency.String(), rssi.String()})
	}
	want := [][2]string{{"11", "-60"}, {"20", "unknown"}, {"30", "unknown"}, {"40", "unknown"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("samples (-want +got):\n%s", diff)
	}
	if n := number(t, s, "select count(*) from legs where mac = '02:00:00:00:00:01' and leave_at = $1", end); n != 1 {
		t.Error("the second read lost the leg's MAC or end")
	}

	// Landing again writes no leg anew and no sample at all.
	versions := "select sum(hashtextextended(ctid::text || xmin::text, 0)) % 1000000007 from media_samples"
	before := number(t, s, versions)
	land(end.Add(32*time.Minute), leg(mac, end, first[1:]...))
	if number(t, s, versions) != before {
		t.Error("landing what is known wrote samples")
	}
	if legs, samples := number(t, s, "select count(*) from legs"), number(t, s, "select count(*) from media_samples"); legs != 1 || samples != 4 {
		t.Errorf("there are %d legs and %d samples, want 1 and 4", legs, samples)
	}

	err = s.LandMeeting(t.Context(), MeetingLanding{AccountRef: ref, MeetingID: "never seen", ReadAt: end})
	if !errors.Is(err, ErrNotFound) {
		t.Errorf("landing a meeting that was never seen is %v", err)
	}
}

func TestReserve(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	ref, orgs := linkedAccount(t, s, "a", nil, 10, 12)
	now := time.Date(2026, 11, 20, 23, 0, 0, 0, time.UTC)
	clock := &now
	meter := NewMeter(s, func() time.Time { return *clock })
	for range 6 {
		if err := meter.Reserve(t.Context(), ref, "heavy", 1); err != nil {
			t.Fatal(err)
		}
	}
	if err := meter.Reserve(t.Context(), ref, "resource_intensive", 4); err != nil {
		t.Fatal(err)
	}
	for _, category := range []string{"heavy", "resource_intensive", "another"} {
		err := meter.Reserve(t.Context(), ref, category, 1)
		var failure *provider.Error
		if !errors.As(err, &failure) || failure.Kind != provider.RateLimited || !failure.Daily || failure.RetryAfter != time.Hour {
			t.Fatalf("reserving beyond the budget in %s is %v", category, err)
		}
	}
	if spent, err := s.SpentRequests(t.Context(), ref, now); err != nil || spent != 10 {
		t.Errorf("spent %d, %v; want 10", spent, err)
	}
	now = now.Add(time.Hour) // another UTC day
	if err := meter.Reserve(t.Context(), ref, "heavy", 10); err != nil {
		t.Errorf("reserving on the next day is %v", err)
	}
	if err := meter.Reserve(t.Context(), ref, "heavy", 1); provider.KindOf(err) != provider.RateLimited {
		t.Errorf("reserving beyond the next day's budget is %v", err)
	}
	// The link with the smallest setting goes: the next smallest counts.
	exec(t, s, "update links set status = 'unlinking' where org_id = $1", orgs[1])
	if err := meter.Reserve(t.Context(), ref, "heavy", 2); err != nil {
		t.Errorf("reserving within the other budget is %v", err)
	}
	if total, err := s.TotalRequests(t.Context(), ref); err != nil || total != 22 {
		t.Errorf("spent %d ever, %v; want 22", total, err)
	}
}

func TestReserveWithoutSettingHasTheDefault(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	ref, _ := linkedAccount(t, s, "a", nil, 100_000)
	meter := NewMeter(s, nil)
	if err := meter.Reserve(t.Context(), ref, "heavy", DefaultDailyRequests); err != nil {
		t.Fatal(err)
	}
	if err := meter.Reserve(t.Context(), ref, "heavy", 1); provider.KindOf(err) != provider.RateLimited {
		t.Errorf("reserving beyond the default is %v", err)
	}
}

func TestClaimHarvest(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	ref, _ := linkedAccount(t, s, "a", nil)
	one, other := Run{"w", "1"}, Run{"w2", "2"}
	claim := func(run Run, hold time.Duration) string {
		t.Helper()
		heldBy, err := s.ClaimHarvest(t.Context(), ref, run, hold)
		if err != nil {
			t.Fatal(err)
		}
		return heldBy
	}
	if heldBy := claim(one, time.Minute); heldBy != "" {
		t.Errorf("a free claim is held by %q", heldBy)
	}
	if heldBy := claim(other, time.Minute); heldBy != "w" {
		t.Errorf("another run finds it held by %q, want w", heldBy)
	}
	if heldBy := claim(one, -time.Second); heldBy != "" { // renews, and runs out at once
		t.Errorf("the holder finds it held by %q", heldBy)
	}
	if heldBy := claim(other, time.Minute); heldBy != "" {
		t.Errorf("an expired claim is held by %q", heldBy)
	}
	if err := s.ReleaseHarvest(t.Context(), ref, one); err != nil { // not its own any more
		t.Fatal(err)
	}
	if heldBy := claim(one, time.Minute); heldBy != "w2" {
		t.Errorf("the claim is held by %q, want w2", heldBy)
	}
	if err := s.ReleaseHarvest(t.Context(), ref, other); err != nil {
		t.Fatal(err)
	}
	if heldBy := claim(one, time.Minute); heldBy != "" {
		t.Errorf("a released claim is held by %q", heldBy)
	}
}

func TestGuestsAndSyncs(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	ref, orgs := linkedAccount(t, s, "a", nil, nil)
	keeps := func() bool {
		t.Helper()
		keeps, err := s.KeepsGuests(t.Context(), ref)
		if err != nil {
			t.Fatal(err)
		}
		return keeps
	}
	exec(t, s, "update links set discard_guest_info = true where org_id = $1", orgs[0])
	if !keeps() {
		t.Error("guests are discarded though one link keeps them")
	}
	exec(t, s, "update links set discard_guest_info = true")
	if keeps() {
		t.Error("guests are kept though every link discards them")
	}

	exec(t, s, "update links set status = 'failed', last_status = 'failed', errors = '{link again}' where org_id = $1", orgs[0])
	if synced, err := s.LinksSynced(t.Context(), ref, seedStart, []string{"limit"}); err != nil || len(synced) != 2 {
		t.Errorf("synced %v, %v", synced, err)
	}
	if n := number(t, s, "select count(*) from links where last_status = 'failed' and last_sync_at is null and errors = case status when 'failed' then '{link again}'::text[] else '{limit}'::text[] end"); n != 2 {
		t.Errorf("%d links state what is wrong, want 2", n)
	}
	if _, err := s.LinksSynced(t.Context(), ref, seedStart, nil); err != nil {
		t.Fatal(err)
	}
	if n := number(t, s, "select count(*) from links where status = 'active' and last_status = 'success' and last_sync_at = $1 and errors = '{}'", seedStart); n != 1 {
		t.Error("the active link does not state success")
	}
	exec(t, s, "update links set status = 'unlinking' where org_id = $1", orgs[0])
	if got, err := s.HarvestedOrgs(t.Context(), ref); err != nil || !cmp.Equal(got, orgs[1:]) {
		t.Errorf("harvested for %v, %v; want the link that goes on", got, err)
	}
}

func TestHarvestWritesNothingWithoutLinks(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	ref, _ := linkedAccount(t, s, "a", nil)
	ctx := t.Context()
	if _, err := s.SeeMeetings(ctx, ref, OriginLive, provider.ListPast, []SeenMeeting{seen("m", seedStart)}, seedStart); err != nil {
		t.Fatal(err)
	}
	exec(t, s, "update links set status = 'unlinking'")
	count := "select (select count(*) from windows) + (select count(*) from harvest_claims) + (select count(*) from api_requests) + (select count(*) from legs)"
	for name, write := range map[string]func() error{
		"claim": func() error { _, err := s.ClaimHarvest(ctx, ref, Run{"w", "r"}, time.Minute); return err },
		"plan": func() error {
			return s.PlanWindows(ctx, ref, OriginLive, []provider.Window{{From: seedStart, To: seedStart.Add(time.Hour)}})
		},
		"see": func() error {
			_, err := s.SeeMeetings(ctx, ref, OriginLive, provider.ListPast, []SeenMeeting{seen("n", seedStart)}, seedStart)
			return err
		},
		"land": func() error {
			return s.LandMeeting(ctx, MeetingLanding{AccountRef: ref, MeetingID: "m", ReadAt: seedStart, Legs: []LegLanding{{Leg: provider.Leg{ParticipantID: "1", JoinAt: seedStart}, PersonSealed: []byte("p")}}})
		},
		"fail":    func() error { _, err := s.FailMeeting(ctx, ref, "m", "c", MeetingGone, nil, seedStart); return err },
		"reserve": func() error { return NewMeter(s, nil).Reserve(ctx, ref, "heavy", 1) },
		"guests":  func() error { _, err := s.KeepsGuests(ctx, ref); return err },
	} {
		if err := write(); !errors.Is(err, ErrFenced) {
			t.Errorf("%s is %v, want fenced", name, err)
		}
	}
	if n := number(t, s, count); n != 0 {
		t.Errorf("%d rows were written", n)
	}
}
