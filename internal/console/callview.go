package console

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"callweave/internal/access"
	"callweave/internal/macaddr"
	"callweave/internal/provider"
	"callweave/internal/store"
	"callweave/internal/store/db"
)

// callPage is what the page of one call shows.
type callPage struct {
	Leg         int64
	Who         person
	Provider    provider.Name
	Meeting     string // its number, or its id
	Site        string
	SiteID      string
	Client      string
	Rule        string
	Confidence  string
	From, To    time.Time
	Provisional bool
	WovenAt     *time.Time

	Verdict verdict
	Medium  medium
	Chart   *callChart
	Chosen  *minute
	Minutes []minute
	Fresh   freshness
	Reasons []string
	Wrong   string // with what was entered
}

// minute is one minute in figures.
type minute struct {
	At       time.Time
	To       time.Time
	State    string // good, bad or unmeasured
	Verdict  string
	Bucket   string
	Where    string
	Href     string
	Flows    []flowRow
	Facts    []fact
	Steps    []step
	Note     string
	Has      string // what was explained
	Model    string // who says so, and how surely
	Asked    bool   // and not shown because it is the worst
	Without  string // what it would have been
	Signal   string
	Radio    string
	AP       string
	AudioIn  flowRow
	AudioOut flowRow
}

type flowRow struct {
	Name                              string
	Latency, Jitter, Loss             string
	LatencyOver, JitterOver, LossOver bool
}

type fact struct{ Name, Value string }

// leg reads which call the path names; false where it names none.
func leg(r *http.Request) (int64, bool) {
	id, err := strconv.ParseInt(r.PathValue("leg_id"), 10, 64)
	return id, err == nil && id > 0
}

func (c *Console) callPage(w http.ResponseWriter, r *http.Request, who access.Identity) error {
	return c.showCall(w, r, who, http.StatusOK, "")
}

func (c *Console) showCall(w http.ResponseWriter, r *http.Request, who access.Identity, status int, wrong string) error {
	id, ok := leg(r)
	var row db.CallOfLegRow
	err := store.ErrNotFound
	if ok {
		row, err = c.store.CallOfLeg(r.Context(), who.OrgID, id)
	}
	if errors.Is(err, store.ErrNotFound) {
		c.message(w, r, &who, http.StatusNotFound, "No such call", "Your organization has no such call. It may have been erased since you found it.")
		return nil
	}
	if err != nil {
		return err
	}
	page, err := c.readCall(r, who, row)
	if err != nil {
		return err
	}
	page.Wrong = wrong
	return c.show(w, r, &who, status, "call", "Call of "+page.Who.Name, page)
}

func (c *Console) readCall(r *http.Request, who access.Identity, row db.CallOfLegRow) (*callPage, error) {
	ctx, m := r.Context(), row.Match
	byName := maySeeNames(who.Role)
	if !byName {
		shown, err := c.store.Revealed(ctx, who.OrgID, who.TokenID.String(), callObject(m.LegID), c.now().Add(-revealLasts))
		if err != nil {
			return nil, err
		}
		byName = shown
	}
	ref := provider.AccountRef{Provider: provider.Name(m.Provider), AccountID: m.AccountID}
	somebody, err := c.newPeople(who.OrgID).open(ctx, ref, m.PersonSealed, byName)
	if err != nil {
		return nil, err
	}
	minutes, err := c.store.MinutesOfLeg(ctx, m)
	if err != nil {
		return nil, err
	}
	org, err := c.store.Org(ctx, who.OrgID)
	if err != nil {
		return nil, err
	}
	bad := limits{float64(org.LatencyBadMs), float64(org.JitterBadMs), float64(org.LossBadRatio)}
	page := &callPage{
		Leg: m.LegID, Who: somebody, Provider: ref.Provider, Meeting: m.MeetingID, Site: row.SiteName, SiteID: m.SiteID.String(),
		Client: colons(macaddr.FromHardware(m.ClientMac)), Rule: ruleName(m.Rule), Confidence: strconv.Itoa(int(m.Confidence*100+0.5)) + " %",
		From: m.JoinAt, To: m.LeaveAt, Provisional: row.Provisional, WovenAt: row.WovenAt, Reasons: reasons(),
	}
	if row.MeetingNumber > 0 {
		page.Meeting = grouped(row.MeetingNumber)
	}
	if page.Fresh, err = c.freshness(ctx, who.OrgID, c.now()); err != nil {
		return nil, err
	}
	names, err := c.namesOf(ctx, who.OrgID, accessPointsOf(minutes))
	if err != nil {
		return nil, err
	}
	gateways, err := c.store.GatewaysOfSite(ctx, who.OrgID, m.SiteID)
	if err != nil {
		return nil, err
	}
	page.Verdict = newVerdict(minutes, bad, names)
	page.Medium = mediumOf(r.URL.Query().Get("media"), minutes)
	chosen, asked := chosenMinute(r.URL.Query().Get("minute"), minutes, bad)
	var chosenAt time.Time
	if chosen >= 0 {
		chosenAt = minutes[chosen].StartAt
	}
	page.Chart = newCallChart(minutes, page.Medium, bad, chosenAt, names)
	for i, m := range minutes {
		shown := newMinute(m, page.Medium, bad, names, gateways)
		page.Minutes = append(page.Minutes, shown)
		if i == chosen {
			page.Chosen, shown.Asked = &shown, asked
			if err := c.explain(r, who, m, page.Chosen); err != nil {
				return nil, err
			}
		}
	}
	return page, nil
}

