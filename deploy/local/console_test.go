package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"callweave/internal/browser/browsertest"
	"callweave/internal/world"
)

// walk is somebody in front of a browser.
type walk struct {
	*browsertest.Tab
	m    *machine
	step int
	name string
}

// looks has the page judged and pictured, in each look.
func (w *walk) looks(t *testing.T, what string) {
	t.Helper()
	w.step++
	for _, look := range browsertest.Looks() {
		w.As(t, look)
		for _, wrong := range w.Wrong(t) {
			t.Errorf("%s, %s: %s", what, look.Name, wrong)
		}
		w.Picture(t, fmt.Sprintf("%s-%02d-%s-%s", w.name, w.step, what, look.Name))
	}
	w.As(t, browsertest.Looks()[0])
}

// keeps has a picture of the page for the guide of the app, where a directory for these is
// named. Everybody in them is simulated.
func (w *walk) keeps(t *testing.T, name string, height int64) {
	t.Helper()
	dir := os.Getenv("CALLWEAVE_GUIDE_PICTURES")
	if dir == "" {
		return
	}
	w.As(t, browsertest.Look{Name: "guide", Width: 1100, Height: height})
	// Readers will see the real one's host.
	w.Do(t, chromedp.Evaluate(`for (const a of document.querySelectorAll('main a')) if (a.textContent.startsWith('Continue to ')) a.textContent = 'Continue to zoom.us'`, nil))
	w.View(t, filepath.Join(dir, name+".png"))
	w.As(t, browsertest.Looks()[0])
}

func (w *walk) shows(t *testing.T, texts ...string) {
	t.Helper()
	page := w.Text(t)
	for _, text := range texts {
		if !strings.Contains(page, text) {
			t.Errorf("no %q on the page:\n%s", text, page)
		}
	}
}

// enter opens a link as the demonstration prints it.
func (w *walk) enter(t *testing.T, role string) {
	t.Helper()
	link, err := w.m.signInLink(limit(t), w.m.clouds.world.Orgs[0], role)
	if err != nil {
		t.Fatal(err)
	}
	w.Do(t, chromedp.Navigate("about:blank"), chromedp.Navigate(link), chromedp.WaitVisible(`//button[text()="Sign in"]`),
		chromedp.Click(`//button[text()="Sign in"]`), chromedp.WaitVisible("nav.pages"))
	var address string
	w.Do(t, chromedp.Evaluate(`location.href + JSON.stringify(performance.getEntries().map((e) => e.name))`, &address))
	if strings.Contains(address, "cwl_") {
		t.Errorf("the code of the link stays behind: %s", address)
	}
}

func (w *walk) leave(t *testing.T) {
	t.Helper()
	w.Do(t, chromedp.Click(`//button[text()="Sign out"]`), chromedp.WaitVisible("#token"))
}

