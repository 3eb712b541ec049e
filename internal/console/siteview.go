package console

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"

	"callweave/internal/access"
	"callweave/internal/macaddr"
	"callweave/internal/store"
	"callweave/internal/store/db"
)

// sitesPage is what the list of sites shows.
type sitesPage struct {
	Sites   []db.SiteMinutesRow
	Period  period
	Periods []period
	Fresh   freshness
}

func (c *Console) sitesPage(w http.ResponseWriter, r *http.Request, who access.Identity) error {
	now := c.now()
	page := sitesPage{Period: periodOf(r.URL.Query().Get("period")), Periods: periods()}
	var err error
	if page.Fresh, err = c.freshness(r.Context(), who.OrgID, now); err != nil {
		return err
	}
	if page.Sites, err = c.store.SiteMinutes(r.Context(), who.OrgID, now.Add(-page.Period.span), now); err != nil {
		return err
	}
	return c.show(w, r, &who, http.StatusOK, "sites", "Sites", page)
}

// sitePage is what the page of a site shows.
type sitePage struct {
	Site       db.Site
	Period     period
	Periods    []period
	Fresh      freshness
	Chart      *siteChart
	Minutes    int64
	Bad        int64
	Unmeasured int64
	Causes     []cause
	Gateways   []string
	Incidents  incidentList
	APs        []accessPoint
	Calls      []call
}

type accessPoint struct {
	db.WorstAccessPointsRow
	Name string
	Addr string
}

const (
	accessPointsShown = 8
	siteCallsShown    = 8
)

func (c *Console) sitePage(w http.ResponseWriter, r *http.Request, who access.Identity) error {
	ctx, now := r.Context(), c.now()
	id, err := uuid.Parse(r.PathValue("site_id"))
	page := sitePage{Period: periodOf(r.URL.Query().Get("period")), Periods: periods()}
	if err == nil {
		page.Site, err = c.store.SiteOfOrg(ctx, who.OrgID, id)
	} else {
		err = store.ErrNotFound
	}
	if errors.Is(err, store.ErrNotFound) {
		c.message(w, r, &who, http.StatusNotFound, "No such site", "Your organization has no such site.")
		return nil
	}
	if err != nil {
		return err
	}
	slot := page.Period.slot
	to := now.Truncate(slot).Add(slot)
	from := to.Add(-page.Period.span)
	if page.Fresh, err = c.freshness(ctx, who.OrgID, now); err != nil {
		return err
	}
	rows, err := c.store.CausesOverTime(ctx, who.OrgID, id, from, to, slot)
	if err != nil {
		return err
	}
	page.add(rows)
	page.Chart = newSiteChart(rows, from, to, page.Fresh.CompleteAt, slot)
	if page.Gateways, err = c.store.GatewaysOfSite(ctx, who.OrgID, id); err != nil {
		return err
	}
	if page.Incidents, err = c.incidents(ctx, who.OrgID, &id, from, to, page.Fresh); err != nil {
		return err
	}
	if page.APs, err = c.accessPoints(r, who, id, from, to); err != nil {
		return err
	}
	if page.Calls, err = c.worstOfSite(r, who, id, from, to); err != nil {
		return err
	}
	return c.show(w, r, &who, http.StatusOK, "site", page.Site.Name, page)
}

func (p *sitePage) add(rows []db.CausesOverTimeRow) {
	sums := map[string]int64{}
	for _, row := range rows {
		p.Minutes += row.Minutes
		p.Bad += row.BadMinutes
		p.Unmeasured += row.UnmeasuredMinutes
		for _, bucket := range buckets() {
			sums[bucket] += badBy(row, bucket)
		}
	}
	for _, bucket := range buckets() {
		p.Causes = append(p.Causes, cause{Bucket: bucket, Name: bucketName(bucket), Minutes: int(sums[bucket])})
	}
}

func (c *Console) accessPoints(r *http.Request, who access.Identity, site uuid.UUID, from, to time.Time) ([]accessPoint, error) {
	rows, err := c.store.WorstAccessPoints(r.Context(), who.OrgID, site, from, to, accessPointsShown)
	if err != nil {
		return nil, err
	}
	devices := make([]net.HardwareAddr, len(rows))
	for i, row := range rows {
		devices[i] = row.ApMac
	}
	names, err := c.namesOf(r.Context(), who.OrgID, devices)
	list := make([]accessPoint, len(rows))
	for i, row := range rows {
		ap := macaddr.FromHardware(row.ApMac)
		list[i] = accessPoint{WorstAccessPointsRow: row, Name: names.of(ap), Addr: colons(ap)}
	}
	return list, err
}

func (c *Console) worstOfSite(r *http.Request, who access.Identity, site uuid.UUID, from, to time.Time) ([]call, error) {
	legs, err := c.store.WorstLegs(r.Context(), store.CallFilter{OrgID: who.OrgID, From: from, To: to, SiteID: &site, Limit: siteCallsShown})
	if err != nil || len(legs) == 0 {
		return nil, err
	}
	return c.callsOf(r.Context(), who, legs, from, to)
}

// callsOf reads some calls that went on in an interval, the worst first.
func (c *Console) callsOf(ctx context.Context, who access.Identity, legs []int64, from, to time.Time) ([]call, error) {
	rows, err := c.store.CallsSeen(ctx, store.CallFilter{OrgID: who.OrgID, From: from, To: to, LegIDs: legs, Limit: int32(len(legs))})
	if err != nil {
		return nil, err
	}
	calls, err := c.openCalls(ctx, who.OrgID, rows, maySeeNames(who.Role))
	slices.SortStableFunc(calls, func(a, b call) int { return int(b.BadMinutes - a.BadMinutes) })
	return calls, err
}
