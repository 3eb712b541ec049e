package console_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"callweave/internal/access"
	"callweave/internal/browser/browsertest"
	"callweave/internal/console"
	"callweave/internal/measure"
)

// signIn opens a session by hand, as people do.
func (b *bundle) signIn(t *testing.T, tab *browsertest.Tab, token string) {
	t.Helper()
	tab.Do(t, chromedp.Navigate(b.url+"/console/sign-in"), chromedp.WaitVisible("#token"),
		chromedp.SendKeys("#token", token+"\r"), chromedp.WaitVisible("nav.pages"))
}

// fillCall makes a call of 40 minutes in which the signal gets lost, the device roams, and
// some minutes were not measured; and calls of the days before.
func (b *bundle) fillCall(t *testing.T) {
	t.Helper()
	for _, sql := range []string{
		`select ensure_partitions('call_minutes', now() - interval '8 days', now())`,
		`update orgs set devices_synced_at = now() - interval '3 min' where org_id = $1`,
		`update links set status = 'active', errors = '{}', last_status = 'success', last_sync_at = now() - interval '2 min' where org_id = $1`,
		`insert into meetings (provider, account_id, meeting_id, meeting_number, list_kind, host_sealed, start_at, end_at, participant_count)
			select distinct provider, account_id, 'm', 87312345678, 'past', ''::bytea, now() - interval '1 hour', now(), 3 from matches where org_id = $1`,
		`insert into matches (org_id, leg_id, provider, account_id, meeting_id, site_id, client_mac, rule, confidence, person_sealed, join_at, leave_at)
			select org_id, 1 + n, provider, account_id, 'm', site_id, client_mac, 'mac', 0.98, person_sealed,
				date_trunc('minute', now()) - interval '50 min' - (n - 1) * interval '5 hours', date_trunc('minute', now()) - interval '10 min' - (n - 1) * interval '5 hours'
			from matches, generate_series(1, 12) n where leg_id = 1 and org_id = $1`,
		`insert into call_minutes (org_id, leg_id, start_at, end_at, provider, account_id, meeting_id, site_id, client_mac, ap_mac, band, bad, worst_direction, worst_metric, bucket,
				audio_in_latency_ms, audio_in_jitter_ms, audio_in_loss_ratio, audio_out_latency_ms, audio_out_jitter_ms, audio_out_loss_ratio,
				client_rssi_dbm, radio_util_ratio, wan_rtt_ms, client_cpu_percent)
			select m.org_id, m.leg_id, m.join_at + k * interval '1 min', m.join_at + (k + 1) * interval '1 min', m.provider, m.account_id, 'm', m.site_id, m.client_mac,
				case when k < 22 then 'd420b0000001'::macaddr else 'd420b0000002'::macaddr end, '5',
				case when k in (31, 32) then null else bad end, case when bad then 'audio_in' else '' end, case when bad then 'jitter' else '' end,
				case when not bad then '' when k = 36 then 'site_wan' when k < 14 then 'unknown' else 'wireless' end,
				case when k not in (31, 32) then 40 + 6 * sin(k) + case when bad then 60 else 0 end end, case when k not in (31, 32) then 8 + 2 * cos(k) + case when bad then 45 + 5 * sin(k * 3) else 0 end end,
				case when k not in (31, 32) then case when bad then 0.03 else 0.001 end end, case when k not in (31, 32) then 38 + 4 * cos(k) end, 7 + sin(k), 0.002,
				case when k between 11 and 20 then -79 + 2 * sin(k) else -56 + 3 * sin(k) end, 0.35 + 0.1 * sin(k / 3.0), 22, 40
			from matches m cross join generate_series(0, 39) k cross join lateral (select (k between 12 and 20 and m.leg_id % 3 <> 0) or k = 36 as bad) b
			where m.leg_id > 1 and m.org_id = $1`,
		`update call_minutes set model_version = 1, confidence = 0.97, top_features = array['radio_util'] where bucket = 'wireless' and org_id = $1`,
		`insert into network_devices (org_id, mac, site_id, kind, name)
			select org_id, 'd420b0000001'::macaddr, site_id, 'ap', 'ap-berlin-2nd-floor-meeting-rooms-07' from sites where org_id = $1
			union all select org_id, 'd420b0000009'::macaddr, site_id, 'gateway', 'gw-berlin-1' from sites where org_id = $1`,
		// Two more people had the same trouble as the one of call 2.
		`insert into matches select (jsonb_populate_record(m, jsonb_build_object('leg_id', 100 + n, 'client_mac', 'aa00000000b' || n))).*
			from matches m, generate_series(1, 2) n where leg_id = 2 and org_id = $1`,
		`insert into call_minutes select (jsonb_populate_record(c, jsonb_build_object('leg_id', 100 + n, 'client_mac', 'aa00000000b' || n))).*
			from call_minutes c, generate_series(1, 2) n where leg_id = 2 and org_id = $1`,
	} {
		args := []any{b.org}
		if !strings.Contains(sql, "$1") {
			args = nil
		}
		if _, err := b.db.Exec(t.Context(), sql, args...); err != nil {
			t.Fatalf("%v\n%s", err, sql)
		}
	}
}

