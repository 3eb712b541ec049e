package world

import "time"

// A move is a change of place or network while a call goes on. What Zoom shows of such a
// leg is of one moment; which one it does not document, so here it is the beginning for
// some and the end for others.

// shortestMove is the shortest leg within which somebody moves, in seconds.
const shortestMove = 480

// onNetwork reports whether the leg ever is on a network of ours.
func (l *Leg) onNetwork() bool {
	for i := range l.Stays {
		if l.Stays[i].Site != nil {
			return true
		}
	}
	return false
}

// onPhone reports whether a phone that is a client carries the leg.
func (l *Leg) onPhone() bool {
	for i := range l.Stays {
		if c := l.Stays[i].Client; c != nil && c.phone {
			return true
		}
	}
	return false
}

// middle is the middle of what the leg has of a minute.
func (l *Leg) middle(minute time.Time) time.Time {
	from, to := max(l.JoinAt.Unix(), minute.Unix()), min(l.LeaveAt.Unix(), minute.Unix()+60)
	return unixTime(from + (to-from)/2)
}

// move has somebody move in a leg from the office, with some probability. It draws from
// the leg's own key, so that nothing else of the world depends on it.
func (p *planner) move(l *Leg) {
	s := newDraws(l.key, saltMove)
	length := l.LeaveAt.Unix() - l.JoinAt.Unix()
	if l.Site == nil || length < shortestMove || !s.chance(float64(p.w.Config.MovesPercent)/100) {
		return
	}
	at := l.JoinAt.Unix() + 120 + int64(float64(length-240)*s.unit())
	laptop, desk := l.Person.Clients[0], l.Stays[0]
	carried := l.Client // what comes along
	if carried.Wired {
		carried = laptop
	}
	other := pick(s.next(), l.Person.Org.Sites)
	switch draw := s.unit(); {
	case l.Client.Wired && draw < 0.3: // off the dock
		l.Stays = []Stay{desk, {Client: laptop, Site: desk.Site}}
		l.part(at)
	case l.Client.Wired && draw < 0.5: // onto it
		l.Stays = []Stay{{Client: laptop, Site: desk.Site}, desk}
		l.part(at)
	case other != desk.Site && draw < 0.6: // to another site, a while on the way
		l.Stays = []Stay{desk, {}, {Client: carried, Site: other}}
		l.part(at, min(at+int64(s.between(90, 720)), l.LeaveAt.Unix()-60))
	case draw < 0.75: // out for a while
		back := desk
		back.Client = carried
		l.Stays = []Stay{desk, {}, back}
		l.part(at, min(at+int64(s.between(90, 720)), l.LeaveAt.Unix()-60))
	case draw < 0.88: // and gone
		l.Stays = []Stay{desk, {}}
		l.part(at)
	default: // in from outside
		l.Stays = []Stay{{}, desk}
		l.part(at)
	}
	shown := l.Stays[0]
	if s.chance(0.5) {
		shown = l.Stays[len(l.Stays)-1]
	}
	p.show(l, shown, carried, s)
}

// part sets when each stay ends and the next begins.
func (l *Leg) part(at ...int64) {
	l.Stays[0].From = l.JoinAt
	for i, unix := range at {
		l.Stays[i].To, l.Stays[i+1].From = unixTime(unix), unixTime(unix)
	}
	l.Stays[len(l.Stays)-1].To = l.LeaveAt
}

// show has Zoom see the leg as it is in one of its stays. carried is the device where it is
// on no network of ours.
func (p *planner) show(l *Leg, shown Stay, carried *Client, s *draws) {
	junk := l.MAC != l.Client.reported
	l.Client, l.Site = shown.Client, shown.Site
	device := carried
	if shown.Client != nil {
		device = shown.Client
	}
	if !junk {
		l.MAC = device.reported
	}
	switch {
	case device.Wired:
		l.Network = "Wired"
	case shown.Client == nil && device.phone:
		l.Network = "Cellular"
	default:
		l.Network = "Wifi"
	}
	switch {
	case l.VPN:
	case shown.Site != nil:
		l.PublicIP = shown.Site.PublicIP
		l.PrivateIP = shown.Client.address(shown.Site, l.Person.localDay(l.JoinAt.Unix()))
	case device.phone:
		l.PublicIP = nthAddr("198.51.100.0", s.between(1, 250))
		l.PrivateIP = nthAddr("100.64.0.0", s.intn(1<<20))
	default:
		l.PublicIP = nthAddr("198.19.0.0", 1+l.Person.index%65_000)
		l.PrivateIP = homeAddr(newDraws(l.Person.key, saltAddress))
	}
}

// absence is what moves take from a person's day at their desk.
type absence struct {
	desk   []span  // away from it
	dock   []span  // at it, with the dock not in use
	visits []visit // to other sites
}

// away collects the moves of a person's local day.
func (w *World) away(p *Person, day int64, desk *Site) absence {
	var a absence
	if w.Config.MovesPercent == 0 {
		return a
	}
	var legs []*Leg
	for utc := floorDiv(p.daySpan(day).from, daySeconds) - 1; utc <= floorDiv(p.daySpan(day).to, daySeconds); utc++ {
		legs = append(legs, w.day(p.Account, utc).legs[p]...)
	}
	for _, l := range legs {
		if len(l.Stays) < 2 || p.localDay(l.JoinAt.Unix()) != day {
			continue
		}
		// Who begins or ends a call elsewhere is there for a while, but for their other calls.
		around := span{l.JoinAt.Unix() - aroundMeeting, l.LeaveAt.Unix() + aroundMeeting}
		for _, o := range legs {
			if left := o.LeaveAt.Unix(); left <= l.JoinAt.Unix() {
				around.from = max(around.from, left)
			}
			if joins := o.JoinAt.Unix(); joins >= l.LeaveAt.Unix() {
				around.to = min(around.to, max(l.LeaveAt.Unix(), joins-60))
			}
		}
		for i, s := range l.Stays {
			at := span{s.From.Unix(), s.To.Unix()}
			if i == 0 {
				at.from = around.from
			}
			if i == len(l.Stays)-1 {
				at.to = around.to
			}
			switch {
			case s.Site != desk:
				a.desk = append(a.desk, at)
				if s.Site != nil {
					a.visits = append(a.visits, visit{at, s.Site})
				}
			case !s.Client.Wired:
				a.dock = append(a.dock, at)
			}
		}
	}
	return a
}

// without leaves of spans what none of the others covers.
func without(spans, others []span) []span {
	if len(others) == 0 {
		return spans
	}
	left := spans
	for _, o := range others {
		var next []span
		for _, s := range left {
			if !s.overlaps(o) {
				next = append(next, s)
				continue
			}
			if s.from < o.from {
				next = append(next, span{s.from, o.from})
			}
			if o.to < s.to {
				next = append(next, span{o.to, s.to})
			}
		}
		left = next
	}
	return left
}
