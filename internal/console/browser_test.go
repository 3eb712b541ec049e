package console_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"callweave/internal/access"
	"callweave/internal/browser/browsertest"
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
		for _, look := range browsertest.Looks() {
			tab.As(t, look)
			tab.Do(t, chromedp.Navigate(b.url+path), chromedp.WaitVisible("main"))
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
	visit("site", "/console/sites/"+b.site.String()+"?period=7d")
	visit("call-nothing", "/console/calls?mac=aa0000000099")
	visit("receipts-empty", "/console/receipts")
	visit("missing", "/console/calls/999")

	var minute string
	tab.Do(t, chromedp.Navigate(b.url+"/console/calls/2"),
		chromedp.Evaluate(`document.querySelectorAll('.minutes a')[15].getAttribute('href')`, &minute))
	visit("call-minute", "/console/calls/2"+strings.TrimSuffix(minute, "#minute"))

	tab.Do(t, chromedp.Navigate(b.url+"/console/links"), chromedp.Click("main form button"), chromedp.WaitVisible("main a.button"))
	for _, look := range browsertest.Looks() {
		tab.As(t, look)
		for _, wrong := range tab.Wrong(t) {
			t.Errorf("leaving, %s: %s", look.Name, wrong)
		}
		tab.Picture(t, "leaving-"+look.Name)
	}
	tab.As(t, browsertest.Looks()[0])
	tab.Do(t, chromedp.Navigate(b.url+row+"/unlink"), chromedp.Click("button.danger"), chromedp.WaitVisible("[data-reload-seconds]"))
	receipt := tab.Path(t)
	visit("receipt", receipt)
	visit("receipts", "/console/receipts")
	visit("links-empty", "/console/links")

	tab.Do(t, chromedp.Click("header form button"), chromedp.WaitVisible("#token"))
	b.signIn(t, tab, b.tokens[access.Helpdesk])
	visit("calls-empty", "/console/calls")

	if others := tab.OtherOrigins(b.url); len(others) > 0 {
		t.Errorf("requests left the origin: %q", others)
	}
	for _, refused := range tab.Refused() {
		t.Errorf("the browser says: %s", refused)
	}
}
