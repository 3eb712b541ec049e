package console

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"callweave/internal/access"
	"callweave/internal/macaddr"
	"callweave/internal/provider"
	"callweave/internal/store"
	"callweave/internal/store/db"
	"callweave/internal/vault"
)

// callsShown bounds a page of calls.
const callsShown = 50

// aroundTime is how far from a time that was asked for calls are looked for.
const aroundTime = time.Hour

// period is how far back a page looks.
type period struct {
	Key   string
	Label string
	span  time.Duration
	slot  time.Duration // of a chart over it
}

func periods() []period {
	return []period{
		{"1h", "Last hour", time.Hour, 5 * time.Minute},
		{"24h", "Last 24 hours", 24 * time.Hour, time.Hour},
		{"7d", "Last 7 days", 7 * 24 * time.Hour, 6 * time.Hour},
		{"30d", "Last 30 days", 30 * 24 * time.Hour, 24 * time.Hour},
	}
}

// periodOf returns the period of a key; a day where there is none such.
func periodOf(key string) period {
	list := periods()
	if i := slices.IndexFunc(list, func(p period) bool { return p.Key == key }); i >= 0 {
		return list[i]
	}
	return list[1]
}

// search is what somebody looks for. It travels sealed in the address, which browsers and
// proxies remember: it may name a person.
type search struct {
	Text   string `json:"text"`
	Period string `json:"period"`
	Around string `json:"around"` // local time of Zone, as browsers write it; "" for the period
	Zone   string `json:"zone"`
	Site   string `json:"site"`
}

// at is the moment that was asked for; zero for none.
func (s search) at() time.Time {
	zone, err := time.LoadLocation(s.Zone)
	if err != nil {
		zone = time.UTC
	}
	at, err := time.ParseInLocation("2006-01-02T15:04", s.Around, zone)
	if err != nil {
		return time.Time{}
	}
	return at
}

// interval is when the calls were that are looked for.
func (s search) interval(now time.Time) (from, to time.Time) {
	if at := s.at(); !at.IsZero() {
		return at.Add(-aroundTime), at.Add(aroundTime)
	}
	return now.Add(-periodOf(s.Period).span), now
}

// kind is what the text of a search is.
func (s search) kind() (mac macaddr.Addr, meeting string, someone string) {
	text := strings.TrimSpace(s.Text)
	if text == "" {
		return
	}
	digits := strings.NewReplacer(" ", "", "-", "").Replace(text)
	if isDigits(digits) && len(digits) >= 9 && len(digits) <= 11 { // Zoom's meeting numbers
		return mac, digits, ""
	}
	if parsed, err := macaddr.Parse(text); err == nil && !parsed.IsZero() {
		return parsed, "", ""
	}
	if _, err := uuid.Parse(text); err == nil {
		return mac, strings.ToLower(text), ""
	}
	if raw, err := base64.StdEncoding.DecodeString(text); err == nil && len(raw) == 16 { // Zoom's instance ids
		return mac, text, ""
	}
	return mac, "", text
}

func isDigits(text string) bool {
	return text != "" && strings.IndexFunc(text, func(r rune) bool { return r < '0' || r > '9' }) < 0
}

func (c *Console) sealSearch(s search) (string, error) {
	plain, err := json.Marshal(s)
	if err != nil {
		return "", fmt.Errorf("keep search: %w", err)
	}
	sealed, err := c.master.Seal(vault.PurposeSearch, plain)
	return base64.RawURLEncoding.EncodeToString(sealed), err
}

// readSearch opens what sealSearch made; a search that does not open is an empty one.
func (c *Console) readSearch(text string) (s search) {
	sealed, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return search{}
	}
	plain, err := c.master.Open(vault.PurposeSearch, sealed)
	if err != nil || json.Unmarshal(plain, &s) != nil {
		return search{}
	}
	return s
}

// findCalls takes what was asked for into the address, sealed.
func (c *Console) findCalls(w http.ResponseWriter, r *http.Request, _ access.Identity) error {
	s := search{
		Text: r.PostFormValue("text"), Period: r.PostFormValue("period"), Around: r.PostFormValue("around"), Zone: r.PostFormValue("zone"),
		Site: r.PostFormValue("site"),
	}
	sealed, err := c.sealSearch(s)
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/console/calls?find="+url.QueryEscape(sealed), http.StatusSeeOther)
	return nil
}

// call is a call as lists show it.
type call struct {
	Leg         int64
	Who         person
	Client      string
	Site        string
	Provider    provider.Name
	From, To    time.Time
	Minutes     int64
	BadMinutes  int64
	Unmeasured  int64
	What        string
	Where       string
	WhereMark   string
	Provisional bool
	Minute      time.Time // that was asked for, or is in question; zero for the worst
}

