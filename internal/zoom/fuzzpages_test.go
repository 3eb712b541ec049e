package zoom

import (
	"bytes"
	"encoding/json"
	"io"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"callweave/internal/provider"
)

const meetingsPage = `{"from":"2026-11-10","page_size":300,"next_page_token":"t","meetings":[
 {"uuid":"a/+==","id":93201235621,"host":"Ann","email":"ann@example.test","start_time":"2026-11-10T10:00:00Z","end_time":"2026-11-10T09:00:00Z","duration":"00:56","participants":7,"has_pstn":false}]}`

// readWays reads a page at once and a byte at a time, which must come to the same.
func readWays[T any](t *testing.T, data []byte, array string, most int, row func(*reader) T) (rows []T, ok bool) {
	t.Helper()
	rows, next, err := readPage(newReader(bytes.NewReader(data)), array, most, row)
	slow, slowNext, slowErr := readPage(newReader(iotest.OneByteReader(bytes.NewReader(data))), array, most, row)
	if !reflect.DeepEqual(rows, slow) || next != slowNext || (err == nil) != (slowErr == nil) {
		t.Fatalf("at once: %+v, %v; byte by byte: %+v, %v", rows, err, slow, slowErr)
	}
	if err != nil {
		if text := malformed(err).Error(); len(text) > 200 {
			t.Fatalf("error has %d characters: %s", len(text), text)
		}
		return nil, false
	}
	if _, _, err := readPage(newReader(io.MultiReader(bytes.NewReader(data), strings.NewReader(" 1"))), array, most, row); err == nil {
		t.Fatal("a page may be followed by more")
	}
	return rows, true
}

// checkBeside reads a good page with JSON that nobody expects in its rows, before
// everything else, and reads it as before.
func checkBeside[T any](t *testing.T, good string, garbage []byte, array string, row func(*reader) T) {
	t.Helper()
	if !json.Valid(garbage) {
		return
	}
	want, _, err := readPage(newReader(strings.NewReader(good)), array, 20, row)
	if err != nil {
		t.Fatal(err)
	}
	spoilt := strings.ReplaceAll(good, `{"`, `{"surprise":`+string(garbage)+`,"`)
	got, _, err := readPage(newReader(strings.NewReader(spoilt)), array, 20, row)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("beside %q: %+v, %v; want %+v", garbage, got, err, want)
	}
}

func FuzzMeetingsPage(f *testing.F) {
	for _, seed := range []string{meetingsPage, `{"meetings":[null,7,{"uuid":"a\u0000","start_time":"2026-11-10 10:00:00","duration":1e9,"id":-5,"participants":"-3"}]}`, `{"meetings":""}`, `{"meetings":{}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		checkBeside(t, meetingsPage, data, "meetings", readMeetingRow)
		rows, ok := readWays(t, data, "meetings", 600, readMeetingRow)
		page, canCompare := objectsOf(data, "meetings", 600)
		if canCompare && ok != (page.shape && page.list) {
			t.Fatalf("read is %t; it is JSON %t, with a list %t", ok, page.shape, page.list)
		}
		for i := range rows {
			if m, ok := rows[i].meeting(provider.ListPast); ok && (m.ID == "" || m.ID != clean(m.ID) || m.StartAt.Year() < 2009 || m.StartAt.Year() > 2201 ||
				m.EndAt.Before(m.StartAt) || m.EndAt.Sub(m.StartAt) > longestMeeting || m.Number < 0 || m.ParticipantCount < 0) {
				t.Fatalf("meeting is %q %d, from %s to %s, of %d", m.ID, m.Number, m.StartAt, m.EndAt, m.ParticipantCount)
			}
			if !canCompare {
				continue
			}
			was := page.rows[i]
			want := meetingRow{
				uuid: textOf(was["uuid"]), number: clean(textOf(was["id"])), host: clean(textOf(was["host"])), email: clean(textOf(was["email"])),
				startTime: clean(textOf(was["start_time"])), endTime: clean(textOf(was["end_time"])), duration: clean(textOf(was["duration"])), participants: clean(textOf(was["participants"])),
			}
			if rows[i] != want {
				t.Fatalf("row is %+v, want %+v", rows[i], want)
			}
		}
	})
}

func FuzzParticipantsPage(f *testing.F) {
	for _, seed := range []string{participantsPage, `{"participants":null}`, `{"participants":[{"user_id":1e2,"join_time":true,"internal_ip_addresses":"10.0.0.1; ::1","mac_addr":[]}]}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		checkBeside(t, participantsPage, data, "participants", readParticipantRow)
		rows, ok := readWays(t, data, "participants", 600, readParticipantRow)
		page, canCompare := objectsOf(data, "participants", 600)
		if !canCompare {
			return
		}
		if ok != (page.shape && page.list && page.addresses) {
			t.Fatalf("read is %t; it is JSON %t, with a list %t", ok, page.shape, page.list)
		}
		for i := range rows {
			text := func(name string) string { return clean(textOf(page.rows[i][name])) }
			got := rows[i]
			if len(got.privateIPs) > maxAddresses || !allValid(got.privateIPs) {
				t.Fatalf("addresses are %v", got.privateIPs)
			}
			got.privateIPs = nil
			want := participantRow{
				id: text("id"), participantUserID: text("participant_user_id"), userID: text("user_id"), uuid: text("participant_uuid"), name: text("user_name"),
				email: text("email"), role: text("role"), status: text("status"), device: text("device"), version: text("version"), networkType: text("network_type"),
				dataCenter: text("data_center"), location: text("location"), publicIP: text("ip_address"), mac: text("mac_addr"), hostname: text("pc_name"),
				joinTime: text("join_time"), leaveTime: text("leave_time"), audioQuality: text("audio_quality"), videoQuality: text("video_quality"), screenQuality: text("screen_share_quality"),
			}
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("row is %+v, want %+v", got, want)
			}
		}
		checkAssembly(t, rows, nil)
	})
}

func allValid(addresses []netip.Addr) bool {
	for _, address := range addresses {
		if !address.IsValid() || address.Zone() != "" {
			return false
		}
	}
	return true
}

// checkAssembly puts legs together: none twice, none without identity, each with its
// minutes in order.
func checkAssembly(t *testing.T, participants []participantRow, quality []qosRow) {
	t.Helper()
	meeting, err := assemble("m", participants)
	if err == nil {
		err = meeting.measure(quality)
	}
	if err != nil {
		if strings.Contains(err.Error(), `"`) {
			t.Fatalf("error repeats what was read: %v", err)
		}
		return
	}
	seen := map[legKey]bool{}
	for _, leg := range meeting.finish() {
		key := legKey{leg.ParticipantID, leg.JoinAt}
		if seen[key] || leg.JoinAt.IsZero() || leg.ParticipantID == "" || !leg.LeaveAt.IsZero() && leg.LeaveAt.Before(leg.JoinAt) {
			t.Fatalf("leg %v until %s is doubled, or has no identity", key, leg.LeaveAt)
		}
		seen[key] = true
		for i, s := range leg.Samples {
			if s.EndAt.Sub(s.StartAt) != time.Minute || s.StartAt.Second() != 0 || i > 0 && !leg.Samples[i-1].StartAt.Before(s.StartAt) || !sameMeeting(leg.JoinAt, s.StartAt) {
				t.Fatalf("sample %d of %d, from %s to %s, is out of order or not a minute", i, len(leg.Samples), s.StartAt, s.EndAt)
			}
		}
	}
}
