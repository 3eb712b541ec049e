package api

import (
	"encoding/base64"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"callweave/internal/access"
	"callweave/internal/macaddr"
	"callweave/internal/provider"
	"callweave/internal/store/db"
)

// statsCall is Mist's stats_call: one leg on the site's network. What is not known is
// absent, as the schema allows no null.
type statsCall struct {
	App                string    `json:"app"`
	MeetingID          string    `json:"meeting_id"`
	MAC                string    `json:"mac"`
	OrgID              uuid.UUID `json:"org_id"`
	SiteID             uuid.UUID `json:"site_id"`
	StartTime          int64     `json:"start_time"` // epoch, seconds
	EndTime            int64     `json:"end_time"`
	AudioQuality       *int      `json:"audio_quality,omitempty"`
	VideoQuality       *int      `json:"video_quality,omitempty"`
	ScreenShareQuality *int      `json:"screen_share_quality,omitempty"`
	Provisional        bool      `json:"provisional,omitempty"` // ours: the meeting ran when it was read
}

type callsPage struct {
	Start   int64       `json:"start"`
	End     int64       `json:"end"`
	Limit   int         `json:"limit"`
	Total   int64       `json:"total"`
	Next    string      `json:"next,omitempty"`
	Results []statsCall `json:"results"`
}

// quality turns a provider's word into Mist's number, whose scale Mist leaves open. Ours
// is the lower end of the word's mean opinion score (ITU-T P.800): good is 4 and more,
// fair 3 to 4, poor 2 to 3, bad below 2. nil where the medium was not used.
func quality(word string) *int {
	score := map[string]int{"bad": 1, "poor": 2, "fair": 3, "good": 4}[word]
	if score == 0 {
		return nil
	}
	return &score
}

// sortFields are what calls are sorted by. Mist's default is timestamp, which is when a
// call began.
func sortField(text string) (field string, descending bool, err error) {
	field, descending = strings.CutPrefix(text, "-")
	switch field {
	case "", "timestamp", "start_time", "site_id", "org_id":
		return "start_time", descending, nil
	case "end_time", "mac", "meeting_id", "app":
		return field, descending, nil
	}
	return "", false, badRequest("sort: want timestamp, start_time, end_time, mac, meeting_id or app, with - before it for descending order")
}

// cursor is where a page of calls begins: after this call in the order asked for.
type cursor struct {
	Key   string // of the sort field
	LegID int64
}

func (c cursor) String() string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(c.LegID, 10) + " " + c.Key))
}

func parseCursor(text string) (c cursor, err error) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	id, key, found := strings.Cut(string(raw), " ")
	c.Key = key
	if err == nil {
		c.LegID, err = strconv.ParseInt(id, 10, 64)
	}
	if err != nil || !found || !utf8.ValidString(key) || strings.ContainsRune(key, 0) {
		return c, badRequest("search_after: follow `next` as it is given")
	}
	return c, nil
}

func (s *Server) searchCalls(w http.ResponseWriter, r *http.Request, who access.Identity) error {
	query := r.URL.Query()
	search, err := readSearch(query, time.Now())
	if err != nil {
		return err
	}
	most, err := limit(query)
	if err != nil {
		return err
	}
	search.OrgID, search.SiteID, search.MaxRows = who.OrgID, siteID(r), int32(most)+1
	rows, total, err := s.store.SearchCalls(r.Context(), search)
	if err != nil {
		return err
	}
	page := callsPage{Start: search.FromAt.Unix(), End: search.ToAt.Unix(), Limit: most, Total: total, Results: []statsCall{}}
	if most > 0 && len(rows) > most {
		rows = rows[:most]
		page.Next = nextPage(r.URL, search, cursor{Key: rows[most-1].SortKey, LegID: rows[most-1].LegID})
	}
	for _, row := range rows[:min(len(rows), most)] {
		page.Results = append(page.Results, newStatsCall(row, search))
	}
	s.writeJSON(w, r, http.StatusOK, page)
	return nil
}

