package activities

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"callweave/internal/measure"
	"callweave/internal/store"
	"callweave/internal/world"
	"callweave/internal/world/zoomwindow"
	"callweave/workflows"
)

// running is a world in which a meeting is going on. Zoom gives every minute at once,
// the one that is not over, too.
func running(t *testing.T, links int) (*harvestBundle, *world.Meeting) {
	t.Helper()
	b := harvestSetup{
		now: harvestDay.Add(12*time.Hour + 20*time.Second), lookback: time.Hour,
		window: func(c *zoomwindow.Config) { c.Lags.Unsettled = -1 },
	}.set(t, links)
	b.exec("update links set live = true where org_id = $1", b.world.Orgs[0].ID)
	for ; b.clock().Before(harvestDay.Add(20 * time.Hour)); b.advance(time.Minute) {
		for _, m := range b.live() {
			if len(m.Legs) > 2 && m.StartAt.Before(b.clock().Add(-4*time.Minute)) && m.EndAt.After(b.clock().Add(12*time.Minute)) {
				return b, m
			}
		}
	}
	t.Fatal("no meeting goes on long enough to see it")
	return nil, nil
}

// live are the meetings that are going on.
func (b *harvestBundle) live() []*world.Meeting {
	return slices.DeleteFunc(slices.Clone(b.world.MeetingsStarting(b.account, b.clock().Add(-24*time.Hour), b.clock())), func(m *world.Meeting) bool {
		return !b.clock().Before(m.EndAt)
	})
}

// so are the samples of a meeting in the truth, of minutes that are over.
func (b *harvestBundle) soFar(m *world.Meeting) map[string][12]measure.Value {
	want := b.truth([]*world.Meeting{m})
	for _, leg := range m.Legs {
		for _, minute := range b.world.Minutes(leg) {
			if minute.StartAt.Add(time.Minute).After(b.clock()) {
				delete(want, sampleKey(zoomwindow.MeetingID(m), leg.UserID, leg.JoinAt, minute.StartAt))
			}
		}
	}
	return want
}

// of are the stored samples of a meeting.
func (b *harvestBundle) of(m *world.Meeting) map[string][12]measure.Value {
	stored := b.samples()
	for key := range stored {
		if !strings.HasPrefix(key, zoomwindow.MeetingID(m)) {
			delete(stored, key)
		}
	}
	return stored
}

func (b *harvestBundle) stateOf(m *world.Meeting) (state string) {
	b.t.Helper()
	err := b.pool.QueryRow(b.t.Context(), `select concat_ws(' ', state, 'of ' || list_kind, case when provisional then 'provisional' end, cause)
		from meetings where meeting_id = $1`, zoomwindow.MeetingID(m)).Scan(&state)
	if err != nil {
		b.t.Fatal(err)
	}
	return state
}

func equalSamples(t *testing.T, when string, want, got map[string][12]measure.Value) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(measure.Value{})); diff != "" || len(want) == 0 {
		t.Errorf("%s: %d samples, want %d (-want +got):\n%.2000s", when, len(got), len(want), diff)
	}
}

