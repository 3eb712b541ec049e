package mistwindow

import (
	"math"
	"net/http"
	"slices"
	"time"

	"callweave/internal/macaddr"
	"callweave/internal/world"
)

// metric is a kept history. The public reference shows num_clients and one other;
// which metrics a live cloud offers is found only by asking it. The rest here is what
// a collector would hope for.
type metric struct {
	description string
	unit        string
	scopes      []string
	params      object
	// of the subject at a moment; not ok while there is nothing to measure
	site   func(*world.Site, time.Time) (float64, bool)
	client func(*world.Client, time.Time) (float64, bool)
	ap     func(*world.AP, world.Band, time.Time) (float64, bool)
}

func (w *Window) metrics() map[string]metric {
	wan := func(read func(world.WANState) float64) func(*world.Site, time.Time) (float64, bool) {
		return func(s *world.Site, t time.Time) (float64, bool) { return read(w.world.WANAt(s, t)), true }
	}
	onAP := func(ap *world.AP, band world.Band, t time.Time) (float64, bool) {
		n := 0
		for _, b := range bands() {
			if band == "" || band == b {
				n += w.world.RadioAt(ap, b, t).NumClients
			}
		}
		return float64(n), true
	}
	return map[string]metric{
		"num_clients": {
			description: "Number of clients over time", scopes: []string{"site", "ap", "device"}, ap: onAP,
			site: func(s *world.Site, t time.Time) (float64, bool) {
				sum := 0.0
				for _, ap := range s.APs {
					n, _ := onAP(ap, "", t)
					sum += n
				}
				return sum, true
			},
		},
		"rssi": {
			description: "Signal strength of a client over time", unit: "dBm", scopes: []string{"client"},
			client: func(c *world.Client, t time.Time) (float64, bool) {
				s, ok := w.world.ClientAt(c, t)
				return float64(s.RSSIDBm), ok && s.AP != nil
			},
		},
		"radio_util": {
			description: "Utilization of a radio over time", unit: "%", scopes: []string{"ap"},
			params: object{"band": object{"required": true}},
			ap: func(ap *world.AP, band world.Band, t time.Time) (float64, bool) {
				s := w.world.RadioAt(ap, band, t)
				return float64(s.UtilAll), s.Channel != 0
			},
		},
		"wan_latency": {
			description: "Latency of the uplink over time", unit: "ms", scopes: []string{"site"},
			site: wan(func(s world.WANState) float64 { return s.RTTMS }),
		},
		"wan_jitter": {
			description: "Jitter of the uplink over time", unit: "ms", scopes: []string{"site"},
			site: wan(func(s world.WANState) float64 { return s.JitterMS }),
		},
		"wan_loss": {
			description: "Loss of the uplink over time", unit: "%", scopes: []string{"site"},
			site: wan(func(s world.WANState) float64 { return s.LossPercent }),
		},
	}
}

// resolution is an interval at which history is kept, and for how long: the figures
// of the reference's example.
type resolution struct {
	name             string
	interval, maxAge time.Duration
	step             time.Duration // between the moments that are averaged
}

func resolutions() []resolution {
	return []resolution{
		{"10m", 10 * time.Minute, 24 * time.Hour, time.Minute},
		{"1h", time.Hour, 14 * 24 * time.Hour, 5 * time.Minute},
	}
}

func (w *Window) insightMetrics(*request) (any, error) {
	catalogue := object{}
	for name, m := range w.metrics() {
		intervals := object{}
		for _, r := range resolutions() {
			intervals[r.name] = object{"interval": int(r.interval.Seconds()), "max_age": int(r.maxAge.Seconds())}
		}
		entry := object{
			"description": m.description, "type": "timeseries", "unit": m.unit, "scopes": m.scopes, "intervals": intervals,
		}
		if m.params != nil {
			entry["params"] = m.params
		}
		catalogue[name] = entry
	}
	return catalogue, nil
}

func (w *Window) siteInsight(r *request) (any, error) {
	m, ok := w.metrics()[r.PathValue("metric")]
	if !ok || m.site == nil {
		return nil, errNoPath
	}
	return w.history(r, false, func(t time.Time) (float64, bool) { return m.site(r.sites[0], t) })
}

