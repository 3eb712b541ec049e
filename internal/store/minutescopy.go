package store

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"net"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"callweave/internal/measure"
	"callweave/internal/store/db"
)

// Call minutes are put into Postgres' binary COPY format by hand, like media samples.

// minuteColumn is a column of call_minutes and how its value is written.
type minuteColumn struct {
	name string
	put  func(out []byte, m *db.CallMinute) []byte
}

// minuteColumns are all columns of call_minutes: what is not here is never written.
func minuteColumns() []minuteColumn {
	type minute = db.CallMinute
	columns := []minuteColumn{
		{"org_id", func(out []byte, m *minute) []byte { return appendUUID(out, m.OrgID) }},
		{"leg_id", func(out []byte, m *minute) []byte { return appendInt64(out, m.LegID) }},
		{"start_at", func(out []byte, m *minute) []byte { return appendInt64(out, timestamp(m.StartAt)) }},
		{"end_at", func(out []byte, m *minute) []byte { return appendInt64(out, timestamp(m.EndAt)) }},
		{"provider", func(out []byte, m *minute) []byte { return appendText(out, m.Provider) }},
		{"account_id", func(out []byte, m *minute) []byte { return appendText(out, m.AccountID) }},
		{"meeting_id", func(out []byte, m *minute) []byte { return appendText(out, m.MeetingID) }},
		{"site_id", func(out []byte, m *minute) []byte { return appendUUID(out, m.SiteID) }},
		{"client_mac", func(out []byte, m *minute) []byte { return appendMAC(out, m.ClientMac) }},
		{"ap_mac", func(out []byte, m *minute) []byte { return appendMAC(out, m.ApMac) }},
		{"band", func(out []byte, m *minute) []byte { return appendText(out, m.Band) }},
		{"bad", func(out []byte, m *minute) []byte { return appendBool(out, m.Bad) }},
		{"client_vpn", func(out []byte, m *minute) []byte { return appendBool(out, m.ClientVpn) }},
		{"worst_direction", func(out []byte, m *minute) []byte { return appendText(out, m.WorstDirection) }},
		{"worst_metric", func(out []byte, m *minute) []byte { return appendText(out, m.WorstMetric) }},
		{"bucket", func(out []byte, m *minute) []byte { return appendText(out, m.Bucket) }},
	}
	for _, measured := range []struct {
		name string
		of   func(*minute) measure.Value
	}{
		{"audio_in_latency_ms", func(m *minute) measure.Value { return m.AudioInLatencyMs }},
		{"audio_in_jitter_ms", func(m *minute) measure.Value { return m.AudioInJitterMs }},
		{"audio_in_loss_ratio", func(m *minute) measure.Value { return m.AudioInLossRatio }},
		{"audio_out_latency_ms", func(m *minute) measure.Value { return m.AudioOutLatencyMs }},
		{"audio_out_jitter_ms", func(m *minute) measure.Value { return m.AudioOutJitterMs }},
		{"audio_out_loss_ratio", func(m *minute) measure.Value { return m.AudioOutLossRatio }},
		{"video_in_latency_ms", func(m *minute) measure.Value { return m.VideoInLatencyMs }},
		{"video_in_jitter_ms", func(m *minute) measure.Value { return m.VideoInJitterMs }},
		{"video_in_loss_ratio", func(m *minute) measure.Value { return m.VideoInLossRatio }},
		{"video_out_latency_ms", func(m *minute) measure.Value { return m.VideoOutLatencyMs }},
		{"video_out_jitter_ms", func(m *minute) measure.Value { return m.VideoOutJitterMs }},
		{"video_out_loss_ratio", func(m *minute) measure.Value { return m.VideoOutLossRatio }},
		{"client_cpu_percent", func(m *minute) measure.Value { return m.ClientCpuPercent }},
		{"client_rssi_dbm", func(m *minute) measure.Value { return m.ClientRssiDbm }},
		{"client_snr_db", func(m *minute) measure.Value { return m.ClientSnrDb }},
		{"client_channel", func(m *minute) measure.Value { return m.ClientChannel }},
		{"client_tx_rate_mbps", func(m *minute) measure.Value { return m.ClientTxRateMbps }},
		{"client_rx_rate_mbps", func(m *minute) measure.Value { return m.ClientRxRateMbps }},
		{"client_tx_retries", func(m *minute) measure.Value { return m.ClientTxRetries }},
		{"client_rx_retries", func(m *minute) measure.Value { return m.ClientRxRetries }},
		{"client_tx_bytes", func(m *minute) measure.Value { return m.ClientTxBytes }},
		{"client_rx_bytes", func(m *minute) measure.Value { return m.ClientRxBytes }},
		{"radio_channel", func(m *minute) measure.Value { return m.RadioChannel }},
		{"radio_bandwidth_mhz", func(m *minute) measure.Value { return m.RadioBandwidthMhz }},
		{"radio_tx_power_dbm", func(m *minute) measure.Value { return m.RadioTxPowerDbm }},
		{"radio_util_ratio", func(m *minute) measure.Value { return m.RadioUtilRatio }},
		{"radio_util_interference_ratio", func(m *minute) measure.Value { return m.RadioUtilInterferenceRatio }},
		{"ap_num_clients", func(m *minute) measure.Value { return m.ApNumClients }},
		{"wan_rtt_ms", func(m *minute) measure.Value { return m.WanRttMs }},
		{"wan_jitter_ms", func(m *minute) measure.Value { return m.WanJitterMs }},
		{"wan_loss_ratio", func(m *minute) measure.Value { return m.WanLossRatio }},
		{"wan_download_mbps", func(m *minute) measure.Value { return m.WanDownloadMbps }},
		{"wan_upload_mbps", func(m *minute) measure.Value { return m.WanUploadMbps }},
		{"client_wifi_version", func(m *minute) measure.Value { return m.ClientWifiVersion }},
		{"client_n_streams", func(m *minute) measure.Value { return m.ClientNStreams }},
		{"radio_ap_change", func(m *minute) measure.Value { return m.RadioApChange }},
		{"other_legs", func(m *minute) measure.Value { return m.OtherLegs }},
		{"other_legs_bad", func(m *minute) measure.Value { return m.OtherLegsBad }},
		{"other_legs_near", func(m *minute) measure.Value { return m.OtherLegsNear }},
		{"other_legs_near_bad", func(m *minute) measure.Value { return m.OtherLegsNearBad }},
	} {
		of := measured.of
		columns = append(columns, minuteColumn{measured.name, func(out []byte, m *minute) []byte { return appendReal(out, of(m)) }})
	}
	return append(columns,
		minuteColumn{"model_version", func(out []byte, m *minute) []byte { return appendInt32(out, m.ModelVersion) }},
		minuteColumn{"top_features", func(out []byte, m *minute) []byte { return appendTexts(out, m.TopFeatures) }},
		minuteColumn{"confidence", func(out []byte, m *minute) []byte { return appendReal(out, m.Confidence) }},
		minuteColumn{"detour_ms", func(out []byte, m *minute) []byte { return appendReal(out, m.DetourMs) }},
	)
}

