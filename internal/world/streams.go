package world

import "math"

// company says what others send to a leg during a minute.
type company struct{ others, video, sharing bool }

func (l *Leg) company(minute int64) company {
	var c company
	from, to := minute*60, minute*60+60
	for _, o := range l.Meeting.Legs {
		if o.Attendee() == l.Attendee() || o.JoinAt.Unix() >= to || o.LeaveAt.Unix() <= from {
			continue
		}
		c.others = true
		c.video = c.video || o.VideoOn
		c.sharing = c.sharing || o.sharing(minute)
	}
	return c
}

// muted reports whether nothing is sent in a minute; people mute for ten at a time.
func (l *Leg) muted(minute int64) bool {
	return unit(hash(l.key, saltMedia, 2, uint64(floorDiv(minute, 10)))) < 0.12
}

// sharing reports whether the leg's screen is shared: in the middle of its time.
func (l *Leg) sharing(minute int64) bool {
	if !l.Sharing {
		return false
	}
	join, leave := floorDiv(l.JoinAt.Unix(), 60), floorDiv(l.LeaveAt.Unix(), 60)
	margin := (leave - join) / 6
	return minute >= join+margin && minute <= leave-margin
}

// drawer draws the streams of one leg-minute.
type drawer struct {
	key    uint64
	minute int64
}

func (d drawer) draw(n uint64) uint64 { return hash(d.key, saltMedia, n, uint64(d.minute)) }

// measure turns an effect into numbers as Zoom reports them: whole milliseconds, and
// percents with two decimals. Noise has a small tail, so that now and then a minute
// is bad for no reason.
func (d drawer) measure(e effect, direction int, medium uint64) Stream {
	n := 16*medium + 4*uint64(direction)
	latency := e.latencyMS[direction]*(1+0.05*centred(d.draw(100+n))) + 1.5*exponential(d.draw(101+n))
	jitter := e.jitterMS[direction]*(1+0.08*centred(d.draw(102+n))) + 1 + 1.6*exponential(d.draw(103+n))
	tail := d.draw(200 + uint64(direction))
	loss := e.lossPercent[direction]*(1+0.15*centred(mix(tail+1))) + 0.05*exponential(mix(tail+2+medium))
	switch spike := unit(tail); {
	case spike < 0.0015:
		jitter += 25 + 30*unit(mix(tail+3))
	case spike < 0.003:
		loss += 1.2 + 2*unit(mix(tail+4))
	}
	if unit(mix(tail+5)) < 0.35 && loss < 0.1 {
		loss = 0
	}
	loss = percent(min(60, loss))
	return Stream{
		Present: true, LatencyMS: math.Round(latency), JitterMS: math.Round(jitter),
		LossAvgPercent: loss, LossMaxPercent: percent(min(100, loss*(1.4+2.4*unit(mix(tail+6))))),
	}
}

// percent rounds to two decimals so that parsing the written number gives it back.
func percent(v float64) float64 { return math.Round(v*100) / 100 }

func (d drawer) audio(e effect, direction int) Stream {
	s := d.measure(e, direction, 0)
	s.BitrateKbps = percent((58 + 20*unit(d.draw(301+uint64(direction)))) * (1 - min(0.5, s.LossAvgPercent/20)))
	return s
}

func (d drawer) video(e effect, direction int) Stream {
	e.latencyMS[direction] *= 1.02
	e.jitterMS[direction] *= 1.05
	s := d.measure(e, direction, 1)
	s.picture(d.draw(310+uint64(direction)), []rung{{1280, 720, 1250, 26}, {640, 360, 600, 24}, {320, 180, 160, 15}})
	return s
}

func (d drawer) screen(e effect, direction int) Stream {
	s := d.measure(e, direction, 2)
	s.picture(d.draw(320+uint64(direction)), []rung{{1920, 1080, 320, 8}, {1920, 1080, 140, 5}, {1280, 720, 60, 2}})
	return s
}

// rung is a step of the ladder that a sender climbs down as the path gets worse.
type rung struct {
	width, height  int
	kbps, frameFPS float64
}

func (s *Stream) picture(h uint64, ladder []rung) {
	step := 0
	if unit(h) < 0.2 {
		step = 1
	}
	if s.JitterMS > 40 || s.LossAvgPercent > 2 {
		step = 1
	}
	if s.JitterMS > 80 || s.LossAvgPercent > 5 {
		step = 2
	}
	r := ladder[step]
	s.Width, s.Height = r.width, r.height
	s.BitrateKbps = percent(r.kbps * (0.75 + 0.4*unit(mix(h+1))))
	s.FrameRateFPS = math.Round(r.frameFPS * (0.85 + 0.2*unit(mix(h+2))))
}
