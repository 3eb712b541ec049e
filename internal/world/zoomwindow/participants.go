package zoomwindow

import (
	"net/http"
	"strings"
	"time"

	"callweave/internal/world"
)

const deviceRoom = "H.323/SIP"

// identity is what both the participants and the QoS rows say of one join.
type identity struct {
	ID                  string   `json:"id"`
	UserID              string   `json:"user_id"`
	ParticipantUUID     string   `json:"participant_uuid"`
	UserName            string   `json:"user_name"`
	Device              string   `json:"device"`
	OS                  string   `json:"os,omitempty"`
	Domain              string   `json:"domain"`
	HarddiskID          string   `json:"harddisk_id"`
	IPAddress           string   `json:"ip_address"`
	InternalIPAddresses []string `json:"internal_ip_addresses,omitempty"`
	JoinTime            string   `json:"join_time"`
	LeaveTime           string   `json:"leave_time,omitempty"` // absent while in the meeting
	Location            string   `json:"location"`
	MACAddr             string   `json:"mac_addr"`
	PCName              string   `json:"pc_name"`
	Version             string   `json:"version"`
	NetworkType         string   `json:"network_type,omitempty"`
	DataCenter          string   `json:"data_center"`
}

// participantRow is one join: who leaves and joins again has two rows.
type participantRow struct {
	identity

	ParticipantUserID   string `json:"participant_user_id"`
	Email               string `json:"email"`
	Role                string `json:"role"`
	ConnectionType      string `json:"connection_type"`
	VideoConnectionType string `json:"video_connection_type"`
	FullDataCenter      string `json:"full_data_center"`
	Camera              string `json:"camera"`
	Microphone          string `json:"microphone"`
	Speaker             string `json:"speaker"`
	LeaveReason         string `json:"leave_reason,omitempty"`
	Status              string `json:"status"`
	Recording           bool   `json:"recording"`
	ShareApplication    bool   `json:"share_application"`
	ShareDesktop        bool   `json:"share_desktop"`
	ShareWhiteboard     bool   `json:"share_whiteboard"`
	AudioQuality        string `json:"audio_quality"` // blank: quality scores are off
	VideoQuality        string `json:"video_quality"`
	ScreenShareQuality  string `json:"screen_share_quality"`
}

type participantList struct {
	page

	Participants []participantRow `json:"participants"`
}

// serveParticipants is GET /metrics/meetings/{meetingId}/participants.
func (w *Window) serveParticipants(c *call) reply {
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
	m, failure := w.meetingOf(c, kind, !w.cfg.Replies.SeparatePastOne)
	if failure != nil {
		return *failure
	}
	now := w.cfg.Now()
	legs := joined(m, now)
	i, j, envelope, ok := w.pages.cut(listingOf(c, "participants", kind), c.query.Get("next_page_token"), size, len(legs))
	if !ok {
		return invalidPageToken()
	}
	out := participantList{page: envelope, Participants: make([]participantRow, 0, j-i)}
	for _, leg := range legs[i:j] {
		out.Participants = append(out.Participants, w.participantRow(leg, options, now))
	}
	return jsonReply(http.StatusOK, out)
}

func listingOf(c *call, what string, kind listType) string {
	return strings.Join([]string{c.account.ID, what, c.meetingID, string(kind)}, "\x00")
}

// joined are the joins of a meeting until now.
func joined(m *world.Meeting, now time.Time) []*world.Leg {
	var legs []*world.Leg
	for _, leg := range m.Legs {
		if !leg.JoinAt.After(now) {
			legs = append(legs, leg)
		}
	}
	return legs
}

// guest reports whether a join is by somebody outside the host's account.
func guest(leg *world.Leg) bool {
	return leg.Person == nil || leg.Person.Account != leg.Meeting.Account
}

func nameOf(leg *world.Leg) string {
	if leg.Person != nil {
		return leg.Person.DisplayName()
	}
	return leg.GuestName
}

// identityOf writes a join as the account may see it: of guests no id, address of
// the device, disk or domain; without a HIPAA agreement no name and no network.
func (w *Window) identityOf(leg *world.Leg, options AccountOptions, now time.Time) identity {
	w.people.show(nameOf(leg))
	row := identity{
		UserID: leg.UserID, ParticipantUUID: leg.UUID, UserName: nameOf(leg),
		Device: leg.Device, OS: leg.OS, JoinTime: timeText(leg.JoinAt),
		PCName: leg.Hostname, Version: versionOf(leg), NetworkType: leg.Network, DataCenter: leg.DataCenter,
		Location: locationOf(leg),
	}
	if leg.PublicIP.IsValid() {
		row.IPAddress = leg.PublicIP.String()
	}
	if leg.PrivateIP.IsValid() {
		row.InternalIPAddresses = []string{leg.PrivateIP.String()}
	}
	if !leg.LeaveAt.After(now) {
		row.LeaveTime = timeText(leg.LeaveAt)
	}
	if !guest(leg) {
		row.ID = leg.Person.ZoomUserID
		row.Domain = domainOf(leg.Person.Email)
		row.HarddiskID = "Disk-" + strings.ToUpper(hashText(leg.UUID))
		row.MACAddr = macText(leg)
	}
	if options.BlankPersonal {
		row.UserName, row.IPAddress, row.Location, row.InternalIPAddresses = "", "", "", nil
	}
	return row
}

func (w *Window) participantRow(leg *world.Leg, options AccountOptions, now time.Time) participantRow {
	row := participantRow{
		identity: w.identityOf(leg, options, now), Role: "attendee", Status: "in_meeting",
		ConnectionType: "UDP", VideoConnectionType: "UDP", FullDataCenter: leg.DataCenter + ";",
		ShareDesktop: leg.Sharing,
	}
	if leg.Person != nil && leg.Person == leg.Meeting.Host {
		row.Role = "host"
	}
	if row.LeaveTime != "" {
		row.LeaveReason = "Host ended the meeting."
		if leg.LeaveAt.Before(leg.Meeting.EndAt) {
			row.LeaveReason = row.UserName + " left the meeting.<br>Reason: left the meeting."
		}
	}
	if guest(leg) {
		return row
	}
	row.ParticipantUserID = leg.Person.ZoomUserID
	row.Microphone, row.Speaker = "Headset Microphone", "Headset Earphone"
	if leg.VideoOn {
		row.Camera = "FaceTime HD Camera"
	}
	if !options.BlankPersonal {
		row.Email = leg.Person.Email
	}
	return row
}

func domainOf(email string) string {
	_, domain, _ := strings.Cut(email, "@")
	return domain
}

func locationOf(leg *world.Leg) string {
	if leg.Site == nil {
		return "Unknown"
	}
	return leg.Site.Name + " (" + leg.Site.CountryCode + ")"
}

func versionOf(leg *world.Leg) string {
	switch leg.Device {
	case "iOS", "Android":
		return "6.6.10.19523"
	case "Phone", deviceRoom:
		return ""
	}
	return "6.6.11.8823"
}
