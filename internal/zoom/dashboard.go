package zoom

import (
	"context"

	"callweave/internal/provider"
)

func (c *Client) ListMeetings(ctx context.Context, caller provider.Caller, kind provider.ListKind, window provider.Window, yield func([]provider.Meeting) error) error {
	panic("being written")
}
func (c *Client) ReadMeeting(ctx context.Context, caller provider.Caller, meetingID string) ([]provider.Leg, error) {
	panic("being written")
}
