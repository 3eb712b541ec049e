package weave_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"callweave/internal/store"
	"callweave/internal/store/db"
	"callweave/internal/world"
)

// landSite lands a site as a poll sees it, or as somebody says it always was.
func (b *bundle) landSite(t *testing.T, site db.Site, observed bool) {
	t.Helper()
	landing := store.DeviceLanding{OrgID: site.OrgID, Sites: []db.Site{site}, Observed: observed}
	if observed {
		org, err := b.store.Org(t.Context(), site.OrgID)
		if err != nil {
			t.Fatal(err)
		}
		landing.SyncedAt = *org.DevicesSyncedAt
	}
	if err := b.store.LandDevices(t.Context(), landing); err != nil {
		t.Fatal(err)
	}
}

// mark looks through the notes until none is left, and returns what is queued then, and in
// how many looks.
func (b *bundle) mark(t *testing.T, org uuid.UUID) (queued []string, looks int) {
	t.Helper()
	b.woke(t)
	for more := true; more; looks++ {
		var err error
		if _, more, err = b.store.MarkLate(t.Context(), org); err != nil {
			t.Fatal(err)
		}
	}
	if left := b.count(t, "select count(*) from late_devices"); left != 0 {
		t.Errorf("%d notes are left", left)
	}
	return b.pending(t), looks
}

// site is the first of the first org.
func (b *bundle) site(t *testing.T) db.Site {
	t.Helper()
	org := b.world.Orgs[0]
	sites, err := b.store.Sites(t.Context(), org.ID)
	if err != nil {
		t.Fatal(err)
	}
	return sites[slices.IndexFunc(sites, func(s db.Site) bool { return s.SiteID == org.Sites[0].ID })]
}

// seen lists the meetings with a leg that fits.
func seen(meetings []*world.Meeting, fits func(*world.Leg) bool) []string {
	ids := []string{}
	for _, m := range meetings {
		if slices.ContainsFunc(m.Legs, fits) {
			ids = append(ids, meetingID(m))
		}
	}
	slices.Sort(ids)
	return ids
}

// A site whose public address becomes known only after its calls were woven queues the
// meetings that the internet saw there, and no others; woven again they are what they
// would have been.
func TestChangedPublicAddressesAreWovenAnew(t *testing.T) {
	t.Parallel()
	b, org, meetings := ready(t)
	right := b.site(t)
	b.exec(t, "update sites set public_ips = '{203.0.113.77}' where site_id = $1", right.SiteID)
	b.settle(t, org)
	without := b.woven(t)

	b.landSite(t, right, false)
	if due := b.pending(t); len(due) != 0 {
		t.Errorf("%d meetings are queued before more could come", len(due))
	}
	wrong := netip.MustParseAddr("203.0.113.77")
	want := seen(meetings, func(l *world.Leg) bool { return l.PublicIP == right.PublicIps[0] || l.PublicIP == wrong })
	got, _ := b.mark(t, org)
	if diff := cmp.Diff(want, got); diff != "" || len(want) == 0 || len(want) == len(meetings) {
		t.Errorf("of %d meetings queued (-want +got):\n%s", len(meetings), diff)
	}
	b.settle(t, org)
	with := b.woven(t)
	if cmp.Equal(without, with) {
		t.Fatal("call minutes do not depend on the address: the test proves nothing")
	}
	b.exec(t, "update weaves set devices_revision = devices_revision + 1")
	b.settle(t, org)
	if diff := cmp.Diff(b.woven(t), with); diff != "" {
		t.Errorf("not what it would have been (-all woven anew +these):\n%.2000s", diff)
	}
	// The same again is no change.
	b.landSite(t, right, false)
	if notes := b.count(t, "select count(*) from late_devices"); notes != 0 {
		t.Errorf("%d notes of a site that did not change", notes)
	}
}

