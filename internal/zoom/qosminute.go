package zoom

import (
	"bytes"
	"time"

	"callweave/internal/measure"
	"callweave/internal/provider"
)

// qosMinute is what was measured on one join during one minute. The objects of a medium
// that was not used are absent. Those who joined by web browser (…_rwg, the web gateway)
// or by a room system (…_crc, the room connector) have theirs in place of the plain ones:
// "from" the device is the input, "to" the device the output.
type qosMinute struct {
	plain, web, room streams
}

type streams struct {
	audioIn, audioOut, videoIn, videoOut, screenIn, screenOut provider.Stream
}

// readMinute reads a minute. Zoom stamps it with the minute it is of, or with a moment in
// it.
func readMinute(r *reader) provider.MediaSample {
	var (
		sample provider.MediaSample
		m      qosMinute
	)
	for name := range r.fields {
		if stream := m.stream(name); stream != nil {
			readStream(r, stream)
			continue
		}
		switch string(name) {
		case "date_time":
			sample.StartAt = r.time().Truncate(time.Minute)
		case "cpu_usage":
			readCPU(r, &sample)
		case "wifi_rssi":
			readRSSI(r, &sample)
		}
	}
	if sample.StartAt.IsZero() {
		r.fail("a minute with a time")
	}
	sample.EndAt = sample.StartAt.Add(time.Minute)
	sample.Granularity = provider.PerMinute
	sample.AudioIn = firstMeasured(&m.plain.audioIn, &m.web.audioIn, &m.room.audioIn)
	sample.AudioOut = firstMeasured(&m.plain.audioOut, &m.web.audioOut, &m.room.audioOut)
	sample.VideoIn = firstMeasured(&m.plain.videoIn, &m.web.videoIn, &m.room.videoIn)
	sample.VideoOut = firstMeasured(&m.plain.videoOut, &m.web.videoOut, &m.room.videoOut)
	sample.ScreenIn = firstMeasured(&m.plain.screenIn, &m.web.screenIn, &m.room.screenIn)
	sample.ScreenOut = firstMeasured(&m.plain.screenOut, &m.web.screenOut, &m.room.screenOut)
	return sample
}

// stream is where the object of a name goes; nil where it is no stream.
func (m *qosMinute) stream(name []byte) *provider.Stream {
	switch string(name) {
	case "audio_input":
		return &m.plain.audioIn
	case "audio_output":
		return &m.plain.audioOut
	case "video_input":
		return &m.plain.videoIn
	case "video_output":
		return &m.plain.videoOut
	case "as_input":
		return &m.plain.screenIn
	case "as_output":
		return &m.plain.screenOut

	case "audio_device_from_rwg":
		return &m.web.audioIn
	case "audio_device_to_rwg":
		return &m.web.audioOut
	case "video_device_from_rwg":
		return &m.web.videoIn
	case "video_device_to_rwg":
		return &m.web.videoOut
	case "as_device_from_rwg":
		return &m.web.screenIn
	case "as_device_to_rwg":
		return &m.web.screenOut

	case "audio_device_from_crc":
		return &m.room.audioIn
	case "audio_device_to_crc":
		return &m.room.audioOut
	case "video_device_from_crc":
		return &m.room.videoIn
	case "video_device_to_crc":
		return &m.room.videoOut
	case "as_device_from_crc":
		return &m.room.screenIn
	case "as_device_to_crc":
		return &m.room.screenOut
	}
	return nil
}

// firstMeasured returns the first stream on which something was measured.
func firstMeasured(plain, web, room *provider.Stream) provider.Stream {
	switch {
	case plain.Measured() || !web.Measured() && !room.Measured():
		return *plain
	case web.Measured():
		return *web
	}
	return *room
}

// readStream reads one medium in one direction.
func readStream(r *reader, s *provider.Stream) {
	for name := range r.fields {
		switch string(name) {
		case "latency":
			s.LatencyMS = r.measure(milliseconds())
		case "jitter":
			s.JitterMS = r.measure(milliseconds())
		case "avg_loss":
			s.LossAvgRatio = r.measure(ratio())
		case "max_loss":
			s.LossMaxRatio = r.measure(ratio())
		case "bitrate":
			s.BitrateBPS = r.measure(bitsPerSecond())
		case "frame_rate":
			s.FrameRateFPS = r.measure(framesPerSecond())
		case "resolution":
			s.WidthPx, s.HeightPx = r.resolution()
		}
	}
}

func readCPU(r *reader, s *provider.MediaSample) {
	for name := range r.fields {
		switch string(name) {
		case "zoom_avg_cpu_usage":
			s.ClientCPUAvgPercent = r.measure(percent())
		case "zoom_max_cpu_usage":
			s.ClientCPUMaxPercent = r.measure(percent())
		case "system_max_cpu_usage":
			s.SystemCPUMaxPercent = r.measure(percent())
		}
	}
}

// readRSSI reads signal strengths, whose unit is a field of its own.
func readRSSI(r *reader, s *provider.MediaSample) {
	var lesser, greater measure.Value
	foreign := false
	for name := range r.fields {
		switch string(name) {
		case "avg_rssi":
			s.WiFiRSSIAvgDBm = r.measure(decibels())
		case "min_rssi":
			lesser = r.measure(decibels())
		case "max_rssi":
			greater = r.measure(decibels())
		case "rssi_unit":
			text, ok := r.scalar()
			text = bytes.TrimSpace(text)
			foreign = !ok || !isUnknown(text) && !equalFold(text, "dbm")
		}
	}
	s.WiFiRSSIMinDBm, s.WiFiRSSIMaxDBm = ordered(lesser, greater)
	if foreign && (s.WiFiRSSIAvgDBm.Known() || lesser.Known() || greater.Known()) {
		r.fail("a signal strength in dBm")
	}
}

// ordered returns the lesser first: Zoom's own sample has a minimum above its maximum.
func ordered(a, b measure.Value) (lesser, greater measure.Value) {
	if a.Above(b.Or(a.Or(0))) {
		return b, a
	}
	return a, b
}