// chosenMinute is the minute that was asked for, by any moment within it, and else the worst
// one: whoever opens a call wants to know why. -1 where none is bad.
func chosenMinute(asked string, minutes []db.CallMinute, bad limits) (index int, wasAsked bool) {
	if at, err := time.Parse(time.RFC3339, asked); err == nil {
		for i, m := range minutes {
			if !at.Before(m.StartAt) && at.Before(m.EndAt) {
				return i, true
			}
		}
	}
	index, most := -1, 0.0
	for i, m := range minutes {
		if m.Bad == nil || !*m.Bad {
			continue
		}
		if beyond := beyondLimit(m, bad); index < 0 || beyond > most {
			index, most = i, beyond
		}
	}
	return index, false
}

// beyondLimit is what made a minute worst, in units of its limit.
func beyondLimit(m db.CallMinute, bad limits) float64 {
	value := trouble{m.WorstDirection, m.WorstMetric}.of(m).Or(0)
	switch m.WorstMetric {
	case "latency":
		return value / bad.latencyMs
	case "jitter":
		return value / bad.jitterMs
	}
	return value / bad.lossRatio
}

func (c *Console) explain(r *http.Request, who access.Identity, m db.CallMinute, into *minute) error {
	if c.explainer == nil || m.Bad == nil {
		return nil
	}
	explanation, err := c.explainer.Explain(r.Context(), who.OrgID, m.LegID, m.StartAt)
	if err != nil || explanation == nil {
		return err
	}
	into.Steps, into.Note, into.Has, into.Without, into.Model = steps(explanation), explanation.Note, sentence(explanation.What), without(explanation), modelOf(explanation)
	return nil
}

// mediumOf is the medium that was asked for, else the one that was bad most often.
func mediumOf(asked string, minutes []db.CallMinute) medium {
	if asked == string(audio) || asked == string(video) {
		return medium(asked)
	}
	heard, seen := 0, 0
	for _, m := range minutes {
		if m.Bad == nil || !*m.Bad {
			continue
		}
		if strings.HasPrefix(m.WorstDirection, "video") {
			seen++
		} else {
			heard++
		}
	}
	if seen > heard {
		return video
	}
	return audio
}

// grouped writes a meeting's number as its invitation does.
func grouped(number int64) string {
	text := strconv.FormatInt(number, 10)
	if len(text) < 9 {
		return text
	}
	return text[:3] + " " + text[3:len(text)-4] + " " + text[len(text)-4:]
}

func newMinute(m db.CallMinute, of medium, bad limits, names deviceNames, gateways []string) minute {
	shown := minute{
		At: m.StartAt, To: m.EndAt, State: "good", Verdict: "Good", AP: names.of(macaddr.FromHardware(m.ApMac)),
		Href:   minuteHref(m, of),
		Signal: written(m.ClientRssiDbm, 1, " dBm"), Radio: ratio(m.RadioUtilRatio),
	}
	switch {
	case m.Bad == nil:
		shown.State, shown.Verdict = "unmeasured", "Not measured"
	case *m.Bad:
		shown.State, shown.Bucket, shown.Where = "bad", m.Bucket, bucketName(m.Bucket)
		shown.Verdict = sentence(directionName(m.WorstDirection)) + ": " + metricName(m.WorstMetric)
	}
	for _, kind := range []medium{audio, video} {
		in, out := flows(m, kind)
		for direction, f := range []flow{in, out} {
			name := string(kind) + []string{"_in", "_out"}[direction]
			if f == (flow{}) && kind == video {
				continue
			}
			shown.Flows = append(shown.Flows, newFlowRow(name, f, bad))
		}
	}
	in, out := flows(m, of)
	shown.AudioIn, shown.AudioOut = newFlowRow("in", in, bad), newFlowRow("out", out, bad)
	shown.Facts = facts(m, names, gateways)
	return shown
}

func newFlowRow(name string, f flow, bad limits) flowRow {
	return flowRow{
		Name: sentence(directionName(name)), Latency: ms(f.latencyMs), Jitter: ms(f.jitterMs), Loss: ratio(f.lossRatio),
		LatencyOver: f.latencyMs.Above(bad.latencyMs), JitterOver: f.jitterMs.Above(bad.jitterMs), LossOver: f.lossRatio.Above(bad.lossRatio),
	}
}
