package zoom

import (
	"strings"
	"testing"
	"time"

	"callweave/internal/measure"
	"callweave/internal/provider"
)

// FuzzQoSPage compares every measurement of a page with the reference: a page is refused
// where that refuses one, and else every number is the same.
func FuzzQoSPage(f *testing.F) {
	minute := func(fields string) string {
		return `{"participants":[{"user_id":"1","join_time":"2026-11-10T10:15:14Z","user_qos":[{"date_time":"2026-11-10T10:16:20Z",` + fields + `}]}]}`
	}
	for _, seed := range []string{
		qosPage, `{"participants":null}`, `{"participants":[{"user_qos":[{"audio_input":"","wifi_rssi":[]}]}],"next_page_token":7}`,
		minute(`"audio_input":{"bitrate":"27.15kbps","latency":126,"jitter":"0ms","avg_loss":"0.0%","max_loss":0.4}`),
		minute(`"as_output":{"resolution":"1280x720","frame_rate":"12 fps","latency":"-"},"video_input":null`),
		minute(`"as_device_from_crc":{"resolution":"","latency":"5\u0020ms"},"as_device_to_rwg":{"bitrate":"1.5 Mbps"},"as_input":{}`),
		minute(`"wifi_rssi":{"max_rssi":-75,"avg_rssi":"-69 dBm","min_rssi":-35,"rssi_unit":"dBm"},"cpu_usage":{"zoom_avg_cpu_usage":"5%","system_max_cpu_usage":11}`),
		minute(`"wifi_rssi":{"max_rssi":-75,"rssi_unit":"%"}`), minute(`"audio_output":{"latency":"12 kB/s"}`), minute(`"video_output":[1]`),
	} {
		f.Add([]byte(seed))
	}
	all := references()
	f.Fuzz(func(t *testing.T, data []byte) {
		checkBeside(t, qosPage, data, "participants", readQoSRow)
		rows, ok := readWays(t, data, "participants", 20, readQoSRow)
		page, canCompare := objectsOf(data, "participants", 20)
		if canCompare {
			want := referenceRows{units: all, ok: page.shape && page.list}
			for _, row := range page.rows {
				want.row(row)
			}
			if ok != want.ok && !want.edge {
				t.Fatalf("read is %t, want %t", ok, want.ok)
			}
			if ok && want.ok {
				want.compare(t, rows)
			}
		}
		participants := make([]participantRow, len(rows))
		for i := range rows {
			participants[i] = rows[i].participantRow
		}
		checkAssembly(t, participants, rows)
		checkAssembly(t, nil, append(rows, rows...))
	})
}

// referenceRows are the measurements of a page in reading order, minute by minute.
type referenceRows struct {
	units    []reference
	ok, edge bool
	minutes  [][]minuteMeaning
}

type minuteMeaning struct {
	at     time.Time
	values []meaning
}

func (r *referenceRows) row(row map[string]any) {
	list, ok := listOf(row["user_qos"])
	r.ok = r.ok && ok
	var minutes []minuteMeaning
	for _, element := range list {
		minutes = append(minutes, r.minute(element))
	}
	r.minutes = append(r.minutes, minutes)
}

