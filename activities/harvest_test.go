package activities

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"callweave/internal/measure"
	"callweave/internal/provider"
	"callweave/internal/secret"
	"callweave/internal/store"
	"callweave/internal/vault"
	"callweave/internal/world"
	"callweave/internal/world/zoomwindow"
	"callweave/workflows"
)

func TestHarvestOfADayEqualsTruth(t *testing.T) {
	t.Parallel()
	b := setupHarvest(t, 3)
	first := b.ended()
	read, requests := b.pass()
	if want := costOf(first) + 2; requests != want || b.window.Metered(b.account.ID) != want {
		t.Errorf("the first pass cost %d requests, the window metered %d, want %d for three links", requests, b.window.Metered(b.account.ID), want)
	}
	if read.Read != len(first) || read.Remaining != 0 || read.Stopped.Type != "" {
		t.Errorf("the first pass read %+v, want %d meetings", read, len(first))
	}

	// Once everything has settled, those read before that are read once more.
	b.advance(2 * time.Hour)
	var unsettled []*world.Meeting
	begun := harvestDay.AddDate(0, 0, 1)
	for _, m := range first {
		if begun.Before(m.EndAt.Add(30 * time.Minute)) {
			unsettled = append(unsettled, m)
		}
	}
	var newOnes []*world.Meeting
	for _, m := range b.world.MeetingsStarting(b.account, harvestDay, b.clock()) {
		if m.EndAt.Add(time.Minute).After(begun) && !b.clock().Before(m.EndAt.Add(time.Minute)) {
			newOnes = append(newOnes, m)
		}
	}
	_, requests = b.pass()
	if want := costOf(unsettled) + costOf(newOnes) + 2; requests != want {
		t.Errorf("the settling pass cost %d requests, want %d (%d settled, %d new)", requests, want, len(unsettled), len(newOnes))
	}
	b.advance(time.Hour)
	b.pass()
	got := b.samples()
	var day []*world.Meeting
	for _, m := range b.world.MeetingsStarting(b.account, harvestDay, b.clock()) {
		if !b.clock().Before(m.EndAt.Add(time.Minute)) && !b.clock().Before(m.EndAt.Add(15*time.Minute)) {
			day = append(day, m)
		}
	}
	want := b.truth(day)
	for key := range got {
		if _, ok := want[key]; !ok {
			delete(got, key) // of a meeting that has not settled yet
		}
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(measure.Value{})); diff != "" || len(want) == 0 {
		t.Errorf("%d samples differ from the truth (-want +got):\n%.4000s", len(want), diff)
	}

	// Nothing is due: a pass lists, and reads nothing.
	version := "select (sum(hashtextextended(ctid::text || xmin::text, 0)) % 1000000007)::int from media_samples"
	before := b.number(version)
	b.exec("update meetings set due_at = null where due_at is not null")
	if _, requests := b.pass(); requests != 0 && requests != 2 {
		t.Errorf("a pass with nothing due cost %d requests", requests)
	}
	if b.number(version) != before {
		t.Error("a pass with nothing due wrote samples")
	}
	if n := b.number("select count(*) from links where last_status = 'success' and last_sync_at = $1", b.clock()); n != 3 {
		t.Errorf("%d links state success, want 3", n)
	}
}

func TestHarvestKeepsNoNameReadable(t *testing.T) {
	t.Parallel()
	b := setupHarvest(t, 1)
	b.pass()
	dump := b.number(`select count(*) from (select l::text as row from legs l union all select m::text from meetings m) r
		where row like '%@%' or row ilike '%' || $1 || '%'`, b.account.People[0].LastName)
	if dump != 0 {
		t.Errorf("%d rows hold a name or an e-mail", dump)
	}
	key, err := b.vault.Key(t.Context(), vault.AccountScope(b.ref))
	if err != nil {
		t.Fatal(err)
	}
	var sealed []byte
	if err := b.pool.QueryRow(t.Context(), "select person_sealed from legs where not guest limit 1").Scan(&sealed); err != nil {
		t.Fatal(err)
	}
	person, err := key.OpenPerson(fieldPerson, sealed)
	if err != nil || !strings.Contains(person.Email.Reveal(), "@") {
		t.Errorf("the sealed person does not open: %v", err)
	}
}

