package collect

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"time"

	"github.com/google/uuid"

	"callweave/internal/macaddr"
	"callweave/internal/network"
	"callweave/internal/secret"
	"callweave/internal/store"
	"callweave/internal/vault"
)

// stateField is what a state is sealed for.
const stateField = "device_state"

// state is what a poll must know of the one before. The zero state is of no poll.
type state struct {
	PolledAt time.Time            `json:"polled_at"`
	Limit    int                  `json:"limit"` // requests per Period
	Period   time.Duration        `json:"period"`
	Requests int                  `json:"requests"` // of one poll
	Radios   map[string]time.Time `json:"radios"`   // when last observed, by address and band
	WANs     map[string]time.Time `json:"wans"`     // by address and port
	Tracks   []trackState         `json:"tracks"`
	Past     *pastProblem         `json:"past,omitempty"` // why the past is known less well

	tracks map[trackKey]network.Track
}

// pastProblem is why histories were not read, in words for the org's administrators, and
// when: it is shown for as long as that past is of interest, since later polls do not
// read it again.
type pastProblem struct {
	At   time.Time `json:"at"`
	Text string    `json:"text"`
}

type trackKey struct {
	mac   macaddr.Addr
	wired bool
}

// trackState is a track as it is stored. Measurements are not: a track needs none.
type trackState struct {
	MAC        macaddr.Addr     `json:"mac"`
	Wired      bool             `json:"wired,omitempty"`
	SiteID     uuid.UUID        `json:"site_id"`
	ObservedAt time.Time        `json:"observed_at"`
	DeviceMAC  macaddr.Addr     `json:"device_mac"`
	Port       string           `json:"port,omitempty"`
	SSID       string           `json:"ssid,omitempty"`
	Band       network.Band     `json:"band,omitempty"`
	Associated time.Time        `json:"associated,omitzero"`
	TxRetries  *network.Counter `json:"tx_retries,omitempty"`
	RxRetries  *network.Counter `json:"rx_retries,omitempty"`
	TxBytes    *network.Counter `json:"tx_bytes,omitempty"`
	RxBytes    *network.Counter `json:"rx_bytes,omitempty"`
	LeaseFrom  time.Time        `json:"lease_from"`
	LeaseTo    time.Time        `json:"lease_to"`
	IP         netip.Addr       `json:"ip,omitzero"`
	Hostname   string           `json:"hostname,omitempty"`
	Username   string           `json:"username,omitempty"`
}

// interval is the time between two polls that the request budget allows.
func (s state) interval(cfg Config) time.Duration {
	return network.Budget{Limit: s.Limit, Period: s.Period}.PollInterval(s.Requests, cfg.Share, cfg.Every)
}

// nextPoll is when the network may be polled again. A poll that comes a little early is
// due: schedules start their runs when they can.
func (s state) nextPoll(cfg Config) time.Time {
	return s.PolledAt.Add(s.interval(cfg) - cfg.Every/2)
}

// lastState reads the state of the last poll. One that was sealed with a key that is
// gone is of a link that was ended: its data are gone, too, and it counts as none.
func (c *Collector) lastState(ctx context.Context, org uuid.UUID, key *vault.Key) (state, error) {
	row, err := c.store.DeviceState(ctx, org)
	if errors.Is(err, store.ErrNotFound) {
		return state{}, nil
	}
	if err != nil {
		return state{}, err
	}
	plain, err := key.Open(stateField, row.StateSealed)
	if errors.Is(err, vault.ErrUnsealed) {
		return state{}, c.store.ForgetDeviceState(ctx, org)
	}
	if err != nil {
		return state{}, err
	}
	var s state
	unzipped, err := gzip.NewReader(bytes.NewReader(plain))
	if err != nil {
		return state{}, fmt.Errorf("read device state of %s: %w", org, err)
	}
	if err := json.NewDecoder(unzipped).Decode(&s); err != nil {
		return state{}, fmt.Errorf("read device state of %s: %w", org, err)
	}
	// The column is what the next landing is compared with.
	s.PolledAt = row.PolledAt.UTC()
	s.tracks = make(map[trackKey]network.Track, len(s.Tracks))
	for _, t := range s.Tracks {
		s.tracks[trackKey{t.MAC, t.Wired}] = t.track()
	}
	return s, nil
}

// seal is the inverse of lastState.
func (s state) seal(key *vault.Key) ([]byte, error) {
	s.Tracks = make([]trackState, 0, len(s.tracks))
	for _, track := range s.tracks {
		s.Tracks = append(s.Tracks, trackStateOf(track))
	}
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	if err := writeAll(zip, s); err != nil {
		return nil, fmt.Errorf("write device state: %w", err)
	}
	return key.Seal(stateField, packed.Bytes())
}

func writeAll(out io.WriteCloser, s state) error {
	return errors.Join(json.NewEncoder(out).Encode(s), out.Close())
}

func trackStateOf(t network.Track) trackState {
	counter := func(c network.Counter) *network.Counter {
		if !c.Known {
			return nil
		}
		return &c
	}
	s, l := t.Last, t.Lease
	return trackState{
		MAC: s.MAC, Wired: s.Wired, SiteID: s.SiteID, ObservedAt: s.ObservedAt, DeviceMAC: s.DeviceMAC,
		Port: s.Port, SSID: s.SSID, Band: s.Band, Associated: s.AssociatedAt,
		TxRetries: counter(s.TxRetries), RxRetries: counter(s.RxRetries), TxBytes: counter(s.TxBytes), RxBytes: counter(s.RxBytes),
		LeaseFrom: l.From, LeaseTo: l.To, IP: l.IP, Hostname: l.Hostname.Reveal(), Username: l.Username.Reveal(),
	}
}

func (t trackState) track() network.Track {
	counter := func(c *network.Counter) network.Counter {
		if c == nil {
			return network.Counter{}
		}
		return *c
	}
	last := network.ClientSnapshot{
		SiteID: t.SiteID, MAC: t.MAC, ObservedAt: t.ObservedAt, Wired: t.Wired, DeviceMAC: t.DeviceMAC,
		Port: t.Port, SSID: t.SSID, Band: t.Band, AssociatedAt: t.Associated,
		TxRetries: counter(t.TxRetries), RxRetries: counter(t.RxRetries), TxBytes: counter(t.TxBytes), RxBytes: counter(t.RxBytes),
	}
	return network.Track{Last: last, Lease: network.Lease{
		SiteID: t.SiteID, MAC: t.MAC, Wired: t.Wired, IP: t.IP,
		Hostname: secret.New(t.Hostname), Username: secret.New(t.Username),
		DeviceMAC: t.DeviceMAC, Port: t.Port, SSID: t.SSID, Band: t.Band, From: t.LeaseFrom, To: t.LeaseTo,
	}}
}
