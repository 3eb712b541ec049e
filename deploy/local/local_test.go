package main

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"callweave/internal/localpg"
	"callweave/internal/localtemporal"
	"callweave/internal/world"
)

// startTest brings up a machine of the test's own, with ports of its own.
func startTest(t *testing.T, stateDir string, env ...string) *machine {
	t.Helper()
	return startWorld(t, stateDir, 16, 20, env...)
}

// startWorld is startTest with a world of so many people in each org, and meetings a day.
func startWorld(t *testing.T, stateDir string, people, meetings int, env ...string) *machine {
	t.Helper()
	missing := t.Skip
	if os.Getenv("CALLWEAVE_REQUIRE_SERVICES") == "1" {
		missing = t.Fatal
	}
	binary, err := localtemporal.FindBinary("../..")
	if err != nil {
		missing(err)
	}
	opts := options{
		stateDir: stateDir, seed: 1, orgs: 3, accounts: 1, people: people, meetings: meetings, log: "debug",
		anyPort: true, noInstall: true, temporal: binary, env: env,
	}
	if err := opts.validate(); err != nil {
		t.Fatal(err)
	}
	m, err := startMachine(t.Context(), opts, newProgress(testWriter{t}))
	if errors.Is(err, localpg.ErrNotInstalled) {
		missing(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// stopAtEnd stops the machine with the test, and fails it where something does not stop.
func stopAtEnd(t *testing.T, m *machine) {
	t.Helper()
	t.Cleanup(func() {
		if err := m.stop(newProgress(testWriter{t})); err != nil {
			t.Error(err)
		}
	})
}

// limit bounds what a test waits for.
func limit(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// linked links an org and waits until its calls are woven.
func linked(t *testing.T, m *machine, org *world.Org) {
	t.Helper()
	ctx := limit(t)
	if _, err := m.link(ctx, org, m.clouds.world.Accounts[0].Admins[0]); err != nil {
		t.Fatal(err)
	}
	if _, err := m.awaitWoven(ctx, org); err != nil {
		t.Fatal(err)
	}
}

// testWriter shows progress in the test's log.
type testWriter struct{ t *testing.T }

func (w testWriter) Write(text []byte) (int, error) {
	w.t.Logf("%s", text)
	return len(text), nil
}