func TestHarvestDiscardsGuestsWhereEveryLinkDoes(t *testing.T) {
	t.Parallel()
	b := setupHarvest(t, 2)
	b.exec("update links set discard_guest_info = true")
	b.pass()
	if n := b.number("select count(*) from legs where guest and (public_ip is not null or mac is not null or private_ips <> '{}' or location <> '')"); n != 0 {
		t.Errorf("%d guests can be identified", n)
	}
	if guests, others := b.number("select count(*) from legs where guest"), b.number("select count(*) from legs where not guest and public_ip is not null"); guests == 0 || others == 0 {
		t.Errorf("%d guests and %d others: the day shows nothing", guests, others)
	}
}

// What an earlier read stored of a guest goes with the next read after every link discards it.
func TestHarvestTakesBackWhatIdentifiesGuests(t *testing.T) {
	t.Parallel()
	b := setupHarvest(t, 1)
	b.pass()
	identified := "select count(*) from legs where guest and (public_ip is not null or mac is not null or private_ips <> '{}' or location <> '')"
	others := "select count(*) from legs where not guest and public_ip is not null and mac is not null and location <> ''"
	before := b.number(others)
	if b.number(identified) == 0 || before == 0 {
		t.Fatal("nobody is identified: the day shows nothing")
	}
	b.exec("update links set discard_guest_info = true")
	b.exec("update meetings set due_at = $1", b.clock())
	b.pass()
	if n := b.number(identified); n != 0 {
		t.Errorf("%d guests can be identified", n)
	}
	if n := b.number(others); n != before {
		t.Errorf("%d others are identified, want %d as before", n, before)
	}
	for person := range b.people("where guest") {
		if person != (provider.Person{}) {
			t.Error("a guest's person is still stored")
		}
	}
}

// A second read that knows less of somebody loses nothing.
func TestHarvestKeepsWhoWasKnown(t *testing.T) {
	t.Parallel()
	b := setupHarvest(t, 1)
	b.pass()
	before := b.people("")
	b.window.SetAccount(b.account.ID, zoomwindow.AccountOptions{BlankPersonal: true})
	b.exec("update meetings set due_at = $1", b.clock())
	if read, _ := b.pass(); read.Read == 0 {
		t.Fatal("nothing was read again")
	}
	if diff := cmp.Diff(before, b.people(""), cmp.AllowUnexported(secret.Text{})); diff != "" || len(before) < 10 {
		t.Errorf("of %d people something is lost (-want +got):\n%.2000s", len(before), diff)
	}
	// An address book that is blank for a while does not make members guests.
	guests := b.number("select count(*) from legs where guest")
	b.exec("update links set discard_guest_info = true")
	ids := "update legs set guest = false, user_id = 'member' where guest" // as an earlier read had it
	b.exec(ids)
	b.exec("update meetings set due_at = $1", b.clock())
	b.pass()
	if n := b.number("select count(*) from legs where user_id = 'member' and not guest"); n != guests {
		t.Errorf("%d of %d stay members", n, guests)
	}
	if diff := cmp.Diff(before, b.people(""), cmp.AllowUnexported(secret.Text{})); diff != "" {
		t.Errorf("of members something is lost (-want +got):\n%.2000s", diff)
	}
}

