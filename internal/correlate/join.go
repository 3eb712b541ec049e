package correlate

import (
	"time"

	"github.com/google/uuid"

	"callweave/internal/macaddr"
)

// ClientSpan is a client sample: when, and at which access point it was taken.
type ClientSpan struct {
	MAC      macaddr.Addr
	AP       macaddr.Addr // zero where wired or unknown
	Band     string
	From, To time.Time
}

// RadioSpan is a sample of one radio.
type RadioSpan struct {
	AP       macaddr.Addr
	Band     string
	From, To time.Time
}

// WANSpan is a sample of one uplink of a site, or, with a zero Gateway, of the site as a
// whole, as coarse histories are.
type WANSpan struct {
	SiteID   uuid.UUID
	Gateway  macaddr.Addr
	Port     string
	From, To time.Time
}

// Devices is what the network knew. The slices may be in any order; rows are named by
// their position in them.
type Devices struct {
	Leases  []Lease
	Clients []ClientSpan
	Radios  []RadioSpan
	WANs    []WANSpan
}

// History answers what was known of a client, a radio or a site at a moment. Safe for
// concurrent use.
type History struct {
	devices Devices
	leases  map[macaddr.Addr]timeline
	clients map[macaddr.Addr]timeline
	radios  map[radioKey]timeline
	wans    map[uuid.UUID]uplinks
}

// uplinks is what is known of a site's way out: as a whole, and by uplink.
type uplinks struct {
	whole timeline
	each  []timeline
}

type radioKey struct {
	ap   macaddr.Addr
	band string
}

type uplinkKey struct {
	site    uuid.UUID
	gateway macaddr.Addr
	port    string
}

// NewHistory sorts what the network knew into columns by client, radio and uplink. It
// keeps the slices.
func NewHistory(devices Devices) *History {
	wans := make(map[uuid.UUID]uplinks)
	for key, line := range timelines(devices.WANs, func(s WANSpan) (uplinkKey, span) {
		return uplinkKey{s.SiteID, s.Gateway, s.Port}, spanOf(s.From, s.To)
	}) {
		site := wans[key.site]
		if key.gateway.IsZero() {
			site.whole = line
		} else {
			site.each = append(site.each, line)
		}
		wans[key.site] = site
	}
	return &History{
		devices: devices,
		leases: timelines(devices.Leases, func(l Lease) (macaddr.Addr, span) {
			s := spanOf(l.From, l.To)
			s.rank = l.Source.rank()
			return l.MAC, s
		}),
		clients: timelines(devices.Clients, func(s ClientSpan) (macaddr.Addr, span) { return s.MAC, spanOf(s.From, s.To) }),
		radios: timelines(devices.Radios, func(s RadioSpan) (radioKey, span) {
			return radioKey{s.AP, s.Band}, spanOf(s.From, s.To)
		}),
		wans: wans,
	}
}

func spanOf(from, to time.Time) span { return span{from: from.UnixMicro(), to: to.UnixMicro()} }

// timelines groups rows by key and flattens each group.
func timelines[K comparable, R any](rows []R, read func(R) (K, span)) map[K]timeline {
	grouped := make(map[K][]span)
	for i, row := range rows {
		key, s := read(row)
		s.row = int32(i)
		grouped[key] = append(grouped[key], s)
	}
	lines := make(map[K]timeline, len(grouped))
	for key, spans := range grouped {
		lines[key] = newTimeline(spans)
	}
	return lines
}

// Stay is a matched leg: which client, where, and from when to when.
type Stay struct {
	MAC             macaddr.Addr
	SiteID          uuid.UUID
	JoinAt, LeaveAt time.Time
}

// Intervals are the media samples of one leg, ordered by Start, in microseconds since 1970.
type Intervals struct{ Start, End []int64 }

// Joined names the device samples of one media sample; [None] where nothing is known.
type Joined struct {
	AP     macaddr.Addr // where the client was; zero where wired or unknown
	Band   string
	Client int32
	Radio  int32
	WAN    int32
}

// Join appends what was known at every media sample of a leg, and returns dst. A media
// sample is read at the middle of the time it shares with the leg: its first and last
// minutes are only partly of the call. Of several device samples that cover that moment
// the finest counts; what no sample covers is unknown. O(samples).
//
// The access point is that of the lease, else that of the client sample. A client sample
// taken at another access point speaks of another moment and is left out. While a site has
// samples of several uplinks, only one of the site as a whole counts: which of them
// carried the call is not known.
func (h *History) Join(dst []Joined, stay Stay, samples Intervals) []Joined {
	lease := cursor{timeline: h.leases[stay.MAC]}
	client := cursor{timeline: h.clients[stay.MAC]}
	wan := newUplinkCursor(h.wans[stay.SiteID])
	var radio cursor
	var radioOf radioKey
	join, leave := stay.JoinAt.UnixMicro(), stay.LeaveAt.UnixMicro()

	for i, start := range samples.Start {
		moment := middle(start, samples.End[i], join, leave)
		joined := Joined{Client: client.rowAt(moment), Radio: None, WAN: wan.rowAt(moment)}
		if row := lease.rowAt(moment); row != None {
			joined.AP, joined.Band = h.devices.Leases[row].AP, h.devices.Leases[row].Band
		}
		if joined.Client != None {
			sample := &h.devices.Clients[joined.Client]
			switch {
			case joined.AP.IsZero():
				joined.AP, joined.Band = sample.AP, sample.Band
			case !sample.AP.IsZero() && sample.AP != joined.AP:
				joined.Client = None
			case joined.Band == "":
				joined.Band = sample.Band
			}
		}
		if !joined.AP.IsZero() {
			if key := (radioKey{joined.AP, joined.Band}); key != radioOf {
				radioOf, radio = key, cursor{timeline: h.radios[key]}
			}
			joined.Radio = radio.rowAt(moment)
		}
		dst = append(dst, joined)
	}
	return dst
}

// middle is the middle of what [start, end) shares with [join, leave), or of [start, end)
// itself where they share nothing.
func middle(start, end, join, leave int64) int64 {
	from, to := max(start, join), min(end, leave)
	if from >= to {
		from, to = start, end
	}
	return from + (to-from)/2
}

// uplinkCursor reads the uplinks of a site.
type uplinkCursor struct {
	whole cursor
	each  []cursor
}

func newUplinkCursor(lines uplinks) uplinkCursor {
	c := uplinkCursor{whole: cursor{timeline: lines.whole}, each: make([]cursor, len(lines.each))}
	for i, line := range lines.each {
		c.each[i].timeline = line
	}
	return c
}

// rowAt is the row of the one uplink that has any, else that of the site as a whole.
func (c *uplinkCursor) rowAt(moment int64) int32 {
	only, several := None, false
	for i := range c.each {
		if row := c.each[i].rowAt(moment); row != None {
			only, several = row, only != None || several
		}
	}
	if only == None || several {
		return c.whole.rowAt(moment)
	}
	return only
}
