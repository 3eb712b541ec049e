package api

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"

	"callweave/internal/access"
	"callweave/internal/macaddr"
	"callweave/internal/store/db"
)

// callCounts is Mist's count. Strict clients want every field, and the numbers whole.
type callCounts struct {
	Distinct string           `json:"distinct"`
	Start    int64            `json:"start"`
	End      int64            `json:"end"`
	Limit    int              `json:"limit"`
	Total    int64            `json:"total"`
	Results  []map[string]any `json:"results"` // {"count": 3, "mac": "…"}
}

// countCalls counts calls by what they have in common. Mist knows mac only.
func (s *Server) countCalls(w http.ResponseWriter, r *http.Request, who access.Identity) error {
	query := r.URL.Query()
	property := cmp.Or(query.Get("distinct"), "mac")
	params := db.CountCallsByParams{
		OrgID: who.OrgID, SiteID: siteOf(r), ByMac: property == "mac", ByMeeting: property == "meeting_id", BySite: property == "site_id",
	}
	if err := onlyFilters(query, "app", "rating"); err != nil {
		return err
	}
	if !slices.Contains([]string{"mac", "meeting_id", "site_id", "app"}, property) {
		return badRequest("distinct: want mac, meeting_id, site_id or app")
	}
	var err error
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
	counts := callCounts{Distinct: property, Start: params.FromAt.Unix(), End: params.ToAt.Unix(), Limit: most, Results: []map[string]any{}}
	if query.Has("rating") {
		if err := checkRatings(query); err != nil {
			return err
		}
		s.writeJSON(w, r, http.StatusOK, counts) // Zoom tells no ratings: no call has one
		return nil
	}
	params.MaxRows = int32(max(1, most)) // one row tells how many there are
	rows, err := s.store.CountCallsBy(r.Context(), params)
	if err != nil {
		return err
	}
	for i, row := range rows {
		counts.Total = row.Total
		if i == most {
			break
		}
		value := row.Value
		if params.ByMac {
			if mac, err := macaddr.Parse(value); err == nil {
				value = mac.String()
			}
		}
		counts.Results = append(counts.Results, map[string]any{"count": row.Calls, property: value})
	}
	s.writeJSON(w, r, http.StatusOK, counts)
	return nil
}

// callsSummary is Mist's summary. The last four are ours: Mist knows three buckets only, does
// not tell a good minute from one in which nothing was measured, and shows no meeting that runs.
type callsSummary struct {
	NumUsers           int64 `json:"num_users"`
	NumAPs             int64 `json:"num_aps"`
	TotalMinutes       int64 `json:"total_minutes"`
	BadMinutes         int64 `json:"bad_minutes"`
	BadMinutesClient   int64 `json:"bad_minutes_client"`
	BadMinutesWireless int64 `json:"bad_minutes_wireless"`
	BadMinutesSiteWAN  int64 `json:"bad_minutes_site_wan"`
	BadMinutesFarEnd   int64 `json:"bad_minutes_far_end"`
	BadMinutesUnknown  int64 `json:"bad_minutes_unknown"`
	UnmeasuredMinutes  int64 `json:"unmeasured_minutes"`
	ProvisionalMinutes int64 `json:"provisional_minutes"`
}

func newSummary(row db.SummarizeCallsRow) callsSummary {
	return callsSummary{
		NumUsers: row.Users, NumAPs: row.Aps, TotalMinutes: row.Minutes, BadMinutes: row.BadMinutes,
		BadMinutesClient: row.BadMinutesClient, BadMinutesWireless: row.BadMinutesWireless, BadMinutesSiteWAN: row.BadMinutesSiteWan,
		BadMinutesFarEnd: row.BadMinutesFarEnd, BadMinutesUnknown: row.BadMinutesUnknown, UnmeasuredMinutes: row.UnmeasuredMinutes,
		ProvisionalMinutes: row.ProvisionalMinutes,
	}
}

func readSummary(r *http.Request, who access.Identity) (params db.SummarizeSitesParams, err error) {
	query := r.URL.Query()
	params.OrgID = who.OrgID
	if err := onlyFilters(query, "ap_mac", "app"); err != nil {
		return params, err
	}
	if params.FromAt, params.ToAt, err = window(query, time.Now()); err != nil {
		return params, err
	}
	if params.ApMac, err = macFilter(query, "ap_mac"); err != nil {
		return params, err
	}
	params.Provider, err = appFilter(query)
	return params, err
}

// summarizeSite is Mist's summary of a site.
func (s *Server) summarizeSite(w http.ResponseWriter, r *http.Request, who access.Identity) error {
	params, err := readSummary(r, who)
	if err != nil {
		return err
	}
	row, err := s.store.SummarizeCalls(r.Context(), db.SummarizeCallsParams{
		OrgID: params.OrgID, SiteID: *siteOf(r), FromAt: params.FromAt, ToAt: params.ToAt, ApMac: params.ApMac, Provider: params.Provider,
	})
	if err != nil {
		return err
	}
	s.writeJSON(w, r, http.StatusOK, newSummary(row))
	return nil
}

type siteSummary struct {
	SiteID uuid.UUID `json:"site_id"`
	callsSummary
}

// orgSummary is the summary of all sites together, and of each that had calls, the worst first.
type orgSummary struct {
	Start int64 `json:"start"`
	End   int64 `json:"end"`
	callsSummary
	Sites []siteSummary `json:"sites"`
}

func (s *Server) summarizeOrg(w http.ResponseWriter, r *http.Request, who access.Identity) error {
	params, err := readSummary(r, who)
	if err != nil {
		return err
	}
	rows, err := s.store.SummarizeSites(r.Context(), params)
	if err != nil {
		return err
	}
	summary := orgSummary{Start: params.FromAt.Unix(), End: params.ToAt.Unix(), Sites: []siteSummary{}}
	for _, row := range rows {
		numbers := newSummary(db.SummarizeCallsRow{
			Users: row.Users, Aps: row.Aps, Minutes: row.Minutes, BadMinutes: row.BadMinutes, UnmeasuredMinutes: row.UnmeasuredMinutes,
			ProvisionalMinutes: row.ProvisionalMinutes, BadMinutesClient: row.BadMinutesClient, BadMinutesWireless: row.BadMinutesWireless,
			BadMinutesSiteWan: row.BadMinutesSiteWan, BadMinutesFarEnd: row.BadMinutesFarEnd, BadMinutesUnknown: row.BadMinutesUnknown,
		})
		if row.Site == uuid.Nil {
			summary.callsSummary = numbers
			continue
		}
		summary.Sites = append(summary.Sites, siteSummary{SiteID: row.Site, callsSummary: numbers})
	}
	s.writeJSON(w, r, http.StatusOK, summary)
	return nil
}
