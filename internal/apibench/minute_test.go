package apibench

import (
	"math/rand/v2"
	"net"
	"time"

	"github.com/google/uuid"

	"callweave/internal/correlate"
	"callweave/internal/measure"
	"callweave/internal/provider"
	"callweave/internal/store/db"
)

// limits are those that an org begins with.
var limits = correlate.Thresholds{LatencyMS: 150, JitterMS: 40, LossRatio: 0.02}

// trouble is what makes minutes of a leg bad.
type trouble int

const (
	none trouble = iota
	computer
	signal
	air
	uplink
	elsewhere
	troubles
)

// person is what stays the same over a leg.
type person struct {
	often         trouble // in every fifth minute
	wired, vpn    bool
	video         bool
	rssi, base    float64
	others, alike float64 // other legs, and how many of them suffer from what is elsewhere
}

func newPerson(random *rand.Rand) person {
	p := person{
		wired: random.IntN(4) == 0, vpn: random.IntN(20) == 0, video: random.IntN(2) == 0,
		rssi: -45 - 20*random.Float64(), base: 25 + 20*random.Float64(), others: float64(1 + random.IntN(8)),
	}
	if random.IntN(10) == 0 { // a tenth of the legs has most of what is bad
		p.often = 1 + trouble(random.IntN(int(troubles)-1))
	}
	p.alike = float64(int(p.others * random.Float64()))
	return p
}

// minute is bad by what its device, its radio, its uplink or nothing known measures.
func (t *tenant) minute(random *rand.Rand, p *person, meeting string, leg int64, site uuid.UUID, mac, ap net.HardwareAddr, at time.Time) db.CallMinute {
	around := func(scale float64) float64 { return scale * (0.5 + random.Float64()) }
	value := func(scale float64) measure.Value { return measure.Of(around(scale)) }
	cpu, rssi, util, rtt, worse := around(30), p.rssi+2*random.NormFloat64(), around(0.3), around(12), 0.0
	now := none
	if p.often != none && random.IntN(5) == 0 || random.IntN(200) == 0 {
		now = max(p.often, 1+trouble(random.IntN(int(troubles)-1)))
		worse = 140 + 80*random.Float64()
	}
	bad := 0.0
	switch now {
	case computer:
		cpu = 95 + 5*random.Float64()
	case signal:
		rssi = -82 - 5*random.Float64()
	case air:
		util = 0.85 + 0.1*random.Float64()
	case uplink:
		rtt += worse
	case elsewhere:
		bad = p.alike
	case none, troubles:
	}
	m := db.CallMinute{
		OrgID: t.id, LegID: leg, StartAt: at, EndAt: at.Add(time.Minute), Provider: "zoom", AccountID: t.ref.AccountID, MeetingID: meeting,
		SiteID: site, ClientMac: mac, ClientVpn: &p.vpn,
		AudioInLatencyMs: measure.Of(p.base + worse + around(5)), AudioInJitterMs: value(6), AudioInLossRatio: value(0.003),
		AudioOutLatencyMs: measure.Of(p.base + worse/2 + around(5)), AudioOutJitterMs: value(6), AudioOutLossRatio: value(0.003),
		ClientCpuPercent: measure.Of(cpu), WanRttMs: measure.Of(rtt), WanJitterMs: value(2), WanLossRatio: value(0.001), WanDownloadMbps: value(100), WanUploadMbps: value(40),
		OtherLegs: measure.Of(p.others), OtherLegsBad: measure.Of(bad), OtherLegsNear: measure.Of(0), OtherLegsNearBad: measure.Of(0),
	}
	if p.video {
		m.VideoInLatencyMs, m.VideoInJitterMs, m.VideoInLossRatio = measure.Of(p.base+worse+around(8)), value(8), value(0.003)
		m.VideoOutLatencyMs, m.VideoOutJitterMs, m.VideoOutLossRatio = measure.Of(p.base+worse/2+around(8)), value(8), value(0.003)
	}
	if !p.wired {
		m.ApMac, m.Band = ap, "5"
		m.ClientRssiDbm, m.ClientSnrDb, m.ClientChannel = measure.Of(rssi), measure.Of(rssi+95), measure.Of(36)
		m.ClientTxRateMbps, m.ClientRxRateMbps, m.ClientTxRetries, m.ClientRxRetries = value(300), value(300), value(20), value(20)
		m.ClientTxBytes, m.ClientRxBytes, m.ClientWifiVersion, m.ClientNStreams, m.RadioApChange = value(1e6), value(1e6), measure.Of(6), measure.Of(2), measure.Of(0)
		m.RadioChannel, m.RadioBandwidthMhz, m.RadioTxPowerDbm = measure.Of(36), measure.Of(40), measure.Of(15)
		m.RadioUtilRatio, m.RadioUtilInterferenceRatio, m.ApNumClients = measure.Of(util), value(0.05), value(20)
	}
	verdict := limits.Judge(&provider.MediaSample{
		AudioIn:  provider.Stream{LatencyMS: m.AudioInLatencyMs, JitterMS: m.AudioInJitterMs, LossAvgRatio: m.AudioInLossRatio},
		AudioOut: provider.Stream{LatencyMS: m.AudioOutLatencyMs, JitterMS: m.AudioOutJitterMs, LossAvgRatio: m.AudioOutLossRatio},
		VideoIn:  provider.Stream{LatencyMS: m.VideoInLatencyMs, JitterMS: m.VideoInJitterMs, LossAvgRatio: m.VideoInLossRatio},
		VideoOut: provider.Stream{LatencyMS: m.VideoOutLatencyMs, JitterMS: m.VideoOutJitterMs, LossAvgRatio: m.VideoOutLossRatio},
	})
	m.Bad, m.WorstMetric, m.WorstDirection, m.Bucket = verdict.Bad, string(verdict.Metric), string(verdict.Direction), string(verdict.Bucket)
	return m
}