// TestTheConsoleInABrowser walks the life of a link as its people do: an admin enables it and
// signs in at Zoom, somebody at the helpdesk finds a bad call and reads why, the admin unlinks
// and gets the receipt.
func TestTheConsoleInABrowser(t *testing.T) {
	t.Parallel()
	tab := browsertest.Open(t)
	m := startWorld(t, t.TempDir(), 60, 90) // enough people that several may suffer from one thing
	stopAtEnd(t, m)
	w := &walk{Tab: tab, m: m, name: "admin"}
	org, account := m.clouds.world.Orgs[0], m.clouds.world.Accounts[0]

	w.enter(t, "admin")
	w.shows(t, "Application Insights Integration", "not linked")
	w.looks(t, "nothing-linked")
	w.keeps(t, "enable", 780)
	w.Do(t, chromedp.Click(`//button[text()="Link a Zoom account"]`), chromedp.WaitVisible(`//a[starts-with(text(), "Continue to")]`))
	w.shows(t, org.Name, "What Zoom will ask you to allow", "Lists ended meetings")
	w.looks(t, "confirm")
	w.keeps(t, "confirm", 780)
	w.Do(t, chromedp.Click(`//a[starts-with(text(), "Continue to")]`), chromedp.WaitVisible("#consent"),
		chromedp.Click(`//input[@data-email="`+account.Admins[0].Email+`"]`), chromedp.Click(`//button[@value="allow"]`),
		chromedp.WaitVisible(`//h2[text()="Linked accounts"]`))
	w.shows(t, account.Company, "Zoom", account.Admins[0].FirstName)
	if _, err := m.awaitWoven(limit(t), org); err != nil {
		t.Fatal(err)
	}
	w.Do(t, chromedp.Reload(), chromedp.WaitVisible("main table"))
	w.shows(t, "success")
	w.looks(t, "row")
	w.keeps(t, "linked", 780)
	w.Do(t, chromedp.Click("main table tbody a"), chromedp.WaitVisible(`//h2[text()="Permissions"]`))
	w.shows(t, account.ID, account.Company, "dashboard_meetings:read:admin", "Reads who was in a meeting", "Requests to Zoom today", "Nothing is missing")
	w.looks(t, "details")
	w.keeps(t, "account", 780)
	w.Do(t, chromedp.SetValue("#requests", "1234"), chromedp.Click("input[name=discard_guest_info]"), chromedp.Click(`//button[text()="Save"]`), chromedp.WaitVisible(".note.good"))
	w.shows(t, "of 1\u202f234")
	w.incidents(t, org)
	w.leave(t)

	w.helpdesk(t)

	w.enter(t, "admin")
	w.unlink(t, account.ID)
	if others := w.OtherOrigins(m.api, m.clouds.zoomURL); len(others) > 0 {
		t.Errorf("requests left the origin: %q", others)
	}
	for _, refused := range w.Refused() {
		t.Errorf("the browser says: %s", refused)
	}
}

// incidents looks at what several people suffered from, as the API tells it, and from there
// at a minute of one of their calls. A quiet day has none.
func (w *walk) incidents(t *testing.T, org *world.Org) {
	t.Helper()
	var told struct {
		Total   int `json:"total"`
		Results []struct {
			Clients int `json:"num_clients"`
			Minutes int `json:"bad_minutes"`
		} `json:"results"`
	}
	if err := w.m.call(limit(t), http.MethodGet, org, "/api/v1/orgs/"+org.ID.String()+"/stats/calls/incidents?duration=1d", &told); err != nil {
		t.Fatal(err)
	}
	w.Do(t, chromedp.Click(`//nav//a[text()="Incidents"]`), chromedp.WaitVisible(`//h1[text()="Incidents"]`))
	w.looks(t, "incidents")
	if told.Total == 0 {
		w.shows(t, "0 incidents.")
		return
	}
	w.shows(t, fmt.Sprintf("%d incident", told.Total))
	w.Do(t, chromedp.Click("main table tbody a", chromedp.ByQuery), chromedp.WaitVisible(`//h2[text()="Calls that it made bad"]`))
	w.shows(t, fmt.Sprintf("People\n%d\nBad minutes\n%d\n", told.Results[0].Clients, told.Results[0].Minutes), "What to do")
	w.looks(t, "incident")
	w.keeps(t, "incident", 780)
	w.Do(t, chromedp.Click("main table tbody a", chromedp.ByQuery), chromedp.WaitVisible("#minute"))
	w.shows(t, "Bad.", "Usual here", "Measured")
}

