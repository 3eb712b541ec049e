package console

import (
	"fmt"
	"net/url"
	"slices"
	"time"

	"callweave/internal/macaddr"
	"callweave/internal/measure"
	"callweave/internal/store/db"
)

const (
	stripHeight = 22
	panelHeight = 80
	panelGap    = 34 // room for a panel's title
	axisHeight  = 24
	minuteWidth = 8 // at least: it must be possible to hit one
)

// callChart is a call minute by minute: what went in and out above, what the network saw of
// the device below, on one time axis.
type callChart struct {
	frame

	StripHeight int
	AxisY       string
	Bottom      string
	Tall        string // from the strip to the bottom
	Panels      []panel
	Runs        []run
	Minutes     []hit
	Times       []timeTick
	Stays       []stay
	Roams       []roam
	Roamed      int
}

type panel struct {
	Title   string
	TitleY  string
	Top     string
	Bottom  string
	Ticks   []tick
	Lines   []line
	Limit   *tick
	Nothing string // why nothing is drawn
	MiddleY string
}

// run is a stretch of minutes of one kind.
type run struct {
	X, W  string
	Full  string // its width without the gap to the next
	Class string // good, unmeasured or a bucket
	Mark  string
	Title string
	Bad   bool
	from  float64
	to    float64
}

// hit is a minute that can be chosen.
type hit struct {
	X, W     string
	Href     string
	Label    string
	Selected bool
	At       time.Time
}

type roam struct {
	X     string
	Title string
}

// medium is which of a call's media is drawn.
type medium string

const (
	audio medium = "audio"
	video medium = "video"
)

type flow struct{ latencyMs, jitterMs, lossRatio measure.Value }

func flows(m db.CallMinute, of medium) (in, out flow) {
	if of == video {
		return flow{m.VideoInLatencyMs, m.VideoInJitterMs, m.VideoInLossRatio}, flow{m.VideoOutLatencyMs, m.VideoOutJitterMs, m.VideoOutLossRatio}
	}
	return flow{m.AudioInLatencyMs, m.AudioInJitterMs, m.AudioInLossRatio}, flow{m.AudioOutLatencyMs, m.AudioOutJitterMs, m.AudioOutLossRatio}
}

// reading is one curve of a panel.
type reading struct {
	class string
	of    func(db.CallMinute) measure.Value
}

type limits struct{ latencyMs, jitterMs, lossRatio float64 }

func newCallChart(minutes []db.CallMinute, of medium, bad limits, selected time.Time, names deviceNames) *callChart {
	if len(minutes) == 0 {
		return nil
	}
	from, to := minutes[0].StartAt, minutes[len(minutes)-1].EndAt
	plot := max(chartWidth-chartLeft-chartRight, int(to.Sub(from).Minutes()*minuteWidth))
	c := &callChart{StripHeight: stripHeight}
	x := scale{seconds(from), seconds(to), chartLeft, float64(plot + chartLeft)}
	c.runs(minutes, x)
	c.stays(minutes, x, names)

	in, out := func(m db.CallMinute) flow { f, _ := flows(m, of); return f }, func(m db.CallMinute) flow { _, f := flows(m, of); return f }
	top := float64(stripHeight)
	if len(c.Stays) > 0 {
		top = laneTop + laneHeight
	}
	add := func(title, nothing string, factor, limit float64, bottom *float64, readings ...reading) {
		top += panelGap
		c.Panels = append(c.Panels, newPanel(minutes, x, top, title, nothing, factor, limit, bottom, readings))
		top += panelHeight
	}
	both := func(of func(flow) measure.Value) []reading {
		return []reading{
			{"in", func(m db.CallMinute) measure.Value { return of(in(m)) }},
			{"out", func(m db.CallMinute) measure.Value { return of(out(m)) }},
		}
	}
	unheard := "No " + string(of) + " was measured in this call."
	add("Delay, ms", unheard, 1, bad.latencyMs, nil, both(func(f flow) measure.Value { return f.latencyMs })...)
	add("Jitter, ms", unheard, 1, bad.jitterMs, nil, both(func(f flow) measure.Value { return f.jitterMs })...)
	add("Lost packets, %", unheard, 100, 100*bad.lossRatio, nil, both(func(f flow) measure.Value { return f.lossRatio })...)
	weakest := -95.0
	add("Wi-Fi signal, dBm", "No Wi-Fi signal is known: the device was wired, or not seen.", 1, 0, &weakest,
		reading{"device", func(m db.CallMinute) measure.Value { return m.ClientRssiDbm }})
	add("Radio channel in use, %", "Nothing is known of the radio.", 100, 0, nil,
		reading{"device", func(m db.CallMinute) measure.Value { return m.RadioUtilRatio }})
	add("Internet line, round trip, ms", "Nothing is known of the internet line.", 1, 0, nil,
		reading{"device", func(m db.CallMinute) measure.Value { return m.WanRttMs }})
	c.AxisY = unit(top + 16)
	c.Bottom, c.Tall = unit(top), unit(top-stripHeight)
	c.frame = newFrame(plot, int(top)+axisHeight)
	c.Times = timeTicks(from, to, x, 10)
	c.hits(minutes, x, of, selected, names)
	c.roams(minutes, x, names)
	return c
}

