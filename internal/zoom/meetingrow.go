package zoom

import (
	"strconv"
	"time"

	"callweave/internal/provider"
	"callweave/internal/secret"
)

// meetingRow is one meeting in a list. Hosts have no id here.
type meetingRow struct {
	uuid         string
	number       string
	host         string
	email        string
	startTime    string
	endTime      string
	duration     string
	participants string
}

func readMeetingRow(r *reader) meetingRow {
	var row meetingRow
	for name := range r.fields {
		switch string(name) {
		case "uuid":
			row.uuid = r.verbatim()
		case "id":
			row.number = r.string()
		case "host":
			row.host = r.string()
		case "email":
			row.email = r.string()
		case "start_time":
			row.startTime = r.string()
		case "end_time":
			row.endTime = r.string()
		case "duration":
			row.duration = r.string()
		case "participants":
			row.participants = r.string()
		}
	}
	return row
}

// meeting converts a row; ok is false where it lacks what a meeting is known by.
func (m *meetingRow) meeting(kind provider.ListKind) (meeting provider.Meeting, ok bool) {
	startAt, err := parseTime(m.startTime)
	if err != nil || startAt.IsZero() || m.uuid == "" || m.uuid != clean(m.uuid) {
		return provider.Meeting{}, false
	}
	endAt, err := parseTime(m.endTime)
	if err != nil || endAt.Before(startAt) || !sameMeeting(startAt, endAt) { // Zoom's own sample ends before it starts
		endAt = startAt.Add(min(parseDuration(m.duration), longestMeeting))
	}
	if kind == provider.ListLive {
		endAt = time.Time{}
	}
	number, _ := strconv.ParseInt(m.number, 10, 64)
	participants, _ := strconv.ParseInt(m.participants, 10, 32)
	return provider.Meeting{
		ID:               m.uuid,
		Number:           max(0, number),
		Kind:             kind,
		Host:             provider.Person{Name: secret.New(m.host), Email: secret.New(m.email)},
		StartAt:          startAt,
		EndAt:            endAt,
		ParticipantCount: int(max(0, participants)),
	}, true
}
