package weave

import (
	"fmt"

	"callweave/internal/correlate"
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

// weave makes the rows of one meeting.
func (b *batch) weave(meeting db.PendingWeavesRow) (store.WeaveLanding, error) {
	landing := store.WeaveLanding{AccountRef: b.ref, OrgID: b.orgID, MeetingID: meeting.MeetingID, Revision: meeting.Revision, Provisional: meeting.Provisional}
	legs := b.legs[meeting.MeetingID]
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

// minutes appends the call minutes of a matched leg.
func (b *batch) minutes(out []db.CopyMinutesParams, l *leg) []db.CopyMinutesParams {
	samples := b.samples[l.LegID]
	intervals := correlate.Intervals{Start: make([]int64, len(samples)), End: make([]int64, len(samples))}
	for i := range samples {
		intervals.Start[i], intervals.End[i] = samples[i].StartAt.UnixMicro(), samples[i].EndAt.UnixMicro()
	}
	for i, joined := range b.devices.history.Join(nil, l.match.Stays, intervals) {
		minute := b.minute(l, &samples[i])
		stay := &l.match.Stays[joined.Stay]
		minute.SiteID, minute.ClientMac = stay.SiteID, stay.MAC.Hardware()
		minute.ApMac, minute.Band = joined.AP.Hardware(), joined.Band
		b.devices.fill(&minute, joined)
		out = append(out, minute)
	}
	return out
}

// minute is a call minute without where it was and what the network knew.
func (b *batch) minute(l *leg, s *db.MediaSample) db.CopyMinutesParams {
	verdict := b.thresholds.Judge(&provider.MediaSample{
		AudioIn:  provider.Stream{LatencyMS: s.AudioInLatencyMs, JitterMS: s.AudioInJitterMs, LossAvgRatio: s.AudioInLossAvgRatio},
		AudioOut: provider.Stream{LatencyMS: s.AudioOutLatencyMs, JitterMS: s.AudioOutJitterMs, LossAvgRatio: s.AudioOutLossAvgRatio},
		VideoIn:  provider.Stream{LatencyMS: s.VideoInLatencyMs, JitterMS: s.VideoInJitterMs, LossAvgRatio: s.VideoInLossAvgRatio},
		VideoOut: provider.Stream{LatencyMS: s.VideoOutLatencyMs, JitterMS: s.VideoOutJitterMs, LossAvgRatio: s.VideoOutLossAvgRatio},
	})
	cpu := s.SystemCpuMaxPercent
	if !cpu.Known() {
		cpu = s.ClientCpuMaxPercent
	}
	return db.CopyMinutesParams{
		OrgID: b.orgID, LegID: l.LegID, StartAt: s.StartAt, EndAt: s.EndAt,
		Provider: l.Provider, AccountID: l.AccountID, MeetingID: l.MeetingID,
		Bad: verdict.Bad, WorstDirection: string(verdict.Direction), WorstMetric: string(verdict.Metric), Bucket: string(verdict.Bucket),
		AudioInLatencyMs: s.AudioInLatencyMs, AudioInJitterMs: s.AudioInJitterMs, AudioInLossRatio: s.AudioInLossAvgRatio,
		AudioOutLatencyMs: s.AudioOutLatencyMs, AudioOutJitterMs: s.AudioOutJitterMs, AudioOutLossRatio: s.AudioOutLossAvgRatio,
		VideoInLatencyMs: s.VideoInLatencyMs, VideoInJitterMs: s.VideoInJitterMs, VideoInLossRatio: s.VideoInLossAvgRatio,
		VideoOutLatencyMs: s.VideoOutLatencyMs, VideoOutJitterMs: s.VideoOutJitterMs, VideoOutLossRatio: s.VideoOutLossAvgRatio,
		ClientCpuPercent: cpu,
	}
}

// fill adds what the network knew.
func (d *devices) fill(minute *db.CopyMinutesParams, joined correlate.Joined) {
	if joined.Client != correlate.None {
		c := &d.clients[joined.Client]
		minute.ClientRssiDbm, minute.ClientSnrDb, minute.ClientChannel = c.RssiDbm, c.SnrDb, c.Channel
		minute.ClientTxRateMbps, minute.ClientRxRateMbps = c.TxRateMbps, c.RxRateMbps
		minute.ClientTxRetries, minute.ClientRxRetries = c.TxRetries, c.RxRetries
		minute.ClientTxBytes, minute.ClientRxBytes = c.TxBytes, c.RxBytes
	}
	if joined.Radio != correlate.None {
		r := &d.radios[joined.Radio]
		minute.RadioChannel, minute.RadioBandwidthMhz, minute.RadioTxPowerDbm = r.Channel, r.BandwidthMhz, r.TxPowerDbm
		minute.RadioUtilRatio, minute.RadioUtilInterferenceRatio = r.UtilRatio, r.UtilInterferenceRatio
		minute.ApNumClients = d.apClients[momentOf(*r)]
	}
	if joined.WAN != correlate.None {
		u := &d.wans[joined.WAN]
		minute.WanRttMs, minute.WanJitterMs, minute.WanLossRatio = u.RttMs, u.JitterMs, u.LossRatio
		minute.WanDownloadMbps, minute.WanUploadMbps = u.DownloadMbps, u.UploadMbps
	}
}
