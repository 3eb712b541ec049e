package zoom

import (
	"time"

	"callweave/internal/measure"
	"callweave/internal/provider"
)

// readMinute reads what was measured on one join during one minute. Zoom stamps it with
// the minute it is of, or with a moment in it. The objects of a medium that was not used
// are absent.
func readMinute(r *reader, sample *provider.MediaSample) {
	var atGateway *gateways
	for name := range r.fields {
		switch string(name) {
		case "date_time":
			sample.StartAt = r.time().Truncate(time.Minute)
		case "audio_input":
			readStream(r, &sample.AudioIn)
		case "audio_output":
			readStream(r, &sample.AudioOut)
		case "video_input":
			readStream(r, &sample.VideoIn)
		case "video_output":
			readStream(r, &sample.VideoOut)
		case "as_input":
			readStream(r, &sample.ScreenIn)
		case "as_output":
			readStream(r, &sample.ScreenOut)
		case "cpu_usage":
			readCPU(r, sample)
		case "wifi_rssi":
			readRSSI(r, sample)
		default:
			atGateway = readGateway(r, name, atGateway)
		}
	}
	if sample.StartAt.IsZero() {
		r.fail("a minute with a time")
	}
	sample.EndAt = sample.StartAt.Add(time.Minute)
	sample.Granularity = provider.PerMinute
	if atGateway != nil {
		atGateway.fill(sample)
	}
}

// readStream reads one medium in one direction.
func readStream(r *reader, s *provider.Stream) {
	for name := range r.fields {
		switch string(name) {
		case "latency":
			s.LatencyMS = r.measure(milliseconds)
		case "jitter":
			s.JitterMS = r.measure(milliseconds)
		case "avg_loss":
			s.LossAvgRatio = r.measure(ratio)
		case "max_loss":
			s.LossMaxRatio = r.measure(ratio)
		case "bitrate":
			s.BitrateBPS = r.measure(bitsPerSecond)
		case "frame_rate":
			s.FrameRateFPS = r.measure(framesPerSecond)
		case "resolution":
			s.WidthPx, s.HeightPx = r.resolution()
		}
	}
}

func readCPU(r *reader, s *provider.MediaSample) {
	for name := range r.fields {
		switch string(name) {
		case "zoom_avg_cpu_usage":
			s.ClientCPUAvgPercent = r.measure(percent)
		case "zoom_max_cpu_usage":
			s.ClientCPUMaxPercent = r.measure(percent)
		case "system_max_cpu_usage":
			s.SystemCPUMaxPercent = r.measure(percent)
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
			s.WiFiRSSIAvgDBm = r.measure(decibels)
		case "min_rssi":
			lesser = r.measure(decibels)
		case "max_rssi":
			greater = r.measure(decibels)
		case "rssi_unit":
			text, ok := unescaped(r.value())
			text = trim(text)
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
