package zoomwindow

import (
	"net/http"
	"slices"
	"time"

	"callweave/internal/world"
)

// media is one medium in one direction during one minute. Everything is text with
// a unit; "" and "-" are absent.
type media struct {
	Bitrate    string  `json:"bitrate"`
	Latency    string  `json:"latency"`
	Jitter     string  `json:"jitter"`
	AvgLoss    string  `json:"avg_loss"`
	MaxLoss    string  `json:"max_loss"`
	Resolution *string `json:"resolution,omitempty"` // not of audio
	FrameRate  *string `json:"frame_rate,omitempty"`
}

type cpuUsage struct {
	ZoomMin   string `json:"zoom_min_cpu_usage"`
	ZoomAvg   string `json:"zoom_avg_cpu_usage"`
	ZoomMax   string `json:"zoom_max_cpu_usage"`
	SystemMax string `json:"system_max_cpu_usage"`
}

type wifiRSSI struct {
	Max  int    `json:"max_rssi"`
	Avg  int    `json:"avg_rssi"`
	Min  int    `json:"min_rssi"`
	Unit string `json:"rssi_unit"`
}

// sample is one minute of a join. The media of a web client are in the rwg objects
// (Real-Time Web Gateway), those of a room system in the crc ones (Cloud Room
// Connector).
type sample struct {
	DateTime    string `json:"date_time"`
	AudioInput  *media `json:"audio_input,omitempty"`
	AudioOutput *media `json:"audio_output,omitempty"`
	VideoInput  *media `json:"video_input,omitempty"`
	VideoOutput *media `json:"video_output,omitempty"`
	ASInput     *media `json:"as_input,omitempty"`
	ASOutput    *media `json:"as_output,omitempty"`

	AudioFromRWG *media `json:"audio_device_from_rwg,omitempty"`
	AudioToRWG   *media `json:"audio_device_to_rwg,omitempty"`
	VideoFromRWG *media `json:"video_device_from_rwg,omitempty"`
	VideoToRWG   *media `json:"video_device_to_rwg,omitempty"`
	ASFromRWG    *media `json:"as_device_from_rwg,omitempty"`
	ASToRWG      *media `json:"as_device_to_rwg,omitempty"`

	AudioFromCRC *media `json:"audio_device_from_crc,omitempty"`
	AudioToCRC   *media `json:"audio_device_to_crc,omitempty"`
	VideoFromCRC *media `json:"video_device_from_crc,omitempty"`
	VideoToCRC   *media `json:"video_device_to_crc,omitempty"`
	ASFromCRC    *media `json:"as_device_from_crc,omitempty"`
	ASToCRC      *media `json:"as_device_to_crc,omitempty"`

	CPUUsage *cpuUsage `json:"cpu_usage,omitempty"`
	WiFiRSSI *wifiRSSI `json:"wifi_rssi,omitempty"`
}

type qosRow struct {
	identity

	UserQoS []sample `json:"user_qos"`
}

type qosList struct {
	page

	Participants []qosRow `json:"participants"`
}

// serveQoS is GET /metrics/meetings/{meetingId}/participants/qos: ten joins a page
// at most, one by default.
func (w *Window) serveQoS(c *call) reply {
	options, failure := w.dashboard(c)
	if failure != nil {
		return *failure
	}
	kind, failure := listTypeOf(c.query, false)
	if failure != nil {
		return *failure
	}
	size, failure := pageSizeOf(c.query, 1, 10)
	if failure != nil {
		return *failure
	}
	m, failure := w.meetingOf(c, kind, true) // pastOne is no type here
	if failure != nil {
		return *failure
	}
	now := w.cfg.Now()
	legs := joined(m, now)
	i, j, envelope, ok := w.pages.cut(listingOf(c, "qos", kind), c.query.Get("next_page_token"), size, len(legs))
	if !ok {
		return invalidPageToken()
	}
	out := qosList{page: envelope, Participants: make([]qosRow, 0, j-i)}
	for _, leg := range legs[i:j] {
		out.Participants = append(out.Participants, w.qosRow(c, leg, options, now))
	}
	return jsonReply(http.StatusOK, out)
}

