package api

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"callweave/internal/access"
	"callweave/internal/macaddr"
	"callweave/internal/store/db"
)

// appendCall writes Mist's stats_call: one leg on the site's network. What is not known is
// absent, as the schema allows no null. timestamp, which calls are sorted by, and provisional
// are ours.
func appendCall(j *jsonText, row *db.SearchCallsRow, org uuid.UUID) {
	j.next()
	j.open('{')
	j.str("app", row.Provider)
	if row.MeetingUuid != nil {
		j.uuid("meeting_id", *row.MeetingUuid)
	} else {
		j.str("meeting_id", row.MeetingID)
	}
	j.mac("mac", row.ClientMac)
	j.uuid("org_id", org)
	j.uuid("site_id", row.SiteID)
	j.int("start_time", row.JoinAt.Unix()) // epoch, seconds
	j.int("end_time", row.LeaveAt.Unix())
	appendQuality(j, "audio_quality", row.AudioQuality)
	appendQuality(j, "video_quality", row.VideoQuality)
	appendQuality(j, "screen_share_quality", row.ScreenQuality)
	j.int("timestamp", row.JoinAt.Unix())
	if row.Provisional { // the meeting ran when it was read
		j.bool("provisional", true)
	}
	j.close('}')
}

// appendQuality leaves out a medium that was not used.
func appendQuality(j *jsonText, name, word string) {
	if score := quality(word); score > 0 {
		j.int(name, score)
	}
}

// quality turns a provider's word into Mist's number, whose scale Mist leaves open. Ours
// is the lower end of the word's mean opinion score (ITU-T P.800): good is 4 and more,
// fair 3 to 4, poor 2 to 3, bad below 2. 0 where the medium was not used.
func quality(word string) int64 {
	switch word {
	case "bad":
		return 1
	case "poor":
		return 2
	case "fair":
		return 3
	case "good":
		return 4
	}
	return 0
}

// sortBy reads what calls are sorted by. Mist's default is timestamp, which is when a call
// began.
func sortBy(search *db.SearchCallsParams, text string) error {
	field, descending := strings.CutPrefix(text, "-")
	search.Descending = descending
	switch field {
	case "", "timestamp", "start_time", "site_id", "org_id":
	case "end_time":
		search.ByEnd = true
	case "mac":
		search.ByMac = true
	case "meeting_id":
		search.ByMeeting = true
	case "app":
		search.ByApp = true
	default:
		return badRequest("sort: want timestamp, start_time, end_time, mac, meeting_id or app, with - before it for descending order")
	}
	return nil
}

// cursor is where a page of calls begins: after this call in the order asked for.
type cursor struct {
	Key   string // of the sort field; of a time, its microseconds
	LegID int64
}

func cursorAfter(row db.SearchCallsRow, search db.SearchCallsParams) cursor {
	c := cursor{Key: row.TextKey, LegID: row.LegID}
	switch {
	case byText(search):
	case search.ByEnd:
		c.Key = strconv.FormatInt(row.LeaveAt.UnixMicro(), 10)
	default:
		c.Key = strconv.FormatInt(row.JoinAt.UnixMicro(), 10)
	}
	return c
}

func (c cursor) String() string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(c.LegID, 10) + " " + c.Key))
}

// byText reports whether calls are sorted by a text, and not by a time.
func byText(search db.SearchCallsParams) bool {
	return search.ByMac || search.ByMeeting || search.ByApp
}

// resume has a search go on after the cursor.
func resume(search *db.SearchCallsParams, text string) error {
	wrong := badRequest("search_after: follow `next` as it is given")
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return wrong
	}
	id, key, found := strings.Cut(string(raw), " ")
	if search.AfterLeg, err = strconv.ParseInt(id, 10, 64); err != nil || !found {
		return wrong
	}
	search.Resumed, search.AfterText = true, key
	if byText(*search) {
		if !utf8.ValidString(key) || strings.ContainsRune(key, 0) {
			return wrong
		}
		return nil
	}
	micros, err := strconv.ParseInt(key, 10, 64)
	if err != nil || micros < 0 || micros > epochMillis*1e6 {
		return wrong
	}
	search.AfterText, search.AfterAt = "", time.UnixMicro(micros)
	return nil
}

