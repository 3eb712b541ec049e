package world

import (
	"errors"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"callweave/internal/macaddr"
)

func TestSameConfigIsSameWorld(t *testing.T) {
	t.Parallel()
	first, second, other := demo(t, 1), demo(t, 1), demo(t, 2)
	want := describe(first, monday())
	if got := describe(second, monday()); got != want {
		t.Error("two worlds of one config differ")
	}
	if got := describe(other, monday()); got == want {
		t.Error("another seed gives the same world")
	}
}

func TestOrderOfQuestionsDoesNotMatter(t *testing.T) {
	t.Parallel()
	forward, backward := demo(t, 1), demo(t, 1)
	// Small caches make the second world derive again what it has forgotten.
	backward.days = newCache[accountDay, *dayPlan](4)
	backward.tracks = newCache[personDay, *track](40)
	backward.loads = newCache[siteDay, *siteLoad](3)
	const days = 2
	want, got := make([]string, days), make([]string, days)
	for i := range days {
		want[i] = describe(forward, monday().AddDate(0, 0, i))
	}
	for i := days - 1; i >= 0; i-- {
		got[i] = describe(backward, monday().AddDate(0, 0, i))
	}
	for i := range days {
		if got[i] != want[i] {
			t.Errorf("day %d depends on what was asked before", i)
		}
	}
}

func TestConcurrentQuestions(t *testing.T) {
	t.Parallel()
	w := demo(t, 1)
	want := describe(demo(t, 1), monday())
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if got := describe(w, monday()); got != want {
				t.Error("concurrent callers see different worlds")
			}
		})
	}
	wg.Wait()
}

func TestIdentitiesAreUnique(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{Seed: 5, Orgs: 4, SitesPerOrg: 3, APsPerSite: 4, Accounts: 3, PeoplePerOrg: 400, MeetingsPerDay: 100})
	seen := make(map[string]bool)
	unique := func(kind, value string) {
		t.Helper()
		if value == "" || seen[kind+value] {
			t.Errorf("%s %q is empty or used twice", kind, value)
		}
		seen[kind+value] = true
	}
	private := 0
	for _, org := range w.Orgs {
		unique("org", org.ID.String())
		for _, site := range org.Sites {
			unique("site", site.ID.String())
			unique("public ip", site.PublicIP.String())
			unique("mac", site.Gateway.MAC.String())
			for _, ap := range site.APs {
				unique("mac", ap.MAC.String())
				if got, want := ap.ID.String(), "00000000-0000-0000-1000-"+ap.MAC.String(); got != want {
					t.Errorf("AP id %s, want %s", got, want)
				}
			}
		}
		for _, p := range org.People {
			unique("name", p.DisplayName())
			unique("email", p.Email)
			unique("user", p.ZoomUserID)
			if name := p.Clients[0].Hostname; name != nameAsBought(p.Clients[0].Device) {
				unique("hostname", name)
			}
			if len(p.ZoomUserID) != 22 || !strings.Contains(p.Email, "@"+domain(p.Account.Company)) {
				t.Errorf("user id %q or e-mail %q malformed", p.ZoomUserID, p.Email)
			}
			for _, c := range p.Clients {
				unique("mac", c.MAC.String())
				if c.MAC[0]&1 != 0 {
					t.Errorf("client has group address %s", c.MAC)
				}
				if c.MAC.Local() {
					private++
				}
			}
		}
	}
	if private == 0 {
		t.Error("no client uses a private address")
	}
}

func TestOrgsShareAddressSpace(t *testing.T) {
	t.Parallel()
	w := demo(t, 1)
	if a, b := w.Orgs[0].Sites[0].Subnet, w.Orgs[1].Sites[0].Subnet; a != b || !a.Addr().IsPrivate() {
		t.Errorf("subnets %s and %s, want the same private one", a, b)
	}
	for _, org := range w.Orgs {
		if org.Sites[0].Subnet.Overlaps(org.Sites[1].Subnet) {
			t.Errorf("sites of org %s overlap", org.Name)
		}
	}
}

func TestAccountServesAllOrgs(t *testing.T) {
	t.Parallel()
	w := demo(t, 1)
	orgs := make(map[*Org]bool)
	for _, p := range w.Accounts[0].People {
		orgs[p.Org] = true
	}
	if len(orgs) != 3 || len(w.Accounts[0].Admins) < 2 {
		t.Errorf("account 0 serves %d orgs with %d admins, want 3 and at least 2", len(orgs), len(w.Accounts[0].Admins))
	}
}

func TestLookups(t *testing.T) {
	t.Parallel()
	w := demo(t, 1)
	org := w.Orgs[1]
	person := org.People[3]
	gotOrg, _ := w.Org(org.ID)
	gotSite, _ := w.Site(org.Sites[1].ID)
	gotAccount, _ := w.Account(w.Accounts[0].ID)
	gotUser, _ := w.User(person.ZoomUserID)
	gotClient, _ := w.Client(person.Clients[0].MAC)
	if gotOrg != org || gotSite != org.Sites[1] || gotAccount != w.Accounts[0] || gotUser != person || gotClient != person.Clients[0] {
		t.Error("a lookup by id returns another subject")
	}
	if _, ok := w.Client(org.Sites[0].APs[0].MAC); ok {
		t.Error("an AP's address is found as a client")
	}
	if _, ok := w.Client(macaddr.Addr{}); ok {
		t.Error("the unknown address is found as a client")
	}
}

func TestValidateNamesTheField(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		spoil func(*Config)
		want  string
	}{
		{"no org", func(c *Config) { c.Orgs = 0 }, "Orgs is 0"},
		{"no site", func(c *Config) { c.SitesPerOrg = 0 }, "SitesPerOrg is 0"},
		{"no AP", func(c *Config) { c.APsPerSite = -1 }, "APsPerSite is -1"},
		{"no account", func(c *Config) { c.Accounts = 0 }, "Accounts is 0"},
		{"too few people", func(c *Config) { c.PeoplePerOrg, c.Accounts = 8, 20 }, "PeoplePerOrg is 8"},
		{"too many meetings", func(c *Config) { c.MeetingsPerDay = 5000 }, "MeetingsPerDay is 5000"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			cfg := DemoConfig(1)
			test.spoil(&cfg)
			_, err := New(cfg)
			if !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want ErrConfig with %q", err, test.want)
			}
		})
	}
}

func TestSubnetsHoldTheirClients(t *testing.T) {
	t.Parallel()
	for _, people := range []int{4, 24, 38, 300, 3000} {
		w := newWorld(t, Config{Seed: 1, Orgs: 1, SitesPerOrg: 2, APsPerSite: 1, Accounts: 1, PeoplePerOrg: people})
		for _, site := range w.Orgs[0].Sites {
			taken := make(map[netip.Addr]bool)
			for _, c := range w.ClientsOf(site) {
				ip := c.address(site, 20_000)
				if !site.Subnet.Contains(ip) || taken[ip] {
					t.Fatalf("%d people: address %s is outside %s or taken", people, ip, site.Subnet)
				}
				taken[ip] = true
			}
		}
	}
}