// TestPagesInABrowser has every page judged in each look: by axe-core, by the browser's own
// policy, and by where its requests went.
func TestPagesInABrowser(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tab := browsertest.Open(t)
	visit := func(name, path string) {
		t.Helper()
		tab.Do(t, chromedp.Navigate(b.url+path), chromedp.WaitVisible("main"))
		for _, look := range browsertest.Looks() {
			tab.As(t, look)
			for _, wrong := range tab.Wrong(t) {
				t.Errorf("%s, %s: %s", name, look.Name, wrong)
			}
			tab.Picture(t, name+"-"+look.Name)
		}
	}
	row := "/console/links/zoom/" + url.PathEscape(account)

	visit("signin", "/console/sign-in")
	visit("linked", "/console/linked?error=access_denied")
	b.signIn(t, tab, b.tokens[access.Admin])
	visit("link-failed", row)
	b.fillCall(t)
	visit("links", "/console/links")
	visit("link", row)
	visit("unlink", row+"/unlink")
	visit("calls", "/console/calls")
	visit("call", "/console/calls/2")
	visit("sites", "/console/sites")
	visit("incidents", "/console/incidents")
	var incident string
	tab.Do(t, chromedp.AttributeValue("main table tbody a", "href", &incident, nil, chromedp.ByQuery))
	visit("incident", incident)
	visit("incident-gone", strings.Replace(incident, "since=", "since=1", 1))
	visit("site", "/console/sites/"+b.site.String()+"?period=7d")
	visit("call-nothing", "/console/calls?mac=aa0000000099")
	visit("receipts-empty", "/console/receipts")
	visit("missing", "/console/calls/999")

	var minute string
	tab.Do(t, chromedp.Navigate(b.url+"/console/calls/2"),
		chromedp.Evaluate(`document.querySelectorAll('.minutes a')[15].getAttribute('href')`, &minute))
	visit("call-minute", "/console/calls/2"+strings.TrimSuffix(minute, "#minute"))
	b.why = &console.Explanation{
		What: "Jitter of the sound received", Unit: "ms", Expected: 8, Predicted: 51.5, Observed: measure.Of(55.7),
		Limit: 40, Healthy: &console.Healthy{Feature: "Wi-Fi signal", Value: 17.7}, Confidence: measure.Of(0.97), ModelVersion: 3,
		Contributions: []console.Contribution{
			{Feature: "Wi-Fi signal", Seen: "−78 dBm", Bucket: "wireless", Effect: 38},
			{Feature: "Radio channel in use", Seen: "25 %", Bucket: "wireless", Effect: 6.5},
			{Feature: "Device processor", Seen: "40 %", Bucket: "client", Effect: -1},
			{Feature: "Internet line, round trip", Bucket: "site_wan", Effect: 0},
		},
	}
	visit("call-explained", "/console/calls/2"+strings.TrimSuffix(minute, "#minute"))

	tab.Do(t, chromedp.Navigate(b.url+"/console/links"), chromedp.Click("main form button"), chromedp.WaitVisible("main a.button"))
	for _, look := range browsertest.Looks() {
		tab.As(t, look)
		for _, wrong := range tab.Wrong(t) {
			t.Errorf("leaving, %s: %s", look.Name, wrong)
		}
		tab.Picture(t, "leaving-"+look.Name)
	}
	tab.As(t, browsertest.Looks()[0])
	tab.Do(t, chromedp.Navigate(b.url+row+"/unlink"), chromedp.Click("button.danger"), chromedp.WaitVisible("[data-pending]"))
	receipt := tab.Path(t)
	visit("receipt", receipt)
	visit("receipts", "/console/receipts")
	visit("links-empty", "/console/links")

	tab.Do(t, chromedp.Click("header form button"), chromedp.WaitVisible("#token"))
	b.signIn(t, tab, b.tokens[access.Helpdesk])
	visit("calls-empty", "/console/calls")
	visit("incidents-none", "/console/incidents")

	if others := tab.OtherOrigins(b.url); len(others) > 0 {
		t.Errorf("requests left the origin: %q", others)
	}
	for _, refused := range tab.Refused() {
		t.Errorf("the browser says: %s", refused)
	}
}

