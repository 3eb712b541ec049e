package main

import (
	"testing"

	"callweave/internal/testenv"
	"callweave/internal/world/zoomwindow"
)

// TestOrgsLinkAtOnce links all orgs to one account while its first pass is under way. The second
// authorization ends the token of that pass before its own is kept: the pass refreshes, is told
// that the account was authorized once more, and stops. All orgs have their calls all the same
// before the schedule's next time, which is an hour away.
func TestOrgsLinkAtOnce(t *testing.T) {
	t.Parallel()
	m := startTest(t, t.TempDir(), "HARVEST_INTERVAL=1h")
	stopAtEnd(t, m)
	orgs, admin := m.clouds.world.Orgs, m.clouds.world.Accounts[0].Admins[0]
	hang := func(path string) *zoomwindow.Injected {
		t.Helper()
		fault, err := m.clouds.zoom.Faults.Add(zoomwindow.Fault{Kind: zoomwindow.FaultHang, Path: path})
		if err != nil {
			t.Fatal(err)
		}
		return fault
	}
	listing := hang("^/v2/metrics/meetings$")
	if _, err := m.link(limit(t), orgs[0], admin); err != nil {
		t.Fatal(err)
	}
	<-listing.Hits()

	exchanged := hang("^/v2/users/me$")
	linked := make(chan error, 1)
	go func() {
		_, err := m.link(limit(t), orgs[1], admin)
		linked <- err
	}()
	<-exchanged.Hits()
	listing.Release()
	testenv.Eventually(t, func() string {
		status := ""
		if err := m.db.QueryRow(t.Context(), "select status from links").Scan(&status); err != nil || status != "failed" {
			return "the first link is " + status
		}
		return ""
	})
	exchanged.Release()
	if err := <-linked; err != nil {
		t.Fatal(err)
	}
	for _, org := range orgs[2:] {
		if _, err := m.link(limit(t), org, admin); err != nil {
			t.Fatal(err)
		}
	}
	for _, org := range orgs {
		if _, err := m.awaitWoven(limit(t), org); err != nil {
			t.Errorf("%s: %v", org.Name, err)
		}
	}
}
