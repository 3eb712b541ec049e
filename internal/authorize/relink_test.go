package authorize_test

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"callweave/internal/credentials"
	"callweave/internal/world"
	"callweave/workflows"
)

// A grant that is not enough links all the same: what is missing is named, and what needs
// it stays off, so that Zoom is not even asked.
func TestMissingScopes(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		scopes  []string
		missing []string
		asked   []string // of the dashboard
	}{
		"classic, no dashboard": {
			[]string{"user:read:admin"}, []string{"dashboard_meetings:read:admin"}, nil,
		},
		"granular, lists only": {
			[]string{"user:read:user:admin", "dashboard:read:list_meetings:admin"},
			[]string{"dashboard:read:list_meeting_participants:admin", "dashboard:read:list_meeting_participants_qos:admin"},
			[]string{"GET /metrics/meetings"},
		},
		"granular, no list": {
			[]string{"user:read:user:admin", "dashboard:read:list_meeting_participants:admin", "dashboard:read:list_meeting_participants_qos:admin"},
			[]string{"dashboard:read:list_meetings:admin"},
			nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, options{scopes: test.scopes})
			o := b.orgs[0]
			b.link(t, o, b.account.Admins[0])
			if got := b.show(t, o); !cmp.Equal(got.MissingScopes, test.missing) || !strings.Contains(got.Error, test.missing[0]) {
				t.Errorf("before the first harvest: %+v, want %q in errors", got, test.missing)
			}
			if result := b.harvest(t); result.Stopped != workflows.ErrMissingScopes {
				t.Errorf("the harvest: %+v", result)
			}
			got := b.show(t, o)
			if named := strings.Join(got.Errors, "\n"); got.LastStatus != "failed" || len(got.Errors) != 2 || got.Error != got.Errors[0] || !strings.Contains(named, strings.Join(test.missing, ", ")) {
				t.Errorf("after a harvest: %+v", got)
			}
			asked := map[string]bool{}
			for _, count := range b.window.Requests() {
				if strings.Contains(count.Endpoint, "/metrics/") {
					asked[count.Endpoint] = true
				}
			}
			want := map[string]bool{}
			for _, endpoint := range test.asked {
				want[endpoint] = true
			}
			if diff := cmp.Diff(want, asked); diff != "" {
				t.Error("asked of Zoom (-want +got):", diff)
			}

			// With the permissions added, linking again is all there is to do.
			b.window.SetScopes(clientID, append(test.scopes, test.missing...)...)
			b.link(t, o, b.account.Admins[0])
			if result := b.harvest(t); result.Stopped != "" {
				t.Errorf("the harvest with all permissions: %+v", result)
			}
			if got := b.show(t, o); got.LastStatus != "success" || len(got.Errors) != 0 || len(got.MissingScopes) != 0 {
				t.Errorf("with all permissions: %+v", got)
			}
		})
	}
}

// The account's credential dies; hours later somebody links it again, from the org that
// had it or from another. Every link lives again, keeps what it had, and the hours between
// fill themselves.
func TestReauthorization(t *testing.T) {
	t.Parallel()
	for name, from := range map[string]int{"from the same org": 0, "from another linked org": 1, "from an org that is new": 2} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// Behind the true time, so that a pass is always for our now.
			b := setup(t, options{ahead: -12 * time.Hour})
			b.orgs = append(b.orgs, b.addOrg(t))
			for _, o := range b.orgs[:2] {
				b.link(t, o, b.account.Admins[0])
			}
			path := accountsPath(b.orgs[0]) + "/" + b.ref.AccountID
			if got := b.call(t, b.orgs[0], "PUT", path, `{"account_id":"`+b.ref.AccountID+`","max_daily_api_requests":30000,"discard_guest_info":true}`); got.status != 200 {
				t.Fatalf("settings: %d %s", got.status, got.body)
			}
			if result := b.harvest(t); result.Stopped != "" {
				t.Fatalf("the first harvest: %+v", result)
			}
			history := b.number(t, "select count(*) from legs")
			latest := b.number(t, "select max(leg_id) from legs")

			b.window.RemoveUser(b.account.Admins[0].ZoomUserID)
			b.pass(2 * time.Hour)
			for range 3 {
				if result := b.harvest(t); result.Stopped != workflows.ErrReauthorization {
					t.Fatalf("a harvest without a credential: %+v", result)
				}
				b.pass(time.Hour)
			}
			for _, o := range b.orgs[:2] {
				b.await(t, o, workflows.StatusFailed)
				if got := b.show(t, o); got.Error != credentials.RelinkText || got.LastStatus != "failed" {
					t.Errorf("while the credential is dead: %+v", got)
				}
			}

			b.link(t, b.orgs[from], b.account.Admins[1])
			for _, o := range b.orgs[:max(2, from+1)] {
				b.await(t, o, workflows.StatusActive)
				if got := b.show(t, o); got.Error != "" || len(got.Errors) != 0 || got.LastStatus == "failed" {
					t.Errorf("after linking again: %+v", got)
				}
			}
			if n := b.number(t, "select count(*) from credentials"); n != 1 {
				t.Errorf("%d credentials, want one", n)
			}
			// Linking has them harvested at once, so there may be more already.
			if n := b.number(t, "select count(*) from legs where leg_id <= $1", latest); n != history {
				t.Errorf("%d legs from before, want all %d", n, history)
			}
			if got := b.show(t, b.orgs[0]); got.MaxDailyAPIRequests != 30000 || !got.DiscardGuestInfo {
				t.Errorf("settings are lost: %+v", got)
			}
			// One pass of the schedule is all it takes; what was unsettled then settles.
			b.harvest(t)
			b.pass(time.Hour)
			if result := b.harvest(t); result.Stopped != "" || result.Remaining != 0 {
				t.Errorf("the harvest after: %+v", result)
			}
			b.requireTruth(t)
			for _, o := range b.orgs[:2] {
				if got := b.show(t, o); got.LastStatus != "success" || got.LastSync != b.lastSync(t) {
					t.Errorf("after the harvest: %+v", got)
				}
			}
		})
	}
}

