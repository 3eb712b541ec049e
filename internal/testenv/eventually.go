package testenv

import (
	"testing"
	"time"
)

const (
	// Patience is far more than anything in a test takes on a busy machine.
	Patience = 90 * time.Second
	// lookEvery keeps a test that waits from keeping busy what it waits for.
	lookEvery = 25 * time.Millisecond
)

// Eventually looks until a look finds nothing wrong: it is for what nothing else can be
// waited on. A look returns what is wrong, "" where nothing is. The test fails after
// [Patience] with what was wrong last.
func Eventually(t testing.TB, look func() (wrong string)) {
	t.Helper()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	end := time.Now().Add(Patience)
	for {
		wrong := look()
		if wrong == "" {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("not within %s: %s", Patience, wrong)
		}
		<-tick.C
	}
}
