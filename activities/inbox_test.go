package activities

import (
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"callweave/internal/credentials"
	"callweave/internal/store"
	"callweave/internal/world/zoomwindow"
	"callweave/workflows"
)

// The account's administrator removes the app at Zoom.
func TestDeauthorizedUnlinksEveryOrg(t *testing.T) {
	t.Parallel()
	b := setupWebhooks(t, true)
	orgs := b.link(t, 2)
	if err := b.window.Uninstall(t.Context(), lifeClient, b.account.ID); err != nil {
		t.Fatal(err)
	}
	b.requireUnlinked(t, orgs)

	// Zoom says it once more, to nobody's harm: it is of no account of ours any more.
	again := b.window.Deauthorized(b.account.ID, b.account.Admins[0].ZoomUserID, lifeClient)
	if err := b.window.SendEvent(t.Context(), lifeClient, again); err != nil {
		t.Fatal(err)
	}
	b.await(t, store.WebhookUnknownAccount, "select outcome from webhook_events")

	// Linked again, what happened before and arrives after does nothing.
	late := b.window.Deauthorized(b.account.ID, b.account.Admins[0].ZoomUserID, lifeClient)
	orgs = b.link(t, 1)
	if err := b.window.SendEvent(t.Context(), lifeClient, late); err != nil {
		t.Fatal(err)
	}
	b.await(t, store.WebhookOutdated, "select outcome from webhook_events where account_id is not null")
	if got := b.statusOf(t, orgs[0]); got != workflows.StatusActive {
		t.Errorf("link is %s, want active", got)
	}
}

func TestDeauthorizedByAnotherUser(t *testing.T) {
	t.Parallel()
	b := setupWebhooks(t, true)
	orgs := b.link(t, 2)
	if err := b.window.SendEvent(t.Context(), lifeClient, b.window.Deauthorized(b.account.ID, "a-colleague", lifeClient)); err != nil {
		t.Fatal(err)
	}
	b.await(t, store.WebhookOtherUser, "select outcome from webhook_events where user_id is null")
	for _, org := range orgs {
		if got := b.statusOf(t, org); got != workflows.StatusActive {
			t.Errorf("link is %s, want active", got)
		}
	}
	if got := b.text(t, "select state from credentials"); got != store.CredentialActive {
		t.Errorf("credential is %s, want active", got)
	}
}

