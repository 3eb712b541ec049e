package zoom

import (
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
)

// repeated is a body of head, n times part, and tail, made while it is read.
func repeated(head, part string, n int, tail string) io.Reader {
	parts := make([]io.Reader, 0, n+2)
	parts = append(parts, strings.NewReader(head))
	for range n {
		parts = append(parts, strings.NewReader(part))
	}
	return io.MultiReader(append(parts, strings.NewReader(tail))...)
}

// Not parallel: it counts what everybody allocates.
func TestReadPageHoldsNoMoreThanAToken(t *testing.T) { //nolint:paralleltest // see above
	filler := strings.Repeat(`{"deep":["`+strings.Repeat("x", 1000)+`"]},`, 100)
	const times = 500 // 50 MB
	body := repeated(`{"unknown":[`, filler, times, `0],"participants":[]}`)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	rows, _, err := readPage(newReader(body), "participants", 20, readQoSRow)
	runtime.ReadMemStats(&after)
	if err != nil || len(rows) != 0 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 4<<20 {
		t.Errorf("reading a page of %d MB allocated %d KB", len(filler)*times>>20, allocated>>10)
	}
}

func TestReadPageRefusesWhatNoPageHolds(t *testing.T) {
	t.Parallel()
	const minute = `{"date_time":"2026-11-10T10:16:20Z"},`
	tests := map[string]struct {
		body io.Reader
		want error // nil: a valueError
	}{
		"an endless text":       {repeated(`{"participants":[{"user_name":"`, strings.Repeat("x", 1<<16), 100, `"}]}`), errTooLong},
		"an endless name":       {repeated(`{"`, strings.Repeat("x", 1<<16), 100, `":1,"participants":[]}`), errTooLong},
		"an endless number":     {repeated(`{"x":`, strings.Repeat("1", 1<<16), 100, `,"participants":[]}`), errTooLong},
		"more rows than asked":  {repeated(`{"participants":[`, `{"id":"1"},`, 40, `{}]}`), nil},
		"minutes of many days":  {repeated(`{"participants":[{"user_qos":[`, minute, 6000, `{}]}]}`), nil},
		"something after it":    {strings.NewReader(`{"participants":[]}{}`), nil},
		"an object as its list": {strings.NewReader(`{"participants":{"a":1}}`), nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := readPage(newReader(test.body), "participants", 20, readQoSRow)
			var value *valueError
			if test.want != nil && !errors.Is(err, test.want) || test.want == nil && !errors.As(err, &value) {
				t.Errorf("error is %v", err)
			}
			if text := malformed(err).Error(); len(text) > 150 {
				t.Errorf("error has %d characters", len(text))
			}
		})
	}
}

// Who looks at a quarantined meeting is told where to look, and nothing of what is there.
func TestErrorsSayWhere(t *testing.T) {
	t.Parallel()
	minute := func(fields string) string {
		return `{"participants":[{},{"user_name":"Ann","user_qos":[{"date_time":"2026-11-10T10:16:20Z",` + fields + `}]}]}`
	}
	tests := map[string]string{
		minute(`"audio_input":{"jitter":"1 ms","latency":"126 furlongs"}`): "a time in ms at /participants/1/user_qos/0/audio_input/latency",
		minute(`"as_device_to_crc":{"resolution":"wide"}`):                 "a resolution at /participants/1/user_qos/0/as_device_to_crc/resolution",
		minute(`"wifi_rssi":{"avg_rssi":-50,"rssi_unit":"%"}`):             "a signal strength in dBm at /participants/1/user_qos/0/wifi_rssi",
		minute(`"cpu_usage":{"zoom_max_cpu_usage":"250%"}`):                "a percentage at /participants/1/user_qos/0/cpu_usage/zoom_max_cpu_usage",
		minute(`"video_input":"good"`):                                     "an object at /participants/1/user_qos/0/video_input",
		`{"participants":[{"user_qos":[{"date_time":"soon"}]}]}`:           "a time at /participants/0/user_qos/0/date_time",
		`{"participants":"all"}`:                                           "a list at /participants",
		`[]`:                                                               "an object",
	}
	for body, want := range tests {
		_, _, err := readPage(newReader(strings.NewReader(body)), "participants", 20, readQoSRow)
		if want = "reply has a value that is not " + want; err == nil || malformed(err).Error() != want {
			t.Errorf("%s: error is %v, want %s", body, err, want)
		}
	}
	_, _, err := readPage(newReader(strings.NewReader(`{"participants":[secret]}`)), "participants", 20, readQoSRow)
	if got := malformed(err).Error(); got != "reply is not JSON at byte 17" {
		t.Errorf("error is %s", got)
	}
}
