package mistwindow

import (
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// window is the time a search speaks of, [start, end).
type window struct{ start, end time.Time }

// windowOf reads start, end and duration: seconds since 1970 or relative to now
// ("-1d", "now"), by default the day that ends now.
func windowOf(q url.Values, now time.Time) (window, error) {
	win := window{end: now}
	var err error
	if text := q.Get("end"); text != "" {
		if win.end, err = momentOf("end", text, now); err != nil {
			return window{}, err
		}
	}
	duration := 24 * time.Hour
	if text := q.Get("duration"); text != "" {
		var ok bool
		if duration, ok = durationOf(text); !ok {
			return window{}, badRequest("duration: want a number and one of m, h, d, w")
		}
	}
	win.start = win.end.Add(-duration)
	if text := q.Get("start"); text != "" {
		if win.start, err = momentOf("start", text, now); err != nil {
			return window{}, err
		}
	}
	// Whole seconds that are past: what the reply repeats and the next page asks for is
	// then the same window.
	if win.end.After(now) {
		win.end = now
	}
	win.start, win.end = win.start.Truncate(time.Second), win.end.Truncate(time.Second)
	if win.start.After(win.end) {
		return window{}, badRequest("start is after end")
	}
	return win, nil
}

func momentOf(name, text string, now time.Time) (time.Time, error) {
	if text == "now" {
		return now, nil
	}
	if ago, ok := strings.CutPrefix(text, "-"); ok {
		if d, ok := durationOf(ago); ok {
			return now.Add(-d), nil
		}
	}
	if seconds, err := strconv.ParseFloat(text, 64); err == nil && seconds >= 0 && seconds < 1e12 {
		return unix(seconds), nil
	}
	return time.Time{}, badRequest(name + ": want seconds since 1970, or a time relative to now")
}

func durationOf(text string) (time.Duration, bool) {
	if len(text) < 2 {
		return 0, false
	}
	unit, ok := map[byte]time.Duration{
		's': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour,
	}[text[len(text)-1]]
	if !ok {
		return 0, false
	}
	n, err := strconv.Atoi(text[:len(text)-1])
	if err != nil || n <= 0 || n > 10_000 {
		return 0, false
	}
	return time.Duration(n) * unit, true
}

func unix(seconds float64) time.Time {
	return time.UnixMilli(int64(math.Round(seconds * 1e3))).UTC()
}

// epoch writes a moment in seconds, with the milliseconds as the fraction.
func epoch(t time.Time) float64 { return float64(t.UnixMilli()) / 1e3 }
