package activities

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/testsuite"

	"callweave/internal/credentials"
	"callweave/internal/measure"
	"callweave/internal/provider"
	"callweave/internal/secret"
	"callweave/internal/store"
	"callweave/internal/store/db"
	"callweave/internal/testenv"
	"callweave/internal/vault"
	"callweave/internal/world"
	"callweave/internal/world/zoomwindow"
	"callweave/internal/zoom"
	"callweave/workflows"
)

const (
	harvestClient   = "client"
	harvestSecret   = "client-secret-client-secret"
	harvestRedirect = "http://callweave.test/callback"
	harvestVerifier = "verifier-verifier-verifier-verifier-verifier-1"
)

// harvestDay is the UTC day of the world that is harvested; the clock begins at its end.
var harvestDay = time.Date(2026, 11, 10, 0, 0, 0, 0, time.UTC)

// harvestBundle is a world whose account is linked to all its orgs.
type harvestBundle struct {
	t       testing.TB
	world   *world.World
	account *world.Account
	ref     provider.AccountRef
	window  *zoomwindow.Window
	store   *store.Store
	vault   *vault.Vault
	pool    *pgxpool.Pool
	env     *testsuite.TestActivityEnvironment
	harvest *Harvest

	mu       sync.Mutex
	now      time.Time
	deserted string // id of a meeting that nobody is listed in
	between  func(rw http.ResponseWriter, r *http.Request, window http.Handler)
}

// stand puts somebody between us and the window; nil takes them away.
func (b *harvestBundle) stand(between func(rw http.ResponseWriter, r *http.Request, window http.Handler)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.between = between
}

func (b *harvestBundle) serve(rw http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	between := b.between
	b.mu.Unlock()
	if between == nil {
		b.window.ServeHTTP(rw, r)
		return
	}
	between(rw, r, b.window)
}

func (b *harvestBundle) desertedPath() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.deserted == "" {
		return "\x00"
	}
	return "/" + b.deserted + "/participants"
}

func (b *harvestBundle) desert(meetingID string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.deserted = meetingID
}

func (b *harvestBundle) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

func (b *harvestBundle) advance(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.now.Add(d)
}

var _ Credentials = (*credentials.Manager)(nil)

// oneToken is an account's credential that needs no refresh. A token that is rejected is
// replaced by itself: the provider was wrong.
type oneToken struct {
	service provider.Service
	access  secret.Text
}

func (c *oneToken) Service(provider.Name) (provider.Service, error) { return c.service, nil }
func (c *oneToken) Access(context.Context, provider.AccountRef) (secret.Text, error) {
	return c.access, nil
}

func (c *oneToken) Rejected(context.Context, provider.AccountRef, secret.Text) (secret.Text, error) {
	return c.access, nil
}

func (c *oneToken) Lacking(context.Context, provider.AccountRef, ...string) ([]string, error) {
	return nil, nil
}
func (c *oneToken) Worked(context.Context, provider.AccountRef, secret.Text) error { return nil }
func (c *oneToken) UsableUntil() time.Time                                         { return time.Time{} }
func (c *oneToken) Confirmed(provider.AccountRef, secret.Text)                     {}
func (c *oneToken) Ready(provider.AccountRef, []byte, db.Credential) (secret.Text, bool) {
	return c.access, false
}

// harvestSetup is what differs from the usual: a demo world whose account is read for the
// day before the clock, by a provider without limits.
type harvestSetup struct {
	world    func(*world.Config)
	window   func(*zoomwindow.Config)
	now      time.Time
	lookback time.Duration
}

func setupHarvest(t testing.TB, links int) *harvestBundle {
	t.Helper()
	return harvestSetup{}.set(t, links)
}

