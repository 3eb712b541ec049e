package insight_test

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"callweave/internal/correlate"
	"callweave/internal/insight"
	"callweave/internal/measure"
	"callweave/internal/provider"
	"callweave/internal/store"
	"callweave/internal/store/db"
	"callweave/internal/testenv"
)

func TestMain(m *testing.M) {
	testenv.Main(m, testenv.WithMigrations(func(ctx context.Context, url string) error {
		_, err := store.Migrate(ctx, url)
		return err
	}))
}

var (
	now     = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	account = provider.AccountRef{Provider: provider.Zoom, AccountID: "a"}
	site    = uuid.MustParse("00000000-0000-0000-0000-000000000051")
	limits  = correlate.Thresholds{LatencyMS: 150, JitterMS: 40, LossRatio: 0.02}
)

// bundle is an org whose latency comes of two things: crowded air and a slow computer.
type bundle struct {
	store   *store.Store
	pool    *pgxpool.Pool
	org     uuid.UUID
	models  *insight.Models
	trainer *insight.Trainer
}

func setup(t *testing.T) *bundle {
	t.Helper()
	url := testenv.Postgres(t)
	s, err := store.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	b := &bundle{store: s, org: uuid.New()}
	if b.pool, err = pgxpool.New(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.pool.Close)
	b.exec(t, `insert into orgs (org_id, name, mist_url, mist_token_sealed) values ($1, 'Org', 'https://mist.example', '')`, b.org)
	b.exec(t, `insert into accounts (provider, account_id) values ($1, $2)`, account.Provider, account.AccountID)
	b.exec(t, `insert into links (provider, account_id, org_id, linked_by_sealed) values ($1, $2, $3, '')`, account.Provider, account.AccountID, b.org)
	b.exec(t, `select ensure_partitions('call_minutes', $1, $2)`, now.Add(-72*time.Hour), now)
	if b.models, err = insight.NewModels(s, func() time.Time { return now }); err != nil {
		t.Fatal(err)
	}
	if b.trainer, err = insight.NewTrainer(s, func() time.Time { return now }); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bundle) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	if _, err := b.pool.Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

// minutes adds the minutes of some legs, 40 each: one in eight has crowded air, one in nine a
// busy computer, and each adds to the latency of what is sent.
func (b *bundle) minutes(t *testing.T, legs int) {
	t.Helper()
	b.exec(t, `
insert into call_minutes (org_id, leg_id, start_at, end_at, provider, account_id, meeting_id, site_id, client_mac, ap_mac, band,
    bad, bucket, worst_direction, worst_metric, audio_in_latency_ms, audio_in_jitter_ms, audio_in_loss_ratio, audio_out_latency_ms, audio_out_jitter_ms, audio_out_loss_ratio, radio_util_ratio, radio_util_interference_ratio, client_cpu_percent, client_rssi_dbm, wan_rtt_ms)
select $1, leg, at, at + interval '1 minute', $2, $3, 'm' || leg, $4, '02:00:00:00:00:01', '5c:5b:00:00:00:01', '5',
    latency > 150, case when latency > 150 then 'unknown' else '' end, case when latency > 150 then 'audio_in' else '' end, case when latency > 150 then 'latency' else '' end,
    latency, 3 + noise % 3, 0, 30 + noise, 3, 0, util, 0.02, cpu, -55 - noise, 12 + noise
from (
    select leg, $5::timestamptz + leg % 600 * interval '1 minute' + n * interval '1 minute' as at, noise, util, cpu,
        30 + noise + case when util > 0.8 then 180 else 0 end + case when cpu > 90 then 150 else 0 end as latency
    from (
        select leg, n, (leg * 7 + n * 13) % 11 as noise,
            case when (leg + n) % 8 = 0 then 0.9 else 0.2 + (leg + n) % 5 * 0.05 end as util,
            case when (leg * 3 + n) % 9 = 0 then 97 else 20 + n end as cpu
        from generate_series(1, $6::int) leg, generate_series(0, 39) n
    ) drawn
) felt`, b.org, account.Provider, account.AccountID, site, now.Add(-48*time.Hour), legs)
}

