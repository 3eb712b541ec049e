package console

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"callweave/internal/access"
	"callweave/internal/explain"
	"callweave/internal/insight"
	"callweave/internal/macaddr"
	"callweave/internal/store/db"
)

const (
	// incidentsShown bounds a list of incidents.
	incidentsShown = 100
	// longestIncident bounds the search for the rest of an incident whose begin is known.
	longestIncident = 24 * time.Hour
	// stillOn is how near its last bad minute must be to what is known for an incident to count
	// as not over: as long as minutes of one incident may lie apart.
	stillOn = 5 * time.Minute
)

// incident is what several people's bad minutes had in common, as pages show it.
type incident struct {
	insight.Incident

	What   string // "Busy air"
	Where  string // what they shared: "ap-3, 5 GHz"
	Title  string
	Site   string
	Href   string
	Lasted string
	On     bool // it may not be over
}

// incidentList is the incidents of an interval, the latest first.
type incidentList struct {
	Shown   []incident
	Total   int
	TooMany bool // bad minutes to search at once
}

// incidentsPage is what the list of incidents shows.
type incidentsPage struct {
	List    incidentList
	Period  period
	Periods []period
	Fresh   freshness
	From    time.Time
	To      time.Time
}

func (c *Console) incidentsPage(w http.ResponseWriter, r *http.Request, who access.Identity) error {
	now := c.now()
	page := incidentsPage{Period: periodOf(r.URL.Query().Get("period")), Periods: periods(), To: now}
	page.From = now.Add(-page.Period.span)
	var err error
	if page.Fresh, err = c.freshness(r.Context(), who.OrgID, now); err != nil {
		return err
	}
	if page.List, err = c.incidents(r.Context(), who.OrgID, nil, page.From, page.To, page.Fresh); err != nil {
		return err
	}
	return c.show(w, r, &who, http.StatusOK, "incidents", "Incidents", page)
}

// incidents finds those of an org, or of one of its sites.
func (c *Console) incidents(ctx context.Context, org uuid.UUID, site *uuid.UUID, from, to time.Time, fresh freshness) (incidentList, error) {
	rows, err := c.store.BadMinutesOfCauses(ctx, db.BadMinutesOfCausesParams{OrgID: org, SiteID: site, FromAt: from, ToAt: to, MaxRows: insight.MaxSigns + 1})
	if err != nil {
		return incidentList{}, err
	}
	found, err := insight.Incidents(rows)
	if errors.Is(err, insight.ErrTooMany) {
		return incidentList{TooMany: true}, nil
	}
	if err != nil {
		return incidentList{}, err
	}
	list := incidentList{Total: len(found)}
	list.Shown, err = c.worded(ctx, org, found[:min(len(found), incidentsShown)], fresh)
	return list, err
}

// worded names what incidents are of.
func (c *Console) worded(ctx context.Context, org uuid.UUID, found []insight.Incident, fresh freshness) ([]incident, error) {
	if len(found) == 0 {
		return nil, nil
	}
	sites, err := c.store.Sites(ctx, org)
	if err != nil {
		return nil, err
	}
	siteNames := map[uuid.UUID]string{}
	for _, site := range sites {
		siteNames[site.SiteID] = site.Name
	}
	devices := make([]net.HardwareAddr, len(found))
	for i := range found {
		devices[i] = found[i].AP.Hardware()
	}
	names, err := c.namesOf(ctx, org, devices)
	if err != nil {
		return nil, err
	}
	shown, gateways := make([]incident, len(found)), map[uuid.UUID][]string{}
	for i, f := range found {
		label, _ := featureSeen(f.Feature, &db.CallMinute{})
		s := incident{
			Incident: f, What: label, Site: siteNames[f.SiteID], Href: incidentHref(f),
			Lasted: age(f.LastAt.Sub(f.FirstAt)), On: fresh.CompleteAt.Sub(f.LastAt) <= stillOn,
		}
		at := s.Site
		switch explain.Scope(f.Scope) {
		case explain.ScopeRadio:
			s.Where = names.of(f.AP) + ", " + bandName(f.Band)
			at = s.Where
		case explain.ScopeAP:
			s.Where = names.of(f.AP)
			at = s.Where
		case explain.ScopeWAN:
			if gateways[f.SiteID] == nil {
				if gateways[f.SiteID], err = c.store.GatewaysOfSite(ctx, org, f.SiteID); err != nil {
					return nil, err
				}
			}
			s.Where = strings.Join(append([]string{"Internet line"}, gateways[f.SiteID]...), " of ")
			if len(gateways[f.SiteID]) > 1 {
				s.Where = "Internet lines of " + strings.Join(gateways[f.SiteID], ", ")
			}
		case explain.ScopeSite:
			s.Where = "The whole site"
		}
		if s.Title = label; at != "" {
			s.Title += " at " + at
		}
		shown[i] = s
	}
	return shown, nil
}

