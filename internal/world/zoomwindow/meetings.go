package zoomwindow

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"callweave/internal/world"
)

// meetingRow is a meeting in a list and in its detail. Quality scores are absent, as
// where the account setting for them is off.
type meetingRow struct {
	UUID         string `json:"uuid"`
	ID           int64  `json:"id"`
	Topic        string `json:"topic"`
	Host         string `json:"host"`
	Email        string `json:"email"`
	Dept         string `json:"dept"`
	UserType     string `json:"user_type"`
	StartTime    string `json:"start_time"`
	EndTime      string `json:"end_time,omitempty"` // absent while live
	Duration     string `json:"duration,omitempty"`
	Participants int    `json:"participants"`

	HasPSTN           bool `json:"has_pstn"`
	HasVoIP           bool `json:"has_voip"`
	Has3rdPartyAudio  bool `json:"has_3rd_party_audio"`
	HasVideo          bool `json:"has_video"`
	HasScreenShare    bool `json:"has_screen_share"`
	HasRecording      bool `json:"has_recording"`
	HasSIP            bool `json:"has_sip"`
	HasArchiving      bool `json:"has_archiving"`
	HasManualCaptions bool `json:"has_manual_captions"`
	HasAutoCaptions   bool `json:"has_automated_captions"`
}

type meetingList struct {
	page

	From     string       `json:"from"` // the date only
	To       string       `json:"to"`
	Meetings []meetingRow `json:"meetings"`
}

// serveList is GET /metrics/meetings.
func (w *Window) serveList(c *call) reply {
	options, failure := w.dashboard(c)
	if failure != nil {
		return *failure
	}
	kind, failure := listTypeOf(c.query, true)
	if failure != nil {
		return *failure
	}
	size, failure := pageSizeOf(c.query, 30, 300)
	if failure != nil {
		return *failure
	}
	now := w.cfg.Now()
	from, before, failure := rangeOf(c.query, now)
	if failure != nil {
		return *failure
	}
	byEnd := false
	switch c.query.Get("query_date_type") {
	case "", "start_time":
	case "end_time":
		if options.RefuseEndTime {
			return noEndTimeQuery()
		}
		byEnd = kind == typePast // the parameter means nothing to the other types
	default:
		return invalidField("query_date_type", "Invalid field.")
	}
	meetings := w.list(c.account, List{Type: string(kind), From: from, Before: before, ByEnd: byEnd}, now)
	listing := strings.Join([]string{
		c.account.ID, "meetings", string(kind), c.query.Get("from"), c.query.Get("to"),
		c.query.Get("query_date_type"), c.query.Get("group_id"),
	}, "\x00")
	i, j, envelope, ok := w.pages.cut(listing, c.query.Get("next_page_token"), size, len(meetings))
	if !ok {
		return invalidPageToken()
	}
	out := meetingList{
		From: from.Format(dateForm), To: before.Add(-time.Second).Format(dateForm),
		page: envelope, Meetings: make([]meetingRow, 0, j-i),
	}
	for _, m := range meetings[i:j] {
		out.Meetings = append(out.Meetings, w.meetingRow(m, kind == typeLive))
	}
	return jsonReply(http.StatusOK, out)
}

// List is one query of GET /metrics/meetings.
type List struct {
	Type         string // past, pastOne or live
	From, Before time.Time
	ByEnd        bool // by end_time instead of start_time
}

// list selects and sorts the meetings of a query as known at a moment.
func (w *Window) list(a *world.Account, l List, now time.Time) []*world.Meeting {
	var found []*world.Meeting
	if l.ByEnd {
		found = w.meetings.MeetingsEnding(a, l.From, l.Before)
	} else {
		found = w.meetings.MeetingsStarting(a, l.From, l.Before)
	}
	found = slices.DeleteFunc(slices.Clone(found), func(m *world.Meeting) bool {
		return w.stateOf(m, now) != listType(l.Type)
	})
	slices.SortFunc(found, func(a, b *world.Meeting) int {
		return cmp.Or(a.StartAt.Compare(b.StartAt), slices.Compare(a.UUID[:], b.UUID[:]))
	})
	return found
}

// stateOf says in which list a meeting is: live until it ends, in none for a while,
// then in past, or in pastOne if only one attendee ever joined. "" is none.
func (w *Window) stateOf(m *world.Meeting, now time.Time) listType {
	switch {
	case now.Before(m.StartAt):
		return ""
	case now.Before(m.EndAt):
		return typeLive
	case now.Before(m.EndAt.Add(w.cfg.Lags.List)):
		return ""
	case m.Alone():
		return typePastOne
	}
	return typePast
}

func (w *Window) meetingRow(m *world.Meeting, live bool) meetingRow {
	row := meetingRow{
		UUID: uuidText(m.UUID), ID: m.Number, Topic: m.Topic, Dept: "", UserType: "Licensed",
		StartTime: timeText(m.StartAt), HasVoIP: true, HasAutoCaptions: false,
	}
	if m.Host != nil {
		row.Host, row.Email = m.Host.DisplayName(), m.Host.Email
	}
	attendees := map[string]bool{}
	for _, leg := range m.Legs {
		attendees[leg.Attendee()] = true
		row.HasVideo = row.HasVideo || leg.VideoOn
		row.HasScreenShare = row.HasScreenShare || leg.Sharing
		row.HasPSTN = row.HasPSTN || leg.Device == "Phone"
		row.HasSIP = row.HasSIP || leg.Device == deviceRoom
	}
	row.Participants = len(attendees)
	if !live {
		row.EndTime = timeText(m.EndAt)
		row.Duration = durationText(m.EndAt.Sub(m.StartAt))
	}
	return row
}

// timeText is the form of every time in a reply: UTC, whole seconds.
func timeText(t time.Time) string { return t.UTC().Truncate(time.Second).Format(time.RFC3339) }

// durationText is mm:ss, or hh:mm:ss from an hour on.
func durationText(d time.Duration) string {
	s := int(d / time.Second)
	if s >= 3600 {
		return fmt.Sprintf("%02d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%02d:%02d", s/60, s%60)
}