func readSearch(query url.Values, now time.Time) (search db.SearchCallsParams, err error) {
	if search.FromAt, search.ToAt, err = window(query, now); err != nil {
		return search, err
	}
	if search.ClientMac, err = macFilter(query, "mac"); err != nil {
		return search, err
	}
	if search.Provider, err = appFilter(query); err != nil {
		return search, err
	}
	if search.SortField, search.Descending, err = sortField(query.Get("sort")); err != nil {
		return search, err
	}
	if text := query.Get("search_after"); text != "" {
		after, err := parseCursor(text)
		if err != nil {
			return search, err
		}
		search.Resumed, search.AfterKey, search.AfterLeg = true, after.Key, after.LegID
	}
	return search, nil
}

// nextPage is a relative URL, as Mist's clients expect, with the window fixed: "now" must
// not move between pages.
func nextPage(of *url.URL, search db.SearchCallsParams, after cursor) string {
	query := of.Query()
	query.Del("duration")
	query.Set("start", strconv.FormatInt(search.FromAt.Unix(), 10))
	query.Set("end", strconv.FormatInt(search.ToAt.Unix(), 10))
	query.Set("search_after", after.String())
	return (&url.URL{Path: of.Path, RawQuery: query.Encode()}).String()
}

func newStatsCall(row db.SearchCallsRow, search db.SearchCallsParams) statsCall {
	call := statsCall{
		App: row.Provider, MeetingID: row.MeetingID, MAC: macaddr.FromHardware(row.ClientMac).String(),
		OrgID: search.OrgID, SiteID: search.SiteID, StartTime: row.JoinAt.Unix(), EndTime: row.LeaveAt.Unix(),
		AudioQuality: quality(row.AudioQuality), VideoQuality: quality(row.VideoQuality), ScreenShareQuality: quality(row.ScreenQuality),
		Provisional: row.Provisional,
	}
	if row.MeetingUuid != nil {
		call.MeetingID = row.MeetingUuid.String()
	}
	return call
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

func (s *Server) summarizeCalls(w http.ResponseWriter, r *http.Request, who access.Identity) error {
	query := r.URL.Query()
	params := db.SummarizeCallsParams{OrgID: who.OrgID, SiteID: siteID(r)}
	var err error
	if params.FromAt, params.ToAt, err = window(query, time.Now()); err != nil {
		return err
	}
	if params.ApMac, err = macFilter(query, "ap_mac"); err != nil {
		return err
	}
	if params.Provider, err = appFilter(query); err != nil {
		return err
	}
	row, err := s.store.SummarizeCalls(r.Context(), params)
	if err != nil {
		return err
	}
	s.writeJSON(w, r, http.StatusOK, callsSummary{
		NumUsers: row.Users, NumAPs: row.Aps, TotalMinutes: row.Minutes, BadMinutes: row.BadMinutes,
		BadMinutesClient: row.BadMinutesClient, BadMinutesWireless: row.BadMinutesWireless, BadMinutesSiteWAN: row.BadMinutesSiteWan,
		BadMinutesFarEnd: row.BadMinutesFarEnd, BadMinutesUnknown: row.BadMinutesUnknown, UnmeasuredMinutes: row.UnmeasuredMinutes,
		ProvisionalMinutes: row.ProvisionalMinutes,
	})
	return nil
}

// siteID is called behind the guard, which parsed it.
func siteID(r *http.Request) uuid.UUID {
	id, _ := uuid.Parse(r.PathValue("site_id"))
	return id
}

func macFilter(query url.Values, name string) (net.HardwareAddr, error) {
	mac, err := macaddr.Parse(query.Get(name))
	if err != nil {
		return nil, badRequest("%s: want 12 hexadecimal digits", name)
	}
	return mac.Hardware(), nil
}

func appFilter(query url.Values) (string, error) {
	text := query.Get("app")
	if text != "" && !slices.Contains([]string{string(provider.Zoom), string(provider.Teams)}, text) {
		return "", badRequest("app: want zoom or teams")
	}
	return text, nil
}