func (r *referenceRows) minute(element any) minuteMeaning {
	object, ok := objectOf(element)
	text, isText := scalarOf(object["date_time"])
	at, err := parseTime(text)
	r.ok = r.ok && ok && isText && err == nil && !at.IsZero()
	m := minuteMeaning{at: at.Truncate(time.Minute)}
	for _, medium := range []string{"audio", "video", "as"} {
		for _, names := range [][3]string{
			{medium + "_input", medium + "_device_from_rwg", medium + "_device_from_crc"},
			{medium + "_output", medium + "_device_to_rwg", medium + "_device_to_crc"},
		} {
			m.values = append(m.values, r.firstStream(object, names)...)
		}
	}
	cpu := r.object(object["cpu_usage"])
	for _, name := range []string{"zoom_avg_cpu_usage", "zoom_max_cpu_usage", "system_max_cpu_usage"} {
		m.values = append(m.values, r.value(percent, cpu[name]))
	}
	rssi := r.object(object["wifi_rssi"])
	avg, low, high := r.value(decibels, rssi["avg_rssi"]), r.value(decibels, rssi["min_rssi"]), r.value(decibels, rssi["max_rssi"])
	unitText, isText := scalarOf(rssi["rssi_unit"])
	if unitText = strings.TrimSpace(unitText); avg.known || low.known || high.known {
		r.ok = r.ok && isText && (saysUnknown(unitText) || asciiLower(unitText) == "dbm")
	}
	if low.known && high.known && low.number > high.number {
		low, high = high, low
	}
	m.values = append(m.values, avg, low, high)
	return m
}

func (r *referenceRows) object(value any) map[string]any {
	object, ok := objectOf(value)
	r.ok = r.ok && ok
	return object
}

func (r *referenceRows) value(u unit, value any) meaning {
	text, isText := scalarOf(value)
	m := r.units[u].of(text)
	r.ok = r.ok && isText && !m.refused
	r.edge = r.edge || m.edge
	return m
}

func (r *referenceRows) firstStream(minute map[string]any, names [3]string) []meaning {
	var first []meaning
	found := false
	for i, name := range names {
		object := r.object(minute[name])
		values := []meaning{
			r.value(milliseconds, object["latency"]), r.value(milliseconds, object["jitter"]), r.value(ratio, object["avg_loss"]),
			r.value(ratio, object["max_loss"]), r.value(bitsPerSecond, object["bitrate"]), r.value(framesPerSecond, object["frame_rate"]),
		}
		measured := values[0].known || values[1].known || values[2].known || values[4].known
		text, isText := scalarOf(object["resolution"])
		width, height := resolutionOf(text)
		r.ok = r.ok && isText && !width.refused
		values = append(values, width, height)
		if i == 0 || measured && !found {
			first = values
		}
		found = found || measured
	}
	return first
}

func (r *referenceRows) compare(t *testing.T, rows []qosRow) {
	t.Helper()
	if len(rows) != len(r.minutes) {
		t.Fatalf("read %d rows, want %d", len(rows), len(r.minutes))
	}
	for i := range rows {
		if len(rows[i].samples) != len(r.minutes[i]) {
			t.Fatalf("row %d has %d minutes, want %d", i, len(rows[i].samples), len(r.minutes[i]))
		}
		for j := range rows[i].samples {
			sample, want := &rows[i].samples[j], r.minutes[i][j]
			if !sample.StartAt.Equal(want.at) {
				t.Fatalf("minute %d of row %d is %s, want %s", j, i, sample.StartAt, want.at)
			}
			for k, value := range valuesOf(sample) {
				if number, known := value.Get(); !want.values[k].agrees(number, known, true) {
					t.Fatalf("value %d in minute %d of row %d is %s, want %+v", k, j, i, value, want.values[k])
				}
			}
		}
	}
}

// valuesOf are a sample's measurements in the order of [referenceRows.minute].
func valuesOf(s *provider.MediaSample) []measure.Value {
	var values []measure.Value
	for _, m := range []provider.Stream{s.AudioIn, s.AudioOut, s.VideoIn, s.VideoOut, s.ScreenIn, s.ScreenOut} {
		values = append(values, m.LatencyMS, m.JitterMS, m.LossAvgRatio, m.LossMaxRatio, m.BitrateBPS, m.FrameRateFPS, m.WidthPx, m.HeightPx)
	}
	return append(values, s.ClientCPUAvgPercent, s.ClientCPUMaxPercent, s.SystemCPUMaxPercent, s.WiFiRSSIAvgDBm, s.WiFiRSSIMinDBm, s.WiFiRSSIMaxDBm)
}
