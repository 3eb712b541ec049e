package world

import "math"

// Minutes returns the truth of a leg, one for each UTC minute that [JoinAt, LeaveAt)
// touches. What a stream measures is the sum of a base (path, access network, VPN),
// of what every acting fault adds to it, and of noise; the strongest visible fault is
// the cause.
func (w *World) Minutes(l *Leg) []Minute {
	first, last := floorDiv(l.JoinAt.Unix(), 60), floorDiv(l.LeaveAt.Unix()-1, 60)
	list := make([]Minute, 0, last-first+1)
	for minute := first; minute <= last; minute++ {
		list = append(list, w.minute(l, minute))
	}
	return list
}

func (w *World) minute(l *Leg, minute int64) Minute {
	from, to := max(l.JoinAt.Unix(), minute*60), min(l.LeaveAt.Unix(), minute*60+60)
	middle := from + (to-from)/2
	base, faults := w.influences(l, minute, middle)
	m := Minute{StartAt: unixTime(minute * 60), CPU: l.cpu(minute), RSSI: w.reportedRSSI(l, minute, middle)}

	total, strongest := base, visible
	video := base
	for _, f := range faults {
		total.plus(f.effect, f.audioShare)
		video.plus(f.effect, 1)
		if weight := f.weight(); weight >= strongest {
			strongest, m.Cause = weight, f.cause
		}
	}
	// Zoom's input is what goes into the meeting, its output what comes out of it.
	company := l.company(minute)
	d := drawer{key: l.key, minute: minute}
	if company.others {
		m.AudioOut = d.audio(total, heard)
		if !l.muted(minute) {
			m.AudioIn = d.audio(total, sent)
		}
	}
	if company.video {
		m.VideoOut = d.video(video, heard)
	}
	if company.others && l.VideoOn {
		m.VideoIn = d.video(video, sent)
	}
	if company.sharing {
		m.ScreenOut = d.screen(video, heard)
	}
	if company.others && l.sharing(minute) {
		m.ScreenIn = d.screen(video, sent)
	}
	return m
}

// influences lists what acts on a leg during a minute. Radio faults count by the
// difference they make: what the medium does with them, less what it would do without.
func (w *World) influences(l *Leg, minute, middle int64) (base effect, faults []influence) {
	base = both(8+l.pathRTTMS, 1, 0.01)
	at := l.StayAt(unixTime(middle))
	if at.Client != nil && !at.Client.Wired {
		if s, ok := w.session(at.Client, middle); ok {
			radio, acting := w.radioInfluences(at.Client, s, w.air(s.AP, s.Band, minute), minute)
			base.plus(radio, 1)
			faults = append(faults, acting...)
		}
	} else if at.Site == nil {
		base.plus(both(7, 2, 0.03), 1) // a home network or a phone's
	}
	if at.Site != nil {
		for _, fault := range w.uplink(at.Site, minute).faults {
			fault.effect = w.physics.felt(ofUplink(fault.cause), fault.effect)
			faults = append(faults, fault)
		}
	}
	if severity := l.cpuFault(middle); severity > 0 {
		e := w.physics.felt(forceCPU, both(15+80*severity, 8+52*severity, 0.3*severity))
		e.audioShare = 0.4
		faults = append(faults, influence{CauseClientCPU, e})
	}
	if l.VPN {
		base.plus(both(6, 0.5, 0), 1)
		if l.farTunnel {
			detour := 70 + 130*unit(hash(l.key, saltMedia, 1))
			faults = append(faults, influence{CauseVPNDistance, w.physics.felt(forceTunnel, both(detour, 3, 0.05))})
		}
	}
	if v := l.Meeting.farEnd(middle); v > 0 {
		faults = append(faults, influence{CauseFarEnd, w.physics.felt(forceFarEnd, both(25+120*v, 10+45*v, 0.3+2.4*v).lean(1, 0.4))})
	}
	return base, faults
}

func (w *World) radioInfluences(c *Client, s Session, a air, minute int64) (base effect, faults []influence) {
	quiet := a
	quiet.crowd, quiet.interference = 0, 0
	crowded := quiet
	crowded.crowd = a.crowd
	actual, healthy := c.rssi(s.AP, s.Band, minute)
	base = w.physics.contention(quiet.util())
	base.plus(w.physics.disturbance(quiet.nonWiFi), 1)
	base.plus(w.physics.fading(healthy), 1)
	if a.crowd > 0 {
		faults = append(faults, influence{CauseRadioCrowded, w.physics.contention(crowded.util()).minus(w.physics.contention(quiet.util()))})
	}
	if a.interference > 0 {
		e := w.physics.disturbance(a.nonWiFi + a.interference).minus(w.physics.disturbance(quiet.nonWiFi))
		e.plus(w.physics.contention(a.util()).minus(w.physics.contention(crowded.util())), 1)
		faults = append(faults, influence{CauseInterference, e})
	}
	if actual < healthy {
		faults = append(faults, influence{CauseWeakSignal, w.physics.fading(actual).minus(w.physics.fading(healthy))})
	}
	return base, faults
}

// plus adds a share of another effect.
func (e *effect) plus(o effect, share float64) {
	for d := range 2 {
		e.latencyMS[d] += share * o.latencyMS[d]
		e.jitterMS[d] += share * o.jitterMS[d]
		e.lossPercent[d] += share * o.lossPercent[d]
	}
}

// cpuFault is the severity of a busy computer: the person's, or the guest's.
func (l *Leg) cpuFault(unix int64) float64 {
	owner := l.key
	if l.Person != nil {
		owner = l.Person.key
	}
	severity, _ := episode(owner, episodeCPU, chanceCPU, unix)
	return severity
}

func (l *Leg) cpu(minute int64) CPU {
	h := hash(l.key, saltCPU, uint64(minute))
	avg := 6 + 14*unit(h)
	spread := 3 + 9*unit(mix(h+1))
	system := 22 + 38*unit(mix(h+2))
	from, to := max(l.JoinAt.Unix(), minute*60), min(l.LeaveAt.Unix(), minute*60+60)
	if v := l.cpuFault(from + (to-from)/2); v > 0 {
		avg += 25 + 35*v
		system = 88 + 12*v
	}
	whole := func(v float64) int { return int(math.Round(min(100, max(0, v)))) }
	return CPU{ZoomMin: whole(avg - spread), ZoomAvg: whole(avg), ZoomMax: whole(avg + spread), SystemMax: max(whole(system), whole(avg+spread))}
}

// reportedRSSI is what a laptop's Zoom client tells; phones tell nothing.
func (w *World) reportedRSSI(l *Leg, minute, middle int64) *RSSI {
	at := l.StayAt(unixTime(middle))
	if l.Network != "Wifi" && len(l.Stays) == 1 || l.Person == nil || l.onPhone() {
		return nil
	}
	h := hash(l.key, saltSignal, uint64(minute))
	level := -50 - 12*unit(hash(l.key, saltSignal)) + 2*centred(h)
	if at.Client != nil {
		s, ok := w.session(at.Client, middle)
		if !ok {
			return nil
		}
		level, _ = at.Client.rssi(s.AP, s.Band, minute)
	}
	avg := int(math.Round(level))
	return &RSSI{Min: avg - 1 - int(h%4), Avg: avg, Max: avg + 1 + int(h>>8%3)}
}