func TestHarvestQuarantinesOneMeetingAndGoesOn(t *testing.T) {
	t.Parallel()
	for name, fault := range map[zoomwindow.FaultKind]string{
		zoomwindow.FaultForbiddenHTML: workflows.ErrMalformed,
		zoomwindow.FaultNotFound:      workflows.ErrNotFound,
		zoomwindow.FaultMalformedJSON: workflows.ErrMalformed,
	} {
		t.Run(string(name), func(t *testing.T) {
			t.Parallel()
			b := setupHarvest(t, 1)
			poisoned := base64.StdEncoding.EncodeToString(b.ended()[0].UUID[:])
			if _, err := b.window.Faults.Add(zoomwindow.Fault{Kind: name, Meeting: poisoned, Count: -1}); err != nil {
				t.Fatal(err)
			}
			read, _ := b.pass()
			if read.Read != len(b.ended())-1 || read.Quarantined != 1 || read.Stopped.Type != "" {
				t.Errorf("the pass read %+v, want all but one of %d", read, len(b.ended()))
			}
			if n := b.number("select count(*) from meetings where meeting_id = $1 and state = 'quarantined' and cause = $2 and due_at > $3", poisoned, fault, b.clock()); n != 1 {
				t.Error("the meeting is not in quarantine with its cause and next try")
			}
			b.window.Faults.Clear()
			b.advance(11 * time.Minute)
			b.pass()
			if n := b.number("select count(*) from meetings where state = 'quarantined'"); n != 0 {
				t.Error("the meeting is still in quarantine after the fault was over")
			}
		})
	}
}

// What somebody asks for is tried again, also after the last try.
func TestHarvestThatIsAskedForTriesAgain(t *testing.T) {
	t.Parallel()
	b := setupHarvest(t, 1)
	b.pass()
	b.exec("delete from legs")
	b.exec("update meetings set state = 'gone', cause = 'not_found', attempts = 5, due_at = null")
	b.advance(31 * time.Hour)
	if b.pass(); b.number("select count(*) from meetings where state = 'gone'") == 0 {
		t.Error("a live window tries again")
	}
	plan := call[workflows.PlanHarvestResult](b, workflows.PlanActivity, workflows.PlanHarvestInput{
		AccountRef: b.ref, At: b.clock(), From: harvestDay, To: harvestDay.AddDate(0, 0, 1),
	})
	for _, window := range plan.Windows {
		call[workflows.ListMeetingsResult](b, workflows.ListMeetingsActivity, workflows.ListMeetingsInput{AccountRef: b.ref, Window: window})
	}
	call[workflows.ReadMeetingsResult](b, workflows.ReadMeetingsActivity, workflows.ReadMeetingsInput{AccountRef: b.ref})
	if gone := b.number("select count(*) from meetings where state = 'gone'"); gone != 0 {
		t.Errorf("%d meetings that somebody asked for were not tried again", gone)
	}
}

// A meeting that somebody was in has not settled while nobody is listed in it.
func TestHarvestWaitsForParticipants(t *testing.T) {
	t.Parallel()
	b := setupHarvest(t, 1)
	deserted := base64.StdEncoding.EncodeToString(b.ended()[0].UUID[:])
	b.desert(deserted)
	if read, _ := b.pass(); read.Quarantined != 1 {
		t.Errorf("the pass read %+v, want one quarantined", read)
	}
	if n := b.number("select count(*) from meetings where meeting_id = $1 and state = 'quarantined' and cause = 'not_found' and due_at > $2", deserted, b.clock()); n != 1 {
		t.Error("the meeting is not in quarantine with its cause and next try")
	}
	b.desert("")
	b.advance(11 * time.Minute)
	b.pass()
	if n := b.number("select count(*) from legs where meeting_id = $1", deserted); n == 0 {
		t.Error("the meeting has no legs after they were listed")
	}
	// Listed with nobody, it is read as what it is.
	b.desert(deserted)
	b.exec("update meetings set participant_count = 0, state = 'read', due_at = $2 where meeting_id = $1", deserted, b.clock())
	read := call[workflows.ReadMeetingsResult](b, workflows.ReadMeetingsActivity, workflows.ReadMeetingsInput{AccountRef: b.ref})
	if read.Quarantined != 0 || b.number("select count(*) from meetings where meeting_id = $1 and state in ('read', 'settled')", deserted) != 1 {
		t.Errorf("reading a meeting of nobody is %+v", read)
	}
}

