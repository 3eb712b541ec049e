package zoom

import (
	"encoding/json"
	"net/netip"
	"strings"
	"time"

	"callweave/internal/macaddr"
	"callweave/internal/provider"
	"callweave/internal/secret"
)

// participantRow is one join of one participant: a rejoin is another row.
type participantRow struct {
	ID                string      `json:"id"`                  // Zoom user id; "" for a guest
	ParticipantUserID string      `json:"participant_user_id"` // the same, where the account shows it
	UserID            flexText    `json:"user_id"`             // valid in this meeting only
	UUID              string      `json:"participant_uuid"`
	Name              string      `json:"user_name"`
	Email             string      `json:"email"`
	Role              string      `json:"role"`
	Status            string      `json:"status"`
	Device            string      `json:"device"`
	Version           string      `json:"version"`
	NetworkType       string      `json:"network_type"`
	DataCenter        string      `json:"data_center"`
	Location          string      `json:"location"`
	PublicIP          string      `json:"ip_address"`
	PrivateIPs        addressList `json:"internal_ip_addresses"`
	MAC               string      `json:"mac_addr"`
	Hostname          string      `json:"pc_name"`
	JoinTime          string      `json:"join_time"`
	LeaveTime         string      `json:"leave_time"`
	AudioQuality      string      `json:"audio_quality"`
	VideoQuality      string      `json:"video_quality"`
	ScreenQuality     string      `json:"screen_share_quality"`
}

// waitingRoom is the status of a row whose participant was never let in.
const waitingRoom = "in_waiting_room"

// leg converts a row. A row without identity (user_id and join_time) cannot be kept.
func (r *participantRow) leg(meetingID string) (provider.Leg, error) {
	joinAt, err := parseTime(r.JoinTime)
	if err != nil || joinAt.IsZero() {
		return provider.Leg{}, &valueError{"a join time"}
	}
	if r.UserID == "" {
		return provider.Leg{}, &valueError{"a participant's id"}
	}
	leaveAt, err := parseTime(r.LeaveTime)
	if err != nil {
		return provider.Leg{}, &valueError{"a leave time"}
	}
	if leaveAt.Before(joinAt) || !sameMeeting(joinAt, leaveAt) {
		leaveAt = time.Time{} // unknown rather than wrong
	}
	userID := clean(r.ID)
	if userID == "" {
		userID = clean(r.ParticipantUserID)
	}
	// Addresses come from the participants' own devices: one that cannot be read is
	// unknown and no reason to lose the leg.
	mac, err := macaddr.Parse(r.MAC)
	if err != nil {
		mac = macaddr.Addr{}
	}
	return provider.Leg{
		MeetingID:     meetingID,
		ParticipantID: string(r.UserID),
		JoinAt:        joinAt,
		LeaveAt:       leaveAt,
		Person:        provider.Person{UserID: userID, Name: secret.New(clean(r.Name)), Email: secret.New(clean(r.Email)), Hostname: secret.New(clean(r.Hostname))},
		Guest:         userID == "",
		Role:          clean(r.Role),
		Device:        clean(r.Device),
		ClientVersion: clean(r.Version),
		NetworkType:   clean(r.NetworkType),
		DataCenter:    clean(r.DataCenter),
		Location:      clean(r.Location),
		PublicIP:      parseAddress(r.PublicIP),
		PrivateIPs:    r.PrivateIPs.parse(),
		MAC:           mac,
		AudioQuality:  clean(r.AudioQuality),
		VideoQuality:  clean(r.VideoQuality),
		ScreenQuality: clean(r.ScreenQuality),
	}, nil
}

// addressList is a list of addresses, or one text with several.
type addressList []string

// UnmarshalJSON takes a list of strings or a string.
func (l *addressList) UnmarshalJSON(data []byte) error {
	var (
		list []string
		one  string
	)
	if json.Unmarshal(data, &list) == nil {
		*l = list
	} else if json.Unmarshal(data, &one) == nil {
		*l = addressList{one}
	}
	return nil // anything else is unknown, as an address that cannot be read is
}

func (l addressList) parse() []netip.Addr {
	var addresses []netip.Addr
	for _, text := range l {
		for part := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ',' || r == ';' || r == ' ' }) {
			if address := parseAddress(part); address.IsValid() && len(addresses) < maxAddresses {
				addresses = append(addresses, address)
			}
		}
	}
	return addresses
}

// maxAddresses is how many addresses of one device are kept.
const maxAddresses = 16

// parseAddress reads one IP address; the zero Addr where there is none. A zone names an
// interface of the participant's device and means nothing here.
func parseAddress(text string) netip.Addr {
	address, err := netip.ParseAddr(strings.TrimSpace(text))
	if err != nil || address.IsUnspecified() {
		return netip.Addr{}
	}
	return address.Unmap().WithZone("")
}

// parseTime reads the times Zoom writes, in UTC where no zone is given; the zero time for
// "".
func parseTime(text string) (time.Time, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339, text)
	for _, layout := range []string{"2006-01-02T15:04:05", time.DateTime} {
		if err == nil {
			break
		}
		at, err = time.Parse(layout, text)
	}
	if err != nil || at.Year() < 2010 || at.Year() > 2200 {
		return time.Time{}, &valueError{"a time"}
	}
	return at.UTC(), nil
}
