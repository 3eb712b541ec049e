package authorize_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"callweave/internal/temporalclient"
	"callweave/internal/testenv"
	"callweave/internal/world/zoomwindow"
	"callweave/workflows"
)

var record = flag.String("record", "", "directory to record histories of authorizations into that end in another way than most, for the replay test")

// TestRecordHistories writes histories that workflows/replay_test.go replays. Like those of
// deploy/local they come from a build that is deployed:
//
//	go test ./internal/authorize -run TestRecordHistories -record "$PWD/workflows/testdata/replay/<release>"
func TestRecordHistories(t *testing.T) {
	t.Parallel()
	if *record == "" {
		t.Skip("nothing to do without -record")
	}
	t.Run("late", func(t *testing.T) {
		t.Parallel()
		b := setup(t, options{ahead: untilNoon()})
		landedLate(t, b)
		b.record(t, "-late", workflows.AuthorizeWorkflow, workflows.AuthorizeID(b.authorization(t)))
	})
	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		b := setup(t, options{})
		got := spoiled(zoomwindow.Fault{Kind: zoomwindow.FaultNotFound, Path: "^/v2/users/me$"})(t, b)
		b.requireEnd(t, got, workflows.CodeGone, 0)
		id := b.authorization(t)
		b.record(t, "-refused", workflows.AuthorizeWorkflow, workflows.AuthorizeID(id))
		b.record(t, "-refused", workflows.DisownWorkflow, workflows.DisownID(id))
	})
}

// record writes the history of a workflow when it has ended.
func (b *bundle) record(t *testing.T, ending, name, id string) {
	t.Helper()
	if err := b.temporal.GetWorkflow(t.Context(), id, "").Get(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	dir := *record + ending
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	text := testenv.History(t, b.temporal, temporalclient.NewCodec(b.vault.Master()), id, "")
	if err := os.WriteFile(filepath.Join(dir, name+".json"), text, 0o644); err != nil {
		t.Fatal(err)
	}
}