func TestLiveMeetingGrowsAndIsReplacedByItsRecord(t *testing.T) {
	t.Parallel()
	b, m := running(t, 2)
	id := zoomwindow.MeetingID(m)
	b.run(workflows.HarvestInput{})
	if got := b.stateOf(m); got != "live of live provisional" {
		t.Errorf("while it runs it is %q", got)
	}
	first := b.soFar(m)
	equalSamples(t, "while it runs", first, b.of(m))
	if b.number("select count(*) from legs where meeting_id = $1 and leave_at is null", id) == 0 {
		t.Error("everybody has left already")
	}
	woven := "select count(*) from weaves where meeting_id = $1 and org_id = $2"
	if wants, other := b.number(woven, id, b.world.Orgs[0].ID), b.number(woven, id, b.world.Orgs[1].ID); wants != 1 || other != 0 {
		t.Errorf("it is woven for %d orgs that want it and %d that do not", wants, other)
	}

	b.advance(5 * time.Minute)
	b.run(workflows.HarvestInput{})
	grown := b.soFar(m)
	equalSamples(t, "five minutes later", grown, b.of(m))
	if len(grown) <= len(first) {
		t.Errorf("it has not grown from %d samples", len(first))
	}

	// What the record will not have.
	b.exec(`insert into legs (provider, account_id, meeting_id, participant_id, join_at, guest, person_sealed)
		select provider, account_id, meeting_id, 'waited', join_at, guest, person_sealed from legs where meeting_id = $1 limit 1`, id)
	b.exec(`insert into media_samples (leg_id, start_at, end_at, granularity)
		select leg_id, join_at, join_at + interval '1 minute', 'minute' from legs where participant_id = 'waited'`)
	spoiled := b.number(`with spoiled as (update media_samples s set audio_in_jitter_ms = 7777, screen_in_latency_ms = 5 from legs l
		where l.leg_id = s.leg_id and l.meeting_id = $1 and l.participant_id <> 'waited' and s.start_at = (select min(start_at) + interval '1 minute' from media_samples)
		returning 1) select count(*) from spoiled`, id)
	b.exec(`create table written as select s.leg_id, s.start_at, s.xmin::text as by from media_samples s join legs l using (leg_id) where l.meeting_id = $1`, id)

	b.advance(m.EndAt.Sub(b.clock()) + 2*time.Minute)
	b.run(workflows.HarvestInput{})
	if got := b.stateOf(m); got != "read of past" {
		t.Errorf("after it has ended it is %q", got)
	}
	equalSamples(t, "after it has ended", b.truth([]*world.Meeting{m}), b.of(m))
	if got := b.number("select count(*) from legs where meeting_id = $1", id); got != len(m.Legs) {
		t.Errorf("%d legs, want %d", got, len(m.Legs))
	}
	if got := b.number("select count(*) from media_samples s where not exists (select from legs l where l.leg_id = s.leg_id)"); got != 0 {
		t.Errorf("%d samples are of no leg", got)
	}
	if got, want := b.number("select count(*) from media_samples s join written w on (w.leg_id, w.start_at, w.by) = (s.leg_id, s.start_at, s.xmin::text)"), len(grown)-spoiled; got != want {
		t.Errorf("%d samples are as they were written first, want %d", got, want)
	}
	if other := b.number(woven, id, b.world.Orgs[1].ID); other != 1 {
		t.Error("an org that wants no live data does not get the record")
	}

	b.advance(40 * time.Minute)
	b.run(workflows.HarvestInput{})
	if got := b.stateOf(m); got != "settled of past" {
		t.Errorf("in the end it is %q", got)
	}
	if got := describe(b.gaps(m.StartAt, m.StartAt.Add(time.Second))); got != "" {
		t.Errorf("missing: %s", got)
	}
}

// Live data costs one list and what its meetings cost, no more often than the interval, and
// nothing where no link wants it or half of the budget is spent.
func TestLiveCosts(t *testing.T) {
	t.Parallel()
	b, _ := running(t, 2)
	var asked atomic.Int64
	b.stand(func(rw http.ResponseWriter, r *http.Request, window http.Handler) {
		if r.URL.Query().Get("type") == "live" {
			asked.Add(1)
		}
		window.ServeHTTP(rw, r)
	})
	pass := func(what string, want int) {
		t.Helper()
		asked.Store(0)
		before := b.number("select coalesce(sum(spent), 0) from api_requests")
		metered := b.window.Metered(b.account.ID)
		b.run(workflows.HarvestInput{})
		if got := int(asked.Load()); got != want {
			t.Errorf("%s: %d live requests, want %d", what, got, want)
		}
		if charged, sent := b.number("select sum(spent) from api_requests")-before, b.window.Metered(b.account.ID)-metered; charged != sent {
			t.Errorf("%s: %d requests charged, %d sent", what, charged, sent)
		}
		if got := b.said(); got != "success" {
			t.Errorf("%s: the link says %q", what, got)
		}
	}
	cost := func() int {
		total := 1
		for _, m := range b.live() {
			legs := len(slices.DeleteFunc(slices.Clone(m.Legs), func(l *world.Leg) bool { return l.JoinAt.After(b.clock()) }))
			total += max(1, (legs+299)/300) + (legs+9)/10
		}
		return total
	}
	b.exec("update links set live = false")
	pass("nobody wants it", 0)
	if got := b.number("select count(*) from meetings where state = 'live'"); got != 0 {
		t.Errorf("%d running meetings are known", got)
	}
	b.advance(5 * time.Minute)
	b.exec("update links set live = true where org_id = $1", b.world.Orgs[1].ID)
	pass("one of two wants it", cost())
	b.advance(time.Minute)
	begun := len(slices.DeleteFunc(b.live(), func(m *world.Meeting) bool { return m.StartAt.Before(b.clock().Add(-time.Minute)) }))
	if begun == 0 {
		pass("a minute later", 1)
	}
	b.exec("update links set max_daily_api_requests = 2 * (select sum(spent) from api_requests) - 1")
	b.advance(5 * time.Minute)
	pass("half of the budget is spent", 0)
	b.exec("update links set max_daily_api_requests = null, status = 'failed' where live")
	b.advance(5 * time.Minute)
	b.run(workflows.HarvestInput{})
	if asked.Load() != 0 {
		t.Error("a link that does not work is asked for")
	}
}

