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
		if err := s.ofMeeting(r.Context(), &p, anyTime(query)); err != nil || len(p.LegIds) == 0 {
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
// and by `next`, as in the lists of calls. appendOne writes the item of a minute and leaves it
// open.
func (s *Server) writeMinutes(w http.ResponseWriter, r *http.Request, p minutesPage, clientMAC string, appendOne func(j *jsonText, i int)) {
	h := w.Header()
	h.Set("X-Page-Total", strconv.FormatInt(p.total, 10))
	h.Set("X-Page-Limit", strconv.Itoa(int(p.MaxRows)))
	h.Set("X-Page-Page", strconv.Itoa(p.page))
	next := ""
	if p.MaxRows > 0 && int64(p.Skip)+int64(len(p.rows)) < p.total {
		next = nextPage(r.URL, p.FromAt, p.ToAt, "page", strconv.Itoa(p.page+1))
	}
	s.writeText(w, func(j *jsonText) {
		j.open('{')
		j.int("start", p.FromAt.Unix())
		j.int("end", p.ToAt.Unix())
		j.int("limit", int64(p.MaxRows))
		j.int("page", int64(p.page))
		j.int("total", p.total)
		j.known("mac", clientMAC)
		if p.meeting != nil {
			j.uuid("meeting_id", *p.meeting)
		}
		j.known("next", next)
		j.key("results")
		j.open('[')
		for i := range p.rows {
			j.next()
			appendOne(j, i)
			j.close('}')
		}
		j.close(']')
		j.close('}')
	})
}

// explained returns what the explainer says of each minute; nil of those that were not
// measured, and of all where there is no explainer.
func (s *Server) explained(ctx context.Context, org uuid.UUID, minutes []db.CallMinute) ([]*insight.Explanation, error) {
	if s.explainer == nil {
		return make([]*insight.Explanation, len(minutes)), nil
	}
	measured, places := minutes, make([]int, 0, len(minutes))
	for i := range minutes {
		if minutes[i].Bad != nil {
			places = append(places, i)
		}
	}
	byPlace := make([]*insight.Explanation, len(minutes))
	if len(places) == 0 {
		return byPlace, nil
	}
	if len(places) < len(minutes) { // else they need not be copied
		measured = make([]db.CallMinute, len(places))
		for i, place := range places {
			measured[i] = minutes[place]
		}
	}
	explanations, err := s.explainer.Explain(ctx, org, measured)
	if err != nil {
		return nil, fmt.Errorf("explain %d minutes of org %s: %w", len(measured), org, err)
	}
	if len(explanations) != len(measured) {
		return nil, fmt.Errorf("explain %d minutes of org %s: got %d explanations", len(measured), org, len(explanations))
	}
	for i, place := range places {
		byPlace[place] = &explanations[i]
	}
	return byPlace, nil
}
