package store

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"callweave/internal/store/db"
)

// seedImported adds an org whose meetings, four an hour from seedStart on, were all woven, and
// then an import: so many leases of eight hours, the first six hours after seedStart and the
// others a second later each.
func seedImported(t *testing.T, s *Store, meetings, leases int) uuid.UUID {
	t.Helper()
	ref, org := zoomAccount("account-x"), uuid.New()
	exec(t, s, `insert into orgs (org_id, name, mist_url, mist_token_sealed, devices_synced_at) values ($1, 'Org', '', '', $2)`, org, seedStart.AddDate(0, 0, 3))
	exec(t, s, `insert into accounts (provider, account_id) values ($1, $2)`, ref.Provider, ref.AccountID)
	exec(t, s, `insert into links (provider, account_id, org_id, linked_by_sealed) values ($1, $2, $3, '')`, ref.Provider, ref.AccountID, org)
	exec(t, s, `insert into meetings (provider, account_id, meeting_id, meeting_number, list_kind, host_sealed, start_at, end_at, participant_count, revision)
		select $1, $2, to_char(n, 'FM0000'), n, 'past', '', $3::timestamptz + n * interval '15 minutes', $3::timestamptz + n * interval '15 minutes' + interval '10 minutes', 4, 1
		from generate_series(1, $4::integer) n`, ref.Provider, ref.AccountID, seedStart, meetings)
	exec(t, s, `insert into legs (provider, account_id, meeting_id, participant_id, join_at, leave_at, guest, person_sealed, private_ips)
		select m.provider, m.account_id, m.meeting_id, p::text, m.start_at, m.end_at, false, '', array[('10.0.' || p || '.1')::inet] from meetings m, generate_series(1, 4) p`)
	// Who they were was clear: a name would not change it.
	exec(t, s, `insert into matches (org_id, leg_id, provider, account_id, meeting_id, site_id, rule, confidence, person_sealed, join_at, leave_at)
		select $1, leg_id, provider, account_id, meeting_id, $1, 'mac', 1, '', join_at, leave_at from legs`, org)
	exec(t, s, `insert into weaves (org_id, provider, account_id, meeting_id, revision, legs_matched, minutes, read_revision, end_at)
		select $1, provider, account_id, meeting_id, 1, 0, 0, 1, end_at from meetings`, org)
	exec(t, s, `insert into leases (org_id, mac, from_at, source, to_at, site_id, ip, hostname_sealed)
		select $1, ('02:00:00:00:' || lpad(to_hex(n / 256), 2, '0') || ':' || lpad(to_hex(n % 256), 2, '0'))::macaddr, at, 'import', at + interval '8 hours', $1, '10.9.9.9', 'name'
		from (select n, $2::timestamptz + interval '6 hours' + n * interval '1 second' as at from generate_series(0, $3::integer - 1) n) l`, org, seedStart, leases)
	exec(t, s, `insert into late_devices (org_id, kind, device, site_id, from_at, to_at, source, lease_from, ip, named, landed_at)
		select org_id, 'lease', mac, site_id, from_at, to_at, source, from_at, ip, true, now() - interval '1 hour' from leases`)
	exec(t, s, `vacuum analyze`)
	return org
}

// queued are the meetings that are to be woven anew, the first and the last.
func queued(t *testing.T, s *Store) (ids [2]string) {
	t.Helper()
	err := s.pool.QueryRow(t.Context(), `select coalesce(min(meeting_id), ''), coalesce(max(meeting_id), '') from weaves where pending`).Scan(&ids[0], &ids[1])
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

// A few leases are looked for in every leg of their time; an import of many is not, and costs
// what was held then: all that overlaps it is woven anew.
func TestManyLateLeasesCostTheMeetingsOfTheirTime(t *testing.T) {
	t.Parallel()
	read := map[int]int64{}
	for _, leases := range []int{fewLeases, fewLeases + 100, 10 * fewLeases} {
		s := openTest(t)
		org := seedImported(t, s, 96, leases)
		err := s.inTx(t.Context(), func(tx pgx.Tx, q *db.Queries) error {
			if err := q.SearchLateByIndex(t.Context()); err != nil {
				return err
			}
			before, err := rowsRead(t, tx, "meetings", "legs", "matches")
			if err != nil {
				return err
			}
			marked, err := q.MarkLate(t.Context(), db.MarkLateParams{OrgID: org, MaxRows: lateRows, FewLeases: fewLeases})
			if err != nil {
				return err
			}
			if int(marked.Taken) != leases {
				return fmt.Errorf("%d notes were taken of %d", marked.Taken, leases)
			}
			after, err := rowsRead(t, tx, "meetings", "legs", "matches")
			read[leases] = after - before
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		want := [2]string{}
		if leases > fewLeases { // from six hours after the start to eight after that, and some
			want = [2]string{"0024", "00" + strconv.Itoa(56+(leases-1)/900)}
		}
		if diff := cmp.Diff(want, queued(t, s)); diff != "" {
			t.Errorf("%d leases queue (-want +got):\n%s", leases, diff)
		}
	}
	t.Logf("rows read, by leases: %v", read)
	if most := read[fewLeases+100] * 3 / 2; read[10*fewLeases] > most {
		t.Errorf("%d leases read %d rows, %d read %d, want %d at most", fewLeases+100, read[fewLeases+100], 10*fewLeases, read[10*fewLeases], most)
	}
}

// What takes too long to find out exactly is done coarsely, rather than never.
func TestLateDevicesThatTakeTooLong(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	org := seedImported(t, s, 96, 50)
	meetings, more, err := s.markLate(t.Context(), org, time.Millisecond)
	if err != nil || more || meetings == 0 {
		t.Errorf("%d meetings are queued, more %v, %v", meetings, more, err)
	}
	if diff := cmp.Diff([2]string{"0024", "0056"}, queued(t, s)); diff != "" {
		t.Errorf("queued (-want +got):\n%s", diff)
	}
	if n := number(t, s, `select count(*) from late_devices`); n != 0 {
		t.Errorf("%d notes are left", n)
	}
}

// A lease that comes late and speaks for long is about whom nothing surer recognised in its
// time: where it has a name, which is sealed and cannot be searched, about all of them, and
// where it has none, about those at its site. However many come, a meeting is queued once.
func TestLateLeasesQueueWhomNothingRecognised(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		leases int
		spoil  string
		want   int
	}{
		"named":            {1, "", 3},
		"many of one time": {fewLeases, "", 4}, // the last of them end seconds later
		"an address only":  {1, "update late_devices set named = false", 0},
		"an address only, at the site": {1, `with at_site as (update legs set public_ip = '192.0.2.1' where meeting_id = '0032' returning true), named as (update late_devices set named = false returning true)
			insert into sites (org_id, name, site_id, public_ips) select org_id, 'Site', org_id, '{192.0.2.1}' from orgs`, 1},
		"guests": {1, "update legs set guest = true", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openTest(t)
			org := seedImported(t, s, 96, tt.leases)
			// Of the meetings of six to fourteen hours after the start, 24 to 56, some have somebody whom nothing recognised.
			exec(t, s, "delete from matches where meeting_id::integer % 8 = 0 and meeting_id::integer > 24")
			if tt.spoil != "" {
				exec(t, s, tt.spoil)
			}
			meetings, more, err := s.MarkLate(t.Context(), org)
			if err != nil || more {
				t.Fatal(more, err)
			}
			if pending := int(number(t, s, "select count(*) from weaves where pending")); meetings != tt.want || pending != tt.want {
				t.Errorf("%d meetings are queued, %d are pending, want %d", meetings, pending, tt.want)
			}
		})
	}
}
