package zoomwindow

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"callweave/internal/macaddr"
	"callweave/internal/world"
)

// setupWorld serves a real world at the evening of a full day, everything settled.
func setupWorld(t *testing.T) (*bundle, *world.World, time.Time) {
	t.Helper()
	w, err := world.New(world.DemoConfig(7))
	if err != nil {
		t.Fatal(err)
	}
	b := setup(t, func(c *Config) { c.Limits = &Limits{} })
	cfg := b.cfg
	b.Window = New(w, cfg)
	b.account, b.owner = w.Accounts[0], w.Accounts[0].Admins[0]
	today := noon.Truncate(24 * time.Hour)
	b.clock.Advance(today.AddDate(0, 0, 2).Sub(noon))
	return b, w, today
}

// crawl reads everything about the meetings that started in a day, as an app would,
// and shows every reply with the template of its path.
func (b *bundle) crawl(access string, day time.Time, see func(template string, got answer)) {
	b.t.Helper()
	get := func(template, path string) answer {
		got := b.get(access, path)
		if got.status != 200 {
			b.t.Fatalf("%s: got %d %s", template, got.status, got.raw)
		}
		see(template, got)
		return got
	}
	all := func(template, path string) {
		for token, more := "", true; more; more = token != "" {
			token = get(template, path+"&next_page_token="+url.QueryEscape(token)).text("next_page_token")
		}
	}
	get("/users/{userId}", "/users/me")
	const one = "/metrics/meetings/{meetingId}"
	for _, kind := range []string{"past", "pastOne"} {
		list := get("/metrics/meetings", "/metrics/meetings?page_size=300&type="+kind+
			"&from="+day.Format(dateForm)+"&to="+day.Format(dateForm))
		for _, uuid := range uuids(list) {
			path := "/metrics/meetings/" + url.PathEscape(url.PathEscape(uuid))
			get(one, path+"?type="+kind)
			all(one+"/participants", path+"/participants?page_size=7&type="+kind)
			all(one+"/participants/qos", path+"/participants/qos?page_size=10&type=past")
			first := rows(get(one+"/participants", path+"/participants?page_size=1&type="+kind), "participants")[0]
			get(one+"/participants/{participantId}/qos", path+"/participants/"+first["user_id"].(string)+"/qos?type=past")
		}
	}
}

// newerFields are in Zoom's current TypeScript types (@zoom/rivet 0.4.0) but not in
// the specification, which is of 2023.
var newerFields = []string{"participant_uuid", "os", "network_type", "data_center", "video_connection_type", "display_name"}

func TestRepliesAsSpecified(t *testing.T) {
	t.Parallel()
	dir := os.Getenv("SPECS_DIR")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "..", "shared", "specs")
	}
	doc, err := openapi3.NewLoader().LoadFromFile(filepath.Join(dir, "zoom-dashboard.openapi.json"))
	if err != nil {
		t.Skipf("needs zoom-dashboard.openapi.json in SPECS_DIR: %v", err)
	}
	// Zoom blanks the e-mail of guests, whatever the format says.
	email := openapi3.NewRegexpFormatValidator(`^$|` + openapi3.FormatOfStringForEmail)
	b, _, day := setupWorld(t)
	access, _ := b.pair(b.owner)
	seen := map[string]int{}
	b.crawl(access, day, func(template string, got answer) {
		if seen[template]++; t.Failed() {
			return
		}
		operation := doc.Paths.Value(template).Get
		schema := operation.Responses.Value("200").Value.Content.Get("application/json").Schema.Value
		withoutNames(got.body)
		if err := schema.VisitJSON(got.body, openapi3.VisitAsResponse(), openapi3.EnableFormatValidation(),
			openapi3.WithStringFormatValidator("email", email)); err != nil {
			t.Errorf("%s: %v", template, err)
		}
		for _, field := range unknownFields(schema, got.body) {
			t.Errorf("%s: field %s is not specified", template, field)
		}
	})
	if len(seen) != len(doc.Paths.Map()) {
		t.Errorf("saw %v, want every path of the specification", seen)
	}
	t.Logf("validated: %v", seen)
}

