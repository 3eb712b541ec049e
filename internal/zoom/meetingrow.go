package zoom

import (
	"strconv"
	"strings"
	"time"

	"callweave/internal/provider"
	"callweave/internal/secret"
)

// meetingRow is one ended meeting in a list. Hosts have no id here.
type meetingRow struct {
	UUID         string   `json:"uuid"`
	Number       flexText `json:"id"`
	Host         string   `json:"host"`
	Email        string   `json:"email"`
	StartTime    string   `json:"start_time"`
	EndTime      string   `json:"end_time"`
	Duration     flexText `json:"duration"`
	Participants flexText `json:"participants"`
}

// meeting converts a row; ok is false where it lacks what a meeting is known by.
func (r *meetingRow) meeting(kind provider.ListKind) (m provider.Meeting, ok bool) {
	startAt, err := parseTime(r.StartTime)
	if err != nil || startAt.IsZero() || r.UUID == "" || r.UUID != clean(r.UUID) {
		return provider.Meeting{}, false
	}
	endAt, err := parseTime(r.EndTime)
	if err != nil || endAt.Before(startAt) || !sameMeeting(startAt, endAt) { // Zoom's own sample ends before it starts
		endAt = startAt.Add(parseDuration(string(r.Duration)))
	}
	number, _ := strconv.ParseInt(string(r.Number), 10, 64)
	participants, _ := strconv.Atoi(string(r.Participants))
	return provider.Meeting{
		ID:               r.UUID,
		Number:           number,
		Kind:             kind,
		Host:             provider.Person{Name: secret.New(clean(r.Host)), Email: secret.New(clean(r.Email))},
		StartAt:          startAt,
		EndAt:            endAt,
		ParticipantCount: max(0, participants),
	}, true
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
