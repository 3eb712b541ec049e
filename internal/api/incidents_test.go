package api_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"callweave/internal/access"
)

// Two clients on one radio whose minutes are bad of its crowded air are an incident; one
// alone, and one for whom something else is to blame, are not.
func TestIncidentsAreWhatSeveralShare(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(t, "select ensure_partitions('call_minutes', $1, $1)", day)
	bad := func(leg int, mac string, at time.Duration, minutes int, ap, bucket, feature string) {
		b.exec(t, `
insert into call_minutes (org_id, leg_id, start_at, end_at, provider, account_id, meeting_id, site_id, client_mac, ap_mac, band,
    bad, worst_direction, worst_metric, bucket, model_version, top_features, confidence)
select $1, $2, $3::timestamptz + n * interval '1 minute', $3::timestamptz + (n + 1) * interval '1 minute', 'zoom', $4, 'm', $5, $6::macaddr, $7::macaddr, '5',
    true, 'audio_in', 'latency', $8, 1, array[$9], 0.9
from generate_series(0, $10::int - 1) n`, b.org.id, leg, day.Add(at), accountID, b.org.site, mac, ap, bucket, feature, minutes)
	}
	bad(1, "aa0000000001", 9*time.Hour, 10, "5c5b00000001", "wireless", "radio_util")
	bad(2, "aa0000000002", 9*time.Hour+4*time.Minute, 10, "5c5b00000001", "wireless", "ap_num_clients")
	bad(3, "aa0000000003", 9*time.Hour, 10, "5c5b00000002", "wireless", "radio_util") // alone on another
	bad(4, "aa0000000004", 9*time.Hour, 10, "5c5b00000001", "client", "client_cpu")
	bad(5, "aa0000000001", 15*time.Hour, 2, "5c5b00000001", "site_wan", "wan_rtt")
	bad(6, "aa0000000003", 15*time.Hour, 2, "5c5b00000002", "site_wan", "wan_rtt")

	number := func(text string) json.Number { return json.Number(text) }
	want := []any{
		map[string]any{
			"scope": "wan", "site_id": b.org.site.String(), "bucket": "site_wan", "feature": "wan_rtt",
			"num_clients": number("2"), "bad_minutes": number("4"), "first": number("1793631600"), "last": number("1793631720"),
		},
		map[string]any{
			"scope": "radio", "site_id": b.org.site.String(), "ap_mac": "5c5b00000001", "band": "5", "bucket": "wireless",
			"num_clients": number("2"), "bad_minutes": number("20"), "first": number("1793610000"), "last": number("1793610840"),
		},
	}
	for _, path := range []string{b.callsPath(b.org, "incidents"), "/api/v1/orgs/" + b.org.id.String() + "/stats/calls/incidents?start=1793577600&end=1793664000"} {
		got := decode(t, b.do(t, "GET", path, "", b.org, access.Helpdesk))
		results, _ := got["results"].([]any)
		if len(results) != 2 || got["total"] != number("2") {
			t.Fatalf("%s: %v", path, got)
		}
		radio, _ := results[1].(map[string]any)
		if feature := radio["feature"]; feature != "radio_util" && feature != "ap_num_clients" {
			t.Errorf("blamed is %v", feature)
		}
		delete(radio, "feature") // both are blamed as often
		if diff := cmp.Diff(want, results); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
	one := decode(t, b.do(t, "GET", b.callsPath(b.org, "incidents", "limit", "1"), "", b.org, access.Helpdesk))
	if results, _ := one["results"].([]any); len(results) != 1 || one["total"] != number("2") {
		t.Errorf("of one: %v", one)
	}
	if answer := b.do(t, "GET", b.callsPath(b.org, "incidents"), "", b.other, access.Admin); answer.Code != 404 {
		t.Errorf("another org is answered with %d", answer.Code)
	}
}
