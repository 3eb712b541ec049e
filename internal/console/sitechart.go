package console

import (
	"fmt"
	"time"

	"callweave/internal/insight"
	"callweave/internal/store/db"
)

const siteChartHeight = 180

// siteChart is bad minutes over time, stacked by where they are to be fixed.
type siteChart struct {
	frame

	Bottom     string
	AxisY      string
	Ticks      []tick
	Times      []timeTick
	Bars       []bar
	Open       *run // what is not complete yet
	TimeFormat string
	TimeLayout string
}

// bar is one slot of time.
type bar struct {
	X, W  string
	Parts []barPart
	None  bool // no call at all
	Zero  bool // calls, none of them bad
	At    time.Time
	Title string
	Right string
}

type barPart struct{ Y, H, Class string }

func badBy(row db.CausesOverTimeRow, bucket string) int64 {
	switch bucket {
	case "client":
		return row.BadClient
	case "wireless":
		return row.BadWireless
	case "site_wan":
		return row.BadSiteWan
	case "far_end":
		return row.BadFarEnd
	}
	return row.BadUnknown
}

// newSiteChart draws rows of slots of [from, to). What is after complete is not known yet.
func newSiteChart(rows []db.CausesOverTimeRow, from, to, complete time.Time, slot time.Duration) *siteChart {
	c := &siteChart{frame: newFrame(chartWidth-chartLeft-chartRight, siteChartHeight+12+axisHeight)}
	x := scale{seconds(from), seconds(to), chartLeft, chartWidth - chartRight}
	c.TimeFormat, c.TimeLayout = "time", "15:04"
	if slot >= 6*time.Hour {
		c.TimeFormat, c.TimeLayout = "shortdate", "2 Jan"
	}
	most, at := int64(1), map[time.Time]db.CausesOverTimeRow{}
	for _, row := range rows {
		most, at[row.SlotAt.UTC()] = max(most, row.BadMinutes), row
	}
	y := scale{0, niceTop(float64(max(most, 4))), siteChartHeight + 12, 12}
	c.Bottom, c.AxisY = unit(y.start), unit(y.start+18)
	c.Ticks = ticks(y, 4)
	c.Times = timeTicks(from, to, x, 8)
	for slotAt := from.UTC(); slotAt.Before(to); slotAt = slotAt.Add(slot) {
		row, known := at[slotAt]
		left, right := x.at(seconds(slotAt)), x.at(seconds(slotAt.Add(slot)))
		b := bar{X: unit(left + 2), W: unit(max(1, right-left-4)), At: slotAt, Right: unit(right - 2), None: !known, Zero: known && row.BadMinutes == 0}
		b.Title = slotAt.Format("2 Jan 15:04") + " UTC: no calls"
		if known {
			b.Title = fmt.Sprintf("%s UTC: %s bad of %s", slotAt.Format("2 Jan 15:04"), count(row.BadMinutes), plural(int(row.Minutes), "minute"))
		}
		stacked := 0.0
		for _, bucket := range buckets() {
			if n := badBy(row, bucket); n > 0 {
				base := y.at(stacked)
				stacked += float64(n)
				b.Parts = append(b.Parts, barPart{unit(y.at(stacked)), unit(base - y.at(stacked)), bucket})
				b.Title += fmt.Sprintf("; %s %s", bucketName(bucket), count(n))
			}
		}
		c.Bars = append(c.Bars, b)
	}
	if complete.Before(to) && complete.After(from) {
		left := x.at(seconds(complete))
		c.Open = &run{X: unit(left), W: unit(float64(chartWidth-chartRight) - left)}
	}
	return c
}

// newIncidentChart draws the bad minutes of an incident over its time, some minutes to a bar.
func newIncidentChart(rows []db.BadMinutesOfCausesRow, of *insight.Incident) *siteChart {
	slot := time.Minute
	for _, wider := range []time.Duration{5 * time.Minute, 15 * time.Minute, time.Hour} {
		if of.LastAt.Sub(of.FirstAt) > barsAtMost*slot {
			slot = wider
		}
	}
	from, to := of.FirstAt.Truncate(slot), of.LastAt.Add(slot-time.Nanosecond).Truncate(slot)
	counts, most := map[time.Time]int64{}, int64(0)
	for _, sign := range of.Signs {
		at := rows[sign].StartAt.UTC().Truncate(slot)
		counts[at]++
		most = max(most, counts[at])
	}
	c := &siteChart{frame: newFrame(chartWidth-chartLeft-chartRight, siteChartHeight+12+axisHeight), TimeFormat: "time", TimeLayout: "15:04"}
	x := scale{seconds(from), seconds(to), chartLeft, chartWidth - chartRight}
	y := scale{0, niceTop(float64(max(most, 4))), siteChartHeight + 12, 12}
	c.Bottom, c.AxisY, c.Ticks, c.Times = unit(y.start), unit(y.start+18), ticks(y, 4), timeTicks(from, to, x, 8)
	for at := from.UTC(); at.Before(to); at = at.Add(slot) {
		n := counts[at]
		if n == 0 {
			continue
		}
		left, width := x.at(seconds(at)), x.at(seconds(at.Add(slot)))-x.at(seconds(at))
		gap := max(min(2, width/6), (width-widestBar)/2)
		c.Bars = append(c.Bars, bar{
			X: unit(left + gap), W: unit(max(1, width-2*gap)), At: at, Title: fmt.Sprintf("%s UTC: %s", at.Format("2 Jan 15:04"), plural(int(n), "bad minute")),
			Parts: []barPart{{unit(y.at(float64(n))), unit(y.start - y.at(float64(n))), of.Bucket}},
		})
	}
	return c
}

const (
	barsAtMost = 120 // of an incident, about
	widestBar  = 48  // of an incident: few minutes are no wall
)