func (with harvestSetup) set(t testing.TB, links int) *harvestBundle {
	t.Helper()
	ctx := t.Context()
	shape := world.DemoConfig(7)
	if with.world != nil {
		with.world(&shape)
	}
	w, err := world.New(shape)
	if err != nil {
		t.Fatal(err)
	}
	b := &harvestBundle{t: t, world: w, account: w.Accounts[0], now: harvestDay.AddDate(0, 0, 1)}
	if !with.now.IsZero() {
		b.now = with.now
	}
	if with.lookback == 0 {
		with.lookback = 24 * time.Hour
	}
	b.ref = provider.AccountRef{Provider: provider.Zoom, AccountID: b.account.ID}
	config := zoomwindow.Config{
		Clients: []zoomwindow.Client{{
			ID: harvestClient, Secret: harvestSecret, RedirectURIs: []string{harvestRedirect},
			Scopes: []string{"dashboard_meetings:read:admin", "user:read:admin"},
		}},
		Now: b.clock, Limits: &zoomwindow.Limits{}, OAuth: zoomwindow.OAuthOptions{AccessLife: 10_000 * time.Hour},
	}
	if with.window != nil {
		with.window(&config)
	}
	b.window = zoomwindow.New(w, config)
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if path, err := url.PathUnescape(r.URL.Path); err == nil && strings.HasSuffix(path, b.desertedPath()) {
			_, _ = io.WriteString(rw, `{"next_page_token":"","participants":[]}`)
			return
		}
		b.serve(rw, r)
	}))
	t.Cleanup(server.Close)
	database := testenv.Postgres(t)
	if b.store, err = store.Open(ctx, database); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.store.Close)
	if b.pool, err = pgxpool.New(ctx, database); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.pool.Close)
	keyset, err := vault.NewKeyset()
	if err != nil {
		t.Fatal(err)
	}
	master, err := vault.OpenMaster(keyset)
	if err != nil {
		t.Fatal(err)
	}
	b.vault = vault.New(master, b.store)
	b.exec("insert into accounts (provider, account_id) values ($1, $2)", b.ref.Provider, b.ref.AccountID)
	for _, org := range w.Orgs[:links] {
		b.exec("insert into orgs (org_id, name, mist_url, mist_token_sealed) values ($1, 'Org', '', '')", org.ID)
		b.exec("insert into links (provider, account_id, org_id, linked_by_sealed) values ($1, $2, $3, '')", b.ref.Provider, b.ref.AccountID, org.ID)
	}

	client := zoom.New(zoom.Config{
		ClientID: harvestClient, ClientSecret: secret.New(harvestSecret), RedirectURL: harvestRedirect,
		OAuthURL: server.URL + "/oauth", APIURL: server.URL + "/v2", Meter: store.NewMeter(b.store, b.clock), Now: b.clock,
		Limits: &zoom.Limits{HeavyPerSecond: 1e6, HeavyBurst: 100, ResourceIntensivePerMinute: 1e6, ResourceIntensiveBurst: 100},
	})
	browser := zoomwindow.NewBrowser()
	browser.Stop = func(u *url.URL) bool { return u.Host == "callweave.test" }
	back, err := browser.Approve(ctx, client.AuthorizationURL("state", secret.New(harvestVerifier)), b.account.Admins[0].Email)
	if err != nil {
		t.Fatal(err)
	}
	returned, err := url.Parse(back)
	if err != nil {
		t.Fatal(err)
	}
	grant, err := client.Exchange(ctx, secret.New(returned.Query().Get("code")), secret.New(harvestVerifier))
	if err != nil {
		t.Fatal(err)
	}
	var suite testsuite.WorkflowTestSuite
	suite.SetDisableRegistrationAliasing(true)
	b.env = suite.NewTestActivityEnvironment()
	b.harvest = NewHarvest(b.store, b.vault, &oneToken{client, grant.Access}, HarvestConfig{
		Interval: 5 * time.Minute, Lookback: with.lookback, SettleAfter: 30 * time.Minute, Now: b.clock,
	})
	Register(registrar{b.env}, Set{Harvest: b.harvest})
	return b
}

// registrar lets Register fill a test environment, which knows no dynamic activities.
type registrar struct {
	*testsuite.TestActivityEnvironment
}

func (registrar) RegisterDynamicActivity(any, activity.DynamicRegisterOptions) {}

func (b *harvestBundle) exec(sql string, args ...any) {
	b.t.Helper()
	if _, err := b.pool.Exec(b.t.Context(), sql, args...); err != nil {
		b.t.Fatal(err)
	}
}

func (b *harvestBundle) number(sql string, args ...any) (n int) {
	b.t.Helper()
	if err := b.pool.QueryRow(b.t.Context(), sql, args...).Scan(&n); err != nil {
		b.t.Fatalf("%s: %v", sql, err)
	}
	return n
}

func call[Out any](b *harvestBundle, name string, in any) Out {
	b.t.Helper()
	out, err := try[Out](b, name, in)
	if err != nil {
		b.t.Fatalf("%s: %v", name, err)
	}
	return out
}

func try[Out any](b *harvestBundle, name string, in any) (out Out, err error) {
	b.t.Helper()
	value, err := b.env.ExecuteActivity(name, in)
	if err != nil {
		return out, err
	}
	return out, value.Get(&out)
}

