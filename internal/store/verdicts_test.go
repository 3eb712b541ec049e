package store

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"callweave/internal/measure"
)

// Changed thresholds make the account's next harvest look after them, and only theirs; what
// was never woven has nothing to judge. Of many meetings, few are looked at.
func TestStaleVerdictsAreLookedFor(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	ref, org := seedSettled(t, s, 3000)
	exec(t, s, "update weaves set revision = 0, read_revision = 0 where meeting_id = 'meeting 1'")
	exec(t, s, "update orgs set devices_synced_at = now()") // Go has no infinity
	look := func(run string) []uuid.UUID {
		t.Helper()
		looked, err := s.BeginLook(t.Context(), LookInput{
			AccountRef: ref, Run: Run{WorkflowID: "w", RunID: run}, Hold: -time.Second, Now: seedStart, At: seedStart, UsableUntil: seedStart,
		})
		if err != nil {
			t.Fatal(err)
		}
		return looked.WeaveOrgs
	}
	if got := look("before"); len(got) != 0 {
		t.Errorf("before: %v", got)
	}
	if changed, err := s.SetThresholds(t.Context(), org, ThresholdChange{JitterMS: measure.Of(30)}, "test"); err != nil || !changed {
		t.Fatal(changed, err)
	}
	if got := look("after"); !slices.Equal(got, []uuid.UUID{org}) {
		t.Errorf("after: %v, want %s", got, org)
	}
	due, err := s.StaleVerdicts(t.Context(), ref, org, 2)
	if err != nil || !slices.Equal(due, []string{"meeting 3000", "meeting 2999"}) {
		t.Errorf("due: %q, %v, want the newest first", due, err)
	}
	if n, err := s.CountStaleVerdicts(t.Context(), ref, org); err != nil || n != 2999 {
		t.Errorf("%d due, %v", n, err)
	}
	for _, id := range []string{"meeting 1", "meeting 3000"} {
		if _, err := s.Rejudge(t.Context(), WovenMeeting{AccountRef: ref, OrgID: org, MeetingID: id}, 1, nil); err != nil {
			t.Error(err)
		}
	}
	if n, err := s.CountStaleVerdicts(t.Context(), ref, org); err != nil || n != 2998 {
		t.Errorf("%d due after one was judged, %v", n, err)
	}
}