// incidentHref leads to an incident by what it is of and when it began: it has no number,
// because what comes in late may still change it.
func incidentHref(f insight.Incident) string {
	query := url.Values{"scope": {f.Scope}, "cause": {f.Feature}, "since": {strconv.FormatInt(f.FirstAt.Unix(), 10)}}
	if !f.AP.IsZero() {
		query.Set("ap", f.AP.String())
	}
	if f.Band != "" {
		query.Set("band", f.Band)
	}
	return "/console/sites/" + f.SiteID.String() + "/incident?" + query.Encode()
}

// incidentPage is what the page of one incident shows.
type incidentPage struct {
	incident

	Next  string
	Fresh freshness
	Chart *siteChart
	Calls []call
	More  bool
}

func (c *Console) incidentPage(w http.ResponseWriter, r *http.Request, who access.Identity) error {
	ctx, now := r.Context(), c.now()
	site, since, ok := incidentAsked(r)
	var rows []db.BadMinutesOfCausesRow
	var found *insight.Incident
	if ok {
		var err error
		rows, err = c.store.BadMinutesOfCauses(ctx, db.BadMinutesOfCausesParams{
			OrgID: who.OrgID, SiteID: &site, FromAt: since, ToAt: since.Add(longestIncident), MaxRows: insight.MaxSigns,
		})
		if err != nil {
			return err
		}
		incidents, err := insight.Incidents(rows)
		if err != nil {
			return err
		}
		found = theIncident(incidents, r.URL.Query())
	}
	if found == nil {
		c.message(w, r, &who, http.StatusNotFound, "No such incident", "Your organization has no such incident. Data that came in late may have changed it: look at the list of incidents.")
		return nil
	}
	page := incidentPage{Next: remedyOf(found.Feature)}
	var err error
	if page.Fresh, err = c.freshness(ctx, who.OrgID, now); err != nil {
		return err
	}
	named, err := c.worded(ctx, who.OrgID, []insight.Incident{*found}, page.Fresh)
	if err != nil {
		return err
	}
	page.incident = named[0]
	page.Chart = newIncidentChart(rows, found)
	if page.Calls, page.More, err = c.callsOfIncident(ctx, who, rows, found); err != nil {
		return err
	}
	return c.show(w, r, &who, http.StatusOK, "incident", page.Title, page)
}

// incidentAsked reads where and since when.
func incidentAsked(r *http.Request) (site uuid.UUID, since time.Time, ok bool) {
	site, err := uuid.Parse(r.PathValue("site_id"))
	at, atErr := strconv.ParseInt(r.URL.Query().Get("since"), 10, 64)
	return site, time.Unix(at, 0), err == nil && atErr == nil && at > 0
}

// theIncident is the one that an address means; nil where there is none.
func theIncident(found []insight.Incident, asked url.Values) *insight.Incident {
	ap, _ := macaddr.Parse(asked.Get("ap")) // zero where none is asked for
	for i := range found {
		f := &found[i]
		if f.Scope == asked.Get("scope") && f.AP == ap && f.Band == asked.Get("band") && f.Feature == asked.Get("cause") &&
			strconv.FormatInt(f.FirstAt.Unix(), 10) == asked.Get("since") {
			return f
		}
	}
	return nil
}

// callsOfIncident lists the calls that it made bad, each leading to its first bad minute, the
// most affected first.
func (c *Console) callsOfIncident(ctx context.Context, who access.Identity, rows []db.BadMinutesOfCausesRow, of *insight.Incident) (shown []call, more bool, err error) {
	first := map[int64]time.Time{}
	var legs []int64
	for _, sign := range of.Signs {
		row := &rows[sign]
		if _, known := first[row.LegID]; !known {
			first[row.LegID] = row.StartAt
			legs = append(legs, row.LegID)
		}
	}
	shown, err = c.callsOf(ctx, who, legs[:min(len(legs), callsShown)], of.FirstAt, of.LastAt)
	for i := range shown {
		shown[i].Minute = first[shown[i].Leg]
	}
	return shown, len(legs) > callsShown, err
}
