package api

import (
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	defaultDuration = 24 * time.Hour
	longestWindow   = 400 * 24 * time.Hour // partitions are per day; Mist keeps less
	defaultLimit    = 100
	maxLimit        = 1000 // as Mist's
)

// epochMillis is where a number must be milliseconds: as seconds it would be in the year
// 5138. Clients of Mist's API that send milliseconds are known.
const epochMillis = 1e11

// window reads start, end and duration as Mist does: an epoch in seconds or a time
// relative to now ("-1d", "now"), in whole seconds. Without any, it is the last day.
func window(query url.Values, now time.Time) (from, to time.Time, err error) {
	now = now.Truncate(time.Second)
	duration := defaultDuration
	if text := query.Get("duration"); text != "" {
		if duration, err = parseDuration(text); err != nil || duration <= 0 {
			return from, to, badRequest(`duration: want a number and s, m, h, d or w, like "10m" or "7d"`)
		}
	}
	if from, err = parseInstant(query.Get("start"), now); err != nil {
		return from, to, badRequest(`start: want an epoch in seconds, or "now", or a time before it like "-2h" or "-1d"`)
	}
	if to, err = parseInstant(query.Get("end"), now); err != nil {
		return from, to, badRequest(`end: want an epoch in seconds, or "now", or a time before it like "-2h" or "-1d"`)
	}
	switch {
	case from.IsZero() && to.IsZero():
		from, to = now.Add(-duration), now
	case from.IsZero():
		from = to.Add(-duration)
	case to.IsZero() && query.Has("duration"):
		to = from.Add(duration)
	case to.IsZero():
		to = now
	}
	if !from.Before(to) {
		return from, to, badRequest("start: want a time before end")
	}
	if to.Sub(from) > longestWindow {
		return from, to, badRequest("start: want at most %d days before end", int(longestWindow.Hours()/24))
	}
	return from, to, nil
}

// anyTime reports whether a query says nothing of a time.
func anyTime(query url.Values) bool {
	return query.Get("start") == "" && query.Get("end") == "" && query.Get("duration") == ""
}

// parseInstant returns the zero time for "".
func parseInstant(text string, now time.Time) (time.Time, error) {
	switch {
	case text == "":
		return time.Time{}, nil
	case text == "now":
		return now, nil
	case strings.HasPrefix(text, "-"):
		duration, err := parseDuration(text[1:])
		return now.Add(-duration), err
	}
	epoch, err := strconv.ParseFloat(text, 64)
	if err != nil || !(epoch > 0 && epoch < epochMillis*1000) {
		return time.Time{}, strconv.ErrSyntax
	}
	if epoch >= epochMillis {
		epoch /= 1000
	}
	return time.Unix(int64(epoch), 0), nil
}

// parseDuration reads "10m", "2h", "7d", "2w".
func parseDuration(text string) (time.Duration, error) {
	if len(text) < 2 {
		return 0, strconv.ErrSyntax
	}
	number, err := strconv.ParseUint(text[:len(text)-1], 10, 31)
	if err != nil {
		return 0, strconv.ErrSyntax
	}
	var unit time.Duration
	switch text[len(text)-1] {
	case 's':
		unit = time.Second
	case 'm':
		unit = time.Minute
	case 'h':
		unit = time.Hour
	case 'd':
		unit = 24 * time.Hour
	case 'w':
		unit = 7 * 24 * time.Hour
	default:
		return 0, strconv.ErrSyntax
	}
	if time.Duration(number) > longestWindow/unit*10 {
		return 0, strconv.ErrRange
	}
	return time.Duration(number) * unit, nil
}

// limit reads how many rows are wanted.
func limit(query url.Values) (int, error) {
	text := query.Get("limit")
	if text == "" {
		return defaultLimit, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, badRequest("limit: want a whole number, 0 or more")
	}
	return min(n, maxLimit), nil
}
