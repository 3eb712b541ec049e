package world

type siteDay struct {
	site uint64
	day  int64
}

// siteLoad counts, for each minute of a UTC day, who is on the network of a site.
type siteLoad struct {
	radios [][3][]radioLoad // by AP and band, then minute of the day
	people []uint16         // on the network at all, wired included
}

// radioLoad counts the clients of a radio, and those among them with weak signal.
type radioLoad struct{ clients, weak uint16 }

type radioCount struct{ clients, weak int }

func (l *siteLoad) at(ap *AP, band int, minute int64) radioCount {
	r := l.radios[ap.index][band][minute-floorDiv(minute, 1440)*1440]
	return radioCount{int(r.clients), int(r.weak)}
}

func (w *World) load(s *Site, minute int64) *siteLoad {
	day := floorDiv(minute, 1440)
	return w.loads.get(siteDay{s.key, day}, func() *siteLoad { return w.newLoad(s, day) })
}

func (w *World) newLoad(s *Site, day int64) *siteLoad {
	l := &siteLoad{radios: make([][3][]radioLoad, len(s.APs)), people: make([]uint16, 1440)}
	for i := range l.radios {
		for b := range l.radios[i] {
			l.radios[i][b] = make([]radioLoad, 1440)
		}
	}
	whole := span{day * daySeconds, (day + 1) * daySeconds}
	// A minute counts who is there in its middle.
	minutes := func(s span, visit func(minute int64)) {
		from, to := max(s.from, whole.from), min(s.to, whole.to)
		for m := floorDiv(from+29, 60); m*60+30 < to; m++ {
			visit(m)
		}
	}
	w.eachTrack(s, whole, func(p *Person, _ int64, t *track) {
		for _, v := range t.present {
			if v.site == s {
				minutes(v.span, func(m int64) { l.people[m-day*1440]++ })
			}
		}
		for i, c := range p.Clients {
			for _, session := range t.sessions[i] {
				if session.Site != s {
					continue
				}
				radio := l.radios[session.AP.index][bandIndex(session.Band)]
				minutes(span{session.ConnectAt.Unix(), session.DisconnectAt.Unix()}, func(m int64) {
					at := &radio[m-day*1440]
					at.clients++
					if c.weak(m) > 0 {
						at.weak++
					}
				})
			}
		}
	})
	return l
}