// newPanel draws curves over minutes. limit is where a minute turns bad, 0 for none; bottom
// is where the axis begins where that is not 0.
func newPanel(minutes []db.CallMinute, x scale, top float64, title, nothing string, factor, limit float64, bottom *float64, readings []reading) panel {
	p := panel{Title: title, TitleY: unit(top - 8), Top: unit(top), Bottom: unit(top + panelHeight), MiddleY: unit(top + panelHeight/2)}
	var values []float64
	for _, r := range readings {
		for _, m := range minutes {
			if v, known := r.of(m).Get(); known {
				values = append(values, v*factor)
			}
		}
	}
	if len(values) == 0 {
		p.Nothing = nothing
		return p
	}
	y := scale{0, niceTop(max(slices.Max(values), limit*1.25, 1)), top + panelHeight, top}
	if bottom != nil {
		y.from, y.to = min(*bottom, slices.Min(values)), -30
	}
	p.Ticks = ticks(y, 4)
	if limit > 0 {
		p.Limit = &tick{unit(y.at(limit)), "limit " + number(limit)}
	}
	for _, r := range readings {
		c := curve{line: line{Class: r.class}}
		for i, m := range minutes {
			if i > 0 && m.StartAt.Sub(minutes[i-1].EndAt) > 30*time.Second {
				c.hole()
			}
			v, known := r.of(m).Get()
			if !known {
				c.hole()
				continue
			}
			c.add(x.at((seconds(m.StartAt)+seconds(m.EndAt))/2), y.at(max(y.from, min(y.to, v*factor))))
		}
		p.Lines = append(p.Lines, c.done())
	}
	return p
}

// runs joins neighbouring minutes of one kind.
func (c *callChart) runs(minutes []db.CallMinute, x scale) {
	for i, m := range minutes {
		next := run{Class: "good", Title: "Good", from: x.at(seconds(m.StartAt)), to: x.at(seconds(m.EndAt))}
		switch {
		case m.Bad == nil:
			next.Class, next.Title, next.Mark = "unmeasured", "Not measured", ""
		case *m.Bad:
			next.Class, next.Mark, next.Title, next.Bad = m.Bucket, bucketMark(m.Bucket), bucketName(m.Bucket), true
		}
		if last := len(c.Runs) - 1; i > 0 && c.Runs[last].Class == next.Class && m.StartAt.Sub(minutes[i-1].EndAt) < 30*time.Second {
			c.Runs[last].to = next.to
		} else {
			c.Runs = append(c.Runs, next)
		}
	}
	for i := range c.Runs {
		r := &c.Runs[i]
		r.X, r.W, r.Full = unit(r.from), unit(max(1, r.to-r.from-1)), unit(r.to-r.from)
		if long := r.to - r.from; long > 90 && r.Bad {
			r.Mark = r.Title
		} else if long < 10 {
			r.Mark = ""
		}
	}
}

// Middle is where a run's mark stands.
func (r run) Middle() string { return unit((r.from + r.to) / 2) }

func (c *callChart) hits(minutes []db.CallMinute, x scale, of medium, selected time.Time, names deviceNames) {
	for _, m := range minutes {
		from := x.at(seconds(m.StartAt))
		label := fmt.Sprintf("%s UTC: %s", m.StartAt.UTC().Format("15:04"), minuteVerdict(m))
		if ap := names.of(macaddr.FromHardware(m.ApMac)); ap != "" {
			label += "; access point " + ap
		}
		c.Minutes = append(c.Minutes, hit{
			X: unit(from), W: unit(x.at(seconds(m.EndAt)) - from), Href: minuteHref(m, of), At: m.StartAt, Selected: m.StartAt.Equal(selected),
			Label: label,
		})
	}
}

// roams marks where the device moved to another access point.
func (c *callChart) roams(minutes []db.CallMinute, x scale, names deviceNames) {
	for i := 1; i < len(minutes); i++ {
		was, is := macaddr.FromHardware(minutes[i-1].ApMac), macaddr.FromHardware(minutes[i].ApMac)
		if was.IsZero() || is.IsZero() || was == is {
			continue
		}
		c.Roamed++
		c.Roams = append(c.Roams, roam{unit(x.at(seconds(minutes[i].StartAt))), "Moved to access point " + names.of(is)})
	}
}

// minuteHref leads to a minute of the call that is shown.
func minuteHref(m db.CallMinute, of medium) string {
	query := url.Values{"media": {string(of)}, "minute": {m.StartAt.UTC().Format(time.RFC3339)}}
	return "?" + query.Encode() + "#minute"
}

// minuteVerdict is a minute in a few words.
func minuteVerdict(m db.CallMinute) string {
	switch {
	case m.Bad == nil:
		return "not measured"
	case *m.Bad:
		return "bad, " + directionName(m.WorstDirection) + ": " + metricName(m.WorstMetric) + "; " + bucketName(m.Bucket)
	}
	return "good"
}

// colons writes a hardware address as people read it aloud.
func colons(a macaddr.Addr) string {
	if a.IsZero() {
		return ""
	}
	return a.Hardware().String()
}
