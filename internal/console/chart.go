package console

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Charts are drawn here and written as SVG by the page's template: coordinates are pixels.
const (
	chartLeft  = 56 // room for the labels of the value axis
	chartRight = 12
	chartWidth = 1012 // at least: what a wide page has room for
)

// frame is where a chart's plot lies. The value axis beside it stays when the plot is moved.
type frame struct {
	Left      int
	LabelX    int
	PlotWidth int
	PlotRight string
	Height    int
}

func newFrame(plot, height int) frame {
	return frame{Left: chartLeft, LabelX: chartLeft - 8, PlotWidth: plot + chartRight, PlotRight: unit(float64(chartLeft + plot)), Height: height}
}

// scale maps values to user units, linearly.
type scale struct{ from, to, start, end float64 }

func (s scale) at(value float64) float64 {
	if s.to == s.from {
		return s.start
	}
	return s.start + (value-s.from)/(s.to-s.from)*(s.end-s.start)
}

// tick is a labelled value on an axis.
type tick struct {
	At    string // user units
	Label string
}

// timeTick is a labelled time on the time axis.
type timeTick struct {
	X    string
	Time time.Time
}

// ticks divides [from, to] by steps of 1, 2 or 5 times a power of ten, about n of them.
func ticks(s scale, n int) []tick {
	step := niceStep((s.to - s.from) / float64(n))
	var list []tick
	for value := math.Ceil(s.from/step) * step; value <= s.to+step/1e6; value += step {
		list = append(list, tick{unit(s.at(value)), plain(value)})
	}
	return list
}

func niceStep(rough float64) float64 {
	if rough <= 0 {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(rough)))
	for _, factor := range []float64{1, 2, 5} {
		if rough <= factor*power {
			return factor * power
		}
	}
	return 10 * power
}

// niceTop is a round value not below v, for the top of an axis.
func niceTop(v float64) float64 {
	step := niceStep(v / 4)
	return math.Ceil(v/step) * step
}

// timeTicks are at most n round times of an interval.
func timeTicks(from, to time.Time, s scale, n int) []timeTick {
	steps := []time.Duration{
		time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
		time.Hour, 2 * time.Hour, 4 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour,
	}
	step := steps[len(steps)-1]
	for _, candidate := range steps {
		if to.Sub(from) <= time.Duration(n)*candidate {
			step = candidate
			break
		}
	}
	const labelHalf = 18 // of a label's width: it must not reach beyond the plot
	var list []timeTick
	for at := from.Truncate(step); at.Before(to); at = at.Add(step) {
		if x := s.at(seconds(at)); x > s.start+labelHalf && x < s.end-labelHalf {
			list = append(list, timeTick{unit(s.at(seconds(at))), at})
		}
	}
	return list
}

func seconds(at time.Time) float64 { return float64(at.UnixMilli()) / 1000 }

// unit writes a coordinate.
func unit(v float64) string { return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64) }

// number writes a value as short as it can be read.
func number(v float64) string {
	if math.Abs(v) >= 1 {
		v = round1(v)
	}
	switch {
	case math.Abs(v) >= 100 || v == math.Trunc(v):
		return strconv.FormatFloat(v, 'f', 0, 64)
	case math.Abs(v) >= 1:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'g', 2, 64)
}

// line is one curve: a polyline for every stretch without a hole, and a dot where a stretch
// is a single point.
type line struct {
	Class   string
	Pieces  []string
	Singles []point
}

type point struct{ X, Y string }

// curve collects the pieces of a line.
type curve struct {
	line  line
	piece []string
}

func (c *curve) add(x, y float64) { c.piece = append(c.piece, unit(x)+","+unit(y)) }

// hole ends a piece: what was not measured is not drawn as if it had been.
func (c *curve) hole() {
	switch len(c.piece) {
	case 0:
	case 1:
		x, y, _ := strings.Cut(c.piece[0], ",")
		c.line.Singles = append(c.line.Singles, point{x, y})
	default:
		c.line.Pieces = append(c.line.Pieces, strings.Join(c.piece, " "))
	}
	c.piece = nil
}

func (c *curve) done() line {
	c.hole()
	return c.line
}

// count writes a number of things with thin spaces between thousands.
func count(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "\u202f" + text[i:]
	}
	return text
}

// age says how long ago something was.
func age(d time.Duration) string {
	switch {
	case d < time.Minute:
		return "less than a minute"
	case d < 2*time.Hour:
		return plural(int(d/time.Minute), "minute")
	case d < 48*time.Hour:
		return plural(int(d/time.Hour), "hour")
	}
	return plural(int(d/(24*time.Hour)), "day")
}

func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%s %ss", count(int64(n)), one)
}

func percent(part, whole int64) string {
	if whole == 0 {
		return "–"
	}
	return strconv.FormatFloat(100*float64(part)/float64(whole), 'f', 1, 64) + " %"
}