// withoutNames undoes what the specification does not tell: that $name in the enum of
// leave_reason stands for the name, and that a second reason may follow.
func withoutNames(body map[string]any) {
	for _, row := range rows(answer{body: body}, "participants") {
		if reason, _ := row["leave_reason"].(string); strings.Contains(reason, " left the meeting.") {
			row["leave_reason"] = "$name left the meeting."
		}
	}
}

func unknownFields(schema *openapi3.Schema, value any) (unknown []string) {
	switch value := value.(type) {
	case []any:
		for _, element := range value {
			unknown = append(unknown, unknownFields(schema.Items.Value, element)...)
		}
	case map[string]any:
		for name, field := range value {
			if property, ok := schema.Properties[name]; ok {
				unknown = append(unknown, unknownFields(property.Value, field)...)
			} else if !slices.Contains(newerFields, name) {
				unknown = append(unknown, name)
			}
		}
	}
	return unknown
}

// What is read through the window is the truth: every join and every minute with
// media once, and every number exactly.
func TestRepliesAreTheTruth(t *testing.T) {
	t.Parallel()
	b, w, day := setupWorld(t)
	access, _ := b.pair(b.owner)
	legs := map[string]*world.Leg{}
	for _, m := range w.MeetingsStarting(b.account, day, day.AddDate(0, 0, 1)) {
		for _, leg := range m.Legs {
			legs[leg.UUID] = leg
		}
	}
	spellings := map[string]bool{}
	joins, samples, macForms := map[string]int{}, 0, map[string]int{}
	b.crawl(access, day, func(template string, got answer) {
		if template != "/metrics/meetings/{meetingId}/participants/qos" {
			return
		}
		for _, row := range rows(got, "participants") {
			leg := legs[row["participant_uuid"].(string)]
			joins[leg.UUID]++
			if mac, err := macaddr.Parse(row["mac_addr"].(string)); err != nil || (mac != leg.MAC && !guest(leg)) {
				t.Errorf("mac %q of %s: %v", row["mac_addr"], leg.MAC, err)
			} else {
				macForms[formOf(row["mac_addr"].(string))]++
			}
			minutes := map[string]world.Minute{}
			for _, minute := range w.Minutes(leg) {
				minutes[timeText(minute.StartAt)] = minute
			}
			for _, element := range rows(answer{body: row}, "user_qos") {
				samples++
				minute, ok := minutes[element["date_time"].(string)]
				if !ok {
					t.Errorf("no minute %s, or twice", element["date_time"])
					continue
				}
				delete(minutes, element["date_time"].(string))
				spellings[compareSample(t, leg, element, minute)] = true
			}
		}
	})
	truth := w.Truth(b.account, day, day.AddDate(0, 0, 1), world.DefaultThresholds)
	if len(joins) != truth.Legs || samples != truth.MediaSamples {
		t.Errorf("got %d joins and %d samples, want %d and %d", len(joins), samples, truth.Legs, truth.MediaSamples)
	}
	for leg, n := range joins {
		if n != 1 {
			t.Errorf("join %s: got %d rows", leg, n)
		}
	}
	for _, want := range []string{"", "x-x-x", " x:x:x:x:x:x", "X:X:X:X:X:X", "x:x:x:x:x:x"} {
		if macForms[want] == 0 {
			t.Errorf("no hardware address is written as %q", want)
		}
	}
	for _, want := range []string{"rwg", "spaced", "unspaced", "dash", "blank"} {
		if !spellings[want] {
			t.Errorf("no reply is written the way %q", want)
		}
	}
	t.Logf("%d joins, %d samples, written as %v, addresses as %v", len(joins), samples, spellings, macForms)
}

// formOf is a text with every run of hexadecimal digits replaced by one x, or X where
// a letter among all of them is a capital.
func formOf(mac string) string {
	x := "x"
	if mac != strings.ToLower(mac) {
		x = "X"
	}
	return regexp.MustCompile(`[0-9A-Fa-f]+`).ReplaceAllString(mac, x)
}

