package world

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"callweave/internal/macaddr"
)

// fill brings people into a meeting: the host at its start, others a little later.
func (p *planner) fill(m *Meeting, when span, s *draws) {
	attendees := 1
	switch draw := s.unit(); {
	case draw < 0.08:
	case draw < 0.90:
		attendees = s.between(2, 6)
	case draw < 0.98:
		attendees = s.between(7, 14)
	default:
		attendees = s.between(15, 32)
	}
	p.attend(m, m.Host, "", when, s)
	for n := 1; n < attendees; n++ {
		stay := when
		stay.from = min(when.from+int64(120*exponential(s.next())/2), when.to-20)
		if s.chance(0.22) {
			stay.to = stay.from + max(20, int64(float64(when.to-stay.from)*(0.3+0.65*s.unit())))
		} else {
			stay.to = max(stay.from+20, when.to-int64(s.intn(40)))
		}
		if s.chance(0.14) {
			p.attend(m, nil, p.guest(n, s), stay, s)
		} else if who := p.find(s, when, m.Host); who != nil {
			p.attend(m, who, "", stay, s)
		}
	}
	if len(m.Legs) > 1 && s.chance(0.45) {
		m.Legs[s.intn(len(m.Legs))].Sharing = true
	}
	slices.SortStableFunc(m.Legs, func(a, b *Leg) int {
		return cmp.Or(a.JoinAt.Compare(b.JoinAt), cmp.Compare(a.UserID, b.UserID))
	})
}

// guest names somebody of another company; the same few come again and again.
func (p *planner) guest(n int, s *draws) string {
	identity := newDraws(p.a.key, kindGuest, uint64(n), uint64(s.intn(12)))
	names := &namer{taken: map[string]bool{}}
	first, last := names.name(identity)
	return first + " " + last + "son"
}

// attend adds the joins of one attendee: mostly one, sometimes a rejoin after a gap.
func (p *planner) attend(m *Meeting, who *Person, guest string, stay span, s *draws) {
	if who != nil {
		p.busy[who] = append(p.busy[who], span{m.StartAt.Unix(), m.EndAt.Unix()})
	}
	userID := 16_778_240 + 1024*(len(m.Legs)+s.intn(3)*100)
	length := stay.to - stay.from
	if length < 300 || !s.chance(0.08) || (who != nil && who == m.Host && length < 600) {
		m.Legs = append(m.Legs, p.leg(m, who, guest, userID, stay, false, s))
		return
	}
	gap := int64(s.between(15, 120))
	cut := stay.from + int64(float64(length-gap)*(0.2+0.6*s.unit()))
	m.Legs = append(m.Legs, p.leg(m, who, guest, userID, span{stay.from, cut}, false, s))
	if s.chance(0.3) {
		userID += 512
	}
	m.Legs = append(m.Legs, p.leg(m, who, guest, userID, span{cut + gap, stay.to}, s.chance(0.2), s))
}

func (p *planner) leg(m *Meeting, who *Person, guest string, userID int, stay span, mobile bool, s *draws) *Leg {
	l := &Leg{
		Meeting: m, Person: who, GuestName: guest,
		UserID: strconv.Itoa(userID), JoinAt: unixTime(stay.from), LeaveAt: unixTime(stay.to),
		VideoOn: s.chance(0.65), key: s.next(),
	}
	l.UUID = strings.ToUpper(p.w.randomUUID(saltLeg, m.key, l.key).String())
	switch {
	case who == nil:
		p.placeGuest(l, s)
	case mobile || s.chance(0.02):
		p.placeMobile(l, s)
	case who.AtHome:
		p.placeHome(l, s)
	default:
		p.placeOffice(l, stay.from, s)
	}
	l.Stays = []Stay{{Client: l.Client, Site: l.Site, From: l.JoinAt, To: l.LeaveAt}}
	p.move(l)
	return l
}

func (p *planner) placeGuest(l *Leg, s *draws) {
	l.Device, l.OS = pick(s.next(), []string{"Windows", "Windows", "Mac", "iOS", "Android"}), ""
	l.Network = pick(s.next(), []string{"Wifi", "Wifi", "Wired", "Cellular", "Others"})
	if name := hash(l.key, saltName); unit(name) < 0.3 {
		l.Hostname = nameAsBought(l.Device)
	}
	l.PublicIP = nthAddr("192.0.2.0", s.between(1, 250))
	l.PrivateIP = homeAddr(s)
	p.path(l, s.intn(len(p.w.routes)), s)
}

