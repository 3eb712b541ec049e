package main

import (
	"fmt"
	"path/filepath"
	"slices"

	"github.com/spf13/pflag"

	"callweave/internal/world"
)

// options are the flags.
type options struct {
	once     bool
	stateDir string
	seed     uint64
	orgs     int
	accounts int
	people   int
	meetings int
	log      string
	chosen   bool // the world, by flags

	// For tests, which run side by side and look into what the programs print.
	anyPort   bool
	noInstall bool
	temporal  string // the command; built where empty
	env       []string
}

func (o *options) register(flags *pflag.FlagSet) {
	// Enough people that now and then several suffer from one thing.
	defaults := world.DemoConfig(1)
	defaults.PeoplePerOrg, defaults.MeetingsPerDay = 60, 90
	flags.BoolVar(&o.once, "once", false, "end after the report")
	flags.StringVar(&o.stateDir, "state-dir", ".local", "where everything is kept")
	flags.Uint64Var(&o.seed, "seed", defaults.Seed, "which world")
	flags.IntVar(&o.orgs, "orgs", defaults.Orgs, "network orgs in the world, at least 2")
	flags.IntVar(&o.accounts, "accounts", defaults.Accounts, "Zoom accounts in the world")
	flags.IntVar(&o.people, "people", defaults.PeoplePerOrg, "people per org")
	flags.IntVar(&o.meetings, "meetings", defaults.MeetingsPerDay, "meetings per account and day")
	flags.StringVar(&o.log, "log-level", "info", "of worker and starter: debug, info, warn or error")
}

// isOfTheWorld reports whether a flag says how the world is. Without any, a world that is
// kept goes on as it is.
func isOfTheWorld(flag string) bool {
	return slices.Contains([]string{"seed", "orgs", "accounts", "people", "meetings"}, flag)
}

func (o *options) validate() error {
	if o.orgs < 2 {
		return fmt.Errorf("--orgs: want at least 2, because the demonstration links two, got %d", o.orgs)
	}
	absolute, err := filepath.Abs(o.stateDir)
	if err != nil {
		return fmt.Errorf("--state-dir: %w", err)
	}
	o.stateDir = absolute
	return nil
}

func (o *options) world() world.Config {
	config := world.DemoConfig(o.seed)
	config.Orgs, config.Accounts, config.PeoplePerOrg, config.MeetingsPerDay = o.orgs, o.accounts, o.people, o.meetings
	return config
}
