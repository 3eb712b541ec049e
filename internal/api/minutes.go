package api

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"

	"callweave/internal/access"
	"callweave/internal/insight"
	"callweave/internal/store/db"
)

// aroundMeeting is how far from its legs the minutes of a meeting are looked for: minutes
// begin before the join, clocks differ.
const aroundMeeting = time.Hour

// minutesPage is a page of call minutes as somebody asked for them.
type minutesPage struct {
	db.CallMinutesParams
	meeting *uuid.UUID
	page    int
	total   int64
	rows    []db.CallMinute
}

// minutes reads the filters that all lists of call minutes share, and a page by them. The
// minutes of a meeting are those of its own time, unless another is asked for.
func (s *Server) minutes(r *http.Request, who access.Identity, asked db.CallMinutesParams, most int) (p minutesPage, err error) {
	query := r.URL.Query()
	p.CallMinutesParams = asked
	p.OrgID, p.SiteID = who.OrgID, siteOf(r)
	if p.FromAt, p.ToAt, err = window(query, time.Now()); err != nil {
		return p, err
	}
	if p.Provider, err = appFilter(query); err != nil {
		return p, err
	}
	page, skip, err := pageFilter(query, most)
	if err != nil {
		return p, err
	}
	p.page, p.MaxRows, p.Skip = page, int32(most), int32(skip)
	if p.meeting, err = meetingFilter(query); err != nil {
		return p, err
	}
	if p.meeting != nil {
		anyTime := query.Get("start") == "" && query.Get("end") == "" && query.Get("duration") == ""
		if err := s.ofMeeting(r.Context(), &p, anyTime); err != nil || len(p.LegIds) == 0 {
			return p, err
		}
	}
	p.rows, p.total, err = s.store.CallMinutes(r.Context(), p.CallMinutesParams)
	return p, err
}

// ofMeeting narrows a page to the legs of its meeting.
func (s *Server) ofMeeting(ctx context.Context, p *minutesPage, anyTime bool) error {
	legs, err := s.store.MeetingLegs(ctx, p.OrgID, *p.meeting)
	if err != nil || len(legs) == 0 {
		return err
	}
	from, to := legs[0].JoinAt, legs[0].LeaveAt
	for _, leg := range legs {
		p.LegIds = append(p.LegIds, leg.LegID)
		if leg.JoinAt.Before(from) {
			from = leg.JoinAt
		}
		if leg.LeaveAt.After(to) {
			to = leg.LeaveAt
		}
	}
	if anyTime {
		p.FromAt, p.ToAt = from.Add(-aroundMeeting).Truncate(time.Second), to.Add(aroundMeeting).Truncate(time.Second)
	}
	return nil
}

// writeMinutes answers with a page, by which more pages are found as Mist has them found
// (https://www.juniper.net/documentation/us/en/software/mist/automation-integration/topics/concept/rest-api-pagination.html),
// and by `next`, as in the lists of calls.
func (s *Server) writeMinutes(w http.ResponseWriter, r *http.Request, p minutesPage, clientMAC string, results []minuteItem) {
	h := w.Header()
	h.Set("X-Page-Total", strconv.FormatInt(p.total, 10))
	h.Set("X-Page-Limit", strconv.Itoa(int(p.MaxRows)))
	h.Set("X-Page-Page", strconv.Itoa(p.page))
	body := map[string]any{
		"start": p.FromAt.Unix(), "end": p.ToAt.Unix(), "limit": p.MaxRows, "page": p.page, "total": p.total, "results": results,
	}
	if clientMAC != "" {
		body["mac"] = clientMAC
	}
	if p.meeting != nil {
		body["meeting_id"] = p.meeting.String()
	}
	if p.MaxRows > 0 && int64(p.Skip)+int64(len(p.rows)) < p.total {
		body["next"] = nextPage(r.URL, p.FromAt, p.ToAt, "page", strconv.Itoa(p.page+1))
	}
	s.writeJSON(w, r, http.StatusOK, body)
}

// explained returns what the explainer says of the minutes that were measured, by their
// place among all of them; nothing where there is no explainer.
func (s *Server) explained(ctx context.Context, org uuid.UUID, minutes []db.CallMinute) (map[int]*insight.Explanation, error) {
	if s.explainer == nil {
		return nil, nil //nolint:nilnil // nothing is explained
	}
	measured, places := make([]db.CallMinute, 0, len(minutes)), make([]int, 0, len(minutes))
	for i := range minutes {
		if minutes[i].Bad != nil {
			measured, places = append(measured, minutes[i]), append(places, i)
		}
	}
	if len(measured) == 0 {
		return nil, nil //nolint:nilnil // nothing to explain
	}
	explanations, err := s.explainer.Explain(ctx, org, measured)
	if err != nil {
		return nil, fmt.Errorf("explain %d minutes of org %s: %w", len(measured), org, err)
	}
	if len(explanations) != len(measured) {
		return nil, fmt.Errorf("explain %d minutes of org %s: got %d explanations", len(measured), org, len(explanations))
	}
	byPlace := make(map[int]*insight.Explanation, len(places))
	for i, place := range places {
		byPlace[place] = &explanations[i]
	}
	return byPlace, nil
}