// pass does what the workflow does.
func (b *harvestBundle) pass() (read workflows.ReadMeetingsResult, requests int) {
	b.t.Helper()
	plan := call[workflows.PlanHarvestResult](b, workflows.PlanActivity, workflows.PlanHarvestInput{AccountRef: b.ref, At: b.clock()})
	for _, window := range plan.Windows {
		if listed := call[workflows.ListMeetingsResult](b, workflows.ListMeetingsActivity, workflows.ListMeetingsInput{AccountRef: b.ref, Window: window}); listed.Cause != "" {
			b.t.Fatalf("window was not listed: %s", listed.Cause)
		}
	}
	read = call[workflows.ReadMeetingsResult](b, workflows.ReadMeetingsActivity, workflows.ReadMeetingsInput{AccountRef: b.ref})
	finished := call[workflows.FinishHarvestResult](b, workflows.FinishHarvestActivity, workflows.FinishHarvestInput{AccountRef: b.ref, Stopped: read.Stopped})
	return read, finished.RequestsAfter - plan.RequestsBefore
}

// ended are the meetings that the day's list shows now.
func (b *harvestBundle) ended() (meetings []*world.Meeting) {
	for _, m := range b.world.MeetingsStarting(b.account, harvestDay, harvestDay.AddDate(0, 0, 1)) {
		if !b.clock().Before(m.EndAt.Add(time.Minute)) {
			meetings = append(meetings, m)
		}
	}
	return meetings
}

func costOf(meetings []*world.Meeting) (requests int) {
	for _, m := range meetings {
		requests += zoomwindow.MeetingCost(m)
	}
	return requests
}

func (b *harvestBundle) samples() map[string][12]measure.Value {
	b.t.Helper()
	rows, err := b.pool.Query(b.t.Context(), `select l.meeting_id, l.participant_id, l.join_at, m.start_at,
		audio_in_latency_ms, audio_in_jitter_ms, audio_in_loss_avg_ratio, audio_out_latency_ms, audio_out_bitrate_bps,
		video_in_latency_ms, video_in_width_px, video_in_frame_rate_fps, video_out_jitter_ms, video_out_loss_max_ratio,
		screen_in_latency_ms, screen_out_height_px
		from media_samples m join legs l using (leg_id)`)
	if err != nil {
		b.t.Fatal(err)
	}
	defer rows.Close()
	found := map[string][12]measure.Value{}
	for rows.Next() {
		var (
			meeting, participant string
			join, start          time.Time
			v                    [12]measure.Value
		)
		if err := rows.Scan(&meeting, &participant, &join, &start, &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6], &v[7], &v[8], &v[9], &v[10], &v[11]); err != nil {
			b.t.Fatal(err)
		}
		key := sampleKey(meeting, participant, join, start)
		if _, doubled := found[key]; doubled {
			b.t.Errorf("sample %s is doubled", key)
		}
		found[key] = v
	}
	if err := rows.Err(); err != nil {
		b.t.Fatal(err)
	}
	return found
}

// people opens the persons of legs and counts the legs each is on.
func (b *harvestBundle) people(where string) map[provider.Person]int {
	b.t.Helper()
	key, err := b.vault.Key(b.t.Context(), vault.AccountScope(b.ref))
	if err != nil {
		b.t.Fatal(err)
	}
	rows, err := b.pool.Query(b.t.Context(), "select person_sealed from legs "+where)
	if err != nil {
		b.t.Fatal(err)
	}
	sealed, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
	if err != nil {
		b.t.Fatal(err)
	}
	people := map[provider.Person]int{}
	for _, one := range sealed {
		person, err := key.OpenPerson(fieldPerson, one)
		if err != nil {
			b.t.Fatal(err)
		}
		people[person]++
	}
	return people
}

func sampleKey(meeting, participant string, join, start time.Time) string {
	return fmt.Sprint(meeting, participant, join.Unix(), start.Unix())
}

func (b *harvestBundle) truth(meetings []*world.Meeting) map[string][12]measure.Value {
	want := map[string][12]measure.Value{}
	of := func(s world.Stream, number float64) measure.Value {
		if !s.Present {
			return measure.Value{}
		}
		return measure.Of(number)
	}
	for _, m := range meetings {
		for _, leg := range m.Legs {
			for _, minute := range b.world.Minutes(leg) {
				if !minute.HasMedia() {
					continue
				}
				ai, ao, vi, vo, si, so := minute.AudioIn, minute.AudioOut, minute.VideoIn, minute.VideoOut, minute.ScreenIn, minute.ScreenOut
				want[sampleKey(base64.StdEncoding.EncodeToString(m.UUID[:]), leg.UserID, leg.JoinAt, minute.StartAt)] = [12]measure.Value{
					of(ai, ai.LatencyMS), of(ai, ai.JitterMS), of(ai, ai.LossAvgPercent*0.01), of(ao, ao.LatencyMS), of(ao, ao.BitrateKbps*1000),
					of(vi, vi.LatencyMS), of(vi, float64(vi.Width)), of(vi, vi.FrameRateFPS), of(vo, vo.JitterMS), of(vo, vo.LossMaxPercent*0.01),
					of(si, si.LatencyMS), of(so, float64(so.Height)),
				}
			}
		}
	}
	return want
}
