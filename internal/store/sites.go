package store

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/google/uuid"

	"callweave/internal/store/db"
)

// maxFormer is how many former public addresses of a site are kept, the latest: a line that
// gets another one every night has as many in as many days.
const maxFormer = 100

// putSites stores the sites of a landing, and notes those whose addresses are others than
// what meetings were woven with.
func putSites(ctx context.Context, q *db.Queries, landing DeviceLanding) error {
	if len(landing.Sites) == 0 {
		return nil
	}
	rows, err := q.LockSites(ctx, landing.OrgID)
	if err != nil {
		return fmt.Errorf("lock sites: %w", err)
	}
	known := make(map[uuid.UUID]db.Site, len(rows))
	for _, row := range rows {
		known[row.SiteID] = row
	}
	for _, site := range landing.Sites {
		before, there := known[site.SiteID]
		former, changes := changesOf(before, site, landing.Observed && there, landing.SyncedAt)
		ips, until := former.columns()
		if err := q.UpsertSite(ctx, db.UpsertSiteParams{
			OrgID: site.OrgID, SiteID: site.SiteID, Name: site.Name, Timezone: site.Timezone,
			PublicIps: site.PublicIps, Subnets: site.Subnets, FormerPublicIps: ips, FormerUntil: until,
		}); err != nil {
			return fmt.Errorf("put site: %w", err)
		}
		for _, c := range changes {
			if err := q.NoteSite(ctx, db.NoteSiteParams{
				OrgID: site.OrgID, SiteID: site.SiteID, Since: c.since, PublicIps: c.publicIPs, Subnets: c.subnets, Anywhere: c.anywhere,
			}); err != nil {
				return fmt.Errorf("note change of site: %w", err)
			}
		}
	}
	return nil
}

// siteChange is what of a site's addresses differs from what it was woven with since then.
type siteChange struct {
	since     time.Time
	publicIPs []netip.Addr
	subnets   []netip.Prefix
	anywhere  bool
}

// formerAddr is a public address that a site had until then.
type formerAddr struct {
	ip    netip.Addr
	until time.Time
}

type formerAddrs []formerAddr

func formerOf(site db.Site) formerAddrs {
	var former formerAddrs
	for i, ip := range site.FormerPublicIps {
		former = append(former, formerAddr{ip, site.FormerUntil[i]})
	}
	return former
}

func (f formerAddrs) columns() (ips []netip.Addr, until []time.Time) {
	ips, until = []netip.Addr{}, []time.Time{}
	for _, addr := range f[max(0, len(f)-maxFormer):] {
		ips, until = append(ips, addr.ip), append(until, addr.until)
	}
	return ips, until
}

// changesOf compares a site with what it was. An address that the network no longer sees a
// site under is its own until then, so nothing that was woven changes; one that it sees it
// under again is new only for the time in between. Any other change counts for all times:
// what is new was so before somebody noticed, and what somebody corrects was never right.
func changesOf(before, now db.Site, observed bool, at time.Time) (former formerAddrs, changes []siteChange) {
	former = formerOf(before)
	always := siteChange{since: time.Unix(0, 0), publicIPs: []netip.Addr{}, subnets: []netip.Prefix{}}
	for _, ip := range now.PublicIps {
		if slices.Contains(before.PublicIps, ip) {
			continue
		}
		if i := slices.IndexFunc(former, func(f formerAddr) bool { return f.ip == ip }); i >= 0 {
			changes = append(changes, siteChange{since: former[i].until, publicIPs: []netip.Addr{ip}, subnets: always.subnets})
			former = slices.Delete(former, i, i+1)
			continue
		}
		always.publicIPs = append(always.publicIPs, ip)
	}
	for _, ip := range before.PublicIps {
		switch {
		case slices.Contains(now.PublicIps, ip):
		case observed:
			former = append(former, formerAddr{ip, at})
		default:
			always.publicIPs = append(always.publicIPs, ip)
		}
	}
	always.subnets = append(differing(now.Subnets, before.Subnets), differing(before.Subnets, now.Subnets)...)
	// Where no subnet is known, a site's own addresses are those next to its leases.
	if len(always.subnets) > 0 && (len(now.Subnets) == 0 || len(before.Subnets) == 0) {
		always.publicIPs = slices.Concat(now.PublicIps, before.PublicIps)
	}
	// A site without public addresses may be where the internet sees none of the org's.
	hidden := func(s db.Site, former int) bool { return len(s.PublicIps)+former == 0 }
	if was, is := hidden(before, len(before.FormerPublicIps)), hidden(now, len(former)); was != is {
		always.subnets, always.anywhere = slices.Concat(now.Subnets, before.Subnets), true
	} else {
		always.anywhere = is
	}
	if len(always.publicIPs)+len(always.subnets) > 0 {
		changes = append(changes, always)
	}
	return former, changes
}

// differing are those of list that others has not.
func differing(list, others []netip.Prefix) []netip.Prefix {
	left := []netip.Prefix{}
	for _, prefix := range list {
		if !slices.Contains(others, prefix) {
			left = append(left, prefix)
		}
	}
	return left
}
