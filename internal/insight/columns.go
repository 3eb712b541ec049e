package insight

import (
	"math"

	"github.com/google/uuid"

	"callweave/internal/explain"
	"callweave/internal/measure"
	"callweave/internal/store/db"
)

// columns are call minutes as package explain takes them. Rows of a leg are to be appended
// in the order of their time, one leg after the other.
type columns struct {
	explain.Minutes
	sites map[siteAndCenter]string
}

type siteAndCenter struct {
	site   uuid.UUID
	center string
}

// newColumns has room for some rows.
func newColumns(rows int) *columns {
	c := &columns{sites: map[siteAndCenter]string{}}
	c.Leg, c.StartAt, c.Place, c.Others = make([]int64, 0, rows), make([]int64, 0, rows), make([]string, 0, rows), make([]explain.Others, 0, rows)
	for f := range c.Feature {
		c.Feature[f] = make([]float32, 0, rows)
	}
	for t := range c.Media {
		c.Media[t] = make([]float32, 0, rows)
	}
	return c
}

// clear takes all rows away and keeps their room.
func (c *columns) clear() {
	c.Leg, c.StartAt, c.Place, c.Others = c.Leg[:0], c.StartAt[:0], c.Place[:0], c.Others[:0]
	for f := range c.Feature {
		c.Feature[f] = c.Feature[f][:0]
	}
	for t := range c.Media {
		c.Media[t] = c.Media[t][:0]
	}
}

// append adds a call minute of a leg that Zoom served from a data center.
func (c *columns) append(m *db.CallMinute, dataCenter string) {
	c.Leg, c.StartAt = append(c.Leg, m.LegID), append(c.StartAt, m.StartAt.Unix())
	c.Place = append(c.Place, c.place(m.SiteID, dataCenter))
	c.Others = append(c.Others, othersOf(m))

	row := [explain.NumFeatures]float32{}
	for f := range row {
		row[f] = unknown
	}
	set := func(f explain.Feature, v measure.Value) { row[f] = short(v) }
	set(explain.ClientCPU, m.ClientCpuPercent)
	set(explain.ClientRSSI, m.ClientRssiDbm)
	set(explain.ClientTxRates, m.ClientTxRateMbps)
	set(explain.ClientRxRates, m.ClientRxRateMbps)
	set(explain.ClientTxRetries, m.ClientTxRetries)
	set(explain.ClientRxRetries, m.ClientRxRetries)
	set(explain.ClientTxBytes, m.ClientTxBytes)
	set(explain.ClientRxBytes, m.ClientRxBytes)
	set(explain.APNumClients, m.ApNumClients)
	set(explain.RadioUtil, m.RadioUtilRatio)
	set(explain.RadioUtilInterference, m.RadioUtilInterferenceRatio)
	set(explain.RadioBandwidth, m.RadioBandwidthMhz)
	set(explain.RadioChannel, m.RadioChannel)
	set(explain.RadioTxPower, m.RadioTxPowerDbm)
	set(explain.WANRTT, m.WanRttMs)
	set(explain.WANJitter, m.WanJitterMs)
	set(explain.WANLoss, m.WanLossRatio)
	set(explain.WANAvgDownloadMbps, m.WanDownloadMbps)
	set(explain.WANAvgUploadMbps, m.WanUploadMbps)
	set(explain.ClientWiFiVersion, m.ClientWifiVersion)
	set(explain.ClientNStreams, m.ClientNStreams)
	set(explain.RadioAPChange, m.RadioApChange)
	row[explain.ClientRadioBand] = bandGHz(m.Band)
	if m.ClientVpn != nil {
		row[explain.ClientVPNDistance] = 0
		if *m.ClientVpn {
			row[explain.ClientVPNDistance] = 1
		}
	}
	for f := range row {
		c.Feature[f] = append(c.Feature[f], row[f])
	}
	for t, v := range [explain.NumTargets]measure.Value{
		m.AudioInLatencyMs, m.AudioInJitterMs, m.AudioInLossRatio, m.AudioOutLatencyMs, m.AudioOutJitterMs, m.AudioOutLossRatio,
		m.VideoInLatencyMs, m.VideoInJitterMs, m.VideoInLossRatio, m.VideoOutLatencyMs, m.VideoOutJitterMs, m.VideoOutLossRatio,
	} {
		c.Media[t] = append(c.Media[t], short(v))
	}
}

// place makes each name once: there are few, and many minutes at each.
func (c *columns) place(site uuid.UUID, dataCenter string) string {
	key := siteAndCenter{site, dataCenter}
	name, known := c.sites[key]
	if !known {
		name = site.String() + "/" + dataCenter
		c.sites[key] = name
	}
	return name
}

var unknown = float32(math.NaN()) //nolint:gochecknoglobals // a constant that Go has none of

func short(v measure.Value) float32 {
	if number, known := v.Get(); known {
		return float32(number)
	}
	return unknown
}

// bandGHz reads Mist's names of bands.
func bandGHz(band string) float32 {
	switch band {
	case "24":
		return 2.4
	case "5":
		return 5
	case "6":
		return 6
	}
	return unknown
}

// othersOf is nobody where the other legs were not counted.
func othersOf(m *db.CallMinute) explain.Others {
	count := func(v measure.Value) int16 { return int16(min(v.Or(0), math.MaxInt16)) }
	return explain.Others{
		Legs: count(m.OtherLegs), Bad: count(m.OtherLegsBad), Near: count(m.OtherLegsNear), NearBad: count(m.OtherLegsNearBad),
	}
}
