package zoom

import (
	"time"

	"callweave/internal/measure"
	"callweave/internal/provider"
)

// qosRow is one join in the quality of service list.
type qosRow struct {
	participantRow
	Minutes []qosMinute `json:"user_qos"`
}

// qosMinute is what was measured on one join during one minute. The objects of a medium
// that was not used are absent. Those who joined by web browser (…_rwg, the web gateway)
// or by a room system (…_crc, the room connector) have theirs in place of the plain ones:
// "from" the device is the input, "to" the device the output.
type qosMinute struct {
	DateTime string `json:"date_time"`

	AudioIn  qosStream `json:"audio_input"`
	AudioOut qosStream `json:"audio_output"`
	VideoIn  qosStream `json:"video_input"`
	VideoOut qosStream `json:"video_output"`
	ShareIn  qosStream `json:"as_input"`
	ShareOut qosStream `json:"as_output"`

	AudioToRWG   qosStream `json:"audio_device_to_rwg"`
	AudioFromRWG qosStream `json:"audio_device_from_rwg"`
	VideoToRWG   qosStream `json:"video_device_to_rwg"`
	VideoFromRWG qosStream `json:"video_device_from_rwg"`
	ShareToRWG   qosStream `json:"as_device_to_rwg"`
	ShareFromRWG qosStream `json:"as_device_from_rwg"`

	AudioToCRC   qosStream `json:"audio_device_to_crc"`
	AudioFromCRC qosStream `json:"audio_device_from_crc"`
	VideoToCRC   qosStream `json:"video_device_to_crc"`
	VideoFromCRC qosStream `json:"video_device_from_crc"`
	ShareToCRC   qosStream `json:"as_device_to_crc"`
	ShareFromCRC qosStream `json:"as_device_from_crc"`

	CPU struct {
		ZoomAvg   percentValue `json:"zoom_avg_cpu_usage"`
		ZoomMax   percentValue `json:"zoom_max_cpu_usage"`
		SystemMax percentValue `json:"system_max_cpu_usage"`
	} `json:"cpu_usage"`
	RSSI struct {
		Avg decibelValue `json:"avg_rssi"`
		Min decibelValue `json:"min_rssi"`
		Max decibelValue `json:"max_rssi"`
	} `json:"wifi_rssi"`
}

// qosStream is one medium in one direction.
type qosStream struct {
	Latency    millisecondValue `json:"latency"`
	Jitter     millisecondValue `json:"jitter"`
	AvgLoss    ratioValue       `json:"avg_loss"`
	MaxLoss    ratioValue       `json:"max_loss"`
	Bitrate    bitrateValue     `json:"bitrate"`
	FrameRate  frameRateValue   `json:"frame_rate"`
	Resolution resolutionValue  `json:"resolution"`
}

// sample converts a minute. Zoom stamps it with the minute it is of, or with a moment in
// it.
func (m *qosMinute) sample() (provider.MediaSample, error) {
	at, err := parseTime(m.DateTime)
	if err != nil || at.IsZero() {
		return provider.MediaSample{}, &valueError{"the time of a minute"}
	}
	at = at.Truncate(time.Minute)
	weakest, strongest := ordered(m.RSSI.Min.Value, m.RSSI.Max.Value)
	return provider.MediaSample{
		StartAt:     at,
		EndAt:       at.Add(time.Minute),
		Granularity: provider.PerMinute,

		AudioIn:   firstMeasured(&m.AudioIn, &m.AudioFromRWG, &m.AudioFromCRC),
		AudioOut:  firstMeasured(&m.AudioOut, &m.AudioToRWG, &m.AudioToCRC),
		VideoIn:   firstMeasured(&m.VideoIn, &m.VideoFromRWG, &m.VideoFromCRC),
		VideoOut:  firstMeasured(&m.VideoOut, &m.VideoToRWG, &m.VideoToCRC),
		ScreenIn:  firstMeasured(&m.ShareIn, &m.ShareFromRWG, &m.ShareFromCRC),
		ScreenOut: firstMeasured(&m.ShareOut, &m.ShareToRWG, &m.ShareToCRC),

		ClientCPUAvgPercent: m.CPU.ZoomAvg.Value,
		ClientCPUMaxPercent: m.CPU.ZoomMax.Value,
		SystemCPUMaxPercent: m.CPU.SystemMax.Value,
		WiFiRSSIAvgDBm:      m.RSSI.Avg.Value,
		WiFiRSSIMinDBm:      weakest,
		WiFiRSSIMaxDBm:      strongest,
	}, nil
}

// ordered returns the lesser first: Zoom's own sample has a minimum above its maximum.
func ordered(a, b measure.Value) (lesser, greater measure.Value) {
	if a.Above(b.Or(a.Or(0))) {
		return b, a
	}
	return a, b
}

func firstMeasured(candidates ...*qosStream) provider.Stream {
	for _, candidate := range candidates {
		if s := candidate.stream(); s.Measured() {
			return s
		}
	}
	return candidates[0].stream()
}

func (s *qosStream) stream() provider.Stream {
	return provider.Stream{
		LatencyMS:    s.Latency.Value,
		JitterMS:     s.Jitter.Value,
		LossAvgRatio: s.AvgLoss.Value,
		LossMaxRatio: s.MaxLoss.Value,
		BitrateBPS:   s.Bitrate.Value,
		FrameRateFPS: s.FrameRate.Value,
		WidthPx:      s.Resolution.width,
		HeightPx:     s.Resolution.height,
	}
}

// One type per unit, so that a field says in what unit it is read.
type (
	millisecondValue struct{ measure.Value }
	ratioValue       struct{ measure.Value }
	bitrateValue     struct{ measure.Value }
	frameRateValue   struct{ measure.Value }
	percentValue     struct{ measure.Value }
	decibelValue     struct{ measure.Value }
	resolutionValue  struct{ width, height measure.Value }
)

// UnmarshalJSON implements json.Unmarshaler.
func (v *millisecondValue) UnmarshalJSON(data []byte) (err error) {
	v.Value, err = milliseconds().parseJSON(data)
	return err
}

// UnmarshalJSON implements json.Unmarshaler.
func (v *ratioValue) UnmarshalJSON(data []byte) (err error) {
	v.Value, err = ratio().parseJSON(data)
	return err
}

// UnmarshalJSON implements json.Unmarshaler.
func (v *bitrateValue) UnmarshalJSON(data []byte) (err error) {
	v.Value, err = bitsPerSecond().parseJSON(data)
	return err
}

// UnmarshalJSON implements json.Unmarshaler.
func (v *frameRateValue) UnmarshalJSON(data []byte) (err error) {
	v.Value, err = framesPerSecond().parseJSON(data)
	return err
}

// UnmarshalJSON implements json.Unmarshaler.
func (v *percentValue) UnmarshalJSON(data []byte) (err error) {
	v.Value, err = percent().parseJSON(data)
	return err
}

// UnmarshalJSON implements json.Unmarshaler.
func (v *decibelValue) UnmarshalJSON(data []byte) (err error) {
	v.Value, err = decibels().parseJSON(data)
	return err
}

// UnmarshalJSON implements json.Unmarshaler.
func (v *resolutionValue) UnmarshalJSON(data []byte) error {
	text, err := scalar(data)
	if err != nil {
		return &valueError{"a resolution"}
	}
	v.width, v.height, err = parseResolution(text)
	return err
}