// serveOneQoS is GET …/participants/{participantId}/qos. Of somebody who joined more
// than once it gives the last join.
func (w *Window) serveOneQoS(c *call) reply {
	options, failure := w.dashboard(c)
	if failure != nil {
		return *failure
	}
	kind, failure := listTypeOf(c.query, false)
	if failure != nil {
		return *failure
	}
	m, failure := w.meetingOf(c, kind, true) // pastOne is no type here
	if failure != nil {
		return *failure
	}
	now := w.cfg.Now()
	legs := joined(m, now)
	for _, leg := range slices.Backward(legs) {
		if leg.UserID == c.personID {
			return jsonReply(http.StatusOK, w.qosRow(c, leg, options, now))
		}
	}
	return apiErrorReply(http.StatusNotFound, 3001, "This meeting's detail info is not available.")
}

func (w *Window) qosRow(c *call, leg *world.Leg, options AccountOptions, now time.Time) qosRow {
	row := qosRow{identity: w.identityOf(leg, options, now), UserQoS: []sample{}}
	if c.injected != nil && c.injected.Kind == FaultEmptyQoS {
		return row
	}
	known := w.knownUntil(leg.Meeting, now)
	for _, minute := range w.meetings.Minutes(leg) {
		// Zoom gives no element for a minute in which nothing is sent or received.
		if minute.HasMedia() && minute.StartAt.Before(known) {
			row.UserQoS = append(row.UserQoS, sampleOf(leg, minute))
		}
	}
	return row
}

// knownUntil is the moment from which on a meeting's minutes are not there yet: the
// tail of a meeting comes late.
func (w *Window) knownUntil(m *world.Meeting, now time.Time) time.Time {
	if !now.Before(m.EndAt.Add(w.cfg.Lags.Settle)) {
		return m.EndAt
	}
	return earlier(now, m.EndAt).Add(-w.cfg.Lags.Unsettled)
}

func sampleOf(leg *world.Leg, m world.Minute) sample {
	s := spellingOf(leg)
	out := sample{DateTime: timeText(m.StartAt)}
	audioIn, audioOut := s.audio(m.AudioIn), s.audio(m.AudioOut)
	videoIn, videoOut := s.video(m.VideoIn), s.video(m.VideoOut)
	asIn, asOut := s.video(m.ScreenIn), s.video(m.ScreenOut)
	switch {
	case leg.Device == deviceRoom:
		out.AudioFromCRC, out.AudioToCRC = audioIn, audioOut
		out.VideoFromCRC, out.VideoToCRC = videoIn, videoOut
		out.ASFromCRC, out.ASToCRC = asIn, asOut
		return out
	case webClient(leg):
		out.AudioFromRWG, out.AudioToRWG = audioIn, audioOut
		out.VideoFromRWG, out.VideoToRWG = videoIn, videoOut
		out.ASFromRWG, out.ASToRWG = asIn, asOut
		return out
	}
	out.AudioInput, out.AudioOutput = audioIn, audioOut
	out.VideoInput, out.VideoOutput = videoIn, videoOut
	out.ASInput, out.ASOutput = asIn, asOut
	out.CPUUsage = &cpuUsage{
		ZoomMin: s.percentage(float64(m.CPU.ZoomMin)), ZoomAvg: s.percentage(float64(m.CPU.ZoomAvg)),
		ZoomMax: s.percentage(float64(m.CPU.ZoomMax)), SystemMax: s.percentage(float64(m.CPU.SystemMax)),
	}
	if m.RSSI != nil {
		out.WiFiRSSI = &wifiRSSI{Max: m.RSSI.Max, Avg: m.RSSI.Avg, Min: m.RSSI.Min, Unit: "dBm"}
	}
	return out
}

// webClient reports whether a guest joined from a browser, as some do.
func webClient(leg *world.Leg) bool {
	return guest(leg) && leg.MAC.IsZero() && hash("web"+leg.UUID)%5 == 0
}

func (s spelling) audio(v world.Stream) *media {
	if !v.Present {
		return s.absent
	}
	return &media{
		Bitrate: s.with(number(v.BitrateKbps), "kbps"),
		Latency: s.with(number(v.LatencyMS), "ms"),
		Jitter:  s.with(number(v.JitterMS), "ms"),
		AvgLoss: s.percentage(v.LossAvgPercent),
		MaxLoss: s.percentage(v.LossMaxPercent),
	}
}

func (s spelling) video(v world.Stream) *media {
	out := s.audio(v)
	if out == nil {
		return nil
	}
	resolution, rate := "", ""
	if v.Present {
		rate = s.with(number(v.FrameRateFPS), "fps")
		if v.Width > 0 {
			resolution = number(float64(v.Width)) + "*" + number(float64(v.Height))
		}
	}
	withPicture := *out
	withPicture.Resolution, withPicture.FrameRate = &resolution, &rate
	return &withPicture
}
