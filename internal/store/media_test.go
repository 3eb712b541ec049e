package store

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"callweave/internal/measure"
	"callweave/internal/provider"
)

// landed lands legs of a meeting m of a new account.
func landed(t *testing.T, s *Store, legs ...LegLanding) MeetingLanding {
	t.Helper()
	ref, _ := linkedAccount(t, s, "a", nil)
	end := seedStart.Add(time.Hour)
	if _, err := s.SeeMeetings(t.Context(), ref, OriginLive, provider.ListPast, []SeenMeeting{seen("m", end)}, end); err != nil {
		t.Fatal(err)
	}
	for i := range legs {
		if legs[i].PersonSealed == nil {
			legs[i].PersonSealed = []byte("person")
		}
	}
	landing := MeetingLanding{AccountRef: ref, MeetingID: "m", First: true, ReadAt: end, SettleAfter: time.Hour, Legs: legs}
	if err := s.LandMeeting(t.Context(), landing); err != nil {
		t.Fatal(err)
	}
	return landing
}

// measured is a sample whose measurements are numbers of their own, but for those that
// unknown names.
func measured(t *testing.T, at time.Time, first float64, unknown ...int) (provider.MediaSample, map[string]any) {
	t.Helper()
	sample := provider.MediaSample{StartAt: at, EndAt: at.Add(30 * time.Second), Granularity: provider.PerStream}
	values := []*measure.Value{
		&sample.ClientCPUAvgPercent, &sample.ClientCPUMaxPercent, &sample.SystemCPUMaxPercent,
		&sample.WiFiRSSIAvgDBm, &sample.WiFiRSSIMinDBm, &sample.WiFiRSSIMaxDBm,
	}
	for _, stream := range []*provider.Stream{&sample.AudioIn, &sample.AudioOut, &sample.VideoIn, &sample.VideoOut, &sample.ScreenIn, &sample.ScreenOut} {
		values = append(values, &stream.LatencyMS, &stream.JitterMS, &stream.LossAvgRatio, &stream.LossMaxRatio, &stream.BitrateBPS)
		if stream != &sample.AudioIn && stream != &sample.AudioOut {
			values = append(values, &stream.FrameRateFPS, &stream.WidthPx, &stream.HeightPx)
		}
	}
	for i, value := range values {
		*value = measure.Of(first + float64(i)/8)
	}
	for _, i := range unknown {
		*values[i] = measure.Value{}
	}
	columns := map[string]any{"start_at": at, "end_at": sample.EndAt, "granularity": "stream"}
	for i, column := range mediaColumns() {
		columns[column.name] = nil
		if values[i].Known() {
			columns[column.name] = float32(first + float64(i)/8)
		}
	}
	return sample, columns
}

func mediaStored(t *testing.T, s *Store) []map[string]any {
	t.Helper()
	rows, err := s.pool.Query(t.Context(), "select * from media_samples order by start_at")
	if err != nil {
		t.Fatal(err)
	}
	stored, err := pgx.CollectRows(rows, pgx.RowToMap)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range stored {
		delete(row, "leg_id")
		row["start_at"], row["end_at"] = asTime(row["start_at"]), asTime(row["end_at"])
	}
	return stored
}

func asTime(value any) any {
	if at, ok := value.(time.Time); ok {
		return at.UTC()
	}
	return value
}

