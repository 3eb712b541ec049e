package api

import (
	"net/http"

	"callweave/internal/access"
	"callweave/internal/insight"
	"callweave/internal/store/db"
)

// troubleshootClient explains the bad minutes of a client in one meeting.
func (s *Server) troubleshootClient(w http.ResponseWriter, r *http.Request, who access.Identity) error {
	mac, err := pathMAC(r)
	if err != nil {
		return err
	}
	if err := onlyFilters(r.URL.Query(), "meeting_id", "mac", "app"); err != nil {
		return err
	}
	if r.URL.Query().Get("meeting_id") == "" {
		return badRequest("meeting_id: want the meeting, as it is given by the search of calls")
	}
	filter, err := macFilter(r.URL.Query(), "mac")
	if err != nil {
		return err
	}
	if filter != nil && filter.String() != mac.Hardware().String() {
		return badRequest("mac: want none, or the client of the path")
	}
	return s.troubleshoot(w, r, who, db.CallMinutesParams{OnlyBad: true, ClientMac: mac.Hardware()})
}

// troubleshootSite explains the bad minutes of a site, or of an org, that pass the filters.
func (s *Server) troubleshootSite(w http.ResponseWriter, r *http.Request, who access.Identity) error {
	params := db.CallMinutesParams{OnlyBad: true}
	err := onlyFilters(r.URL.Query(), "mac", "ap", "meeting_id", "app")
	if err != nil {
		return err
	}
	if params.ClientMac, err = macFilter(r.URL.Query(), "mac"); err != nil {
		return err
	}
	if params.ApMac, err = macFilter(r.URL.Query(), "ap"); err != nil {
		return err
	}
	return s.troubleshoot(w, r, who, params)
}

func (s *Server) troubleshoot(w http.ResponseWriter, r *http.Request, who access.Identity, params db.CallMinutesParams) error {
	most, err := limit(r.URL.Query())
	if err != nil {
		return err
	}
	page, err := s.minutes(r, who, params, most)
	if err != nil {
		return err
	}
	explanations, err := s.explained(r.Context(), who.OrgID, page.rows)
	if err != nil {
		return err
	}
	s.writeMinutes(w, r, page, macShown(params.ClientMac), func(j *jsonText, i int) {
		appendItem(j, &page.rows[i], explanations[i])
	})
	return nil
}

// appendItem writes Mist's item of a minute: numbers that add up, beside an object for each
// direction. The texts and the object `explanation` are ours; a list of a site is of many calls,
// and Mist's names the call once for all. The object stays open for more.
func appendItem(j *jsonText, row *db.CallMinute, e *insight.Explanation) {
	j.open('{')
	j.int("timestamp", row.StartAt.Unix())
	j.str("app", row.Provider)
	j.str("meeting_id", meetingIDShown(row.MeetingID))
	j.uuid("site_id", row.SiteID)
	j.mac("mac", row.ClientMac)
	j.mac("ap_mac", row.ApMac)
	j.known("bucket", row.Bucket)
	j.known("worst_metric", row.WorstMetric)
	j.known("worst_direction", row.WorstDirection)
	if e == nil {
		return
	}
	appendExplanation(j, e)
	appendContributions(j, &e.Odds, true)
	for i := range e.Directions {
		j.key(string(e.Directions[i].Direction))
		j.open('{')
		appendContributions(j, &e.Directions[i].Contributions, false)
		j.close('}')
	}
}