// searchCalls answers for a site, as Mist does, and for a whole org.
func (s *Server) searchCalls(w http.ResponseWriter, r *http.Request, who access.Identity) error {
	query := r.URL.Query()
	if err := onlyFilters(query, "mac", "meeting_id", "app"); err != nil {
		return err
	}
	search, err := readSearch(query, time.Now())
	if err != nil {
		return err
	}
	most, err := limit(query)
	if err != nil {
		return err
	}
	search.OrgID, search.SiteID = who.OrgID, siteOf(r)
	if most > 0 {
		search.MaxRows = int32(most) + 1
	}
	if search.MeetingUuid != nil && anyTime(query) {
		if err := s.timeOfMeeting(r.Context(), &search); err != nil {
			return err
		}
	}
	rows, total, err := s.store.SearchCalls(r.Context(), search)
	if err != nil {
		return err
	}
	next := ""
	if len(rows) > most {
		rows = rows[:most]
		next = nextPage(r.URL, search.FromAt, search.ToAt, "search_after", cursorAfter(rows[most-1], search).String())
	}
	s.writeText(w, func(j *jsonText) {
		j.open('{')
		j.int("start", search.FromAt.Unix())
		j.int("end", search.ToAt.Unix())
		j.int("limit", int64(most))
		j.int("total", total)
		j.known("next", next)
		j.key("results")
		j.open('[')
		for i := range rows {
			appendCall(j, &rows[i], search.OrgID)
		}
		j.close(']')
		j.close('}')
	})
	return nil
}

// timeOfMeeting has a search look at the time in which the legs of its meeting began.
func (s *Server) timeOfMeeting(ctx context.Context, search *db.SearchCallsParams) error {
	legs, err := s.store.MeetingLegs(ctx, search.OrgID, *search.MeetingUuid)
	if err != nil || len(legs) == 0 {
		return err
	}
	search.FromAt, search.ToAt = legs[0].JoinAt, legs[0].JoinAt
	for _, leg := range legs {
		if leg.JoinAt.Before(search.FromAt) {
			search.FromAt = leg.JoinAt
		}
		if leg.JoinAt.After(search.ToAt) {
			search.ToAt = leg.JoinAt
		}
	}
	search.FromAt, search.ToAt = search.FromAt.Truncate(time.Second), search.ToAt.Truncate(time.Second).Add(time.Second) // half-open
	return nil
}

func readSearch(query url.Values, now time.Time) (search db.SearchCallsParams, err error) {
	if search.FromAt, search.ToAt, err = window(query, now); err != nil {
		return search, err
	}
	if search.ClientMac, err = macFilter(query, "mac"); err != nil {
		return search, err
	}
	if search.MeetingUuid, err = meetingFilter(query); err != nil {
		return search, err
	}
	if search.Provider, err = appFilter(query); err != nil {
		return search, err
	}
	if err = sortBy(&search, query.Get("sort")); err != nil {
		return search, err
	}
	if text := query.Get("search_after"); text != "" {
		return search, resume(&search, text)
	}
	return search, nil
}

// nextPage is a relative URL, as Mist's clients expect, with the window fixed: "now" must
// not move between pages.
func nextPage(of *url.URL, from, to time.Time, name, value string) string {
	query := of.Query()
	query.Del("duration")
	query.Set("start", strconv.FormatInt(from.Unix(), 10))
	query.Set("end", strconv.FormatInt(to.Unix(), 10))
	query.Set(name, value)
	return (&url.URL{Path: of.Path, RawQuery: query.Encode()}).String()
}

// macShown writes an address as Mist does; "" where none is known.
func macShown(mac []byte) string {
	if len(mac) == 0 {
		return ""
	}
	return macaddr.FromHardware(mac).String()
}