// A meeting that no list of ended meetings ever shows is looked for when it should have been
// there for long, and then says what is wrong.
func TestLiveMeetingThatIsDeletedIsQuarantined(t *testing.T) {
	t.Parallel()
	b, m := running(t, 1)
	id := zoomwindow.MeetingID(m)
	b.run(workflows.HarvestInput{})
	b.stand(func(rw http.ResponseWriter, r *http.Request, window http.Handler) {
		if strings.Contains(r.URL.Path, "participants") && strings.Contains(r.URL.Path, strings.Trim(id, "/")[:8]) {
			rw.WriteHeader(http.StatusNotFound)
			_, _ = rw.Write([]byte(`{"code":3001,"message":"Meeting does not exist."}`))
			return
		}
		rewriting("/metrics/meetings", func(body string) string { return without(t, body, id) })(rw, r, window)
	})
	stored := len(b.of(m))
	b.advance(23 * time.Hour)
	b.run(workflows.HarvestInput{})
	if got := b.stateOf(m); got != "live of live provisional" {
		t.Errorf("within a day it is %q", got)
	}
	b.exec("update links set live = false") // nobody looks at running meetings any more
	b.advance(time.Hour)
	b.run(workflows.HarvestInput{})
	if got := b.stateOf(m); got != "quarantined of live provisional not_found" {
		t.Errorf("after a day it is %q", got)
	}
	listed, err := b.store.QuarantinedMeetings(t.Context(), store.ReadFilter{AccountID: b.account.ID, Limit: 10})
	if err != nil || len(listed) != 1 || listed[0].MeetingID != id {
		t.Errorf("in quarantine are %+v, %v", listed, err)
	}
	for range 5 {
		b.advance(25 * time.Hour)
		b.run(workflows.HarvestInput{})
	}
	if got := b.stateOf(m); got != "gone of live provisional not_found" {
		t.Errorf("in the end it is %q", got)
	}
	if got := len(b.of(m)); got != stored {
		t.Errorf("%d of %d samples are kept", got, stored)
	}

	// A list that shows it after all makes it as any other.
	b.stand(nil)
	b.run(workflows.HarvestInput{From: m.StartAt.Add(-time.Minute), To: m.StartAt.Add(time.Minute)})
	if got := b.stateOf(m); got != "settled of past" {
		t.Errorf("found again it is %q", got)
	}
	equalSamples(t, "found again", b.truth([]*world.Meeting{m}), b.of(m))
}

