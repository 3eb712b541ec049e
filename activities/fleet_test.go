package activities

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"callweave/internal/credentials"
	"callweave/internal/provider"
	"callweave/internal/secret"
	"callweave/internal/store"
	"callweave/internal/testenv"
	"callweave/internal/vault"
)

// fleet is a number of accounts, each linked to one org and listed up to a quarter of an
// hour ago, at a provider that does as it is told.
type fleet struct {
	t       *testing.T
	store   *store.Store
	vault   *vault.Vault
	pool    *pgxpool.Pool
	manager *credentials.Manager
	harvest *Harvest
	meter   *store.Meter
	refs    []provider.AccountRef
	orgs    []uuid.UUID
	now     time.Time

	mu       sync.Mutex
	meetings map[string][]provider.Meeting // by account
	trouble  map[string]error              // of lists
	hanging  map[string]bool               // lists that get no answer
	hangs    chan string                   // accounts whose list was asked for and hangs
	refreshs int
}

var _ provider.Service = (*fleet)(nil)

const fleetCategory = "lists"

func newFleet(t *testing.T, accounts int) *fleet {
	t.Helper()
	ctx := t.Context()
	f := &fleet{
		t: t, now: time.Now().UTC().Truncate(time.Second), meetings: map[string][]provider.Meeting{},
		trouble: map[string]error{}, hanging: map[string]bool{}, hangs: make(chan string, 1000),
	}
	url := testenv.Postgres(t)
	var err error
	if f.store, err = store.Open(ctx, url); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.store.Close)
	if f.pool, err = pgxpool.New(ctx, url); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.pool.Close)
	keyset, err := vault.NewKeyset()
	if err != nil {
		t.Fatal(err)
	}
	master, err := vault.OpenMaster(keyset)
	if err != nil {
		t.Fatal(err)
	}
	f.vault = vault.New(master, f.store)
	f.meter = store.NewMeter(f.store, f.clock)
	f.manager = credentials.New(f.store, f.vault, credentials.Config{Now: f.clock}, f)
	f.harvest = NewHarvest(f.store, f.vault, f.manager, HarvestConfig{
		Interval: 5 * time.Minute, Lookback: 24 * time.Hour, SettleAfter: 30 * time.Minute, Now: f.clock,
	})
	for n := range accounts {
		ref := provider.AccountRef{Provider: provider.Zoom, AccountID: fmt.Sprintf("account-%d", n)}
		org := uuid.New()
		f.refs, f.orgs = append(f.refs, ref), append(f.orgs, org)
		f.exec("insert into orgs (org_id, name, mist_url, mist_token_sealed, devices_synced_at) values ($1, 'Org', '', '', $2)", org, f.now)
		f.exec("insert into accounts (provider, account_id) values ($1, $2)", ref.Provider, ref.AccountID)
		f.exec("insert into links (provider, account_id, org_id, linked_by_sealed) values ($1, $2, $3, '')", ref.Provider, ref.AccountID, org)
		key, err := f.vault.Key(ctx, vault.AccountScope(ref))
		if err != nil {
			t.Fatal(err)
		}
		sealed, err := key.SealGrant("grant_sealed", provider.Grant{Access: secret.New("access"), Refresh: secret.New("refresh")})
		if err != nil {
			t.Fatal(err)
		}
		f.exec(`insert into credentials (provider, account_id, grant_sealed, scopes, access_expires_at, authorized_at, refreshed_at)
			values ($1, $2, $3, '{all}', $4, $5, $5)`, ref.Provider, ref.AccountID, sealed, f.now.Add(time.Hour), f.now.Add(-time.Hour))
		f.exec(`insert into windows (provider, account_id, from_at, to_at, origin, state, meetings, listed_at) values ($1, $2, $3, $4, 'live', 'listed', 0, $4)`,
			ref.Provider, ref.AccountID, f.now.Add(-24*time.Hour), f.now.Add(-15*time.Minute))
	}
	return f
}

func (f *fleet) clock() time.Time { return f.now }

func (f *fleet) exec(sql string, args ...any) {
	f.t.Helper()
	if _, err := f.pool.Exec(f.t.Context(), sql, args...); err != nil {
		f.t.Fatalf("%s: %v", sql, err)
	}
}

// text returns the one text that a query gives.
func (f *fleet) text(sql string) (text string) {
	f.t.Helper()
	if err := f.pool.QueryRow(f.t.Context(), sql).Scan(&text); err != nil {
		f.t.Fatalf("%s: %v", sql, err)
	}
	return text
}

// meet gives an account meetings that ended a while ago, each of one participant.
func (f *fleet) meet(ref provider.AccountRef, count int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for n := range count {
		end := f.now.Add(-time.Hour)
		f.meetings[ref.AccountID] = append(f.meetings[ref.AccountID], provider.Meeting{
			ID: fmt.Sprintf("%s-meeting-%d", ref.AccountID, n), Number: int64(n), Kind: provider.ListPast,
			StartAt: end.Add(-30 * time.Minute), EndAt: end, ParticipantCount: 1,
		})
	}
}

func (f *fleet) Name() provider.Name                         { return provider.Zoom }
func (f *fleet) Requirements() []provider.Requirement        { return nil }
func (f *fleet) AuthorizationURL(string, secret.Text) string { return "" }
func (f *fleet) Revoke(context.Context, secret.Text) error   { return nil }
func (f *fleet) ListCategory() string                        { return fleetCategory }
func (f *fleet) Exchange(context.Context, secret.Text, secret.Text) (provider.Grant, error) {
	return provider.Grant{}, errors.New("nobody authorizes")
}

func (f *fleet) Account(context.Context, secret.Text) (provider.Account, error) {
	return provider.Account{}, errors.New("nobody authorizes")
}

func (f *fleet) Refresh(context.Context, secret.Text) (provider.Grant, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refreshs++
	return provider.Grant{Access: secret.New("access-2"), Refresh: secret.New("refresh-2"), ExpiresAt: f.now.Add(time.Hour), Scopes: []string{"all"}}, nil
}

func (f *fleet) ListMeetings(ctx context.Context, caller provider.Caller, kind provider.ListKind, window provider.Window, yield func([]provider.Meeting) error) error {
	if err := f.meter.Reserve(ctx, caller.AccountRef, fleetCategory, 1); err != nil {
		return err
	}
	f.mu.Lock()
	hangs, trouble := f.hanging[caller.AccountID], f.trouble[caller.AccountID]
	var page []provider.Meeting
	for _, m := range f.meetings[caller.AccountID] {
		if m.Kind == kind && !m.StartAt.Before(window.From) && m.StartAt.Before(window.To) {
			page = append(page, m)
		}
	}
	f.mu.Unlock()
	if hangs {
		f.hangs <- caller.AccountID
		<-ctx.Done()
		return &provider.Error{Kind: provider.Transient, Operation: "list", Err: ctx.Err()}
	}
	if trouble != nil {
		return trouble
	}
	return yield(page)
}

func (f *fleet) ReadMeeting(ctx context.Context, caller provider.Caller, meetingID string) ([]provider.Leg, error) {
	if err := f.meter.Reserve(ctx, caller.AccountRef, "reads", 2); err != nil {
		return nil, err
	}
	join := f.now.Add(-90 * time.Minute)
	return []provider.Leg{{MeetingID: meetingID, ParticipantID: "p", JoinAt: join, LeaveAt: join.Add(30 * time.Minute), Person: provider.Person{UserID: "u"}}}, nil
}
