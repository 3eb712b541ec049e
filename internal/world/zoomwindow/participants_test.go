package zoomwindow

import (
	"net/url"
	"testing"
	"time"
)

func TestParticipants(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	access, _ := b.pair(b.owner)
	meeting := "/metrics/meetings/" + url.PathEscape("gm8s9L+PTEC+FG3sFbd1Cw==")
	if got := b.get(access, meeting+"/participants"); got.status != 404 || got.code() != 3001 {
		t.Errorf("type defaults to live: got %d %s", got.status, got.raw)
	}
	got := b.get(access, meeting+"/participants?type=past&page_size=300")
	people := rows(got, "participants")
	if len(people) != 12 || got.text("next_page_token") != "" {
		t.Fatalf("got %d rows, want one for each of 12 joins", len(people))
	}
	host, guest := people[0], people[2]
	for field, want := range map[string]any{
		"id": b.owner.ZoomUserID, "participant_user_id": b.owner.ZoomUserID, "email": b.owner.Email, "role": "host",
		"user_name": "Olive Ownerby", "join_time": "2026-11-10T10:00:00Z", "leave_time": "2026-11-10T11:00:00Z",
		"ip_address": "198.18.0.2", "leave_reason": "Host ended the meeting.",
	} {
		if host[field] != want {
			t.Errorf("host %s: got %v, want %v", field, host[field], want)
		}
	}
	for _, field := range []string{"id", "participant_user_id", "email", "mac_addr", "domain", "harddisk_id", "camera", "microphone", "speaker"} {
		if value, there := guest[field]; !there || value != "" {
			t.Errorf("guest %s: got %v, want it blank", field, value)
		}
	}
	if guest["user_name"] != "Gust Gastson" {
		t.Errorf("guest: got %v", guest["user_name"])
	}

	b.SetAccount(b.account.ID, AccountOptions{BlankPersonal: true})
	row := rows(b.get(access, meeting+"/participants?type=past"), "participants")[0]
	if _, there := row["internal_ip_addresses"]; there || row["user_name"] != "" || row["ip_address"] != "" || row["location"] != "" || row["email"] != "" {
		t.Errorf("without a HIPAA agreement: got %v", row)
	}
}

func TestPastOne(t *testing.T) {
	t.Parallel()
	const alone = "/metrics/meetings/AAAAAAAAAAAAAAAAAAAAAQ=="
	tests := []struct {
		path     string
		separate bool
		want     int
	}{
		{alone + "/participants?type=past", false, 200},
		{alone + "/participants?type=past", true, 404},
		{alone + "/participants?type=pastOne", true, 200},
		{alone + "/participants/qos?type=past", true, 200},
		{alone + "/participants/qos?type=pastOne", true, 400},
		{"/metrics/meetings/93201235625?type=pastOne", false, 404},
	}
	for _, tt := range tests {
		b := setup(t, func(c *Config) { c.Replies.SeparatePastOne = tt.separate })
		access, _ := b.pair(b.owner)
		if got := b.get(access, tt.path); got.status != tt.want {
			t.Errorf("%s, separate %v: got %d %s, want %d", tt.path, tt.separate, got.status, got.raw, tt.want)
		}
	}
}

func TestQoSPages(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	access, _ := b.pair(b.owner)
	path := "/metrics/meetings/" + url.PathEscape("gm8s9L+PTEC+FG3sFbd1Cw==") + "/participants/qos?type=past"
	if got := b.get(access, path+"&page_size=11"); got.status != 400 || got.code() != 300 {
		t.Errorf("page size 11: got %d %s", got.status, got.raw)
	}
	if got := b.get(access, path); len(rows(got, "participants")) != 1 {
		t.Errorf("page size defaults to 1: got %d rows", len(rows(got, "participants")))
	}
	first := b.get(access, path+"&page_size=10")
	second := b.get(access, path+"&page_size=10&next_page_token="+url.QueryEscape(first.text("next_page_token")))
	if a, z := len(rows(first, "participants")), len(rows(second, "participants")); a != 10 || z != 2 || second.text("next_page_token") != "" {
		t.Errorf("got pages of %d and %d", a, z)
	}
	rejoined := rows(second, "participants")[1]["user_id"].(string)
	one := b.get(access, "/metrics/meetings/"+url.PathEscape("gm8s9L+PTEC+FG3sFbd1Cw==")+"/participants/"+rejoined+"/qos?type=past")
	if one.text("participant_uuid") != rows(second, "participants")[1]["participant_uuid"] || len(rows(one, "user_qos")) != 60 {
		t.Errorf("one participant: got %d %s", one.status, one.text("participant_uuid"))
	}
	if got := b.get(access, "/metrics/meetings/93201235623/participants/1/qos?type=past"); got.status != 404 || got.code() != 3001 {
		t.Errorf("unknown participant: got %d %s", got.status, got.raw)
	}
}

// The tail of a meeting comes late.
func TestQoSSettles(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	access, _ := b.pair(b.owner)
	samples := func(kind string) int {
		t.Helper()
		got := b.get(access, "/metrics/meetings/AAAAAAAAAAAAAAAAAAAAAg==/participants/qos?type="+kind)
		if got.status != 200 {
			t.Fatalf("%s: got %d %s", kind, got.status, got.raw)
		}
		return len(rows(answer{body: rows(got, "participants")[0]}, "user_qos"))
	}
	if got := samples("live"); got != 27 {
		t.Errorf("half an hour in: got %d samples, want all but the last 3 minutes", got)
	}
	b.clock.Advance(31 * time.Minute)
	if got := samples("past"); got != 57 {
		t.Errorf("just ended: got %d samples", got)
	}
	b.clock.Advance(14 * time.Minute)
	if got := samples("past"); got != 60 {
		t.Errorf("settled: got %d samples", got)
	}
}

func TestLive(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	access, _ := b.pair(b.owner)
	b.running.Legs[1].JoinAt = noon.Add(time.Second) // not there yet
	const running = "/metrics/meetings/AAAAAAAAAAAAAAAAAAAAAg=="
	people := rows(b.get(access, running+"/participants"), "participants")
	if len(people) != 1 {
		t.Fatalf("got %d participants, want who has joined", len(people))
	}
	for _, field := range []string{"leave_time", "leave_reason"} {
		if value, there := people[0][field]; there {
			t.Errorf("%s: got %v of somebody who is in the meeting", field, value)
		}
	}
	if got := b.get(access, running); got.status != 200 || got.body["end_time"] != nil || got.body["duration"] != nil {
		t.Errorf("meeting: got %d %s", got.status, got.raw)
	}
}

// A room system's media are in the objects of the Cloud Room Connector.
func TestQoSOfRoom(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	access, _ := b.pair(b.owner)
	b.slashed.Legs[0].Device = deviceRoom
	got := b.get(access, "/metrics/meetings/93201235623/participants/qos?type=past")
	first := rows(answer{body: rows(got, "participants")[0]}, "user_qos")[0]
	for name, want := range map[string]bool{"audio_device_from_crc": true, "video_device_from_crc": true, "audio_input": false, "wifi_rssi": false} {
		if _, there := first[name]; there != want {
			t.Errorf("%s: got %v, want %v", name, there, want)
		}
	}
}
