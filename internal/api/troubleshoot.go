package api

import (
	"encoding/json"
	"net/http"

	"github.com/google/uuid"

	"callweave/internal/access"
	"callweave/internal/insight"
	"callweave/internal/store/db"
)

// directions are the objects of an item that a model of their own each fills.
var directions = [...]string{"audio_in", "audio_out", "video_in", "video_out"} //nolint:gochecknoglobals // a constant in all but syntax

// troubleshootClient explains the bad minutes of a client in one meeting.
func (s *Server) troubleshootClient(w http.ResponseWriter, r *http.Request, who access.Identity) error {
	mac, err := pathMAC(r)
	if err != nil {
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
	var err error
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
	items := make([]minuteItem, len(page.rows))
	for i := range page.rows {
		items[i] = newItem(&page.rows[i], explanations[i])
	}
	s.writeMinutes(w, r, page, macShown(params.ClientMac), items)
	return nil
}

// minuteItem is what an item says of its minute beside the numbers of the models.
type minuteItem struct {
	Timestamp      int64     `json:"timestamp"`
	App            string    `json:"app"`
	MeetingID      string    `json:"meeting_id"`
	SiteID         uuid.UUID `json:"site_id"`
	MAC            string    `json:"mac,omitempty"`
	APMAC          string    `json:"ap_mac,omitempty"`
	Bucket         string    `json:"bucket,omitempty"`
	WorstMetric    string    `json:"worst_metric,omitempty"`
	WorstDirection string    `json:"worst_direction,omitempty"`

	more map[string]any // what else the item has; nil for nothing
}

// MarshalJSON writes one object of both.
func (m minuteItem) MarshalJSON() ([]byte, error) {
	type plain minuteItem
	text, err := json.Marshal(plain(m))
	if err != nil || len(m.more) == 0 {
		return text, err //nolint:wrapcheck // the encoder that calls says what it was
	}
	more, err := json.Marshal(m.more)
	if err != nil {
		return nil, err //nolint:wrapcheck // the same
	}
	return append(append(text[:len(text)-1], ','), more[1:]...), nil
}

// newItem is Mist's item of a minute: numbers that add up, beside an object for each direction.
// The texts and the object `explanation` are ours; a list of a site is of many calls, and Mist's
// names the call once for all.
func newItem(row *db.CallMinute, explanation *insight.Explanation) minuteItem {
	item := minuteItem{
		Timestamp: row.StartAt.Unix(), App: row.Provider, MeetingID: meetingIDShown(row.MeetingID), SiteID: row.SiteID,
		MAC: macShown(row.ClientMac), APMAC: macShown(row.ApMac), Bucket: row.Bucket, WorstMetric: row.WorstMetric, WorstDirection: row.WorstDirection,
	}
	if explanation == nil {
		return item
	}
	item.more = map[string]any{"explanation": shownExplanation(explanation)}
	putContributions(item.more, explanation.Odds, true)
	for _, direction := range directions {
		if contributions, ok := explanation.Directions[direction]; ok {
			object := make(map[string]any, len(contributions.Features)+1)
			putContributions(object, contributions, false)
			item.more[direction] = object
		}
	}
	return item
}
