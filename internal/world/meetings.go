package world

import (
	"cmp"
	"slices"
	"time"
)

type accountDay struct {
	account int
	day     int64
}

// dayPlan holds the meetings of an account that start on one UTC day.
type dayPlan struct {
	meetings []*Meeting // by start
	byNumber []*Meeting // by number in the day; nil where nobody was free to host it
	legs     map[*Person][]*Leg
}

func (w *World) day(a *Account, day int64) *dayPlan {
	return w.days.get(accountDay{a.index, day}, func() *dayPlan { return w.newPlanner(a, day).plan() })
}

// longestMeeting bounds a meeting, so that whoever asks for meetings that end on a
// day need look no further back than the day before.
const longestMeeting = 5 * time.Hour

// MeetingsStarting returns the meetings with a start in [from, to), by start.
func (w *World) MeetingsStarting(a *Account, from, to time.Time) []*Meeting {
	return w.meetings(a, from, to, func(m *Meeting) bool {
		return !m.StartAt.Before(from) && m.StartAt.Before(to)
	})
}

// MeetingsEnding returns the meetings with an end in [from, to), by start.
func (w *World) MeetingsEnding(a *Account, from, to time.Time) []*Meeting {
	return w.meetings(a, from.Add(-longestMeeting), to, func(m *Meeting) bool {
		return !m.EndAt.Before(from) && m.EndAt.Before(to)
	})
}

func (w *World) meetings(a *Account, from, to time.Time, keep func(*Meeting) bool) []*Meeting {
	var list []*Meeting
	for day := floorDiv(from.Unix(), daySeconds); day <= floorDiv(to.Unix(), daySeconds); day++ {
		for _, m := range w.day(a, day).meetings {
			if keep(m) {
				list = append(list, m)
			}
		}
	}
	return list
}

// MeetingByUUID returns the account's meeting of a UUID, of any day, at the cost of
// generating that day. Another account's meeting is not found.
func (w *World) MeetingByUUID(a *Account, uuid [16]byte) (*Meeting, bool) {
	account, day, number, ok := w.decodeMeetingID(uuid)
	if !ok || account != a.index || number >= w.Config.MeetingsPerDay {
		return nil, false
	}
	m := w.day(a, day).byNumber[number]
	if m == nil || m.UUID != uuid {
		return nil, false
	}
	return m, true
}

// planner fills one day of an account.
type planner struct {
	w    *World
	a    *Account
	day  int64
	busy map[*Person][]span
	out  *dayPlan
}

func (w *World) newPlanner(a *Account, day int64) *planner {
	return &planner{w: w, a: a, day: day, busy: make(map[*Person][]span), out: &dayPlan{
		byNumber: make([]*Meeting, w.Config.MeetingsPerDay),
		legs:     make(map[*Person][]*Leg),
	}}
}

func (p *planner) plan() *dayPlan {
	for number := range p.out.byNumber {
		m := p.meeting(number)
		if m == nil {
			continue
		}
		p.out.byNumber[number] = m
		p.out.meetings = append(p.out.meetings, m)
		for _, leg := range m.Legs {
			if leg.Person != nil {
				p.out.legs[leg.Person] = append(p.out.legs[leg.Person], leg)
			}
		}
	}
	slices.SortFunc(p.out.meetings, func(a, b *Meeting) int {
		return cmp.Or(a.StartAt.Compare(b.StartAt), cmp.Compare(a.key, b.key))
	})
	return p.out
}

func (p *planner) meeting(number int) *Meeting {
	s := newDraws(p.a.key, saltMeeting, uint64(p.day), uint64(number))
	when := p.when(number, s)
	host := p.find(s, when, nil)
	if host == nil {
		return nil
	}
	m := &Meeting{
		Account: p.a, UUID: p.w.encodeMeetingID(p.a.index, p.day, number),
		Number: p.meetingNumber(host, s), Topic: topic(host, s), Host: host,
		StartAt: unixTime(when.from), EndAt: unixTime(when.to),
		key: s.next(), day: p.day,
	}
	p.fill(m, when, s)
	return m
}

// when places a meeting in the day: every hour has some, office hours of Europe and
// the Americas have more.
func (p *planner) when(number int, s *draws) span {
	hour := number % 24
	if number >= max(24, p.w.Config.MeetingsPerDay/2) {
		hour = s.between(7, 21)
	}
	from := p.day*daySeconds + int64(hour)*3600
	if s.chance(0.5) {
		from += int64(s.intn(4)) * 900
	} else {
		from += int64(s.intn(60)) * 60
	}
	if s.chance(0.6) {
		from += int64(s.between(1, 59))
	}
	var minutes int
	switch draw := s.unit(); {
	case draw < 0.12:
		minutes = s.between(5, 14)
	case draw < 0.62:
		minutes = s.between(15, 34)
	case draw < 0.92:
		minutes = s.between(35, 60)
	case draw < 0.98:
		minutes = s.between(61, 120)
	default:
		minutes = s.between(121, 270)
	}
	return span{from, from + int64(minutes)*60 + int64(s.between(-30, 45))}
}

// meetingNumber is often a recurring one: then instances share it and only the UUID
// tells them apart.
func (p *planner) meetingNumber(host *Person, s *draws) int64 {
	slot := s.next()
	if s.chance(0.6) {
		slot %= 3
	}
	return int64(80_000_000_000 + hash(host.key, saltMeetingID, slot)%19_999_999_999)
}

// topic is harmless, or holds the host's name as Zoom's own default does.
func topic(host *Person, s *draws) string {
	if s.chance(0.1) {
		return host.DisplayName() + "'s Zoom Meeting"
	}
	return pick(s.next(), []string{
		"Weekly sync", "Design review", "Standup", "Customer call", "Planning", "1:1",
		"Incident review", "All hands", "Interview", "Budget round", "Vendor call", "Retrospective",
	})
}

// find draws somebody who is free, rather of the host's org and in their daytime;
// nil when nobody is.
func (p *planner) find(s *draws, when span, host *Person) *Person {
	people := p.a.People
	for range 16 {
		who := people[s.intn(len(people))]
		if host != nil && who.Org != host.Org && s.chance(0.6) {
			continue
		}
		if hour := floorDiv(when.from+who.Site.offset, 3600) % 24; (hour < 7 || hour > 20) && s.chance(0.75) {
			continue
		}
		if p.free(who, when) {
			return who
		}
	}
	if host != nil {
		return nil
	}
	first := s.intn(len(people))
	for i := range people {
		if who := people[(first+i)%len(people)]; p.free(who, when) {
			return who
		}
	}
	return nil
}

// free reports whether a person can attend. Days are planned apart, so that asking
// for one never needs the one before: over midnight one half of the people attends
// what runs on, the other half what begins soon after.
func (p *planner) free(who *Person, when span) bool {
	dayEnd := (p.day + 1) * daySeconds
	night := func(day int64) uint64 { return hash(who.key, saltNight, uint64(day)) & 1 }
	if when.to > dayEnd && night(p.day) != 0 {
		return false
	}
	if when.from < p.day*daySeconds+int64(longestMeeting.Seconds()) && night(p.day-1) != 1 {
		return false
	}
	if !who.AtHome && who.localDay(when.from-aroundMeeting) != who.localDay(when.to+aroundMeeting) {
		return false
	}
	return !slices.ContainsFunc(p.busy[who], when.overlaps)
}