// What the script does is comfort: without it everything is there, in UTC.
func TestPagesWithoutTheScript(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.fillCall(t)
	tab := browsertest.Open(t)
	tab.Do(t, emulation.SetScriptExecutionDisabled(true))
	b.signIn(t, tab, b.tokens[access.Helpdesk])
	tab.Do(t, chromedp.SendKeys("#text", "aa0000000001\r"), chromedp.WaitVisible(`//a[text()="Show the worst of the last day"]`),
		chromedp.Click("main table tbody a"), chromedp.WaitVisible("#verdict"))
	text := tab.Text(t)
	if !strings.Contains(text, " UTC") || strings.Contains(text, "CET") || strings.Contains(text, "Copy for a ticket") {
		t.Errorf("the page shows:\n%s", text)
	}
	var first string
	tab.Do(t, chromedp.AttributeValue(".minutes a", "href", &first, nil, chromedp.ByQuery), chromedp.Click(".minutes a", chromedp.ByQuery), chromedp.WaitVisible("#minute"))
	if !strings.HasPrefix(first, "?media=") {
		t.Errorf("a minute leads to %q", first)
	}
}

// The minutes of a chart are chosen by keyboard alone.
func TestMinutesAreChosenByKeyboard(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.fillCall(t)
	tab := browsertest.Open(t)
	b.signIn(t, tab, b.tokens[access.Admin])
	tab.Do(t, chromedp.Navigate(b.url+"/console/calls/2"), chromedp.WaitReady(".minutes a"),
		chromedp.Focus(`.minutes a[tabindex="0"]`, chromedp.ByQuery), chromedp.KeyEvent(kb.End), chromedp.KeyEvent(kb.ArrowLeft), chromedp.KeyEvent(kb.Enter),
		chromedp.WaitVisible("#minute"))
	var chosen, stops int
	tab.Do(t, chromedp.Evaluate(`[...document.querySelectorAll('.minutes a')].findIndex((a) => a.getAttribute('aria-current'))`, &chosen),
		chromedp.Evaluate(`document.querySelectorAll('.minutes a[tabindex="0"]').length`, &stops))
	if chosen != 38 || stops != 1 {
		t.Errorf("minute %d is chosen, and the chart is %d stops", chosen, stops)
	}
	var label, tip, heading string
	tab.Do(t, chromedp.Evaluate(`document.querySelector('.minutes a[aria-current]').getAttribute('aria-label')`, &label),
		chromedp.Evaluate(`document.querySelector('.minutes a[aria-current] title').textContent`, &tip),
		chromedp.Text("#minute h2 time", &heading, chromedp.ByQuery))
	if !strings.HasPrefix(label, heading+": ") || tip != label {
		t.Errorf("the minute at %s is described as %q, and to the mouse as %q", heading, label, tip)
	}
}
