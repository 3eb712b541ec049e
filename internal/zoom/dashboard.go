package zoom

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"time"

	"callweave/internal/provider"
)

// Operations, as errors name them.
const (
	opList         = "list meetings"
	opParticipants = "list participants"
	opQoS          = "read quality of service"
)

// Zoom's largest pages. The defaults are 30 and 1: a meeting of P joins costs
// ceil(P/300) + ceil(P/10) requests, or with the default P.
const (
	listPageSize = 300
	qosPageSize  = 10
)

// ListMeetings implements [provider.Service]. Rows that lack what a meeting is known by
// do not keep the others from being listed; the error, of kind [provider.Malformed],
// comes at the end. Errors of yield are returned as they are.
func (c *Client) ListMeetings(ctx context.Context, caller provider.Caller, kind provider.ListKind, window provider.Window, yield func([]provider.Meeting) error) error {
	list := listing{
		operation: opList,
		category:  ResourceIntensive,
		path:      "/metrics/meetings",
		query:     url.Values{"type": {listType(kind)}, "from": {listTime(window.From)}, "to": {listTime(window.To.Add(time.Second - 1))}},
		array:     "meetings",
		pageSize:  listPageSize,
	}
	for try := 0; ; try++ {
		unusable := 0
		err := pages(ctx, c, caller, list, readMeetingRow, func(rows []meetingRow) error {
			meetings := make([]provider.Meeting, 0, len(rows))
			for i := range rows {
				if m, ok := rows[i].meeting(kind); ok {
					meetings = append(meetings, m)
				} else {
					unusable++
				}
			}
			return yield(meetings)
		})
		switch {
		case errors.Is(err, errPageTokenDied) && try < restarts:
			continue
		case err == nil && unusable > 0:
			return &provider.Error{Kind: provider.Malformed, Operation: opList, Err: errors.New("rows without id or start time")}
		}
		return err
	}
}

// ListLive implements [provider.LiveService].
func (c *Client) ListLive(ctx context.Context, caller provider.Caller, at time.Time, yield func([]provider.Meeting) error) error {
	return c.ListMeetings(ctx, caller, provider.ListLive, provider.Window{From: at.Add(-longestMeeting), To: at}, yield)
}

// The types of a meeting; Zoom's default is live.
const (
	typePast = "past"
	typeLive = "live"
)

// listType is Zoom's name for a list.
func listType(kind provider.ListKind) string {
	switch kind {
	case provider.ListPastOne:
		return "pastOne"
	case provider.ListLive:
		return typeLive
	case provider.ListPast:
	}
	return typePast
}

// listTime writes a time as the list takes it, in UTC and whole seconds.
func listTime(at time.Time) string { return at.UTC().Format(time.DateTime) }

// ReadMeeting implements [provider.Service]. Everybody who joined is in the participants
// list, with e-mail and account membership; what was measured is in the quality of
// service list. Joins are the same where user_id and join_time are.
func (c *Client) ReadMeeting(ctx context.Context, caller provider.Caller, meetingID string) ([]provider.Leg, error) {
	return c.readMeeting(ctx, caller, meetingID, typePast)
}

// ReadLive implements [provider.LiveService].
func (c *Client) ReadLive(ctx context.Context, caller provider.Caller, meetingID string) ([]provider.Leg, error) {
	return c.readMeeting(ctx, caller, meetingID, typeLive)
}

func (c *Client) readMeeting(ctx context.Context, caller provider.Caller, meetingID, meetingType string) ([]provider.Leg, error) {
	path := "/metrics/meetings/" + escapeMeetingID(meetingID) + "/participants"
	participants, err := c.readParticipants(ctx, caller, path, meetingType)
	if err != nil {
		return nil, err
	}
	if len(participants) == 0 {
		return nil, &provider.Error{Kind: provider.NotFound, Operation: opParticipants, Err: provider.ErrNobody}
	}
	return c.readQuality(ctx, caller, path+"/qos", meetingID, meetingType, participants)
}

// readParticipants reads a whole list, beginning again where its page token dies.
func (c *Client) readParticipants(ctx context.Context, caller provider.Caller, path, meetingType string) ([]participantRow, error) {
	list := listing{
		operation: opParticipants, category: Heavy, path: path, array: "participants", pageSize: listPageSize,
		query: url.Values{"type": {meetingType}},
	}
	for try := 0; ; try++ {
		var all []participantRow
		err := pages(ctx, c, caller, list, readParticipantRow, func(rows []participantRow) error {
			all = append(all, rows...)
			return nil
		})
		if errors.Is(err, errPageTokenDied) && try < restarts {
			continue
		}
		return all, err
	}
}

// readQuality reads a whole list onto the legs of the participants, page by page, and
// begins again where its page token dies.
func (c *Client) readQuality(ctx context.Context, caller provider.Caller, path, meetingID, meetingType string, participants []participantRow) ([]provider.Leg, error) {
	list := listing{
		operation: opQoS, category: Heavy, path: path, array: "participants", pageSize: qosPageSize,
		query: url.Values{"type": {meetingType}},
	}
	for try := 0; ; try++ {
		meeting, err := assemble(meetingID, participants)
		if err != nil { // before requests are spent on its quality
			return nil, &provider.Error{Kind: provider.Malformed, Operation: opParticipants, Err: err}
		}
		err = pages(ctx, c, caller, list, readQoSRow, func(rows []qosRow) error {
			if err := meeting.measure(rows); err != nil {
				return &provider.Error{Kind: provider.Malformed, Operation: opQoS, Err: err}
			}
			return nil
		})
		switch {
		case errors.Is(err, errPageTokenDied) && try < restarts:
			continue
		case err != nil:
			return nil, err
		}
		return meeting.finish(), nil
	}
}

// escapeMeetingID writes a meeting's UUID (base64) as one segment of a path. Zoom wants
// it encoded twice where it begins with "/" or holds "//", and answers 3001 otherwise.
func escapeMeetingID(id string) string {
	escaped := url.QueryEscape(id)
	if strings.HasPrefix(id, "/") || strings.Contains(id, "//") {
		escaped = url.QueryEscape(escaped)
	}
	return escaped
}
