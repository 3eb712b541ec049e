package weavebench

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/google/uuid"

	"callweave/internal/macaddr"
)

const (
	seed = 20261110

	sites        = 10
	apsPerSite   = 6
	legMinutes   = 100
	legsAMeeting = 5
	outsideEvery = 25 // one leg in so many is on no network of the org
	dayMinutes   = 24 * 60
	coarseHours  = 4 // of the day, from its beginning, are also known by tens of minutes
)

// day is what an org's network and an account's meetings were on one UTC day: a function
// of the seed and of its size.
type day struct {
	clients, legs int
}

// dayOf is a day with about so many media samples: for 2 million of them there are 2,000
// clients with 20,000 leases and 3 million device samples.
func dayOf(samples int) day {
	clients := max(50, samples/1000)
	return day{clients: clients, legs: max(legsAMeeting, samples/legMinutes/legsAMeeting*legsAMeeting)}
}

func (day) begin() time.Time { return time.Date(2026, 11, 10, 0, 0, 0, 0, time.UTC) }

func (d day) meetings() int { return d.legs / legsAMeeting }

// chance is a source of numbers for one thing, whatever else was asked for before.
func chance(kind, number int) *rand.Rand {
	return rand.New(rand.NewPCG(seed, uint64(kind)<<40|uint64(number)))
}

func siteID(site int) uuid.UUID { return uuid.UUID{0: 0x51, 15: byte(site)} }

func publicIP(site int) netip.Addr { return netip.AddrFrom4([4]byte{203, 0, 113, byte(site + 1)}) }

func subnet(site int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(site), 0, 0}), 16)
}

func apMAC(site, ap int) macaddr.Addr { return macaddr.Addr{0xd4, 0x20, 0, 0, byte(site), byte(ap)} }

// client is somebody's machine.
type client struct {
	number, site int
	mac          macaddr.Addr
	ip           netip.Addr
	name         string
	phase        time.Duration // of when it is looked at within a minute
}

func (d day) client(n int) client {
	return client{
		number: n, site: n % sites, mac: macaddr.Addr{0x5c, 0x01, 0, 0, byte(n >> 8), byte(n)},
		ip:   netip.AddrFrom4([4]byte{10, byte(n % sites), byte(n >> 8), byte(n)}),
		name: fmt.Sprintf("host-%d", n), phase: time.Duration(n*17%60) * time.Second,
	}
}

// lease is where a client was, as one source has it.
type lease struct {
	source   string
	ap       macaddr.Addr
	band     string
	from, to time.Time
}

// leases of a client: what was seen by looks, three hours each, and two sessions, told
// later, that know better.
func (d day) leases(c client) []lease {
	var all []lease
	r := chance(1, c.number)
	shift := time.Duration(r.IntN(600)) * time.Second
	for n := range 8 {
		all = append(all, lease{
			"snapshot", apMAC(c.site, (c.number+n)%apsPerSite), band(c.number + n),
			d.begin().Add(time.Duration(n)*3*time.Hour + shift), d.begin().Add(time.Duration(n+1)*3*time.Hour + shift),
		})
	}
	all[0].from = d.begin()
	for n := range 2 {
		from := d.begin().Add(time.Duration(2+11*n)*time.Hour + time.Duration(r.IntN(7200))*time.Second)
		all = append(all, lease{
			"session", apMAC(c.site, (c.number+n+3)%apsPerSite), band(c.number + n + 1),
			from, from.Add(30*time.Minute + time.Duration(r.IntN(5400))*time.Second),
		})
	}
	return all
}

func band(n int) string {
	if n%5 == 0 {
		return "24"
	}
	return "5"
}

// at is the lease that tells where the client was: a session before a look.
func at(leases []lease, moment time.Time) lease {
	var found lease
	for _, l := range leases {
		if !moment.Before(l.from) && moment.Before(l.to) && (found.source == "" || l.source == "session") {
			found = l
		}
	}
	return found
}

// leg is a join of somebody.
type leg struct {
	id             int64
	meeting        int
	client         client
	outside        bool // on no network of the org
	byMAC          bool // shows its hardware address
	joinAt, leftAt time.Time
}

// leg number n, in the order in which meetings end.
func (d day) leg(n int) leg {
	meeting := n / legsAMeeting
	r := chance(2, n)
	begin := meeting * (dayMinutes - legMinutes - 5) / d.meetings()
	join := d.begin().Add(time.Duration(begin)*time.Minute + time.Duration(r.IntN(60))*time.Second)
	return leg{
		id: int64(n + 1), meeting: meeting, client: d.client(r.IntN(d.clients)), outside: n%outsideEvery == outsideEvery-1, byMAC: n%2 == 0,
		joinAt: join, leftAt: join.Truncate(time.Minute).Add((legMinutes-1)*time.Minute + time.Duration(1+r.IntN(59))*time.Second),
	}
}

func meetingID(n int) string { return fmt.Sprintf("meeting-%06d", n) }
