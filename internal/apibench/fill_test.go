package apibench

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"callweave/internal/explain"
	"callweave/internal/insight"
	"callweave/internal/provider"
	"callweave/internal/store"
	"callweave/internal/store/db"
)

const days = 30

// begin is the first of the days.
var begin = time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)

// tenant is an org with its share of the minutes. Both orgs and sites are of very different
// sizes: the n-th has an n-th of what the first one has (Zipf).
type tenant struct {
	id      uuid.UUID
	ref     provider.AccountRef
	perDay  int // call minutes
	sites   []uuid.UUID
	clients int // of the largest site
}

func tenants(minutes int) []tenant {
	const orgs = 8
	all, harmonic := make([]tenant, orgs), 0.0
	for i := range all {
		harmonic += 1 / float64(i+1)
	}
	for i := range all {
		t := &all[i]
		t.id = uuid.NewSHA1(uuid.Nil, fmt.Appendf(nil, "org %d", i))
		t.ref = provider.AccountRef{Provider: provider.Zoom, AccountID: fmt.Sprintf("account-%d", i)}
		t.perDay = int(float64(minutes) / days / float64(i+1) / harmonic)
		t.clients = max(5, t.perDay/250)
		for j := range 12 {
			t.sites = append(t.sites, uuid.NewSHA1(t.id, fmt.Appendf(nil, "site %d", j)))
		}
	}
	return all
}

// zipf picks one of n, the first the most often.
func zipf(random *rand.Rand, n int) int {
	return int(rand.NewZipf(random, 1.1, 1, uint64(n-1)).Uint64())
}

// filler lands minutes as weaving does, judged by models.
type filler struct {
	into          *store.Store
	models        *insight.Models
	trainer       *insight.Trainer
	legs, minutes atomic.Int64
}

// ownModels is how many of the largest orgs have a model of their own: what the first day
// taught judges the others.
const ownModels = 2

