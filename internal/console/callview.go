package console

import (
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"callweave/internal/access"
	"callweave/internal/macaddr"
	"callweave/internal/measure"
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
		From: m.JoinAt, To: m.LeaveAt, Provisional: row.Provisional, WovenAt: row.WovenAt, Verdict: newVerdict(minutes, bad), Reasons: reasons(),
	}
	if row.MeetingNumber > 0 {
		page.Meeting = grouped(row.MeetingNumber)
	}
	if page.Fresh, err = c.freshness(ctx, who.OrgID, c.now()); err != nil {
		return nil, err
	}
	chosenAt, _ := time.Parse(time.RFC3339, r.URL.Query().Get("minute")) // none where it does not read
	page.Medium = mediumOf(r.URL.Query().Get("media"), minutes)
	page.Chart = newCallChart(minutes, page.Medium, bad, chosenAt)
	for _, m := range minutes {
		shown := newMinute(m, page.Medium, bad)
		page.Minutes = append(page.Minutes, shown)
		if m.StartAt.Equal(chosenAt) {
			page.Chosen = &shown
			if err := c.explain(r, who, m, page.Chosen); err != nil {
				return nil, err
			}
		}
	}
	return page, nil
}

func (c *Console) explain(r *http.Request, who access.Identity, m db.CallMinute, into *minute) error {
	if c.explainer == nil || m.Bad == nil {
		return nil
	}
	explanation, err := c.explainer.Explain(r.Context(), who.OrgID, m.LegID, m.StartAt)
	if err != nil || explanation == nil {
		return err
	}
	into.Steps, into.Note, into.Has, into.Without = steps(explanation), explanation.Note, explanation.What, without(explanation)
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

func newMinute(m db.CallMinute, of medium, bad limits) minute {
	shown := minute{
		At: m.StartAt, To: m.EndAt, State: "good", Verdict: "Good", AP: colons(macaddr.FromHardware(m.ApMac)),
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
	shown.Facts = facts(m)
	return shown
}

func newFlowRow(name string, f flow, bad limits) flowRow {
	return flowRow{
		Name: sentence(directionName(name)), Latency: ms(f.latencyMs), Jitter: ms(f.jitterMs), Loss: ratio(f.lossRatio),
		LatencyOver: f.latencyMs.Above(bad.latencyMs), JitterOver: f.jitterMs.Above(bad.jitterMs), LossOver: f.lossRatio.Above(bad.lossRatio),
	}
}

// facts are what the network and the device said of a minute; what is not known is left out.
func facts(m db.CallMinute) []fact {
	var list []fact
	add := func(name string, v measure.Value, factor float64, suffix string) {
		if v.Known() {
			list = append(list, fact{name, written(v, factor, suffix)})
		}
	}
	if ap := macaddr.FromHardware(m.ApMac); !ap.IsZero() {
		text := colons(ap)
		if m.Band != "" {
			text += ", " + bandName(m.Band)
		}
		list = append(list, fact{"Access point", text})
	}
	add("Wi-Fi signal", m.ClientRssiDbm, 1, " dBm")
	if generation, known := m.ClientWifiVersion.Get(); known {
		list = append(list, fact{"Wi-Fi generation", "Wi-Fi " + plain(generation)})
	}
	add("Signal over noise", m.ClientSnrDb, 1, " dB")
	add("Rate to the device", m.ClientTxRateMbps, 1, " Mbit/s")
	add("Rate from the device", m.ClientRxRateMbps, 1, " Mbit/s")
	add("Sent again to the device", m.ClientTxRetries, 1, " frames")
	add("Sent again by the device", m.ClientRxRetries, 1, " frames")
	add("Radio channel in use", m.RadioUtilRatio, 100, " %")
	add("of that by other radios", m.RadioUtilInterferenceRatio, 100, " %")
	add("Devices on the access point", m.ApNumClients, 1, "")
	add("Internet line, round trip", m.WanRttMs, 1, " ms")
	add("Internet line, jitter", m.WanJitterMs, 1, " ms")
	add("Internet line, lost", m.WanLossRatio, 100, " %")
	add("Device processor", m.ClientCpuPercent, 1, " %")
	if m.ClientVpn != nil {
		list = append(list, fact{"VPN", map[bool]string{true: "in use", false: "not in use"}[*m.ClientVpn]})
	}
	if others, known := m.OtherLegs.Get(); known && others > 0 && m.OtherLegsBad.Known() {
		list = append(list, fact{"Others in the meeting", plain(m.OtherLegsBad.Or(0)) + " of " + plain(others) + " bad as well"})
	}
	return list
}

// bandName turns Mist's name of a band (24, 5, 6) into one that is printed on devices.
func bandName(band string) string {
	switch band {
	case "24":
		return "2.4 GHz"
	case "5", "6":
		return band + " GHz"
	}
	return band
}

// reasons are why a name may be revealed: given ones, because what is noted for good must
// name nobody.
func reasons() []string {
	return []string{"The person asked for help", "A ticket asks for it", "Several people are affected"}
}

// ticketForm is what a ticket's number may look like; a name does not fit into most of it.
var ticketForm = regexp.MustCompile(`^[A-Z]{0,10}[-#]?[0-9]{1,12}$`)

// revealPerson shows a name to somebody who sees pseudonyms, once it is noted why.
func (c *Console) revealPerson(w http.ResponseWriter, r *http.Request, who access.Identity) error {
	id, ok := leg(r)
	err := store.ErrNotFound
	if ok {
		_, err = c.store.CallOfLeg(r.Context(), who.OrgID, id)
	}
	if errors.Is(err, store.ErrNotFound) {
		c.message(w, r, &who, http.StatusNotFound, "No such call", "Your organization has no such call.")
		return nil
	}
	if err != nil {
		return err
	}
	reason, ticket := r.PostFormValue("reason"), strings.ToUpper(strings.TrimSpace(r.PostFormValue("ticket")))
	switch {
	case !slices.Contains(reasons(), reason):
		return c.showCall(w, r, who, http.StatusBadRequest, "Choose a reason: it is noted with your token.")
	case ticket != "" && !ticketForm.MatchString(ticket):
		return c.showCall(w, r, who, http.StatusBadRequest, "A ticket number looks like INC-12345. Leave it empty where there is none.")
	}
	detail := map[string]any{"reason": reason}
	if ticket != "" {
		detail["ticket"] = ticket
	}
	// Noted before anything is shown.
	err = c.store.Audit(r.Context(), store.Entry{
		OrgID: &who.OrgID, Actor: who.TokenID.String(), Action: store.ActionRevealed, Object: callObject(id), Detail: detail,
	})
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/console/calls/"+strconv.FormatInt(id, 10), http.StatusSeeOther)
	return nil
}