// placeMobile puts a leg on a phone outside every network of ours.
func (p *planner) placeMobile(l *Leg, s *draws) {
	l.Device, l.OS, l.Network = "iOS", "iOS 26.1", "Cellular"
	l.PublicIP = nthAddr("198.51.100.0", s.between(1, 250))
	l.PrivateIP = nthAddr("100.64.0.0", s.intn(1<<20))
	p.path(l, l.Person.Site.place, s)
}

func (p *planner) placeHome(l *Leg, s *draws) {
	laptop := l.Person.Clients[0]
	l.Device, l.OS, l.Hostname, l.MAC = laptop.Device, laptop.OS, laptop.Hostname, laptop.reported
	l.Network = "Wifi"
	l.PublicIP = nthAddr("198.19.0.0", 1+l.Person.index%65_000)
	home := newDraws(l.Person.key, saltAddress)
	l.PrivateIP = homeAddr(home)
	p.path(l, l.Person.Site.place, s)
	p.tunnel(l, 0.15, s)
}

func (p *planner) placeOffice(l *Leg, at int64, s *draws) {
	day := l.Person.localDay(at)
	site, c := l.Person.whereabouts(day), l.Person.Clients[0]
	l.Network = "Wifi"
	if len(l.Person.Clients) > 1 {
		switch other := l.Person.Clients[1]; {
		case l.Person.docked(day):
			c, l.Network = other, "Wired"
		case other.phone && s.chance(0.18):
			c = other
		}
	}
	l.Site, l.Client = site, c
	l.Device, l.OS, l.Hostname, l.MAC = c.Device, c.OS, c.Hostname, c.reported
	if s.chance(0.04) {
		l.MAC = pick(hash(l.key, saltJunk), junkMACs())
	}
	l.PublicIP, l.PrivateIP = site.PublicIP, c.address(site, day)
	p.path(l, site.place, s)
	if !c.phone {
		p.tunnel(l, 0.07, s)
	}
}

// junkMACs are what clients report where they do not know better: nothing, what phones
// give every program, the address of every machine's tunnel adapter, a group's address.
func junkMACs() []macaddr.Addr {
	return []macaddr.Addr{{}, {0x02}, {0x00, 0x05, 0x9a, 0x3c, 0x7a, 0x00}, {0x01, 0x00, 0x5e, 0x00, 0x00, 0x01}}
}

// tunnel puts a leg behind the company's VPN with some probability: Zoom then sees
// the addresses of the tunnel. Some tunnels end on the wrong continent. Every second
// org's come out at its first site, under that site's public address.
func (p *planner) tunnel(l *Leg, share float64, s *draws) {
	if !s.chance(share) {
		return
	}
	l.VPN, l.farTunnel = true, s.chance(0.2)
	l.PublicIP = nthAddr("203.0.113.0", 1+l.Person.Org.index%250)
	if org := l.Person.Org; org.index%2 == 1 {
		l.PublicIP = org.Sites[0].PublicIP
	}
	l.PrivateIP = nthAddr("10.250.0.0", 10+l.Person.index%60_000)
}

// path chooses the data center: the nearest, or now and then the next one.
func (p *planner) path(l *Leg, place int, s *draws) {
	const acceptableRTTMS = 100
	near := p.w.routes[place]
	chosen := near[0]
	if s.chance(0.08) && near[1].rttMS < acceptableRTTMS {
		chosen = near[1]
	}
	l.DataCenter, l.pathRTTMS = chosen.dataCenter, chosen.rttMS
}

// homeAddr is what a home router gives: ranges that offices use, too.
func homeAddr(s *draws) netip.Addr {
	net := pick(s.next(), [][2]byte{{1, 0}, {1, 0}, {0, 0}, {10, 0}, {178, 0}})
	return netip.AddrFrom4([4]byte{192, 168, net[0], byte(s.between(2, 200))})
}
