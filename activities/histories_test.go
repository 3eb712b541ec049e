package activities

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"callweave/workflows"
)

const (
	// historyStages is how many are lived at once. They wait for timers most of the time.
	historyStages = 16
)

// event is something that happens to links. Who waits for its end sees one thing after
// the other; who does not has them cross.
type event struct {
	Kind    eventKind
	Org     int
	Account int
	Wait    bool
	Trouble trouble
}

type eventKind string

const (
	evLink        eventKind = "link"
	evUnlink      eventKind = "unlink"
	evUnlinkTwice eventKind = "unlink twice"
	evRefresh     eventKind = "refresh"
	evUninstall   eventKind = "uninstall"   // the provider tells nobody
	evDeauthorize eventKind = "deauthorize" // the provider tells us
	evZoomDown    eventKind = "zoom down"
	evZoomUp      eventKind = "zoom up"
	evCrash       eventKind = "crash"
	evDie         eventKind = "die" // a crash that Temporal is not told of
	evTrouble     eventKind = "trouble"
	evSettle      eventKind = "settle"
)

// drawEvent makes one event. Linking and unlinking happen most, dying seldom: a dead
// worker's activities are missed after half a minute only.
func drawEvent(t *rapid.T) event {
	kinds := []eventKind{
		evLink, evLink, evLink, evLink, evLink, evLink, evLink, evLink, evUnlink, evUnlink, evUnlink, evUnlink, evUnlinkTwice, evUnlinkTwice,
		evRefresh, evRefresh, evUninstall, evUninstall, evDeauthorize, evDeauthorize, evZoomDown, evZoomUp, evCrash,
		evTrouble, evTrouble, evTrouble, evSettle,
	}
	if rapid.IntRange(0, 99).Draw(t, "dies") == 99 {
		kinds = []eventKind{evDie}
	}
	e := event{
		Kind: rapid.SampledFrom(kinds).Draw(t, "kind"), Org: rapid.IntRange(0, 1).Draw(t, "org"),
		Account: rapid.IntRange(0, 1).Draw(t, "account"), Wait: rapid.IntRange(0, 3).Draw(t, "wait") > 0,
	}
	if e.Kind == evTrouble {
		e.Trouble = trouble{after: rapid.Bool().Draw(t, "after"), activity: rapid.SampledFrom([]string{
			workflows.ExchangeCodeActivity, workflows.StartLinkActivity, workflows.CheckLinkActivity, workflows.EnsureHarvestActivity,
			workflows.EnsureDevicesActivity, workflows.FenceLinkActivity, workflows.StopSchedulesActivity, workflows.KeepGrantActivity,
			workflows.EraseActivity, workflows.FinishErasureActivity, workflows.RevokeGrantActivity, workflows.StartSweepActivity,
			workflows.SweepActivity, workflows.DeauthorizeActivity,
		}).Draw(t, "activity")}
	}
	return e
}

func (e event) String() string {
	text := fmt.Sprintf("%s org %d account %d", e.Kind, e.Org, e.Account)
	if e.Kind == evTrouble {
		text = fmt.Sprintf("trouble in %s, after %v", e.Trouble.activity, e.Trouble.after)
	}
	if !e.Wait {
		text += ", nobody waits"
	}
	return text
}

// TestHistories lives random histories of two orgs and two accounts on real Temporal and
// Postgres, and looks after each whether what must hold holds.
//
//	make test-histories                                  200 of them
//	go test ./activities -run TestHistories -rapid.seed N    the ones that failed
func TestHistories(t *testing.T) {
	t.Parallel()
	text := os.Getenv("CALLWEAVE_HISTORIES")
	if text == "" {
		t.Skip("make test-histories lives them: they keep a machine busy for minutes")
	}
	count, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("CALLWEAVE_HISTORIES: %v", err)
	}
	// A failure is shrunk by living through shorter histories, which takes real time.
	for name, value := range map[string]string{"rapid.checks": strconv.Itoa((count + historyStages - 1) / historyStages), "rapid.nofailfile": "true"} {
		if err := flag.Set(name, value); err != nil {
			t.Fatal(err)
		}
	}
	var stages sync.WaitGroup
	for i := range min(historyStages, count) {
		// Not t.Parallel, which bounds them by the processors: they wait most of the time.
		stages.Go(func() {
			t.Run(fmt.Sprintf("stage %d", i+1), func(t *testing.T) {
				stage := newHistoryStage(t)
				var lived []*history
				rapid.Check(t, func(rt *rapid.T) {
					events := rapid.SliceOfN(rapid.Custom(drawEvent), 3, 9).Draw(rt, "events")
					h := beginHistory(t.Context(), rt, stage, rapid.IntRange(0, 3).Draw(rt, "bystander") == 0)
					lived = append(lived, h)
					for _, e := range events {
						h.happen(e)
					}
					h.settle()
				})
				if want := (count + historyStages - 1) / historyStages; len(lived) < want && !t.Failed() {
					t.Errorf("lived %d histories of %d: give it more time with -timeout", len(lived), want)
				}
				requireNoTraces(t, stage, lived)
			})
		})
	}
	stages.Wait()
}