// helpdesk finds the worst call and reads why.
func (w *walk) helpdesk(t *testing.T) {
	t.Helper()
	w.name, w.step = "helpdesk", 0
	w.enter(t, "helpdesk")
	w.shows(t, "Worst calls", "Complete up to")
	w.looks(t, "worst")
	w.keeps(t, "calls", 780)
	var row, href string
	w.Do(t, chromedp.Text("main table tbody tr", &row, chromedp.ByQuery), chromedp.AttributeValue("main table tbody a", "href", &href, nil, chromedp.ByQuery))
	pseudonym := regexp.MustCompile(`Person [0-9A-Z]{3}-[0-9A-Z]{3}`).FindString(row)
	if pseudonym == "" {
		t.Fatalf("the worst call is of %q: want a pseudonym", row)
	}
	var bad, all int
	err := w.m.db.QueryRow(t.Context(), "select count(*) filter (where bad), count(*) from call_minutes where leg_id = $1",
		strings.TrimPrefix(href, "/console/calls/")).Scan(&bad, &all)
	if err != nil {
		t.Fatal(err)
	}
	w.Do(t, chromedp.SendKeys("#text", pseudonym+"\r"), chromedp.WaitVisible(`//a[text()="Show the worst of the last day"]`))
	if got := w.Text(t); strings.Contains(got, "No call found") {
		t.Errorf("the pseudonym finds nothing:\n%s", got)
	}
	w.Do(t, chromedp.Navigate(w.m.api+href), chromedp.WaitVisible("#verdict"))
	w.shows(t, pseudonym, fmt.Sprintf("%d of %d minutes", bad, all), "What was bad:")
	w.shows(t, "The worst minute:", "Usual here", "Predicted", "Measured", "model")
	w.looks(t, "call")
	w.keeps(t, "call", 1240)
	var added int
	w.Do(t, chromedp.Evaluate(`[...document.querySelectorAll('.steps tbody tr:not(.total) .number')].filter((e) => /[1-9]/.test(e.textContent)).length`, &added))
	if added < 2 { // what was not explained is one
		t.Errorf("the worst minute is explained by nothing:\n%s", w.Text(t))
	}
	w.Do(t, chromedp.Evaluate(`document.querySelector('#minute').scrollIntoView({behavior: 'instant'})`, nil))
	w.keeps(t, "minute", 780)
	w.Do(t, chromedp.Click(`.minutes a[aria-label*="bad"]`), chromedp.WaitVisible("#minute"))
	w.shows(t, "Bad.", "Why", "Sound received")
	w.looks(t, "minute")
	w.Do(t, chromedp.Click("main summary"), chromedp.SetValue("#reason", "The person asked for help"), chromedp.Click(`//button[text()="Show the name"]`),
		chromedp.WaitVisible(`//h1[not(contains(text(), "Person "))]`))
	w.looks(t, "revealed")
	w.Do(t, chromedp.Navigate(w.m.api+"/console/sites"), chromedp.WaitVisible("main table"), chromedp.Click("main table tbody a"), chromedp.WaitVisible("main svg"))
	w.shows(t, "Bad minutes by cause", "Incidents", "Access points with the most bad minutes")
	w.looks(t, "site")
	w.keeps(t, "site", 780)
	w.leave(t)
}

// unlink ends the link and waits for the receipt.
func (w *walk) unlink(t *testing.T, account string) {
	t.Helper()
	w.name, w.step = "unlink", 0
	w.Do(t, chromedp.Click("main table tbody a"), chromedp.Click(`//a[starts-with(text(), "Unlink account")]`), chromedp.WaitVisible("button.danger"))
	w.shows(t, "This cannot be undone.")
	w.looks(t, "confirm")
	w.keeps(t, "unlink", 780)
	w.Do(t, chromedp.Click("button.danger"), chromedp.WaitVisible(`//h1[text()="Receipt"]`),
		chromedp.WaitVisible(`//dd[contains(text(), "0 remain")]`)) // the page looks again by itself
	w.shows(t, account, "given back: the provider confirmed it")
	w.looks(t, "receipt")
	w.keeps(t, "receipt", 780)
	w.Do(t, chromedp.Navigate(w.m.api+"/console/links"), chromedp.WaitVisible(`//span[text()="not linked"]`))
	if strings.Contains(w.Text(t), account) {
		t.Error("the row is still in the table")
	}
	w.Do(t, chromedp.Navigate(w.m.api+"/console/receipts"), chromedp.WaitVisible("main table"))
	w.shows(t, account)
	w.looks(t, "receipts")
}
