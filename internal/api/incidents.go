package api

import (
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"

	"callweave/internal/access"
	"callweave/internal/insight"
	"callweave/internal/store/db"
)

// incident is ours: Mist's API has none.
type incident struct {
	Scope   string    `json:"scope"`
	SiteID  uuid.UUID `json:"site_id"`
	APMAC   string    `json:"ap_mac,omitempty"`
	Band    string    `json:"band,omitempty"`
	Bucket  string    `json:"bucket"`
	Feature string    `json:"feature"`
	Clients int       `json:"num_clients"`
	Minutes int       `json:"bad_minutes"`
	First   int64     `json:"first"` // epoch, seconds: the first bad minute begins
	Last    int64     `json:"last"`  // the last one ends
}

type incidentsPage struct {
	Start   int64      `json:"start"`
	End     int64      `json:"end"`
	Limit   int        `json:"limit"`
	Total   int        `json:"total"`
	Results []incident `json:"results"`
}

// incidents lists what several people's bad minutes had in common, the latest first.
func (s *Server) incidents(w http.ResponseWriter, r *http.Request, who access.Identity) error {
	query := r.URL.Query()
	params := db.BadMinutesOfCausesParams{OrgID: who.OrgID, SiteID: siteOf(r), MaxRows: insight.MaxSigns + 1}
	err := onlyFilters(query, "app")
	if err != nil {
		return err
	}
	if params.FromAt, params.ToAt, err = window(query, time.Now()); err != nil {
		return err
	}
	if params.Provider, err = appFilter(query); err != nil {
		return err
	}
	most, err := limit(query)
	if err != nil {
		return err
	}
	rows, err := s.store.BadMinutesOfCauses(r.Context(), params)
	if err != nil {
		return err
	}
	found, err := insight.Incidents(rows)
	if errors.Is(err, insight.ErrTooMany) {
		return badRequest("start, end: more than %d bad minutes are too many to search at once: want a shorter time, or one site", insight.MaxSigns)
	}
	if err != nil {
		return err
	}
	page := incidentsPage{Start: params.FromAt.Unix(), End: params.ToAt.Unix(), Limit: most, Total: len(found), Results: []incident{}}
	for i := range found[:min(most, len(found))] {
		f := &found[i]
		page.Results = append(page.Results, incident{
			Scope: f.Scope, SiteID: f.SiteID, Band: f.Band, Bucket: f.Bucket, Feature: f.Feature, Clients: f.People, Minutes: f.Minutes,
			First: f.FirstAt.Unix(), Last: f.LastAt.Unix(),
		})
		if !f.AP.IsZero() {
			page.Results[i].APMAC = f.AP.String()
		}
	}
	s.writeJSON(w, r, http.StatusOK, page)
	return nil
}