// lastSync is when the last pass ended, in whole seconds.
func (b *bundle) lastSync(t *testing.T) int64 {
	t.Helper()
	return int64(b.number(t, "select floor(extract(epoch from max(last_sync_at)))::bigint from links"))
}

// requireTruth requires that every meeting that settled is there with all its legs and
// measured minutes, since the first window began.
func (b *bundle) requireTruth(t *testing.T) {
	t.Helper()
	var from time.Time
	if err := b.pool.QueryRow(t.Context(), "select min(from_at) from windows where state = 'listed'").Scan(&from); err != nil {
		t.Fatal(err)
	}
	type size struct{ Legs, Minutes int }
	want, got := map[string]size{}, map[string]size{}
	for _, m := range b.world.MeetingsStarting(b.account, from, b.now()) {
		if m.EndAt.Add(time.Hour).After(b.now()) {
			continue
		}
		var s size
		for _, leg := range m.Legs {
			s.Legs++
			s.Minutes += measured(b.world, leg)
		}
		want[base64.StdEncoding.EncodeToString(m.UUID[:])] = s
	}
	rows, err := b.pool.Query(t.Context(), `select l.meeting_id, count(distinct l.leg_id), count(s.leg_id)
		from legs l left join media_samples s using (leg_id) group by 1`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		var s size
		if err := rows.Scan(&id, &s.Legs, &s.Minutes); err != nil {
			t.Fatal(err)
		}
		if _, settled := want[id]; settled {
			got[id] = s
		}
	}
	if diff := cmp.Diff(want, got); diff != "" || len(want) < 4 {
		t.Errorf("%d meetings since %s (-want +got):\n%s", len(want), from, diff)
	}
}

func measured(w *world.World, leg *world.Leg) (n int) {
	for _, minute := range w.Minutes(leg) {
		if minute.HasMedia() {
			n++
		}
	}
	return n
}

// Settings hold from the next request on: the budget is that of the link that allows
// least.
func TestSettingsHoldForTheNextHarvest(t *testing.T) {
	t.Parallel()
	b := setup(t, options{ahead: -12 * time.Hour})
	for _, o := range b.orgs {
		b.link(t, o, b.account.Admins[0])
	}
	set := func(o *org, requests int) {
		t.Helper()
		body := fmt.Sprintf(`{"account_id":%q,"max_daily_api_requests":%d}`, b.ref.AccountID, requests)
		if got := b.call(t, o, "PUT", accountsPath(o)+"/"+url.PathEscape(b.ref.AccountID), body); got.status != 200 {
			t.Fatalf("settings: %d %s", got.status, got.body)
		}
	}
	b.harvest(t)
	spent := b.spent(t)
	set(b.orgs[0], 40_000)
	set(b.orgs[1], spent+3)
	b.pass(time.Hour)
	result := b.harvest(t)
	if result.Stopped != workflows.ErrRateLimited || b.spent(t) != spent+3 {
		t.Errorf("with 3 requests left: %+v, spent %d", result, b.spent(t)-spent)
	}
	for _, o := range b.orgs {
		if got := b.show(t, o); got.Error != "API daily rate limit reached for your account" || got.LastStatus != "failed" {
			t.Errorf("the link: %+v", got)
		}
	}
	set(b.orgs[1], 40_000)
	if result := b.harvest(t); result.Stopped != "" {
		t.Errorf("with a higher budget: %+v", result)
	}
	if got := b.show(t, b.orgs[1]); got.Error != "" || got.LastStatus != "success" || got.LastSync != b.lastSync(t) {
		t.Errorf("the link: %+v", got)
	}
}

func (b *bundle) spent(t *testing.T) int {
	t.Helper()
	n, err := b.store.SpentRequests(t.Context(), b.ref, b.now())
	if err != nil {
		t.Fatal(err)
	}
	return n
}