// during reports whether the call went on at a time.
func (c *call) during(at time.Time) bool { return !at.Before(c.From) && at.Before(c.To) }

// callsPage is what the page of calls shows.
type callsPage struct {
	Search   search
	Periods  []period
	Sites    []db.SiteMinutesRow
	Calls    []call
	Asked    bool // for something in particular
	ByPerson bool
	More     bool
	From, To time.Time
	Fresh    freshness
	ByName   bool
	At       time.Time // that was asked for; zero for none
}

func (c *Console) callsPage(w http.ResponseWriter, r *http.Request, who access.Identity) error {
	s := c.readSearch(r.URL.Query().Get("find"))
	if mac := r.URL.Query().Get("mac"); mac != "" {
		s.Text = mac
	}
	s.Period = periodOf(s.Period).Key
	now := c.now()
	page := callsPage{Search: s, Periods: periods(), ByName: maySeeNames(who.Role)}
	page.From, page.To = s.interval(now)
	page.At = s.at()
	var err error
	if page.Fresh, err = c.freshness(r.Context(), who.OrgID, now); err != nil {
		return err
	}
	if page.Sites, err = c.store.SiteMinutes(r.Context(), who.OrgID, page.From, page.To); err != nil {
		return err
	}
	if err := c.search(r.Context(), who, s, &page); err != nil {
		return err
	}
	return c.show(w, r, &who, http.StatusOK, "calls", "Calls", page)
}

// search fills the page with what is looked for: in particular, or the worst there is.
func (c *Console) search(ctx context.Context, who access.Identity, s search, page *callsPage) error {
	f := store.CallFilter{OrgID: who.OrgID, From: page.From, To: page.To, Limit: callsShown}
	if site, err := uuid.Parse(s.Site); err == nil {
		f.SiteID = &site
	}
	mac, meeting, someone := s.kind()
	page.Asked, page.ByPerson = s.Text != "" || s.Around != "", someone != ""
	f.Client, f.Meeting = mac.Hardware(), meeting
	var err error
	switch {
	case someone != "":
		if !page.ByName {
			err = c.store.Audit(ctx, store.Entry{OrgID: &who.OrgID, Actor: who.TokenID.String(), Action: "calls of a person searched"})
		}
		if err == nil {
			f.LegIDs, page.More, err = c.legsOf(ctx, f, someone, page.ByName)
		}
	case !page.Asked:
		f.LegIDs, err = c.store.WorstLegs(ctx, f)
	}
	if err != nil {
		return err
	}
	if f.LegIDs == nil && (someone != "" || !page.Asked) {
		return nil
	}
	if len(f.LegIDs) > callsShown {
		f.LegIDs, page.More = f.LegIDs[:callsShown], true
	}
	rows, err := c.store.CallsSeen(ctx, f)
	if err != nil {
		return err
	}
	page.More = page.More || len(rows) == callsShown
	page.Calls, err = c.openCalls(ctx, who.OrgID, rows, page.ByName)
	for i := range page.Calls {
		if found := &page.Calls[i]; found.during(page.At) {
			found.Minute = page.At
		}
	}
	if !page.At.IsZero() { // those that went on then come first
		slices.SortStableFunc(page.Calls, func(a, b call) int { return cmp.Compare(b.Minute.Unix(), a.Minute.Unix()) })
	}
	if !page.Asked {
		slices.SortStableFunc(page.Calls, func(a, b call) int { return int(b.BadMinutes - a.BadMinutes) })
	}
	return err
}

// openCalls names who was in the calls, or gives them pseudonyms.
func (c *Console) openCalls(ctx context.Context, org uuid.UUID, rows []db.CallsSeenRow, byName bool) ([]call, error) {
	opener := c.newPeople(org)
	calls := make([]call, 0, len(rows))
	for _, row := range rows {
		ref := provider.AccountRef{Provider: provider.Name(row.Provider), AccountID: row.AccountID}
		somebody, err := opener.open(ctx, ref, row.PersonSealed, byName)
		if err != nil {
			return nil, err
		}
		shown := call{
			Leg: row.LegID, Who: somebody, Client: colons(macaddr.FromHardware(row.ClientMac)), Site: row.SiteName, Provider: ref.Provider,
			From: row.JoinAt, To: row.LeaveAt, Minutes: row.Minutes, BadMinutes: row.BadMinutes, Unmeasured: row.UnmeasuredMinutes,
			Provisional: row.Provisional,
		}
		if row.BadMinutes > 0 {
			shown.What = sentence(directionName(row.WorstDirection)) + ": " + metricName(row.WorstMetric)
			shown.Where, shown.WhereMark = bucketName(row.WorstBucket), row.WorstBucket
		}
		calls = append(calls, shown)
	}
	return calls, nil
}

// sentence begins a text with a capital letter.
func sentence(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}
