package weave

import (
	"fmt"
	"net"

	"callweave/internal/correlate"
	"callweave/internal/macaddr"
	"callweave/internal/measure"
	"callweave/internal/provider"
	"callweave/internal/store"
	"callweave/internal/store/db"
)

// What a person is sealed for, in legs and in matches.
const (
	legPerson   = "person"
	matchPerson = "person_sealed"
)

// leaseHostname is what the name of a client is sealed for, in leases.
const leaseHostname = "hostname"

// mostMinutes is how many call minutes a meeting can have.
func (b *batch) mostMinutes(meeting string) (minutes int) {
	for i := range b.legs[meeting] {
		minutes += len(b.samples[b.legs[meeting][i].LegID])
	}
	return minutes
}

// weave makes the rows of one meeting, its call minutes in the free room behind those of room.
func (b *batch) weave(meeting db.PendingWeavesRow, room []db.CallMinute) (store.WeaveLanding, error) {
	landing := store.WeaveLanding{MeetingID: meeting.MeetingID, Revision: meeting.Revision, DevicesRevision: meeting.DevicesRevision, Provisional: meeting.Provisional, ThresholdsRevision: b.thresholdsRevision}
	legs := b.legs[meeting.MeetingID]
	landing.Minutes = room[len(room):]
	for i := range legs {
		l := &legs[i]
		if !l.matched {
			continue
		}
		match, err := b.match(meeting, l)
		if err != nil {
			return landing, err
		}
		landing.Matches = append(landing.Matches, match)
		landing.Minutes = b.minutes(landing.Minutes, l)
	}
	b.farEnd(landing.Minutes, legs)
	b.why.judge(b.thresholds, landing.Minutes, legs)
	return landing, nil
}

func (b *batch) match(meeting db.PendingWeavesRow, l *leg) (db.CopyMatchesParams, error) {
	person, err := b.reseal(l)
	if err != nil {
		return db.CopyMatchesParams{}, fmt.Errorf("leg %d: %w", l.LegID, err)
	}
	return db.CopyMatchesParams{
		OrgID: b.orgID, LegID: l.LegID, Provider: l.Provider, AccountID: l.AccountID,
		MeetingID: l.MeetingID, MeetingUuid: meeting.MeetingUuid,
		SiteID: l.match.SiteID, ClientMac: l.match.MAC.Hardware(),
		Rule: string(l.match.Rule), Confidence: float32(l.match.Confidence),
		PersonSealed: person, JoinAt: l.JoinAt, LeaveAt: l.leaveAt,
		AudioQuality: l.AudioQuality, VideoQuality: l.VideoQuality, ScreenQuality: l.ScreenQuality,
	}, nil
}

// reseal opens a person with the account's key and seals them with the link's, so that
// destroying either takes its own copy. A link may want nothing of guests.
func (b *batch) reseal(l *leg) ([]byte, error) {
	var person provider.Person
	if !l.Guest || !b.discard {
		if l.err != nil {
			return nil, l.err
		}
		person = l.person
	}
	return b.linkKey.SealPerson(matchPerson, person)
}

// minutes appends the call minutes of a matched leg, those in which it was on a network of
// the org.
func (b *batch) minutes(out []db.CallMinute, l *leg) []db.CallMinute {
	samples := b.samples[l.LegID]
	b.starts, b.ends = b.starts[:0], b.ends[:0]
	for i := range samples {
		b.starts, b.ends = append(b.starts, samples[i].StartAt.UnixMicro()), append(b.ends, samples[i].EndAt.UnixMicro())
	}
	at := correlate.Intervals{Start: b.starts, End: b.ends, Join: l.JoinAt.UnixMicro(), Leave: l.leaveAt.UnixMicro()}
	b.joined = b.devices.history.Join(b.joined[:0], l.match.Stays, at)
	b.roams = b.devices.history.Roams(b.roams[:0], l.match.Stays, at)
	macs, tunnelled := hardwareAddrs{}, b.tunnelled(l)
	for i := range b.joined {
		joined := &b.joined[i]
		if joined.Stay == correlate.None {
			continue // on no network of the org then
		}
		stay := &l.match.Stays[joined.Stay]
		out = append(out, db.CallMinute{
			OrgID: b.orgID, LegID: l.LegID, StartAt: samples[i].StartAt, EndAt: samples[i].EndAt,
			Provider: l.Provider, AccountID: l.AccountID, MeetingID: l.MeetingID,
			SiteID: stay.SiteID, ClientMac: macs.of(stay.MAC), ApMac: macs.of(joined.AP), Band: joined.Band,
		})
		minute := &out[len(out)-1]
		b.measured(minute, &samples[i])
		b.devices.fill(minute, joined)
		if !joined.AP.IsZero() {
			minute.RadioApChange = measure.Of(float64(b.roams[i]))
		}
		minute.ClientVpn = tunnelled[joined.Stay]
	}
	return out
}

