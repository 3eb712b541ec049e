package zoomwindow

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"callweave/internal/world"
)

func uuidText(uuid [16]byte) string { return base64.StdEncoding.EncodeToString(uuid[:]) }

// meetingIDOf decodes the segment of a path that names a meeting, as Zoom does. Once
// always; twice where the result is still encoded. A UUID that begins with "/" or
// holds "//" survives only the double encoding: once decoded, its slashes are taken
// for the path's and collapse. mangled says that this happened.
func meetingIDOf(segment string) (id string, mangled bool) {
	once, err := url.PathUnescape(segment)
	if err != nil {
		return segment, true
	}
	if strings.Contains(once, "%") {
		if twice, err := url.PathUnescape(once); err == nil {
			return twice, false
		}
		return once, true
	}
	if strings.HasPrefix(once, "/") || strings.Contains(once, "//") {
		collapsed := strings.TrimLeft(once, "/")
		for strings.Contains(collapsed, "//") {
			collapsed = strings.ReplaceAll(collapsed, "//", "/")
		}
		return collapsed, true
	}
	return once, false
}

// How far a meeting may lie back: the dashboard's error 12702.
const maxMeetingAgeYears = 1

// meetingOf finds the meeting that a call names and may see. kind must be the list
// the meeting is in; anyPast lets type=past see meetings of one attendee too.
func (w *Window) meetingOf(c *call, kind listType, anyPast bool) (*world.Meeting, *reply) {
	fail := func(rep reply) (*world.Meeting, *reply) { return nil, &rep }
	if c.mangled {
		return fail(meetingDoesNotExist(c.meetingID))
	}
	now := w.cfg.Now()
	var m *world.Meeting
	if number, err := strconv.ParseInt(c.meetingID, 10, 64); err == nil {
		m = w.latestInstance(c.account, number, now)
	} else if raw, err := base64.StdEncoding.DecodeString(c.meetingID); err == nil && len(raw) == 16 {
		m, _ = w.meetings.MeetingByUUID(c.account, [16]byte(raw))
	}
	if m == nil {
		return fail(meetingDoesNotExist(c.meetingID))
	}
	if m.EndAt.Before(now.AddDate(-maxMeetingAgeYears, 0, 0)) {
		return fail(meetingTooOld())
	}
	state := w.stateOf(m, now)
	if anyPast && kind == typePast && state == typePastOne {
		state = typePast
	}
	if state != kind {
		return fail(meetingNotEnded())
	}
	return m, nil
}

// latestInstance is the newest instance of a meeting number that has begun.
func (w *Window) latestInstance(a *world.Account, number int64, now time.Time) *world.Meeting {
	oldest := now.AddDate(0, -maxAgeMonths, 0)
	for to := now.Add(time.Nanosecond); to.After(oldest); to = to.Add(-day) {
		var latest *world.Meeting
		for _, m := range w.meetings.MeetingsStarting(a, to.Add(-day), to) {
			if m.Number == number && (latest == nil || m.StartAt.After(latest.StartAt)) {
				latest = m
			}
		}
		if latest != nil {
			return latest
		}
	}
	return nil
}

// serveMeeting is GET /metrics/meetings/{meetingId}.
func (w *Window) serveMeeting(c *call) reply {
	if _, failure := w.dashboard(c); failure != nil {
		return *failure
	}
	kind, failure := listTypeOf(c.query, true)
	if failure != nil {
		return *failure
	}
	m, failure := w.meetingOf(c, kind, !w.cfg.Replies.SeparatePastOne)
	if failure != nil {
		return *failure
	}
	return jsonReply(http.StatusOK, w.meetingRow(m, kind == typeLive))
}