// compareSample holds a sample against the truth and says how it was written.
func compareSample(t *testing.T, leg *world.Leg, got map[string]any, want world.Minute) string {
	t.Helper()
	names := []string{"audio_input", "audio_output", "video_input", "video_output", "as_input", "as_output"}
	written := "spaced"
	if webClient(leg) {
		written = "rwg"
		for i, name := range names {
			names[i] = strings.NewReplacer("_input", "_device_from_rwg", "_output", "_device_to_rwg").Replace(name)
		}
	}
	for i, stream := range []world.Stream{want.AudioIn, want.AudioOut, want.VideoIn, want.VideoOut, want.ScreenIn, want.ScreenOut} {
		media, there := got[names[i]].(map[string]any)
		if !stream.Present {
			if there && media["latency"] != "" && media["latency"] != "-" {
				t.Errorf("%s of %s: got %v where there is none", names[i], leg.UUID, media)
			} else if there && written != "rwg" {
				written = map[any]string{"": "blank", "-": "dash"}[media["latency"]]
			}
			continue
		}
		fields := map[string]float64{
			"latency": stream.LatencyMS, "jitter": stream.JitterMS, "bitrate": stream.BitrateKbps,
			"avg_loss": stream.LossAvgPercent, "max_loss": stream.LossMaxPercent,
		}
		if stream.FrameRateFPS > 0 {
			fields["frame_rate"] = stream.FrameRateFPS
			if size := fmt.Sprintf("%d*%d", stream.Width, stream.Height); media["resolution"] != size {
				t.Errorf("%s resolution: got %v, want %s", names[i], media["resolution"], size)
			}
		}
		for field, value := range fields {
			text, _ := media[field].(string)
			if number, err := strconv.ParseFloat(strings.TrimRight(text, " kbpsmf%"), 64); err != nil || number != value {
				t.Errorf("%s %s: got %q, want %v", names[i], field, text, value)
			}
		}
		if latency, _ := media["latency"].(string); !strings.Contains(latency, " ") && written == "spaced" {
			written = "unspaced"
		}
	}
	cpu, _ := got["cpu_usage"].(map[string]any)
	if text, _ := cpu["zoom_avg_cpu_usage"].(string); cpu != nil && strings.TrimSuffix(strings.TrimSuffix(text, "%"), ".0") != strconv.Itoa(want.CPU.ZoomAvg) {
		t.Errorf("cpu: got %q, want %d", text, want.CPU.ZoomAvg)
	}
	if rssi, ok := got["wifi_rssi"].(map[string]any); ok != (want.RSSI != nil && cpu != nil) || ok && rssi["avg_rssi"] != float64(want.RSSI.Avg) {
		t.Errorf("rssi: got %v, want %v", rssi, want.RSSI)
	}
	return written
}

// The world has the UUIDs that careless clients break on.
func TestWorldHasAwkwardUUIDs(t *testing.T) {
	t.Parallel()
	b, w, day := setupWorld(t)
	access, _ := b.pair(b.owner)
	awkward := 0
	for _, m := range w.MeetingsStarting(b.account, day.AddDate(0, 0, -20), day) {
		if text := uuidText(m.UUID); strings.HasPrefix(text, "/") || strings.Contains(text, "//") {
			awkward++
			kind := "past"
			if m.Alone() {
				kind = "pastOne"
			}
			if got := b.get(access, "/metrics/meetings/"+url.PathEscape(text)+"?type="+kind); got.status != 404 {
				t.Errorf("once: got %d", got.status)
			}
			if got := b.get(access, "/metrics/meetings/"+url.PathEscape(url.PathEscape(text))+"?type="+kind); got.status != 200 {
				t.Errorf("twice: got %d %s", got.status, got.raw)
			}
		}
	}
	if awkward == 0 {
		t.Error("none in three weeks")
	}
}