// What was stored while Temporal was down is found by the schedule's next look, and a Link
// that somebody terminated does not keep its data from being erased.
func TestDeauthorizedWhileTemporalWasDown(t *testing.T) {
	t.Parallel()
	b := setupWebhooks(t, true)
	orgs := b.link(t, 2)
	b.inbox.down = true
	if err := b.window.Uninstall(t.Context(), lifeClient, b.account.ID); err != nil {
		t.Fatalf("the event was not acknowledged: %v", err)
	}
	if got := b.text(t, "select state from webhook_events"); got != "stored" {
		t.Fatalf("event is %q, want stored", got)
	}
	if err := b.temporal.TerminateWorkflow(t.Context(), workflows.LinkID(b.ref, orgs[0]), "", "test"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := b.schedules.EnsureReceiveSchedule(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	b.requireUnlinked(t, orgs)
}

func TestMeetingEndedTriggersTheHarvest(t *testing.T) {
	t.Parallel()
	b := setupWebhooks(t, true)
	orgs := b.link(t, 1)
	harvest := b.temporal.ScheduleClient().GetHandle(t.Context(), workflows.HarvestID(b.ref))
	b.awaitHarvests(t, 1) // the one of the schedule's creation
	end := func(n int) {
		meetings := b.world.MeetingsEnding(b.account, harvestDay, harvestDay.AddDate(0, 0, 1))
		for _, meeting := range meetings[:n] {
			event := b.window.MeetingEnded(meeting)
			for range 2 { // Zoom is known to send an event twice
				if err := b.window.SendEvent(t.Context(), lifeClient, event); err != nil {
					t.Fatal(err)
				}
			}
		}
	}

	end(3)
	if got := b.receive(t); got.Harvests != 1 || got.Failed != 0 {
		t.Errorf("three meetings ended: %+v, want one harvest", got)
	}
	b.awaitHarvests(t, 2)
	if got := b.receive(t); got != (workflows.ReceiveResult{}) {
		t.Errorf("nothing new: %+v, want nothing", got)
	}

	if err := harvest.Pause(t.Context(), client.SchedulePauseOptions{}); err != nil {
		t.Fatal(err)
	}
	end(1)
	if got := b.receive(t); got.Harvests != 0 {
		t.Errorf("paused: %+v, want no harvest", got)
	}
	if err := harvest.Delete(t.Context()); err != nil {
		t.Fatal(err)
	}
	end(1)
	if got := b.receive(t); got.Harvests != 0 || got.Failed != 0 {
		t.Errorf("without a schedule: %+v, want no harvest and no failure", got)
	}
	if got := b.text(t, "select string_agg(distinct outcome, ',' order by outcome) from webhook_events where meeting_id is null"); got != "harvest_triggered,no_harvest" {
		t.Errorf("outcomes = %s", got)
	}
	if got := b.statusOf(t, orgs[0]); got != workflows.StatusActive {
		t.Errorf("link is %s, want active", got)
	}
}

// A harvest at work has listed the past already when a meeting ends: one more comes after
// it, however many meetings end meanwhile.
func TestMeetingEndedDuringAHarvest(t *testing.T) {
	t.Parallel()
	b := setupWebhooks(t, true)
	hung, err := b.window.Faults.Add(zoomwindow.Fault{Kind: zoomwindow.FaultHang, Path: "/metrics/meetings$"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(hung.Release)
	b.link(t, 1)
	<-hung.Hits() // the harvest of the schedule's creation is at work
	for _, meeting := range b.world.MeetingsEnding(b.account, harvestDay, harvestDay.AddDate(0, 0, 1))[:2] {
		if err := b.window.SendEvent(t.Context(), lifeClient, b.window.MeetingEnded(meeting)); err != nil {
			t.Fatal(err)
		}
		if got := b.receive(t); got.Failed != 0 {
			t.Fatalf("a meeting ended: %+v, want no failure", got)
		}
	}
	b.await(t, "2", "select count(*)::text from webhook_events where outcome = 'harvest_triggered'")
	hung.Release()
	b.awaitHarvests(t, 2)
}

// An app that is not published is not told when somebody removes it. Its tokens answer 124
// for good: the links fail at once, visibly, and wait for their tenant.
func TestRemovedWithoutAWord(t *testing.T) {
	t.Parallel()
	b := setupWebhooks(t, false)
	orgs := b.link(t, 2)
	b.awaitHarvests(t, 1)
	if err := b.window.Uninstall(t.Context(), lifeClient, b.account.ID); err != nil {
		t.Fatal(err)
	}
	// A pass within a second of another has nothing to ask for.
	if _, err := b.pool.Exec(t.Context(), "update windows set from_at = from_at - interval '1 minute', to_at = to_at - interval '1 minute'"); err != nil {
		t.Fatal(err)
	}
	if err := b.temporal.ScheduleClient().GetHandle(t.Context(), workflows.HarvestID(b.ref)).Trigger(t.Context(), client.ScheduleTriggerOptions{
		Overlap: enumspb.SCHEDULE_OVERLAP_POLICY_BUFFER_ONE, // the schedule may not know yet that the first harvest has ended
	}); err != nil {
		t.Fatal(err)
	}
	for _, org := range orgs {
		b.await(t, credentials.RelinkText, "select errors[1] from links where org_id = $1 and status = 'failed' and last_status = 'failed'", org)
		b.awaitRuns(t, "WorkflowId = '"+workflows.LinkID(b.ref, org)+"' and LinkStatus = 'failed' and ExecutionStatus = 'Running'")
	}
	if got := b.text(t, "select verdict from credentials where state = 'dead'"); got != "revoked" {
		t.Errorf("verdict = %q, want revoked", got)
	}
	if got := b.text(t, "select count(*)::text from receipts"); got != "0" {
		t.Errorf("%s receipts: nobody asked to unlink", got)
	}

	// Whoever links again finds everything as it was, and the others with it.
	if got := b.authorize(t, orgs[0], b.code(t)); got.ErrorCode != "" {
		t.Fatalf("authorize = %+v", got)
	}
	for _, org := range orgs {
		b.awaitRuns(t, "WorkflowId = '"+workflows.LinkID(b.ref, org)+"' and LinkStatus = 'active' and ExecutionStatus = 'Running'")
	}
}

// An account that nobody harvests keeps its credential: its Links see to it.
func TestIdleCredentialIsKeptAlive(t *testing.T) {
	t.Parallel()
	b := setupWebhooks(t, true)
	orgs := b.link(t, 1)
	b.awaitHarvests(t, 1)
	if err := b.temporal.ScheduleClient().GetHandle(t.Context(), workflows.HarvestID(b.ref)).Pause(t.Context(), client.SchedulePauseOptions{}); err != nil {
		t.Fatal(err)
	}
	look := func(idle time.Duration) {
		_, err := b.pool.Exec(t.Context(), "update credentials set refreshed_at = $1, access_expires_at = $1", time.Now().Add(-idle))
		if err != nil {
			t.Fatal(err)
		}
		if err := b.temporal.SignalWorkflow(t.Context(), workflows.LinkID(b.ref, orgs[0]), "", workflows.RecheckMessage, struct{}{}); err != nil {
			t.Fatal(err)
		}
	}
	look(31 * 24 * time.Hour)
	b.await(t, "2", "select generation::text from credentials")
	if got := b.newestGrant(); got.Refreshes != 1 || got.Dead != "" {
		t.Errorf("at Zoom: %+v, want one refresh", got)
	}

	look(29 * 24 * time.Hour)
	unlinked := b.unlink(t, orgs[0]) // comes after the look
	if got := b.newestGrant(); got.Refreshes > 2 || unlinked.TokenOutcome != store.TokenRevoked {
		t.Errorf("at Zoom: %+v, token %s; want no refresh but the one of the revocation", got, unlinked.TokenOutcome)
	}
}
