package console

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"callweave/internal/correlate"
	"callweave/internal/insight"
	"callweave/internal/measure"
	"callweave/internal/store"
	"callweave/internal/store/db"
)

// Insights words what the models say for people.
type Insights struct {
	store     *store.Store
	explainer *insight.Explainer
}

// NewInsights builds the explainer of a console.
func NewInsights(s *store.Store, explainer *insight.Explainer) *Insights {
	return &Insights{store: s, explainer: explainer}
}

// Explain returns nil for a minute that is not there, or is not bad.
func (i *Insights) Explain(ctx context.Context, org uuid.UUID, leg int64, startAt time.Time) (*Explanation, error) {
	minutes, err := i.store.LegMinutes(ctx, org, []int64{leg}, startAt, startAt.Add(time.Microsecond))
	if err != nil || len(minutes) == 0 {
		return nil, err
	}
	explanations, err := i.explainer.Explain(ctx, org, minutes[:1])
	if err != nil {
		return nil, err
	}
	row, err := i.store.Org(ctx, org)
	if err != nil {
		return nil, err
	}
	return worded(&minutes[0], &explanations[0], &row), nil
}

// worded puts an explanation into people's words.
func worded(minute *db.CallMinute, e *insight.Explanation, org *db.Org) *Explanation {
	w := e.Worst
	if w == nil {
		return nil
	}
	scale, unit := 1.0, "ms"
	limit := float64(org.LatencyBadMs)
	if w.Unit == insight.UnitThreshold {
		switch correlate.Metric(minute.WorstMetric) {
		case correlate.Jitter:
			scale = float64(org.JitterBadMs)
			limit = scale
		case correlate.Loss:
			scale, unit = 100*float64(org.LossBadRatio), "%"
			limit = scale
		case correlate.Latency: // is in ms
		}
	}
	out := &Explanation{
		What: directionName(minute.WorstDirection) + ": " + metricName(minute.WorstMetric),
		Unit: unit, Expected: scale * w.Expected, Predicted: scale * w.Predicted(), Observed: measure.Of(scale * w.Observed), Limit: limit,
	}
	out.ModelVersion, out.Factory = e.ModelVersion, e.Factory
	out.Confidence = e.Confidence
	if e.Gone {
		out.Note = "The model that judged this minute is no more; this is what the present one says."
	}
	if c := w.Counterfactual; c != nil {
		label, _ := featureSeen(c.Feature, minute)
		out.Healthy = &Healthy{Feature: label, Value: scale * c.Value}
	}
	for _, part := range w.Features {
		label, seen := featureSeen(part.Feature, minute)
		out.Contributions = append(out.Contributions, Contribution{
			Feature: label, Seen: seen, Bucket: insight.BucketOf(part.Feature), Effect: scale * part.Value,
		})
	}
	return out
}

// featureSeen says what a feature is, and what it was in a minute; "" where nobody knows.
func featureSeen(name string, m *db.CallMinute) (label, seen string) {
	amount := func(v measure.Value, scale float64, unit string) string {
		n, known := v.Get()
		if !known {
			return ""
		}
		return plain(n*scale) + unit
	}
	switch name {
	case "client_cpu":
		return "Load of the computer", amount(m.ClientCpuPercent, 1, " %")
	case "client_n_streams":
		return "Antennas of the computer", amount(m.ClientNStreams, 1, "")
	case "client_vpn_distance":
		if m.ClientVpn == nil {
			return "VPN", ""
		}
		if *m.ClientVpn {
			return "VPN", "in use"
		}
		return "VPN", "not in use"
	case "client_wifi_version":
		return "Wi-Fi generation", amount(m.ClientWifiVersion, 1, "")
	case "client_rssi":
		return "Wi-Fi signal", amount(m.ClientRssiDbm, 1, " dBm")
	case "client_radio_band":
		if m.Band == "" {
			return "Wi-Fi band", ""
		}
		return "Wi-Fi band", map[string]string{"24": "2.4", "5": "5", "6": "6"}[m.Band] + " GHz"
	case "ap_num_clients":
		return "Clients of the access point", amount(m.ApNumClients, 1, "")
	case "radio_util":
		return "Busy air", amount(m.RadioUtilRatio, 100, " % of the time")
	case "radio_util_interference":
		return "Interference", amount(m.RadioUtilInterferenceRatio, 100, " % of the time")
	case "radio_ap_change":
		return "Change of access point", amount(m.RadioApChange, 1, " ×")
	case "wan_rtt":
		return "Delay of the internet line", amount(m.WanRttMs, 1, " ms")
	case "wan_jitter":
		return "Jitter of the internet line", amount(m.WanJitterMs, 1, " ms")
	case "wan_loss":
		return "Loss on the internet line", amount(m.WanLossRatio, 100, " %")
	case "wan_avg_download_mbps":
		return "Download on the internet line", amount(m.WanDownloadMbps, 1, " Mbit/s")
	case "wan_avg_upload_mbps":
		return "Upload on the internet line", amount(m.WanUploadMbps, 1, " Mbit/s")
	case "site_num_clients":
		return "Clients on site", ""
	case "ap_rtt":
		return "Delay to the access point", ""
	}
	return fmt.Sprintf("“%s”", name), ""
}