// fill makes the indexes that no landing needs at the end: that takes less time, and makes
// them as dense as if they had been written by day.
func (s *stage) fill(b *testing.B) {
	b.Helper()
	into := s.connect(b)
	f := filler{into: into}
	var err error
	if f.models, err = insight.NewModels(into, nil); err != nil {
		b.Fatal(err)
	}
	if f.trainer, err = insight.NewTrainer(into, func() time.Time { return begin.Add(24 * time.Hour) }); err != nil {
		b.Fatal(err)
	}
	started := time.Now()
	indexes, err := s.dropIndexes(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	group, ctx := errgroup.WithContext(b.Context())
	group.SetLimit(2)
	for i := range s.orgs {
		t := &s.orgs[i]
		if err := s.addTenant(ctx, t); err != nil {
			b.Fatal(err)
		}
		group.Go(func() error { return f.fillOrg(ctx, t, i < ownModels, uint64(i)) })
	}
	if err := group.Wait(); err != nil {
		b.Fatal(err)
	}
	landed := time.Since(started)
	for _, statement := range append(indexes,
		`insert into meetings (provider, account_id, meeting_id, meeting_uuid, meeting_number, list_kind, host_sealed, start_at, end_at, participant_count, state, revision)
			select provider, account_id, meeting_id, meeting_uuid, 1, 'past', '', min(join_at), max(leave_at), count(*), 'settled', 1 from matches group by 1, 2, 3, 4`,
		`insert into legs (leg_id, provider, account_id, meeting_id, participant_id, join_at, leave_at, guest, person_sealed, data_center) overriding system value
			select leg_id, provider, account_id, meeting_id, leg_id::text, join_at, leave_at, false, '', 'FR' from matches`,
		"vacuum analyze",
		fmt.Sprintf("comment on table call_minutes is '%s'", s.mark),
	) {
		if _, err := s.pool.Exec(b.Context(), statement); err != nil {
			b.Fatal(err)
		}
	}
	s.say("filled with %d call minutes of %d legs in %s, and the rest in %s", f.minutes.Load(), f.legs.Load(),
		landed.Round(time.Second), (time.Since(started) - landed).Round(time.Second))
}

// dropIndexes drops all indexes of call minutes but the key, and returns what makes them
// again.
func (s *stage) dropIndexes(ctx context.Context) (statements []string, err error) {
	rows, err := s.pool.Query(ctx, `select indexrelid::regclass::text, pg_get_indexdef(indexrelid) from pg_index
		where indrelid = 'call_minutes'::regclass and not indisprimary`)
	if err != nil {
		return nil, fmt.Errorf("list indexes: %w", err)
	}
	var name, definition string
	var drops []string
	_, err = pgx.ForEachRow(rows, []any{&name, &definition}, func() error {
		drops = append(drops, "drop index "+name)
		statements = append(statements, strings.Replace(definition, " ON ONLY ", " ON ", 1))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list indexes: %w", err)
	}
	for _, drop := range drops {
		if _, err := s.pool.Exec(ctx, drop); err != nil {
			return nil, fmt.Errorf("%s: %w", drop, err)
		}
	}
	return statements, nil
}

func (f *filler) fillOrg(ctx context.Context, t *tenant, own bool, seed uint64) error {
	model, version, err := f.models.Newest(ctx, t.id)
	if err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(1, seed))
	for day := range days {
		if day == 1 && own {
			if model, version, err = f.train(ctx, t); err != nil {
				return err
			}
		}
		if err := f.fillDay(ctx, t, random, begin.Add(time.Duration(day)*24*time.Hour), model, version); err != nil {
			return err
		}
	}
	return nil
}

func (s *stage) addTenant(ctx context.Context, t *tenant) error {
	for _, statement := range []struct {
		sql  string
		args []any
	}{
		{"insert into orgs (org_id, name, mist_url, mist_token_sealed) values ($1, 'Org', '', '')", []any{t.id}},
		{"insert into accounts (provider, account_id) values ($1, $2)", []any{t.ref.Provider, t.ref.AccountID}},
		{"insert into links (provider, account_id, org_id, linked_by_sealed) values ($1, $2, $3, '')", []any{t.ref.Provider, t.ref.AccountID, t.id}},
		{"insert into sites (org_id, site_id, name) select $1, unnest($2::uuid[]), 'Site'", []any{t.id, t.sites}},
	} {
		if _, err := s.pool.Exec(ctx, statement.sql, statement.args...); err != nil {
			return fmt.Errorf("add org: %w", err)
		}
	}
	return nil
}

// train returns the newest model of an org that learns from what it has.
func (f *filler) train(ctx context.Context, t *tenant) (*explain.Model, int, error) {
	if _, err := f.trainer.Train(ctx, t.id); err != nil {
		return nil, 0, err
	}
	models, err := insight.NewModels(f.into, nil) // which does not remember that there was none
	if err != nil {
		return nil, 0, err
	}
	return models.Newest(ctx, t.id)
}

func (f *filler) fillDay(ctx context.Context, t *tenant, random *rand.Rand, day time.Time, model *explain.Model, version int) error {
	for left := t.perDay; left > 0; {
		var together []store.WeaveLanding
		for have := 0; have < 5000 && left > 0; {
			landing := t.meeting(random, day, &f.legs, left)
			insight.Judge(model, version, limits, landing.Minutes, nil)
			together = append(together, landing)
			have += len(landing.Minutes)
			left -= len(landing.Minutes)
			f.minutes.Add(int64(len(landing.Minutes)))
		}
		if _, err := f.into.LandWeaves(ctx, t.ref, t.id, 0, together); err != nil {
			return err
		}
	}
	return nil
}

// meeting is of some people, at one site or two, within the day's working hours.
func (t *tenant) meeting(random *rand.Rand, day time.Time, legs *atomic.Int64, most int) store.WeaveLanding {
	id := uuid.UUID{}
	binary.LittleEndian.PutUint64(id[:8], random.Uint64())
	binary.LittleEndian.PutUint64(id[8:], random.Uint64())
	landing := store.WeaveLanding{MeetingID: base64.StdEncoding.EncodeToString(id[:]), Revision: 1}
	at := day.Add(7*time.Hour + time.Duration(random.IntN(11*60))*time.Minute)
	length := 10 + random.IntN(50)
	sites := [2]int{zipf(random, len(t.sites)), zipf(random, len(t.sites))}
	for range 2 + random.IntN(8) {
		if most < length {
			length = max(1, most)
		}
		if most <= 0 {
			break
		}
		most -= length
		site := sites[random.IntN(2)]
		client := random.IntN(max(5, t.clients/(site+1)))
		mac := net.HardwareAddr{0xaa, byte(site), 0, byte(client >> 16), byte(client >> 8), byte(client)}
		ap := net.HardwareAddr{0x5c, byte(site), 0, 0, byte(client % 40 >> 8), byte(client % 40)}
		leg := legs.Add(1)
		leave := at.Add(time.Duration(length) * time.Minute)
		landing.Matches = append(landing.Matches, db.CopyMatchesParams{
			OrgID: t.id, LegID: leg, Provider: "zoom", AccountID: t.ref.AccountID, MeetingID: landing.MeetingID, MeetingUuid: &id, SiteID: t.sites[site],
			ClientMac: mac, Rule: "mac", Confidence: 1, PersonSealed: make([]byte, 120), JoinAt: at, LeaveAt: leave, AudioQuality: "good", VideoQuality: "fair",
		})
		p := newPerson(random)
		for minute := range length {
			landing.Minutes = append(landing.Minutes, t.minute(random, &p, landing.MeetingID, leg, t.sites[site], mac, ap, at.Add(time.Duration(minute)*time.Minute)))
		}
	}
	return landing
}