// stored are the minutes of leg 17.
func (b *bundle) stored(t *testing.T) []db.CallMinute {
	t.Helper()
	minutes, err := b.store.LegMinutes(t.Context(), b.org, []int64{17}, now.Add(-72*time.Hour), now)
	if err != nil || len(minutes) != 40 {
		t.Fatalf("%d minutes, %v", len(minutes), err)
	}
	return minutes
}

func TestAModelOfTheOrgsOwnNamesTheCause(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.minutes(t, 300)
	trained, err := b.trainer.Train(t.Context(), b.org)
	if err != nil || trained.Version != 1 || trained.Minutes != 12_000 || trained.BadMinutes < 1000 || trained.Scores["bad_auc"] < 0.95 {
		t.Fatalf("trained %+v, %v", trained, err)
	}
	model, version, err := b.models.Newest(t.Context(), b.org)
	if err != nil || version != 1 || model.Factory {
		t.Fatalf("newest is %d, factory %v, %v", version, model.Factory, err)
	}
	leg := b.stored(t)
	insight.Judge(model, version, limits, leg, nil)
	causes := map[string]int{}
	for i := range leg {
		minute := &leg[i]
		crowded, busy := minute.RadioUtilRatio.Or(0) > 0.8, minute.ClientCpuPercent.Or(0) > 90
		want := ""
		switch {
		case crowded && !busy:
			want = "wireless"
		case busy && !crowded:
			want = "client"
		case busy:
			continue // both, which is either's
		}
		causes[want]++
		if minute.Bucket != want {
			t.Errorf("minute %d: bucket %q, want %q", i, minute.Bucket, want)
		}
		if want == "" && (minute.ModelVersion != nil || minute.TopFeatures != nil) {
			t.Errorf("minute %d is good, and model %v judged it", i, minute.ModelVersion)
		}
		if top := map[string]string{"wireless": "radio_util", "client": "client_cpu"}[want]; want != "" &&
			(*minute.ModelVersion != 1 || minute.TopFeatures[0] != top || minute.Confidence.Or(0) < 0.5) {
			t.Errorf("minute %d: model %d blames %v with confidence %v, want %s", i, *minute.ModelVersion, minute.TopFeatures, minute.Confidence, top)
		}
	}
	if causes["wireless"] == 0 || causes["client"] == 0 || causes[""] == 0 {
		t.Fatalf("the leg proves nothing: %v", causes)
	}
}