func TestEveryMeasurementIsStoredInItsColumn(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	one, wantOne := measured(t, seedStart, -3)
	two, wantTwo := measured(t, seedStart.Add(time.Minute+time.Microsecond), 1e6, 0, 7, 47)
	landing := landed(t, s, LegLanding{Leg: provider.Leg{ParticipantID: "1", JoinAt: seedStart, Samples: []provider.MediaSample{one, two}}})
	if diff := cmp.Diff([]map[string]any{wantOne, wantTwo}, mediaStored(t, s)); diff != "" {
		t.Errorf("samples (-want +got):\n%s", diff)
	}

	// Read again: of one all but two values change, of the other what was not known comes.
	one, wantOne = measured(t, seedStart, 4, 5, 40)
	_, before := measured(t, seedStart, -3)
	wantOne[mediaColumns()[5].name], wantOne[mediaColumns()[40].name] = before[mediaColumns()[5].name], before[mediaColumns()[40].name]
	two, wantTwo = measured(t, two.StartAt, 1e6)
	three, wantThree := measured(t, seedStart.Add(2*time.Minute), 9)
	landing.First, landing.Legs[0].Samples = false, []provider.MediaSample{one, two, three}
	if err := s.LandMeeting(t.Context(), landing); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]map[string]any{wantOne, wantTwo, wantThree}, mediaStored(t, s)); diff != "" {
		t.Errorf("samples after the second read (-want +got):\n%s", diff)
	}
}

// A COPY is made in chunks, and a row may be of any of them.
func TestLandMeetingOfAnySize(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	var legs []LegLanding
	for i := range 5 {
		leg := LegLanding{Leg: provider.Leg{ParticipantID: strconv.Itoa(i), JoinAt: seedStart}}
		for minute := range i * 200 {
			leg.Samples = append(leg.Samples, sampleAt(seedStart.Add(time.Duration(minute)*time.Minute), float64(1000*i+minute), 0))
		}
		legs = append(legs, leg)
	}
	landing := landed(t, s, legs...)
	const right = `select count(*) from media_samples m join legs l using (leg_id)
		where m.audio_in_latency_ms = 1000 * l.participant_id::integer + extract(epoch from m.start_at - l.join_at) / 60`
	if n := number(t, s, right); n != 2000 {
		t.Errorf("%d samples are where they belong, want 2000", n)
	}
	landing.First = false
	versions := "select sum(hashtextextended(ctid::text || xmin::text, 0)) % 1000000007 from media_samples"
	before := number(t, s, versions)
	if err := s.LandMeeting(t.Context(), landing); err != nil {
		t.Fatal(err)
	}
	if number(t, s, versions) != before {
		t.Error("landing the same again wrote samples")
	}
}

// What a meeting's people were known as must not be lost by a reader who took it for new.
func TestLandMeetingAsNewThatIsNot(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	leg := LegLanding{Leg: provider.Leg{ParticipantID: "1", JoinAt: seedStart}, PersonSealed: []byte("known")}
	landing := landed(t, s, leg)
	landing.Legs[0].PersonSealed = []byte("unknown")
	if err := s.LandMeeting(t.Context(), landing); !errors.Is(err, ErrReadBefore) {
		t.Errorf("landing it as new again is %v", err)
	}
	if n := number(t, s, "select count(*) from legs where person_sealed = 'known'"); n != 1 {
		t.Error("the person was lost")
	}
	due, err := s.DueMeetings(t.Context(), landing.AccountRef, landing.ReadAt.Add(2*time.Hour), 10)
	if err != nil || len(due) != 1 || !due[0].Landed {
		t.Errorf("due is %+v, %v; want one that was landed", due, err)
	}
}

// A sample that is twice in a read is refused, also where it was read before, and nothing
// of the read is kept.
func TestLandMeetingWithASampleTwice(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	samples := []provider.MediaSample{sampleAt(seedStart, 1, 0), sampleAt(seedStart.Add(time.Minute), 2, 0)}
	landing := landed(t, s, LegLanding{Leg: provider.Leg{ParticipantID: "1", JoinAt: seedStart, Samples: samples[:1]}})
	samples = append(samples, samples[1])
	landing.First, landing.Legs[0].Samples = false, samples
	if err := s.LandMeeting(t.Context(), landing); err == nil || !strings.Contains(err.Error(), "23505") {
		t.Errorf("landing a sample twice is %v", err)
	}
	if n := number(t, s, "select count(*) from media_samples"); n != 1 {
		t.Errorf("there are %d samples, want the one of before", n)
	}
}
