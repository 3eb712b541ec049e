package world

import (
	"errors"
	"fmt"
)

// ErrConfig is wrapped by every complaint about a Config.
var ErrConfig = errors.New("world config")

// DemoConfig is a world that fits on a laptop and holds everything: three orgs
// behind one Zoom account, home workers, and a meeting in every hour of the day.
func DemoConfig(seed uint64) Config {
	return Config{
		Seed: seed, Orgs: 3, SitesPerOrg: 2, APsPerSite: 3,
		Accounts: 1, PeoplePerOrg: 24, MeetingsPerDay: 24,
	}
}

// meetingsPerPerson bounds how full a day can be: above it most people would be in
// two meetings at once.
const meetingsPerPerson = 4

// Validate returns every problem of the Config joined, each naming its field.
func (c Config) Validate() error {
	var errs []error
	bound := func(field string, value, lo, hi int) {
		if value < lo || value > hi {
			errs = append(errs, fmt.Errorf("%w: %s is %d, want %d to %d", ErrConfig, field, value, lo, hi))
		}
	}
	bound("Orgs", c.Orgs, 1, 200)
	bound("SitesPerOrg", c.SitesPerOrg, 1, 50)
	bound("APsPerSite", c.APsPerSite, 1, 64)
	bound("Accounts", c.Accounts, 1, 100)
	bound("PeoplePerOrg", c.PeoplePerOrg, 4, 10_000)
	bound("MeetingsPerDay", c.MeetingsPerDay, 0, 50_000)
	bound("MovesPercent", c.MovesPercent, 0, 100)
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	for account, people := range peoplePerAccount(c) {
		if people < 4 {
			errs = append(errs, fmt.Errorf("%w: PeoplePerOrg is %d, which leaves account %d of %d with %d people, want 4",
				ErrConfig, c.PeoplePerOrg, account, c.Accounts, people))
		} else if c.MeetingsPerDay > meetingsPerPerson*people {
			errs = append(errs, fmt.Errorf("%w: MeetingsPerDay is %d, want at most %d for the %d people of account %d",
				ErrConfig, c.MeetingsPerDay, meetingsPerPerson*people, people, account))
		}
	}
	return errors.Join(errs...)
}

func peoplePerAccount(c Config) []int {
	people := make([]int, c.Accounts)
	for org := range c.Orgs {
		accounts := accountsOfOrg(c, org)
		for i := range c.PeoplePerOrg {
			people[accounts[i%len(accounts)]]++
		}
	}
	return people
}

// accountsOfOrg says which accounts the people of an org have: account 0 serves
// every org, each further one serves two neighbours.
func accountsOfOrg(c Config, org int) []int {
	accounts := []int{0}
	for a := 1; a < c.Accounts; a++ {
		if (a-1)%c.Orgs == org || a%c.Orgs == org {
			accounts = append(accounts, a)
		}
	}
	return accounts
}
