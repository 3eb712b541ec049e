package zoom

import (
	"cmp"
	"net/netip"
	"time"

	"callweave/internal/macaddr"
	"callweave/internal/provider"
	"callweave/internal/secret"
)

// participantRow is one join of one participant: a rejoin is another row.
type participantRow struct {
	id                string // Zoom user id; "" for a guest
	participantUserID string // the same, where the account shows it
	userID            string // valid in this meeting only
	uuid              string
	name              string
	email             string
	role              string
	status            string
	device            string
	version           string
	networkType       string
	dataCenter        string
	location          string
	publicIP          string
	privateIPs        []netip.Addr
	mac               string
	hostname          string
	joinTime          string
	leaveTime         string
	audioQuality      string
	videoQuality      string
	screenQuality     string
}

func readParticipantRow(r *reader) participantRow {
	var row participantRow
	for name := range r.fields {
		row.read(r, name)
	}
	return row
}

// read reads the value of a field. Of an unknown one it reads nothing.
func (p *participantRow) read(r *reader, name []byte) {
	switch string(name) {
	case "id":
		p.id = r.string()
	case "participant_user_id":
		p.participantUserID = r.string()
	case "user_id":
		p.userID = r.string()
	case "participant_uuid":
		p.uuid = r.string()
	case "user_name":
		p.name = r.string()
	case "email":
		p.email = r.string()
	case "role":
		p.role = r.string()
	case "status":
		p.status = r.string()
	case "device":
		p.device = r.string()
	case "version":
		p.version = r.string()
	case "network_type":
		p.networkType = r.string()
	case "data_center":
		p.dataCenter = r.string()
	case "location":
		p.location = r.string()
	case "ip_address":
		p.publicIP = r.string()
	case "internal_ip_addresses":
		p.privateIPs = readAddresses(r)
	case "mac_addr":
		p.mac = r.string()
	case "pc_name":
		p.hostname = r.string()
	case "join_time":
		p.joinTime = r.string()
	case "leave_time":
		p.leaveTime = r.string()
	case "audio_quality":
		p.audioQuality = r.string()
	case "video_quality":
		p.videoQuality = r.string()
	case "screen_share_quality":
		p.screenQuality = r.string()
	}
}

// waitingRoom is the status of a row whose participant was never let in.
const waitingRoom = "in_waiting_room"

// leg converts a row. A row without identity (user_id and join_time) cannot be kept.
func (p *participantRow) leg(meetingID string) (provider.Leg, error) {
	joinAt, err := parseTime(p.joinTime)
	if err != nil || joinAt.IsZero() {
		return provider.Leg{}, &valueError{want: "a join time"}
	}
	if p.userID == "" {
		return provider.Leg{}, &valueError{want: "a participant's id"}
	}
	leaveAt, err := parseTime(p.leaveTime)
	if err != nil {
		return provider.Leg{}, &valueError{want: "a leave time"}
	}
	if leaveAt.Before(joinAt) || !sameMeeting(joinAt, leaveAt) {
		leaveAt = time.Time{} // unknown rather than wrong
	}
	accountUser := cmp.Or(p.id, p.participantUserID)
	// Addresses come from the participants' own devices: one that cannot be read is
	// unknown and no reason to lose the leg.
	mac, err := macaddr.Parse(p.mac)
	if err != nil {
		mac = macaddr.Addr{}
	}
	return provider.Leg{
		MeetingID:     meetingID,
		ParticipantID: p.userID,
		JoinAt:        joinAt,
		LeaveAt:       leaveAt,
		Person:        provider.Person{UserID: accountUser, Name: secret.New(p.name), Email: secret.New(p.email), Hostname: secret.New(p.hostname)},
		Guest:         accountUser == "",
		Role:          p.role,
		Device:        p.device,
		ClientVersion: p.version,
		NetworkType:   p.networkType,
		DataCenter:    p.dataCenter,
		Location:      p.location,
		PublicIP:      parseAddress(p.publicIP),
		PrivateIPs:    p.privateIPs,
		MAC:           mac,
		AudioQuality:  p.audioQuality,
		VideoQuality:  p.videoQuality,
		ScreenQuality: p.screenQuality,
	}, nil
}