func (w *Window) clientInsight(r *request) (any, error) {
	m, ok := w.metrics()[r.PathValue("metric")]
	mac, err := macaddr.Parse(r.PathValue("mac"))
	if !ok || m.client == nil || err != nil {
		return nil, errNoPath
	}
	client, ok := w.world.Client(mac)
	if !ok {
		return nil, refusal{status: http.StatusNotFound, id: mac.String()}
	}
	return w.history(r, false, func(t time.Time) (float64, bool) {
		if s, ok := w.world.ClientAt(client, t); !ok || s.AP == nil || s.AP.Site != r.sites[0] {
			return 0, false
		}
		return m.client(client, t)
	})
}

func (w *Window) deviceInsight(r *request) (any, error) {
	m, ok := w.metrics()[r.PathValue("metric")]
	if !ok || m.ap == nil {
		return nil, errNoPath
	}
	mac := r.PathValue("mac")
	i := slices.IndexFunc(r.sites[0].APs, func(ap *world.AP) bool { return ap.MAC.String() == mac })
	if i < 0 {
		return nil, refusal{status: http.StatusNotFound, id: mac}
	}
	band := world.Band(r.URL.Query().Get("band"))
	if band != "" && !slices.Contains(bands(), band) || band == "" && m.params != nil {
		return nil, badRequest("band: want 24, 5 or 6")
	}
	return w.history(r, true, func(t time.Time) (float64, bool) { return m.ap(r.sites[0].APs[i], band, t) })
}

// history answers with the means of whole intervals. The reference gives devices
// whole numbers beside a list of times, and everything else objects; a gap is left
// out of the first and null in the second. What is older than the resolution is kept
// for is a gap.
func (w *Window) history(r *request, device bool, measure func(time.Time) (float64, bool)) (any, error) {
	win, err := windowOf(r.URL.Query(), r.now)
	if err != nil {
		return nil, err
	}
	limit, page, err := pageOf(r)
	if err != nil {
		return nil, err
	}
	res, err := resolutionOf(r, win)
	if err != nil {
		return nil, err
	}
	var moments []time.Time
	for t := win.start.Truncate(res.interval); t.Before(win.end) && !t.Add(res.interval).After(r.now); t = t.Add(res.interval) {
		if !t.Before(win.start) {
			moments = append(moments, t)
		}
	}
	results, rt := []any{}, []string{}
	for _, t := range pick(moments, limit, page) {
		value, ok := 0.0, false
		if !t.Before(r.now.Add(-res.maxAge)) {
			value, ok = mean(t, res, measure)
		}
		switch {
		case device && ok:
			results, rt = append(results, int(math.Round(value))), append(rt, t.UTC().Format("2006-01-02 15:04:05-07:00"))
		case device:
		case ok:
			results = append(results, object{"timestamp": t.Unix(), r.PathValue("metric"): math.Round(value*100) / 100})
		default:
			results = append(results, object{"timestamp": t.Unix(), r.PathValue("metric"): nil})
		}
	}
	reply := object{
		"start": win.start.Unix(), "end": win.end.Unix(), "interval": int(res.interval.Seconds()),
		"limit": limit, "page": page, "results": results,
	}
	if device {
		reply["rt"] = rt
	}
	return reply, nil
}

// resolutionOf takes the interval asked for, or the finest that reaches back far
// enough.
func resolutionOf(r *request, win window) (resolution, error) {
	all := resolutions()
	if name := r.URL.Query().Get("interval"); name != "" {
		if i := slices.IndexFunc(all, func(one resolution) bool { return one.name == name }); i >= 0 {
			return all[i], nil
		}
		return resolution{}, badRequest("interval: not offered")
	}
	for _, res := range all {
		if !win.start.Before(r.now.Add(-res.maxAge)) {
			return res, nil
		}
	}
	return all[len(all)-1], nil
}

func mean(from time.Time, res resolution, measure func(time.Time) (float64, bool)) (float64, bool) {
	sum, n := 0.0, 0
	for t := from; t.Before(from.Add(res.interval)); t = t.Add(res.step) {
		if value, ok := measure(t); ok {
			sum, n = sum+value, n+1
		}
	}
	if n == 0 {
		return 0, false
	}
	return sum / float64(n), true
}