// without takes a meeting from a list.
func without(t *testing.T, body, id string) string {
	t.Helper()
	var list map[string]json.RawMessage
	var meetings []json.RawMessage
	if err := json.Unmarshal([]byte(body), &list); err != nil {
		t.Error(err)
	}
	if err := json.Unmarshal(list["meetings"], &meetings); err != nil {
		t.Error(err)
	}
	kept, err := json.Marshal(slices.DeleteFunc(meetings, func(m json.RawMessage) bool { return strings.Contains(string(m), id) }))
	if err != nil {
		t.Error(err)
	}
	list["meetings"] = kept
	out, err := json.Marshal(list)
	if err != nil {
		t.Error(err)
	}
	return string(out)
}

// A record without any quality of people who talked replaces nothing.
func TestLiveDataOutlivesARecordWithoutQuality(t *testing.T) {
	t.Parallel()
	b, m := running(t, 1)
	b.run(workflows.HarvestInput{})
	b.advance(10 * time.Minute)
	b.run(workflows.HarvestInput{})
	want := b.of(m)
	fault(zoomwindow.Fault{Kind: zoomwindow.FaultEmptyQoS, Count: -1, Meeting: zoomwindow.MeetingID(m)})(t, b)
	b.advance(m.EndAt.Sub(b.clock()) + 45*time.Minute)
	b.run(workflows.HarvestInput{})
	if got := b.stateOf(m); got != "quarantined of past provisional no_samples" {
		t.Errorf("without quality it is %q", got)
	}
	equalSamples(t, "without quality", want, b.of(m))
	b.window.Faults.Clear()
	b.advance(2 * time.Hour)
	b.run(workflows.HarvestInput{})
	if got := b.stateOf(m); got != "settled of past" {
		t.Errorf("with quality it is %q", got)
	}
	equalSamples(t, "with quality", b.truth([]*world.Meeting{m}), b.of(m))
}

func TestLiveDataDiscardsGuestsWhereEveryLinkDoes(t *testing.T) {
	t.Parallel()
	b, _ := running(t, 2)
	b.exec("update links set discard_guest_info = true")
	guests := func(m *world.Meeting) bool {
		return slices.ContainsFunc(m.Legs, func(l *world.Leg) bool { return l.Person == nil && l.JoinAt.Before(b.clock()) })
	}
	for !slices.ContainsFunc(b.live(), guests) {
		b.advance(time.Minute)
	}
	b.call(t)
	if n := b.number("select count(*) from legs where guest and (public_ip is not null or mac is not null or private_ips <> '{}' or location <> '')"); n != 0 {
		t.Errorf("%d guests can be identified", n)
	}
	if guests, others := b.number("select count(*) from legs where guest"), b.number("select count(*) from legs where not guest and public_ip is not null"); guests == 0 || others == 0 {
		t.Errorf("%d guests and %d others: the meetings show nothing", guests, others)
	}
}

// A trouble with running meetings is none of the pass.
func TestLiveTroubleIsNoneOfThePass(t *testing.T) {
	t.Parallel()
	b, m := running(t, 1)
	fault(zoomwindow.Fault{Kind: zoomwindow.FaultMalformedJSON, Count: -1, Meeting: zoomwindow.MeetingID(m)})(t, b)
	b.run(workflows.HarvestInput{})
	if got := b.said(); got != "success" {
		t.Errorf("the link says %q", got)
	}
	if got := b.stateOf(m); got != "live of live" {
		t.Errorf("what could not be read is %q", got)
	}
	if got := b.number("select count(*) from meetings where provisional"); got != len(b.live())-1 {
		t.Errorf("%d others were read, want %d", got, len(b.live())-1)
	}
}

// call reads the running meetings, and nothing else.
func (b *harvestBundle) call(t *testing.T) {
	t.Helper()
	result := call[workflows.ReadLiveResult](b, workflows.ReadLiveActivity, workflows.ReadLiveInput{AccountRef: b.ref})
	if result.Running != len(b.live()) || result.Read != result.Running {
		t.Errorf("read %+v of %d running meetings", result, len(b.live()))
	}
	// Reading again reads nothing: it was read a moment ago.
	if again := call[workflows.ReadLiveResult](b, workflows.ReadLiveActivity, workflows.ReadLiveInput{AccountRef: b.ref}); again.Read != 0 {
		t.Errorf("a moment later %d were read again", again.Read)
	}
}
