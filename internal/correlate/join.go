package correlate

import (
	"slices"
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
	leases      map[macaddr.Addr]timeline
	leasePlaces []place // by row
	clients     map[macaddr.Addr]timeline
	places      []place // of client samples, by number
	clientPlace []int32 // by row
	radios      map[place]timeline
	wans        map[uuid.UUID]uplinks
}

// uplinks is what is known of a site's way out: as a whole, and by uplink.
type uplinks struct {
	whole timeline
	each  []timeline
}

// place is where on the air a client was; the zero place is unknown, or on the wire.
type place struct {
	ap   macaddr.Addr
	band string
}

type uplinkKey struct {
	site    uuid.UUID
	gateway macaddr.Addr
	port    string
}

// NewHistory sorts what the network knew into columns by client, radio and uplink:
// O(n log n), and O(n) where the rows of each are ordered by time.
func NewHistory(devices Devices) *History {
	wans := make(map[uuid.UUID]uplinks)
	for key, line := range timelines(devices.WANs, func(s *WANSpan) uplinkKey {
		return uplinkKey{s.SiteID, s.Gateway, s.Port}
	}, func(s *WANSpan) span { return spanOf(s.From, s.To) }) {
		site := wans[key.site]
		if key.gateway.IsZero() {
			site.whole = line
		} else {
			site.each = append(site.each, line)
		}
		wans[key.site] = site
	}
	h := &History{
		leases: timelines(devices.Leases, func(l *Lease) macaddr.Addr { return l.MAC }, func(l *Lease) span {
			s := spanOf(l.From, l.To)
			s.rank = l.Source.rank()
			return s
		}),
		leasePlaces: make([]place, len(devices.Leases)),
		clients: timelines(devices.Clients, func(s *ClientSpan) macaddr.Addr { return s.MAC },
			func(s *ClientSpan) span { return spanOf(s.From, s.To) }),
		clientPlace: make([]int32, len(devices.Clients)),
		radios: timelines(devices.Radios, func(s *RadioSpan) place { return place{s.AP, s.Band} },
			func(s *RadioSpan) span { return spanOf(s.From, s.To) }),
		wans: wans,
	}
	for i := range devices.Leases {
		h.leasePlaces[i] = place{devices.Leases[i].AP, devices.Leases[i].Band}
	}
	numbers := numbering[place]{numbers: make(map[place]int32)}
	for i := range devices.Clients {
		h.clientPlace[i] = numbers.of(place{devices.Clients[i].AP, devices.Clients[i].Band})
	}
	h.places = numbers.values
	return h
}

func spanOf(from, to time.Time) span { return span{from: from.UnixMicro(), to: to.UnixMicro()} }

// numbering numbers values in the order in which they appear. Neighbours are often equal,
// and cost a comparison only.
type numbering[K comparable] struct {
	numbers map[K]int32
	values  []K
	last    int32
}

func (n *numbering[K]) of(key K) int32 {
	if len(n.values) > 0 && n.values[n.last] == key {
		return n.last
	}
	number, known := n.numbers[key]
	if !known {
		number = int32(len(n.values))
		n.numbers[key] = number
		n.values = append(n.values, key)
	}
	n.last = number
	return number
}

// timelines groups rows by key and flattens each group.
func timelines[K comparable, R any](rows []R, key func(*R) K, spanOf func(*R) span) map[K]timeline {
	keys := numbering[K]{numbers: make(map[K]int32)}
	group := make([]int32, len(rows))
	var ends []int32 // of each group in order, first as its size
	for i := range rows {
		group[i] = keys.of(key(&rows[i]))
		if int(group[i]) == len(ends) {
			ends = append(ends, 0)
		}
		ends[group[i]]++
	}
	for i := 1; i < len(ends); i++ {
		ends[i] += ends[i-1]
	}
	order := make([]int32, len(rows))
	next := make([]int32, len(ends))
	copy(next[min(1, len(next)):], ends)
	for i, g := range group {
		order[next[g]] = int32(i)
		next[g]++
	}
	lines := make(map[K]timeline, len(ends))
	var spans []span
	begin := int32(0)
	for g, end := range ends {
		spans = spans[:0]
		for _, row := range order[begin:end] {
			s := spanOf(&rows[row])
			s.row = row
			spans = append(spans, s)
		}
		lines[keys.values[g]] = newTimeline(spans)
		begin = end
	}
	return lines
}