// hardwareAddrs makes each address once; that of none is nil.
type hardwareAddrs map[macaddr.Addr]net.HardwareAddr

func (h hardwareAddrs) of(addr macaddr.Addr) net.HardwareAddr {
	hw, known := h[addr]
	if !known {
		hw = addr.Hardware()
		h[addr] = hw
	}
	return hw
}

// measured adds what was measured of the call, and how bad that is.
func (b *batch) measured(minute *db.CallMinute, s *store.WeaveSample) {
	verdict := b.thresholds.Judge(&provider.MediaSample{
		AudioIn: streamOf(&s.AudioIn), AudioOut: streamOf(&s.AudioOut), VideoIn: streamOf(&s.VideoIn), VideoOut: streamOf(&s.VideoOut),
	})
	minute.Bad, minute.WorstDirection, minute.WorstMetric, minute.Bucket = verdict.Bad, string(verdict.Direction), string(verdict.Metric), string(verdict.Bucket)
	minute.AudioInLatencyMs, minute.AudioInJitterMs, minute.AudioInLossRatio = s.AudioIn.LatencyMS, s.AudioIn.JitterMS, s.AudioIn.LossRatio
	minute.AudioOutLatencyMs, minute.AudioOutJitterMs, minute.AudioOutLossRatio = s.AudioOut.LatencyMS, s.AudioOut.JitterMS, s.AudioOut.LossRatio
	minute.VideoInLatencyMs, minute.VideoInJitterMs, minute.VideoInLossRatio = s.VideoIn.LatencyMS, s.VideoIn.JitterMS, s.VideoIn.LossRatio
	minute.VideoOutLatencyMs, minute.VideoOutJitterMs, minute.VideoOutLossRatio = s.VideoOut.LatencyMS, s.VideoOut.JitterMS, s.VideoOut.LossRatio
	minute.ClientCpuPercent = s.CPUPercent
}

func streamOf(s *store.WeaveStream) provider.Stream {
	return provider.Stream{LatencyMS: s.LatencyMS, JitterMS: s.JitterMS, LossAvgRatio: s.LossRatio}
}

// fill adds what the network knew.
func (d *devices) fill(minute *db.CallMinute, joined *correlate.Joined) {
	if joined.Client != correlate.None {
		c := &d.clients[joined.Client]
		minute.ClientRssiDbm, minute.ClientSnrDb, minute.ClientChannel = c.RSSIDBm, c.SNRDB, c.Channel
		minute.ClientTxRateMbps, minute.ClientRxRateMbps = c.TxRateMbps, c.RxRateMbps
		minute.ClientTxRetries, minute.ClientRxRetries = c.TxRetries, c.RxRetries
		minute.ClientTxBytes, minute.ClientRxBytes = c.TxBytes, c.RxBytes
		minute.ClientWifiVersion, minute.ClientNStreams = c.WiFiVersion, c.Streams
	}
	if joined.Radio != correlate.None {
		r := &d.radios[joined.Radio]
		minute.RadioChannel, minute.RadioBandwidthMhz, minute.RadioTxPowerDbm = r.Channel, r.BandwidthMHz, r.TxPowerDBm
		minute.RadioUtilRatio, minute.RadioUtilInterferenceRatio = r.UtilRatio, r.UtilInterferenceRatio
		minute.ApNumClients = d.apClients[momentOf(r)]
	}
	if joined.WAN != correlate.None {
		u := &d.wans[joined.WAN]
		minute.WanRttMs, minute.WanJitterMs, minute.WanLossRatio = u.RTTMS, u.JitterMS, u.LossRatio
		minute.WanDownloadMbps, minute.WanUploadMbps = u.DownloadMbps, u.UploadMbps
	}
}
