package weave_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http/httptest"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"callweave/internal/collect"
	"callweave/internal/measure"
	"callweave/internal/provider"
	"callweave/internal/secret"
	"callweave/internal/store"
	"callweave/internal/store/db"
	"callweave/internal/testenv"
	"callweave/internal/vault"
	"callweave/internal/weave"
	"callweave/internal/world"
	"callweave/internal/world/mistwindow"
)

func TestMain(m *testing.M) {
	testenv.Main(m, testenv.WithMigrations(func(ctx context.Context, url string) error {
		_, err := store.Migrate(ctx, url)
		return err
	}))
}

// bundle is a world with its networks linked to one of its accounts. What is harvested
// of the account is taken from the world itself; devices come through the Mist window.
type bundle struct {
	world     *world.World
	account   *world.Account
	ref       provider.AccountRef
	window    *mistwindow.Window
	store     *store.Store
	pool      *pgxpool.Pool
	vault     *vault.Vault
	master    *vault.Master
	url       string
	collector *collect.Collector
	weaver    *weave.Weaver
	clock     *atomic.Int64
}

func (b *bundle) now() time.Time { return time.Unix(b.clock.Load(), 0).UTC() }

func setup(t *testing.T, cfg world.Config, begin time.Time) *bundle {
	t.Helper()
	ctx := t.Context()
	w, err := world.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	b := &bundle{world: w, account: w.Accounts[0], clock: new(atomic.Int64)}
	b.clock.Store(begin.Unix())
	b.ref = provider.AccountRef{Provider: provider.Zoom, AccountID: b.account.ID}
	b.window = mistwindow.New(w, mistwindow.Config{Now: b.now})
	server := httptest.NewServer(b.window)
	t.Cleanup(server.Close)

	url := testenv.Postgres(t)
	b.url = url
	if b.store, err = store.Open(ctx, url); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.store.Close)
	if b.pool, err = pgxpool.New(ctx, url); err != nil {
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
	b.master, b.vault = master, vault.New(master, b.store)
	b.exec(t, "insert into accounts (provider, account_id) values ($1, $2)", b.ref.Provider, b.ref.AccountID)
	for _, org := range w.Orgs {
		token, err := master.SealText(vault.PurposeNetworkToken, secret.New(b.window.Issue(org.ID)))
		if err != nil {
			t.Fatal(err)
		}
		if err := b.store.PutOrg(ctx, db.UpsertOrgParams{OrgID: org.ID, Name: org.Name, MistUrl: server.URL, MistTokenSealed: token}); err != nil {
			t.Fatal(err)
		}
		b.exec(t, "insert into links (provider, account_id, org_id, linked_by_sealed) values ($1, $2, $3, '')", b.ref.Provider, b.ref.AccountID, org.ID)
	}
	b.collector = collect.New(b.store, b.vault, collect.OpenMist(master, server.Client(), b.now), collect.Config{Now: b.now, Lookback: 6 * time.Hour})
	b.weaver = weave.New(b.store, b.vault, nil)
	return b
}

func (b *bundle) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	if _, err := b.pool.Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

func (b *bundle) count(t *testing.T, sql string, args ...any) int {
	t.Helper()
	var n int
	if err := b.pool.QueryRow(t.Context(), sql, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// harvest lands the meetings as a complete harvest would.
func (b *bundle) harvest(t *testing.T, meetings []*world.Meeting) {
	t.Helper()
	key, err := b.vault.Key(t.Context(), vault.AccountScope(b.ref))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range meetings {
		id := meetingID(m)
		seen := store.SeenMeeting{
			Meeting:    provider.Meeting{ID: id, Number: m.Number, StartAt: m.StartAt, EndAt: m.EndAt, ParticipantCount: len(m.Legs)},
			HostSealed: []byte{0},
		}
		if _, err := b.store.SeeMeetings(t.Context(), b.ref, store.OriginLive, provider.ListPast, []store.SeenMeeting{seen}, b.now()); err != nil {
			t.Fatal(err)
		}
		landing := store.MeetingLanding{AccountRef: b.ref, MeetingID: id, ReadAt: b.now()}
		for _, l := range m.Legs {
			leg := b.leg(l)
			sealed, err := key.SealPerson("person", leg.Person)
			if err != nil {
				t.Fatal(err)
			}
			landing.Legs = append(landing.Legs, store.LegLanding{Leg: leg, PersonSealed: sealed})
		}
		if err := b.store.LandMeeting(t.Context(), landing); err != nil {
			t.Fatal(err)
		}
	}
}

func meetingID(m *world.Meeting) string { return base64.StdEncoding.EncodeToString(m.UUID[:]) }

func (b *bundle) leg(l *world.Leg) provider.Leg {
	leg := provider.Leg{
		MeetingID: meetingID(l.Meeting), ParticipantID: l.UserID, JoinAt: l.JoinAt, LeaveAt: l.LeaveAt,
		Guest: l.Person == nil, NetworkType: l.Network, PublicIP: l.PublicIP, PrivateIPs: []netip.Addr{l.PrivateIP}, MAC: l.MAC,
		Person: provider.Person{Name: secret.New("Guest of " + l.GuestName), Hostname: secret.New(l.Hostname)},
	}
	if l.Person != nil {
		leg.Person.Name = secret.New(l.Person.DisplayName())
	}
	stream := func(s world.Stream) provider.Stream {
		if !s.Present {
			return provider.Stream{}
		}
		return provider.Stream{
			LatencyMS: measure.Of(s.LatencyMS), JitterMS: measure.Of(s.JitterMS),
			LossAvgRatio: measure.Of(s.LossAvgPercent / 100), LossMaxRatio: measure.Of(s.LossMaxPercent / 100),
		}
	}
	for _, m := range b.world.Minutes(l) {
		if !m.HasMedia() {
			continue
		}
		leg.Samples = append(leg.Samples, provider.MediaSample{
			StartAt: m.StartAt, EndAt: m.StartAt.Add(time.Minute), Granularity: provider.PerMinute,
			AudioIn: stream(m.AudioIn), AudioOut: stream(m.AudioOut), VideoIn: stream(m.VideoIn), VideoOut: stream(m.VideoOut),
			ScreenIn: stream(m.ScreenIn), ScreenOut: stream(m.ScreenOut),
			SystemCPUMaxPercent: measure.Of(float64(m.CPU.SystemMax)),
		})
	}
	return leg
}

// collect polls every org once.
func (b *bundle) collect(t *testing.T) {
	t.Helper()
	for _, org := range b.world.Orgs {
		if _, err := b.collector.Collect(t.Context(), org.ID, func() {}); err != nil {
			t.Fatal(err)
		}
	}
}

// weave weaves all that is ready for an org.
func (b *bundle) weave(t *testing.T, org uuid.UUID) weave.Result {
	t.Helper()
	var total weave.Result
	for {
		result, err := b.weaver.Weave(t.Context(), b.ref, org, func() {})
		if err != nil {
			t.Fatal(err)
		}
		total.Meetings += result.Meetings
		total.LegsMatched += result.LegsMatched
		total.Minutes += result.Minutes
		total.BadMinutes += result.BadMinutes
		total.Ready, total.Waiting = result.Ready, result.Waiting
		if result.Meetings == 0 || result.Ready == 0 {
			return total
		}
	}
}

// legKey identifies a leg in the world and in the store.
func legKey(meeting, participant string, joinAt time.Time) string {
	return fmt.Sprintf("%s/%s/%d", meeting, participant, joinAt.Unix())
}
