package console

import (
	"time"

	"callweave/internal/macaddr"
	"callweave/internal/store/db"
)

const (
	laneTop     = 26 // below the strip of minutes
	laneHeight  = 20
	letterWidth = 6.6 // of the lane's text, on average
)

// stay is a stretch of minutes on one access point.
type stay struct {
	X, W  string
	Name  string
	Shown string // as much of the name as there is room for
	TextX string
	Odd   bool
	from  float64
	to    float64
}

// stays draws on which access point the device was; nothing where none is known.
func (c *callChart) stays(minutes []db.CallMinute, x scale, names deviceNames) {
	var last macaddr.Addr
	for i, m := range minutes {
		ap := macaddr.FromHardware(m.ApMac)
		if ap.IsZero() {
			last = ap
			continue
		}
		from, to := x.at(seconds(m.StartAt)), x.at(seconds(m.EndAt))
		if n := len(c.Stays); ap == last && m.StartAt.Sub(minutes[i-1].EndAt) < 30*time.Second {
			c.Stays[n-1].to = to
		} else {
			c.Stays = append(c.Stays, stay{Name: names.of(ap), Odd: n%2 == 1, from: from, to: to})
		}
		last = ap
	}
	for i := range c.Stays {
		s := &c.Stays[i]
		s.X, s.W, s.TextX = unit(s.from), unit(max(1, s.to-s.from-1)), unit(s.from+6)
		s.Shown = shortened(s.Name, int((s.to-s.from-12)/letterWidth))
	}
}

// shortened keeps the end of a name, which is what tells access points of one site apart;
// "" where nothing readable would be left.
func shortened(name string, most int) string {
	letters := []rune(name)
	switch {
	case len(letters) <= most:
		return name
	case most < 3:
		return ""
	}
	return "…" + string(letters[len(letters)-most+1:])
}
