package activities

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"callweave/internal/world/zoomwindow"
	"callweave/workflows"
)

// A fence that is put up while meetings are read: what was landed before stays for the
// erasure to find, what was read and not landed is never written, and what was charged and
// not sent is given back.
func TestFenceInTheMiddleOfReading(t *testing.T) {
	t.Parallel()
	b := setupHarvest(t, 1)
	var reads, landed atomic.Int64
	landed.Store(-1)
	b.stand(func(rw http.ResponseWriter, r *http.Request, window http.Handler) {
		if strings.HasSuffix(r.URL.Path, "/qos") && reads.Add(1) == int64(len(b.ended())/2) {
			if _, err := b.store.Fence(r.Context(), b.ref, b.world.Orgs[0].ID, "test", "admin"); err != nil {
				t.Error(err)
			}
			landed.Store(int64(b.number("select count(*) from legs")))
		}
		window.ServeHTTP(rw, r)
	})
	plan := call[workflows.PlanHarvestResult](b, workflows.PlanActivity, workflows.PlanHarvestInput{AccountRef: b.ref, At: b.clock()})
	call[workflows.ListMeetingsResult](b, workflows.ListMeetingsActivity, workflows.ListMeetingsInput{AccountRef: b.ref, Window: plan.Windows[0]})
	read := call[workflows.ReadMeetingsResult](b, workflows.ReadMeetingsActivity, workflows.ReadMeetingsInput{AccountRef: b.ref})
	if read.Stopped.Type != workflows.ErrFenced {
		t.Errorf("reading ended as %+v", read)
	}
	if got := int64(b.number("select count(*) from legs")); landed.Load() < 0 || got != landed.Load() || got != int64(read.Legs) {
		t.Errorf("%d legs are stored, %d were when the fence was put up, and %d are reported", got, landed.Load(), read.Legs)
	}
	if spent, sent := b.number("select sum(spent) from api_requests"), b.window.Metered(b.account.ID); spent != sent {
		t.Errorf("%d requests are counted and %d were sent", spent, sent)
	}
}

// What meetings are known to cost is charged together; what was charged for a meeting that
// cannot be read is given back.
func TestReadsAreChargedTogether(t *testing.T) {
	t.Parallel()
	b := setupHarvest(t, 1)
	b.exec(`create table charges (requests bigint)`)
	b.exec(`create function note_charge() returns trigger language plpgsql as $$
		begin insert into charges values (new.spent); return new; end $$`)
	b.exec("create trigger note_charge before insert or update on api_requests for each row when (new.category = 'heavy') execute function note_charge()")
	lost := b.ended()[1]
	if _, err := b.window.Faults.Add(zoomwindow.Fault{Kind: zoomwindow.FaultNotFound, Meeting: zoomwindow.MeetingID(lost), Count: -1}); err != nil {
		t.Fatal(err)
	}
	read, requests := b.pass()
	if read.Quarantined != 1 || read.Read != len(b.ended())-1 {
		t.Fatalf("the pass read %+v", read)
	}
	if sent := b.window.Metered(b.account.ID); requests != sent {
		t.Errorf("%d requests are counted and %d were sent", requests, sent)
	}
	if charges := b.number("select count(*) from charges"); charges > len(b.ended()) {
		t.Errorf("%d meetings took %d charges", len(b.ended()), charges)
	}
}