// Intervals are the media samples of one leg, ordered by Start, in microseconds since 1970.
type Intervals struct {
	Start, End  []int64
	Join, Leave int64 // of the leg; where Leave is 0, as its stays say
}

// Joined names the device samples of one media sample; [None] where nothing is known.
type Joined struct {
	AP     macaddr.Addr // where the client was; zero where wired or unknown
	Band   string
	Stay   int32 // by its position
	Client int32
	Radio  int32
	WAN    int32
}

// Join appends what was known at every media sample of a leg, and returns dst. The stays
// are those of the leg's match. A media sample is read at the middle of the time it shares
// with the leg: its first and last minutes are only partly of the call. One whose middle is
// in no stay has [None] for it, and nothing else is known of it. Of several device
// samples that cover that moment the finest counts; what no sample covers is unknown.
// O(samples).
//
// The access point is that of the lease, else that of the client sample. A client sample
// taken at another access point speaks of another moment and is left out. While a site has
// samples of several uplinks, only one of the site as a whole counts: which of them
// carried the call is not known.
func (h *History) Join(dst []Joined, stays []Stay, samples Intervals) []Joined {
	if len(stays) == 0 {
		return dst
	}
	join, leave := samples.Join, samples.Leave
	if leave == 0 {
		join, leave = stays[0].JoinAt.UnixMicro(), stays[len(stays)-1].LeaveAt.UnixMicro()
	}
	dst = slices.Grow(dst, len(samples.Start))
	at := newStayCursor(h, stays[0])
	stay, since, until := int32(0), stays[0].JoinAt.UnixMicro(), stays[0].LeaveAt.UnixMicro()
	for i, start := range samples.Start {
		moment := middle(start, samples.End[i], join, leave)
		for moment >= until && int(stay) < len(stays)-1 {
			stay++
			at, since, until = newStayCursor(h, stays[stay]), stays[stay].JoinAt.UnixMicro(), stays[stay].LeaveAt.UnixMicro()
		}
		// Media that is measured before the leg joins or after it leaves is of its ends.
		if moment < since && moment >= join || moment >= until && moment < leave {
			dst = append(dst, Joined{Stay: None, Client: None, Radio: None, WAN: None})
			continue
		}
		client := at.client.rowAt(moment)
		if lease := at.lease.rowAt(moment); lease != at.leaseRow || h.placeOf(client) != at.clientPlace {
			at.move(h, lease, h.placeOf(client))
		}
		if !at.clientCounts {
			client = None
		}
		dst = append(dst, Joined{
			AP: at.place.ap, Band: at.place.band, Stay: stay,
			Client: client, Radio: at.radio.rowAt(moment), WAN: at.wan.rowAt(moment),
		})
	}
	return dst
}

// placeOf is the number of the place of a client sample.
func (h *History) placeOf(row int32) int32 {
	if row == None {
		return None
	}
	return h.clientPlace[row]
}

// stayCursor reads all that is known of a stay. Where the client is changes rarely, so it
// is worked out only when the lease or the place of the client sample does.
type stayCursor struct {
	lease, client, radio cursor
	wan                  uplinkCursor
	leaseRow             int32
	clientPlace          int32
	place                place
	clientCounts         bool
}

func newStayCursor(h *History, stay Stay) stayCursor {
	return stayCursor{
		lease: cursor{timeline: h.leases[stay.MAC]}, client: cursor{timeline: h.clients[stay.MAC]},
		wan: newUplinkCursor(h.wans[stay.SiteID]), leaseRow: None, clientPlace: None,
	}
}

func (c *stayCursor) move(h *History, lease, client int32) {
	c.leaseRow, c.clientPlace = lease, client
	var where place
	if lease != None {
		where = h.leasePlaces[lease]
	}
	c.clientCounts = client != None
	if client != None {
		switch sampled := h.places[client]; {
		case where.ap.IsZero():
			where = sampled
		case !sampled.ap.IsZero() && sampled.ap != where.ap:
			c.clientCounts = false
		case where.band == "":
			where.band = sampled.band
		}
	}
	if where != c.place {
		c.place, c.radio = where, cursor{}
		if !where.ap.IsZero() {
			c.radio.timeline = h.radios[where]
		}
	}
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
