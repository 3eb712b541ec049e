package store

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"callweave/internal/provider"
	"callweave/internal/vault"
)

// seedStart is when everything that tests store happens.
var seedStart = time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)

func zoomAccount(id string) provider.AccountRef {
	return provider.AccountRef{Provider: provider.Zoom, AccountID: id}
}

// exec runs a statement whose failure ends the test.
func exec(t testing.TB, s *Store, sql string, args ...any) {
	t.Helper()
	if _, err := s.pool.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", strings.SplitN(strings.TrimSpace(sql), "\n", 2)[0], err)
	}
}

// number returns the one number that a query gives.
func number(t testing.TB, s *Store, sql string, args ...any) int64 {
	t.Helper()
	var n int64
	if err := s.pool.QueryRow(t.Context(), sql, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return n
}

// seedOrg adds an org and what its network left.
func seedOrg(t *testing.T, s *Store, org uuid.UUID) {
	t.Helper()
	exec(t, s, `insert into orgs (org_id, name, mist_url, mist_token_sealed, devices_synced_at) values ($1, 'Org', 'https://mist.example', '', $2)`, org, seedStart)
	for _, table := range []string{"media_samples", "client_samples", "radio_samples", "wan_samples", "call_minutes"} {
		exec(t, s, `select ensure_partitions($1, $2, $3)`, table, seedStart, seedStart.Add(48*time.Hour))
	}
	site := uuid.New()
	exec(t, s, `insert into sites (org_id, site_id, name) values ($1, $2, 'Site')`, org, site)
	exec(t, s, `insert into network_devices (org_id, mac, site_id, kind, name) values ($1, '02:00:00:00:00:02', $2, 'ap', 'ap-1')`, org, site)
	exec(t, s, `insert into leases (org_id, mac, from_at, source, to_at, site_id)
		select $1, '02:00:00:00:00:01', $2::timestamptz + n * interval '1 hour', 'snapshot', $2::timestamptz + (n + 1) * interval '1 hour', $3 from generate_series(0, 40) n`, org, seedStart, site)
	exec(t, s, `insert into client_samples (org_id, mac, start_at, end_at)
		select $1, '02:00:00:00:00:01', $2::timestamptz + n * interval '1 hour', $2::timestamptz + n * interval '1 hour' + interval '1 minute' from generate_series(0, 40) n`, org, seedStart)
	exec(t, s, `insert into radio_samples (org_id, ap_mac, band, start_at, end_at, site_id)
		select $1, '02:00:00:00:00:02', '5', $2::timestamptz + n * interval '1 hour', $2::timestamptz + n * interval '1 hour' + interval '1 minute', $3 from generate_series(0, 40) n`, org, seedStart, site)
	exec(t, s, `insert into wan_samples (org_id, site_id, gateway_mac, port_id, start_at, end_at)
		select $1, $3, '02:00:00:00:00:03', 'ge-0/0/0', $2::timestamptz + n * interval '1 hour', $2::timestamptz + n * interval '1 hour' + interval '1 minute' from generate_series(0, 40) n`, org, seedStart, site)
	exec(t, s, `insert into late_devices (org_id, kind, site_id, from_at, to_at) select $1, 'wan', $3, $2, $2 from generate_series(1, 40)`, org, seedStart, site)
	exec(t, s, `insert into device_states (org_id, polled_at, state_sealed) values ($1, $2, '')`, org, seedStart)
	exec(t, s, `insert into models (org_id, version, from_at, to_at, minutes, bad_minutes, scores, body) values ($1, 1, $2, $2, 1, 1, '{}', '')`, org, seedStart)
	seedKey(t, s, vault.OrgScope(org))
}

// seedAccount adds an account with a ledger and three meetings of 20 minutes.
func seedAccount(t *testing.T, s *Store, ref provider.AccountRef) {
	t.Helper()
	exec(t, s, `insert into accounts (provider, account_id) values ($1, $2)`, ref.Provider, ref.AccountID)
	exec(t, s, `insert into credentials (provider, account_id, grant_sealed, scopes, access_expires_at) values ($1, $2, 'old grant', '{}', $3)`, ref.Provider, ref.AccountID, seedStart)
	exec(t, s, `insert into windows (provider, account_id, from_at, to_at, origin)
		select $1, $2, $3::timestamptz + n * interval '1 hour', $3::timestamptz + (n + 1) * interval '1 hour', 'live' from generate_series(0, 23) n`, ref.Provider, ref.AccountID, seedStart)
	exec(t, s, `insert into meetings (provider, account_id, meeting_id, meeting_number, list_kind, host_sealed, start_at, end_at, participant_count)
		select $1, $2, $2 || '-meeting-' || n, 100 + n, 'past', '', $3::timestamptz, $3::timestamptz + interval '20 minutes', 4 from generate_series(1, 3) n`, ref.Provider, ref.AccountID, seedStart)
	exec(t, s, `insert into legs (provider, account_id, meeting_id, participant_id, join_at, guest, person_sealed)
		select $1, $2, m.meeting_id, p::text, $3, false, '' from meetings m, generate_series(1, 4) p where m.account_id = $2`, ref.Provider, ref.AccountID, seedStart)
	exec(t, s, `insert into media_samples (leg_id, start_at, end_at, granularity)
		select l.leg_id, $3::timestamptz + n * interval '1 minute', $3::timestamptz + (n + 1) * interval '1 minute', 'minute'
		from legs l, generate_series(0, 19) n where l.provider = $1 and l.account_id = $2`, ref.Provider, ref.AccountID, seedStart)
	exec(t, s, `insert into api_requests (provider, account_id, day, category, spent) values ($1, $2, $3, 'heavy', 7)`, ref.Provider, ref.AccountID, seedStart)
	exec(t, s, `insert into harvest_claims (provider, account_id, workflow_id, run_id, expires_at) values ($1, $2, 'w', 'r', $3)`, ref.Provider, ref.AccountID, seedStart)
	exec(t, s, `insert into backfills (provider, account_id, from_at, to_at, workflow_id, requested_by)
		values ($1, $2, $3, $3::timestamptz + interval '1 day', 'backfill/' || $1 || '/' || $2, 'cli')`, ref.Provider, ref.AccountID, seedStart)
	exec(t, s, `insert into webhook_events (provider, event_key, event, account_id, user_id)
		select $1, sha256(convert_to($2 || n, 'UTF8')), 'meeting.ended', $2, 'user-' || n from generate_series(1, 60) n`, ref.Provider, ref.AccountID)
	seedKey(t, s, vault.AccountScope(ref))
}

// seedLink links an account to an org and weaves all its meetings.
func seedLink(t *testing.T, s *Store, ref provider.AccountRef, org uuid.UUID) {
	t.Helper()
	exec(t, s, `insert into links (provider, account_id, org_id, linked_by_sealed) values ($1, $2, $3, '')`, ref.Provider, ref.AccountID, org)
	exec(t, s, `insert into authorizations (authorization_id, org_id, provider, requested_by, forward_url, verifier_sealed, state, account_id, expires_at)
		values (gen_random_uuid(), $3, $1, 'cli', 'https://portal.example', '', 'linked', $2, now()), (gen_random_uuid(), $3, $1, 'cli', 'https://portal.example', '', 'refused', null, now())`, ref.Provider, ref.AccountID, org)
	exec(t, s, `insert into matches (org_id, leg_id, provider, account_id, meeting_id, site_id, client_mac, rule, confidence, person_sealed, join_at, leave_at)
		select $3, leg_id, provider, account_id, meeting_id, gen_random_uuid(), '02:00:00:00:00:01', 'mac', 1, '', $4, $4 from legs where provider = $1 and account_id = $2`, ref.Provider, ref.AccountID, org, seedStart)
	exec(t, s, `insert into call_minutes (org_id, leg_id, start_at, end_at, provider, account_id, meeting_id, site_id, client_mac)
		select $3, l.leg_id, m.start_at, m.end_at, l.provider, l.account_id, l.meeting_id, gen_random_uuid(), '02:00:00:00:00:01'
		from legs l join media_samples m using (leg_id) where l.provider = $1 and l.account_id = $2`, ref.Provider, ref.AccountID, org)
	exec(t, s, `insert into weaves (org_id, provider, account_id, meeting_id, revision, legs_matched, minutes)
		select $3, provider, account_id, meeting_id, 1, 4, 80 from meetings where provider = $1 and account_id = $2`, ref.Provider, ref.AccountID, org)
	seedKey(t, s, vault.LinkScope(ref, org))
}

func seedKey(t *testing.T, s *Store, scope vault.Scope) {
	t.Helper()
	if _, err := s.AddDataKey(t.Context(), string(scope), []byte("sealed key"), false); err != nil {
		t.Fatal(err)
	}
}

// tables lists our tables, partitions left out.
func tables(t *testing.T, s *Store) []string {
	t.Helper()
	rows, err := s.pool.Query(t.Context(), `select c.relname from pg_class c where c.relnamespace = 'public'::regnamespace
		and c.relkind in ('r', 'p') and not c.relispartition and c.relname <> 'goose_db_version' order by 1`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	return names
}

// mentions counts the rows of every table that hold a text in any column. Media samples
// know their leg only: they are counted by way of the legs that stood when the test began.
func mentions(t *testing.T, s *Store, text string) map[string]int64 {
	t.Helper()
	counts := map[string]int64{}
	for _, table := range tables(t, s) {
		if n := number(t, s, fmt.Sprintf(`select count(*) from %s r where r::text like '%%' || $1 || '%%'`, table), text); n > 0 {
			counts[table] = n
		}
	}
	return counts
}

// erase runs an erasure to its end in batches of maxRows.
func erase(ctx context.Context, t *testing.T, s *Store, receipt uuid.UUID, maxRows int) {
	t.Helper()
	if err := s.CountErasure(ctx, receipt); err != nil {
		t.Fatal(err)
	}
	for {
		rows, err := s.EraseBatch(ctx, receipt, maxRows)
		if err != nil {
			t.Fatal(err)
		}
		if rows == 0 {
			return
		}
	}
}
