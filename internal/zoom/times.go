package zoom

import (
	"strconv"
	"strings"
	"time"
)

// longestMeeting is how far apart two times of one meeting may be: Zoom ends meetings after
// 30 hours, and clocks differ.
const longestMeeting = 48 * time.Hour

// sameMeeting reports whether two times can be of one meeting.
func sameMeeting(a, b time.Time) bool { return a.Sub(b).Abs() <= longestMeeting }

// parseTime reads the times Zoom writes, in UTC where no zone is given; the zero time for
// "".
func parseTime(text string) (time.Time, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339, text)
	for _, layout := range [...]string{"2006-01-02T15:04:05", time.DateTime} {
		if err == nil {
			break
		}
		at, err = time.Parse(layout, text)
	}
	if err != nil || at.Year() < 2010 || at.Year() > 2200 {
		return time.Time{}, &valueError{want: "a time"}
	}
	return at.UTC(), nil
}

// parseDuration reads "01:02:03", "00:56" (minutes and seconds) or a number of minutes; 0
// where it is none of these.
func parseDuration(text string) time.Duration {
	parts := strings.Split(strings.TrimSpace(text), ":")
	if len(parts) == 1 {
		minutes, err := strconv.ParseUint(parts[0], 10, 16)
		if err != nil {
			return 0
		}
		return time.Duration(minutes) * time.Minute
	}
	if len(parts) > 3 {
		return 0
	}
	var seconds uint64
	for _, part := range parts {
		n, err := strconv.ParseUint(part, 10, 16)
		if err != nil {
			return 0
		}
		seconds = seconds*60 + n
	}
	return time.Duration(seconds) * time.Second
}
