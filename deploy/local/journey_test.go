package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"callweave/internal/world"
)

// TestTheLifeOfALink is the demonstration itself: what it reports must agree with the
// world's truth, and no request is spent on a second org.
func TestTheLifeOfALink(t *testing.T) {
	t.Parallel()
	m := startTest(t, t.TempDir())
	stopAtEnd(t, m)
	r, err := live(t.Context(), m, newProgress(testWriter{t}))
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range r.problems() {
		t.Error(problem)
	}
	if r.harvest.samples.truth == 0 || r.orgs[0].bad.truth == 0 || r.orgs[0].legs.truth == 0 {
		t.Errorf("the world gave nothing to compare: %+v %+v", r.harvest, r.orgs[0])
	}
}

// TestThreeOrgsCostTheRequestsOfOne links one account to three orgs.
func TestThreeOrgsCostTheRequestsOfOne(t *testing.T) {
	t.Parallel()
	m := startTest(t, t.TempDir())
	stopAtEnd(t, m)
	account := m.clouds.world.Accounts[0].ID
	linked(t, m, m.clouds.world.Orgs[0])
	one := m.clouds.zoom.Metered(account)
	if one == 0 {
		t.Fatal("the harvest spent nothing")
	}
	var minutes []int
	for _, org := range m.clouds.world.Orgs {
		if org != m.clouds.world.Orgs[0] {
			linked(t, m, org)
		}
		var woven int
		if err := m.db.QueryRow(t.Context(), "select count(*) from call_minutes where org_id = $1", org.ID).Scan(&woven); err != nil {
			t.Fatal(err)
		}
		minutes = append(minutes, woven)
	}
	if three := m.clouds.zoom.Metered(account); three != one {
		t.Errorf("3 orgs cost %d requests, 1 cost %d", three, one)
	}
	if slices.Contains(minutes, 0) {
		t.Errorf("an org has no call minutes: %v", minutes)
	}
}

// TestAKeptStateGoesOn stops everything with a link in place and starts it again.
func TestAKeptStateGoesOn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := startTest(t, dir)
	org := first.clouds.world.Orgs[0]
	linked(t, first, org)
	before := callMinutes(t, first, org)
	if err := first.stop(newProgress(testWriter{t})); err != nil {
		t.Fatal(err)
	}

	second := startTest(t, dir)
	stopAtEnd(t, second)
	org = second.clouds.world.Orgs[0]
	r := &report{account: second.clouds.world.Accounts[0]}
	if _, err := second.harvestAgain(limit(t), r, org); err != nil {
		t.Fatalf("the kept link does not go on: %v", err)
	}
	if after := callMinutes(t, second, org); after < before {
		t.Errorf("%d call minutes, %d before the restart", after, before)
	}
	if _, err := second.unlink(limit(t), r, org); err != nil {
		t.Fatal(err)
	}
	if r.receipts[0].TokenOutcome != "revoked" {
		t.Errorf("the token of the earlier run is %s, want it revoked", r.receipts[0].TokenOutcome)
	}
}

// TestAStaleStateIsNamed gives what must not be guessed about.
func TestAStaleStateIsNamed(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(t *testing.T, d directories){
		"a database without its keys": func(t *testing.T, d directories) {
			t.Helper()
			if err := os.MkdirAll(d.postgres, 0o700); err != nil {
				t.Fatal(err)
			}
		},
		"damaged": func(t *testing.T, d directories) {
			t.Helper()
			if err := os.WriteFile(filepath.Join(d.root, stateFile), []byte("{"), 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"another world": func(t *testing.T, d directories) {
			t.Helper()
			if _, err := newState(filepath.Join(d.root, stateFile), world.DemoConfig(99)); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := makeDirectories(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			prepare(t, d)
			_, err = loadState(d, world.DemoConfig(1), true)
			if err == nil || !strings.Contains(err.Error(), "remedy:") || !strings.Contains(err.Error(), d.root) {
				t.Errorf("want an error that names the directory and a remedy, got: %v", err)
			}
		})
	}
}

// Nobody who asks for no world in particular is asked to throw away the one that there is.
func TestAKeptWorldGoesOn(t *testing.T) {
	t.Parallel()
	d, err := makeDirectories(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := newState(filepath.Join(d.root, stateFile), world.DemoConfig(99)); err != nil {
		t.Fatal(err)
	}
	if kept, err := loadState(d, world.DemoConfig(1), false); err != nil || kept.World != world.DemoConfig(99) {
		t.Errorf("got %+v, %v", kept, err)
	}
}

func callMinutes(t *testing.T, m *machine, org *world.Org) (count int) {
	t.Helper()
	if err := m.db.QueryRow(t.Context(), "select count(*) from call_minutes where org_id = $1", org.ID).Scan(&count); err != nil {
		t.Fatal(err)
	}
	return count
}