func TestExplanationsAddUpAndNameTheirModel(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.minutes(t, 300)
	explainer := insight.NewExplainer(b.store, b.models)
	before, err := explainer.Explain(t.Context(), b.org, b.stored(t))
	if err != nil || len(before) != 40 || !before[0].Factory || before[0].ModelVersion != 0 {
		t.Fatalf("%d explanations, the first %+v, %v: want the factory's", len(before), before[0], err)
	}
	if _, err := b.trainer.Train(t.Context(), b.org); err != nil {
		t.Fatal(err)
	}
	models, err := insight.NewModels(b.store, func() time.Time { return now }) // of another program
	if err != nil {
		t.Fatal(err)
	}
	explainer = insight.NewExplainer(b.store, models)
	model, version, err := models.Newest(t.Context(), b.org)
	if err != nil {
		t.Fatal(err)
	}
	minutes, unexplained := b.stored(t), b.stored(t)
	insight.Judge(model, version, limits, minutes, nil)
	explained, err := explainer.Explain(t.Context(), b.org, minutes)
	if err != nil {
		t.Fatal(err)
	}
	bad := 0
	for i, e := range explained {
		minute := &minutes[i]
		if e.ModelVersion != 1 || e.Factory || e.Gone {
			t.Errorf("minute %d is explained by %d, factory %v, gone %v", i, e.ModelVersion, e.Factory, e.Gone)
		}
		if len(e.Directions) != 2 {
			t.Errorf("minute %d: %d directions, want audio_in and audio_out", i, len(e.Directions))
		}
		if minute.Bad == nil || !*minute.Bad {
			if e.Worst != nil {
				t.Errorf("minute %d is good, and has a worst metric", i)
			}
			continue
		}
		bad++
		w := e.Worst
		if w.Unit != insight.UnitMS || w.Observed != minute.AudioInLatencyMs.Or(0) || e.Confidence != minute.Confidence || !e.Confidence.Known() {
			t.Fatalf("minute %d: %+v", i, w)
		}
		if sum := w.Predicted() + w.Unexplained(); math.Abs(sum-w.Observed) > 1e-9 {
			t.Errorf("minute %d: predicted and unexplained are %v, observed %v", i, sum, w.Observed)
		}
		if c := w.Counterfactual; c == nil || c.Value > w.Observed-100 {
			t.Errorf("minute %d: without %+v it would have been as bad", i, c)
		}
	}
	if bad == 0 {
		t.Fatal("no minute is bad: the test proves nothing")
	}
	// What is stored with the bucket says what the other minutes of the leg say.
	anew, err := explainer.Explain(t.Context(), b.org, unexplained)
	if err != nil {
		t.Fatal(err)
	}
	for i := range anew {
		if diff := cmp.Diff(explained[i].Worst, anew[i].Worst); diff != "" {
			t.Errorf("minute %d (-stored +told anew):\n%s", i, diff)
		}
	}
	// A minute asked for alone is explained as among the others of its leg.
	for i := range minutes {
		alone, err := explainer.Explain(t.Context(), b.org, minutes[i:i+1])
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(explained[i], alone[0], cmp.AllowUnexported(measure.Value{})); diff != "" {
			t.Fatalf("minute %d (-among others +alone):\n%s", i, diff)
		}
	}
	// What is gone with an unlinking is said to be gone.
	b.exec(t, "delete from models")
	late, err := insight.NewModels(b.store, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	after, err := insight.NewExplainer(b.store, late).Explain(t.Context(), b.org, minutes)
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range after {
		if gone := minutes[i].ModelVersion != nil; e.Gone != gone || !e.Factory {
			t.Errorf("minute %d: gone %v, want %v; factory %v", i, e.Gone, gone, e.Factory)
		}
	}
}

// What a tunnel adds to its leg is told from the whole leg, whichever minutes are asked for.
func TestATunnelIsToldFromItsLeg(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.minutes(t, 300)
	b.exec(t, `update call_minutes set client_vpn = leg_id % 6 = 5, audio_in_latency_ms = audio_in_latency_ms + tunnel, audio_out_latency_ms = audio_out_latency_ms + tunnel
		from (select n, case when n % 6 = 5 then 60 else 0 end + case when n = 17 then 45 else 0 end as tunnel from generate_series(1, 300) n) way where leg_id = n`)
	b.exec(t, `update call_minutes set bad = audio_in_latency_ms > 150, bucket = case when audio_in_latency_ms > 150 then 'unknown' else '' end,
		worst_direction = case when audio_in_latency_ms > 150 then 'audio_in' else '' end, worst_metric = case when audio_in_latency_ms > 150 then 'latency' else '' end`)
	if _, err := b.trainer.Train(t.Context(), b.org); err != nil {
		t.Fatal(err)
	}
	model, version, err := b.models.Newest(t.Context(), b.org)
	if err != nil {
		t.Fatal(err)
	}
	judged, unjudged := b.stored(t), b.stored(t)
	insight.Judge(model, version, limits, judged, nil)
	explainer := insight.NewExplainer(b.store, b.models)
	vpn := func(c insight.Contributions) float64 {
		for _, part := range c.Features {
			if part.Feature == "client_vpn_distance" {
				return part.Value
			}
		}
		return 0
	}
	told, detours := make([]insight.Explanation, len(judged)), 0
	for i := range unjudged {
		explained, err := explainer.Explain(t.Context(), b.org, unjudged[i:i+1])
		if err != nil {
			t.Fatal(err)
		}
		if told[i] = explained[0]; told[i].Worst != nil && vpn(told[i].Worst.Contributions) > vpn(told[i].Directions[0].Contributions)+20 {
			detours++
		}
	}
	if detours < 5 {
		t.Errorf("the detour shows in %d minutes", detours)
	}
	// It is stored with the bucket: the leg is not needed any more.
	b.exec(t, "delete from call_minutes where leg_id = 17")
	stored, err := explainer.Explain(t.Context(), b.org, judged)
	if err != nil {
		t.Fatal(err)
	}
	for i := range stored {
		if diff := cmp.Diff(told[i].Worst, stored[i].Worst); diff != "" {
			t.Errorf("minute %d (-told from the leg +stored):\n%s", i, diff)
		}
	}
}

func TestAModelGoesWhenAnUnlinkingTookIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.minutes(t, 300)
	clock := now
	models, err := insight.NewModels(b.store, func() time.Time { return clock })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.trainer.Train(t.Context(), b.org); err != nil {
		t.Fatal(err)
	}
	if _, version, err := models.Newest(t.Context(), b.org); err != nil || version != 1 {
		t.Fatalf("newest is %d, %v", version, err)
	}
	b.exec(t, "delete from models")
	clock = clock.Add(2 * time.Minute)
	if model, version, err := models.Newest(t.Context(), b.org); err != nil || version != 0 || !model.Factory {
		t.Fatalf("newest is %d, %v: want the factory's", version, err)
	}
	// The next one has a version of its own.
	if trained, err := b.trainer.Train(t.Context(), b.org); err != nil || trained.Version != 2 {
		t.Fatalf("trained %+v, %v", trained, err)
	}
}