func TestChangedSubnetsAreWovenAnew(t *testing.T) {
	t.Parallel()
	b, org, meetings := ready(t)
	right := b.site(t)
	b.exec(t, "update sites set subnets = '{172.30.0.0/16}' where site_id = $1", right.SiteID)
	b.settle(t, org)
	b.landSite(t, right, false)
	want := seen(meetings, func(l *world.Leg) bool {
		return right.Subnets[0].Contains(l.PrivateIP) && (l.PublicIP == right.PublicIps[0] || l.Site != nil && l.Site.ID == right.SiteID)
	})
	got, _ := b.mark(t, org)
	if diff := cmp.Diff(want, got); diff != "" || len(want) == 0 || len(want) == len(meetings) {
		t.Errorf("of %d meetings queued (-want +got):\n%s", len(meetings), diff)
	}
	b.settle(t, org)
	with := b.woven(t)
	b.exec(t, "update weaves set devices_revision = devices_revision + 1")
	b.settle(t, org)
	if diff := cmp.Diff(b.woven(t), with); diff != "" {
		t.Errorf("not what it would have been (-all woven anew +these):\n%.2000s", diff)
	}
}

// A line that gets another address, as many do every night, takes nothing from the calls of
// before, and one that comes back touches the time in between only.
func TestAddressesThatComeAndGo(t *testing.T) {
	t.Parallel()
	b, org, meetings := ready(t)
	b.settle(t, org)
	before := b.woven(t)
	site := b.site(t)
	other := site
	other.PublicIps = []netip.Addr{netip.MustParseAddr("203.0.113.78")}

	b.landSite(t, other, true)
	if got, _ := b.mark(t, org); len(got) != 0 {
		t.Errorf("%d meetings are queued for an address that nobody had", len(got))
	}
	b.exec(t, "update weaves set devices_revision = devices_revision + 1")
	b.settle(t, org)
	if diff := cmp.Diff(before, b.woven(t)); diff != "" {
		t.Errorf("woven after the site's address changed (-before +after):\n%.2000s", diff)
	}

	// It went three hours ago, says the store, and comes back.
	cut := noon.Add(-3 * time.Hour)
	b.exec(t, "update sites set former_until = array[$2::timestamptz] where site_id = $1", site.SiteID, cut)
	b.landSite(t, site, true)
	want := seen(meetings, func(l *world.Leg) bool { return l.PublicIP == site.PublicIps[0] && l.Meeting.EndAt.After(cut) })
	got, _ := b.mark(t, org)
	if diff := cmp.Diff(want, got); diff != "" || len(want) == 0 {
		t.Errorf("queued for an address that came back (-want +got):\n%s", diff)
	}
	if stored := b.site(t); len(stored.FormerPublicIps) != 1 || stored.FormerPublicIps[0] != other.PublicIps[0] {
		t.Errorf("former addresses are %v", stored.FormerPublicIps)
	}
}

// A change that speaks for weeks is looked through a day to a transaction.
func TestChangedSitesAreBounded(t *testing.T) {
	t.Parallel()
	b, org, meetings := ready(t)
	b.settle(t, org)
	// As if calls had been woven for ten days.
	b.exec(t, "update weaves set end_at = end_at - interval '9 days' where meeting_id = $1", meetingID(meetings[0]))
	site := b.site(t)
	site.PublicIps = append(site.PublicIps, netip.MustParseAddr("203.0.113.79"))
	b.landSite(t, site, false)
	if notes := b.count(t, "select count(*) from late_devices"); notes != 1 {
		t.Errorf("%d notes of one site", notes)
	}
	if got, looks := b.mark(t, org); len(got) != 0 || looks < 10 || looks > 12 {
		t.Errorf("%d meetings are queued in %d looks", len(got), looks)
	}
	// What was woven from is not kept any more: it stays as it is.
	b.exec(t, "update weaves set final = true")
	site.PublicIps = site.PublicIps[1:]
	b.landSite(t, site, false)
	if got, _ := b.mark(t, org); len(got) != 0 {
		t.Errorf("%d final meetings are queued", len(got))
	}
}