// What the database does not take is about the meeting; what it cannot do now is not.
func TestHarvestQuarantinesWhatCannotBeStored(t *testing.T) {
	t.Parallel()
	for state, own := range map[string]bool{
		"21000": true, "22021": true, "23514": true, "54000": true, "P0001": true, "53100": false, "57014": false,
	} {
		t.Run(state, func(t *testing.T) {
			t.Parallel()
			b := setupHarvest(t, 1)
			poisoned := base64.StdEncoding.EncodeToString(b.ended()[0].UUID[:])
			b.exec(fmt.Sprintf(`create function refuse() returns trigger language plpgsql as $$
				begin raise exception 'value of somebody' using errcode = '%s'; end $$`, state))
			b.exec(fmt.Sprintf("create trigger refuse before insert on legs for each row when (new.meeting_id = '%s') execute function refuse()", poisoned))
			plan := call[workflows.PlanHarvestResult](b, workflows.PlanActivity, workflows.PlanHarvestInput{AccountRef: b.ref, At: b.clock()})
			call[workflows.ListMeetingsResult](b, workflows.ListMeetingsActivity, workflows.ListMeetingsInput{AccountRef: b.ref, Window: plan.Windows[0]})
			read, err := try[workflows.ReadMeetingsResult](b, workflows.ReadMeetingsActivity, workflows.ReadMeetingsInput{AccountRef: b.ref})
			if !own {
				if workflows.ErrorType(err) != workflows.ErrTransient {
					t.Errorf("reading is %+v, %v; want transient", read, err)
				}
				return
			}
			if err != nil || read.Read != len(b.ended())-1 || read.Quarantined != 1 {
				t.Errorf("reading is %+v, %v; want all but one of %d", read, err, len(b.ended()))
			}
			if n := b.number("select count(*) from meetings where meeting_id = $1 and state = 'quarantined' and cause = 'malformed' and due_at > $2", poisoned, b.clock()); n != 1 {
				t.Error("the meeting is not in quarantine with its cause and next try")
			}
		})
	}
}

func TestHarvestStopsAtTheBudget(t *testing.T) {
	t.Parallel()
	b := setupHarvest(t, 2)
	b.exec("update links set max_daily_api_requests = 12 where org_id = $1", b.world.Orgs[0].ID)
	read, requests := b.pass()
	if read.Stopped != (workflows.Stop{Type: workflows.ErrRateLimited, Daily: true}) || read.Remaining == 0 {
		t.Errorf("the pass ended as %+v", read)
	}
	if requests != 12 || b.window.Metered(b.account.ID) != 12 {
		t.Errorf("it cost %d requests, the window metered %d, want 12", requests, b.window.Metered(b.account.ID))
	}
	if n := b.number("select count(*) from links where last_status = 'failed' and errors = array['API daily rate limit reached for your account']"); n != 2 {
		t.Errorf("%d links state the limit, want 2", n)
	}
	// The next day goes on where it stopped.
	b.advance(24 * time.Hour)
	b.exec("update links set max_daily_api_requests = null")
	if read, _ := b.pass(); read.Remaining != 0 || read.Read == 0 {
		t.Errorf("the next day's pass ended as %+v", read)
	}
}