func TestTooLittleIsLeftToTheFactory(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.minutes(t, 3)
	trained, err := b.trainer.Train(t.Context(), b.org)
	if err != nil || trained.Version != 0 || trained.Minutes != 120 {
		t.Fatalf("trained %+v, %v", trained, err)
	}
	if model, version, err := b.models.Newest(t.Context(), b.org); err != nil || version != 0 || !model.Factory {
		t.Fatalf("newest is %d, %v: want the factory's", version, err)
	}
	if _, err := b.trainer.Train(t.Context(), uuid.New()); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("an org that is not there: %v", err)
	}
}

// What a link that is being unlinked had taught is not kept, nor is what it would teach.
func TestAnUnlinkingEndsWhatItsMinutesTeach(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.minutes(t, 300)
	read := 0
	token, err := b.store.TrainingMinutes(t.Context(), b.org, now.Add(-72*time.Hour), now, 1_000_000, func(*store.TrainingMinute) { read++ })
	if err != nil || read != 12_000 {
		t.Fatalf("read %d minutes, %v", read, err)
	}
	sampled := 0
	if _, err := b.store.TrainingMinutes(t.Context(), b.org, now.Add(-72*time.Hour), now, 3_000, func(*store.TrainingMinute) { sampled++ }); err != nil || sampled != 3_000 {
		t.Errorf("of at most 3,000 it reads %d, %v", sampled, err)
	}
	if _, err := b.store.Fence(t.Context(), account, b.org, "test", "admin"); err != nil {
		t.Fatal(err)
	}
	model := store.TrainedModel{OrgID: b.org, FromAt: now, ToAt: now, Scores: []byte("{}"), Body: []byte("model")}
	if _, err := b.store.PutModel(t.Context(), model, token); !errors.Is(err, store.ErrFenced) {
		t.Errorf("a model read before the fence is kept: %v", err)
	}
	left := 0
	if _, err := b.store.TrainingMinutes(t.Context(), b.org, now.Add(-72*time.Hour), now, 1_000_000, func(*store.TrainingMinute) { left++ }); err != nil || left != 0 {
		t.Errorf("%d minutes of the link teach on, %v", left, err)
	}
}