// copyMinutes copies the call minutes of some meetings.
func copyMinutes(ctx context.Context, tx pgx.Tx, landings []WeaveLanding) error {
	columns := minuteColumns()
	names := make([]string, len(columns))
	for i, column := range columns {
		names[i] = column.name
	}
	source := &minutesReader{columns: columns}
	for i := range landings {
		if minutes := landings[i].Minutes; len(minutes) > 0 {
			source.rest = append(source.rest, minutes)
		}
	}
	if len(source.rest) == 0 {
		return nil
	}
	if err := copyStream(ctx, tx, "call_minutes", strings.Join(names, ", "), source); err != nil {
		return fmt.Errorf("copy minutes: %w", err)
	}
	return nil
}

// minutesReader makes the stream of a COPY as it is read.
type minutesReader struct {
	columns []minuteColumn
	rest    [][]db.CallMinute
	begun   bool
	ended   bool
	chunk   []byte // made and not read yet
	free    []byte // where the next chunk goes
}

// Read implements io.Reader.
func (r *minutesReader) Read(into []byte) (int, error) {
	if len(r.chunk) == 0 {
		r.fill()
	}
	if len(r.chunk) == 0 {
		return 0, io.EOF
	}
	n := copy(into, r.chunk)
	r.chunk = r.chunk[n:]
	return n, nil
}

func (r *minutesReader) fill() {
	out := r.free[:0]
	if !r.begun {
		r.begun = true
		out = append(out, "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"...)
	}
	for len(r.rest) > 0 && len(out) < copyChunk {
		out = binary.BigEndian.AppendUint16(out, uint16(len(r.columns)))
		for i := range r.columns {
			out = r.columns[i].put(out, &r.rest[0][0])
		}
		if r.rest[0] = r.rest[0][1:]; len(r.rest[0]) == 0 {
			r.rest = r.rest[1:]
		}
	}
	if len(r.rest) == 0 && !r.ended {
		r.ended = true
		out = append(out, 0xff, 0xff)
	}
	r.free, r.chunk = out, out
}

func appendNull(out []byte) []byte { return append(out, 0xff, 0xff, 0xff, 0xff) }

func appendReal(out []byte, value measure.Value) []byte {
	number, known := value.Get()
	if !known {
		return appendNull(out)
	}
	out = append(out, 0, 0, 0, 4)
	return binary.BigEndian.AppendUint32(out, math.Float32bits(float32(number)))
}

func appendText(out []byte, text string) []byte {
	return append(binary.BigEndian.AppendUint32(out, uint32(len(text))), text...)
}

func appendInt32(out []byte, value *int32) []byte {
	if value == nil {
		return appendNull(out)
	}
	return binary.BigEndian.AppendUint32(append(out, 0, 0, 0, 4), uint32(*value))
}

// appendTexts writes a text[] as array_recv reads it; nil is null.
func appendTexts(out []byte, texts []string) []byte {
	if texts == nil {
		return appendNull(out)
	}
	length := len(out)
	out = append(out, 0, 0, 0, 0)
	dimensions := uint32(min(1, len(texts))) // an empty array has none
	for _, field := range [...]uint32{dimensions, 0, pgtype.TextOID} {
		out = binary.BigEndian.AppendUint32(out, field)
	}
	if len(texts) > 0 {
		out = binary.BigEndian.AppendUint32(out, uint32(len(texts)))
		out = binary.BigEndian.AppendUint32(out, 1) // the first subscript
	}
	for _, text := range texts {
		out = appendText(out, text)
	}
	binary.BigEndian.PutUint32(out[length:], uint32(len(out)-length-4))
	return out
}

func appendUUID(out []byte, id uuid.UUID) []byte {
	return append(append(out, 0, 0, 0, 16), id[:]...)
}

func appendMAC(out []byte, mac net.HardwareAddr) []byte {
	if mac == nil {
		return appendNull(out)
	}
	return append(append(out, 0, 0, 0, 6), mac...)
}

func appendBool(out []byte, value *bool) []byte {
	if value == nil {
		return appendNull(out)
	}
	if *value {
		return append(out, 0, 0, 0, 1, 1)
	}
	return append(out, 0, 0, 0, 1, 0)
}