// A pass that says nothing about the account leaves what its links state.
func TestHarvestThatDidNothingIsNotSuccess(t *testing.T) {
	t.Parallel()
	b := setupHarvest(t, 2)
	for _, test := range []struct {
		stopped workflows.Stop
		status  string // "" as before
		text    string
	}{
		{workflows.Stop{Type: workflows.ErrInvalidInput}, "", ""},
		{workflows.Stop{Type: workflows.ErrFenced}, "", ""},
		{workflows.Stop{Type: workflows.ErrRateLimited}, "", ""},
		{workflows.Stop{Type: workflows.StopCanceled}, "", ""},
		{workflows.Stop{Type: workflows.ErrTransient}, "failed", textUnreachable},
		{workflows.Stop{Type: workflows.ErrRateLimited, Daily: true}, "failed", textDailyLimit},
		{workflows.Stop{}, "success", ""},
	} {
		b.exec("update links set last_status = 'failed', last_sync_at = $1, errors = '{before}'", harvestDay)
		finished := call[workflows.FinishHarvestResult](b, workflows.FinishHarvestActivity, workflows.FinishHarvestInput{AccountRef: b.ref, Stopped: test.stopped})
		var status, errors string
		var syncedAt time.Time
		if err := b.pool.QueryRow(t.Context(), "select last_status, last_sync_at, array_to_string(errors, ',') from links limit 1").Scan(&status, &syncedAt, &errors); err != nil {
			t.Fatal(err)
		}
		wantStatus, wantAt, wantErrors := "failed", harvestDay, "before"
		if test.status != "" {
			wantStatus, wantErrors = test.status, test.text
		}
		if test.status == "success" {
			wantAt = b.clock()
		}
		if status != wantStatus || errors != wantErrors || !syncedAt.Equal(wantAt) || len(finished.Orgs) != 2 {
			t.Errorf("after %+v links state %s, %q at %s, woven for %d; want %s, %q at %s", test.stopped, status, errors, syncedAt, len(finished.Orgs), wantStatus, wantErrors, wantAt)
		}
	}
}

func TestHarvestIsHeldByOneRun(t *testing.T) {
	t.Parallel()
	b := setupHarvest(t, 1)
	if _, err := b.store.ClaimHarvest(t.Context(), b.ref, store.Run{WorkflowID: "harvest/other", RunID: "1"}, time.Minute); err != nil {
		t.Fatal(err)
	}
	plan := call[workflows.PlanHarvestResult](b, workflows.PlanActivity, workflows.PlanHarvestInput{AccountRef: b.ref, At: b.clock()})
	read := call[workflows.ReadMeetingsResult](b, workflows.ReadMeetingsActivity, workflows.ReadMeetingsInput{AccountRef: b.ref})
	if plan.HeldBy != "harvest/other" || read.HeldBy != "harvest/other" || b.number("select count(*) from windows") != 0 {
		t.Errorf("the plan is held by %q, reading by %q", plan.HeldBy, read.HeldBy)
	}
}

func TestHarvestOfAnUnlinkedAccountIsFenced(t *testing.T) {
	t.Parallel()
	b := setupHarvest(t, 1)
	b.exec("update links set status = 'unlinking'")
	_, err := try[workflows.PlanHarvestResult](b, workflows.PlanActivity, workflows.PlanHarvestInput{AccountRef: b.ref, At: b.clock()})
	if workflows.ErrorType(err) != workflows.ErrFenced {
		t.Errorf("planning is %v, want fenced", err)
	}
	read, err := try[workflows.ReadMeetingsResult](b, workflows.ReadMeetingsActivity, workflows.ReadMeetingsInput{AccountRef: b.ref})
	if err != nil || read.Stopped.Type != workflows.ErrFenced {
		t.Errorf("reading is %+v, %v, want stopped as fenced", read, err)
	}
}

func TestHarvestKeepsAGapWithItsCause(t *testing.T) {
	t.Parallel()
	b := setupHarvest(t, 1)
	if _, err := b.window.Faults.Add(zoomwindow.Fault{Kind: zoomwindow.FaultForbiddenHTML, Path: "/metrics/meetings$"}); err != nil {
		t.Fatal(err)
	}
	plan := call[workflows.PlanHarvestResult](b, workflows.PlanActivity, workflows.PlanHarvestInput{AccountRef: b.ref, At: b.clock()})
	listed := call[workflows.ListMeetingsResult](b, workflows.ListMeetingsActivity, workflows.ListMeetingsInput{AccountRef: b.ref, Window: plan.Windows[0]})
	if listed.Cause != workflows.ErrMalformed || b.number("select count(*) from windows where state = 'failed' and cause = 'malformed'") != 1 {
		t.Errorf("listing is %+v", listed)
	}
	read, _ := b.pass()
	if read.Read == 0 || b.number("select count(*) from windows where state <> 'listed'") != 0 {
		t.Errorf("the next pass read %+v and left the gap open", read)
	}
}
