package weave_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"callweave/internal/measure"
	"callweave/internal/store"
)

// settle weaves and judges until nothing is left to do.
func (b *bundle) settle(t *testing.T, org uuid.UUID) (judged int) {
	t.Helper()
	for range 100 {
		result, err := b.weaver.Weave(t.Context(), b.ref, org, func() {})
		if err != nil {
			t.Fatal(err)
		}
		judged += result.Judged
		if result.Ready == 0 {
			return judged
		}
	}
	t.Fatal("there is always something left")
	return 0
}

func (b *bundle) thresholds(t *testing.T, org uuid.UUID, latencyMS, lossRatio float64) {
	t.Helper()
	if _, err := b.store.SetThresholds(t.Context(), org, store.ThresholdChange{LatencyMS: measure.Of(latencyMS), LossRatio: measure.Of(lossRatio)}, "test"); err != nil {
		t.Fatal(err)
	}
}

// Judged anew, minutes are what they would be had everything been woven by the new
// thresholds; and back again. What they were woven from is not needed.
func TestJudgingAnewIsWeavingAnew(t *testing.T) {
	t.Parallel()
	b, org, _ := ready(t)
	b.settle(t, org)
	before := b.woven(t)
	bad := func() int { return b.count(t, "select count(*) from call_minutes where bad") }
	badBefore := bad()

	b.thresholds(t, org, 60, 0.005)
	meetings := b.count(t, "select count(*) from weaves")
	if judged := b.settle(t, org); judged != meetings {
		t.Errorf("%d meetings were judged anew, want all %d", judged, meetings)
	}
	judged := b.woven(t)
	if bad() <= badBefore || badBefore == 0 {
		t.Fatalf("%d minutes are bad, were %d: this compares nothing", bad(), badBefore)
	}
	b.exec(t, "update weaves set revision = revision - 1") // as if each was read since
	b.settle(t, org)
	if diff := cmp.Diff(b.woven(t), judged); diff != "" {
		t.Error("(-woven +judged):", diff)
	}

	b.thresholds(t, org, 150, 0.02)
	b.settle(t, org)
	if diff := cmp.Diff(before, b.woven(t)); diff != "" {
		t.Error("back again (-before +after):", diff)
	}
	b.thresholds(t, org, 60, 0.005)
	b.settle(t, org)
	// Of legs that were on no network only their samples tell how they fared: without these
	// minutes keep what they say of the others.
	b.exec(t, "delete from media_samples")
	b.exec(t, "delete from leases")
	b.thresholds(t, org, 150, 0.02)
	b.settle(t, org)
	if n := b.count(t, "select count(*) from call_minutes where bad"); n != badBefore {
		t.Errorf("without samples %d minutes are bad, were %d", n, badBefore)
	}
	if judged := b.settle(t, org); judged != 0 {
		t.Errorf("%d meetings were judged without need", judged)
	}
	b.thresholds(t, org, 150, 0.02) // the same
	if judged := b.settle(t, org); judged != 0 {
		t.Errorf("%d meetings were judged by the same thresholds", judged)
	}
}

// A weaver that began before the thresholds changed lands by the old ones: what it landed is
// due. A judge that began before another change does not undo what the later one did.
func TestNoVerdictIsLeftBehind(t *testing.T) {
	t.Parallel()
	b, org, meetings := ready(t)
	b.settle(t, org)
	b.thresholds(t, org, 60, 0.02)
	b.settle(t, org)
	var revision int32
	id := meetingID(meetings[0])
	if err := b.pool.QueryRow(t.Context(), "select revision from weaves where meeting_id = $1", id).Scan(&revision); err != nil {
		t.Fatal(err)
	}
	landed, err := b.store.LandWeaves(t.Context(), b.ref, org, 0, []store.WeaveLanding{{MeetingID: id, Revision: revision}})
	if err != nil || !landed[id] {
		t.Fatalf("landed %v, %v", landed, err)
	}
	due, err := b.store.StaleVerdicts(t.Context(), b.ref, org, 10)
	if diff := cmp.Diff([]string{id}, due); diff != "" || err != nil {
		t.Errorf("due (-want +got): %s %v", diff, err)
	}
	b.settle(t, org)
	b.thresholds(t, org, 70, 0.02)
	_, err = b.store.Rejudge(t.Context(), store.WovenMeeting{AccountRef: b.ref, OrgID: org, MeetingID: id}, 1, nil)
	if err != nil {
		t.Errorf("judged by thresholds that are no news: %v", err)
	}
	if due, err := b.store.CountStaleVerdicts(t.Context(), b.ref, org); err != nil || due != b.count(t, "select count(*) from weaves") {
		t.Errorf("%d due, %v: an old judge passed them as judged", due, err)
	}
}

// Nobody measured a minute in which only a screen was shared, and so none is judged; but how
// the others fared in it is counted by the new thresholds like everywhere.
func TestUnmeasuredMinutesCountTheOthersAnew(t *testing.T) {
	t.Parallel()
	b, org, _ := ready(t)
	blank := []string{"screen_in_latency_ms = 50"}
	for _, stream := range []string{"audio_in", "audio_out", "video_in", "video_out"} {
		for _, metric := range []string{"latency_ms", "jitter_ms", "loss_avg_ratio", "loss_max_ratio"} {
			blank = append(blank, stream+"_"+metric+" = null")
		}
	}
	b.exec(t, "update media_samples set "+strings.Join(blank, ", ")+" where leg_id % 2 = 0")
	b.settle(t, org)
	count := func() int {
		return b.count(t, "select coalesce(sum(other_legs_bad), 0)::int from call_minutes where bad is null")
	}
	before := count()
	b.thresholds(t, org, 25, 0.001)
	b.settle(t, org)
	judged, after := b.woven(t), count()
	if after <= before {
		t.Errorf("%d bad minutes of others, were %d: new thresholds changed nothing, or this compares nothing", after, before)
	}
	b.exec(t, "update weaves set revision = revision - 1") // as if each was read since
	b.settle(t, org)
	if diff := cmp.Diff(b.woven(t), judged); diff != "" {
		t.Errorf("(-woven +judged):\n%.2000s", diff)
	}
}
