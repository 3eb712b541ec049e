package console

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"callweave/internal/macaddr"
	"callweave/internal/measure"
	"callweave/internal/store/db"
)

// verdict is a call in three lines that somebody who knows nothing of networks can pass on:
// what happened, what was bad about it, and where it is to be fixed.
type verdict struct {
	Minutes    int
	Bad        int
	Unmeasured int
	What       []string // what was bad, the most frequent first
	BadFrom    time.Time
	BadTo      time.Time
	Causes     []cause
	Seen       []string // what stood out in the bad minutes, where no cause is known
	Next       string
}

// cause is a bucket with its bad minutes.
type cause struct {
	Bucket  string
	Name    string
	Minutes int
	Feature string // that was to blame in most of them; "" where nothing was
	Why     string // the same in words, and how it was
}

// Measured reports whether anything could be.
func (v verdict) Measured() bool { return v.Minutes > v.Unmeasured }

// Known reports whether any bad minute has a cause.
func (v verdict) Known() bool {
	return slices.ContainsFunc(v.Causes, func(c cause) bool { return c.Bucket != "unknown" })
}

func newVerdict(minutes []db.CallMinute, bad limits, names deviceNames) verdict {
	v := verdict{Minutes: len(minutes)}
	causes, kinds := map[string]int{}, map[trouble]*worst{}
	var rough, fine []db.CallMinute
	for _, m := range minutes {
		switch {
		case m.Bad == nil:
			v.Unmeasured++
		case !*m.Bad:
			fine = append(fine, m)
		default:
			v.Bad++
			rough = append(rough, m)
			causes[m.Bucket]++
			kind := trouble{m.WorstDirection, m.WorstMetric}
			if kinds[kind] == nil {
				kinds[kind] = &worst{}
			}
			kinds[kind].count++
			kinds[kind].most = max(kinds[kind].most, kind.of(m).Or(0))
		}
	}
	if v.Bad == 0 {
		return v
	}
	v.BadFrom, v.BadTo = rough[0].StartAt, rough[len(rough)-1].EndAt
	for bucket, n := range causes {
		feature, why := blamed(bucket, rough, names)
		v.Causes = append(v.Causes, cause{bucket, bucketName(bucket), n, feature, why})
	}
	slices.SortFunc(v.Causes, func(a, b cause) int { return cmp.Or(b.Minutes-a.Minutes, cmp.Compare(a.Bucket, b.Bucket)) })
	v.What = troubles(kinds, bad)
	v.Seen = standsOut(rough, fine)
	v.Next = nextStep(v.Causes[0].Bucket, v.Causes[0].Feature)
	return v
}

// blamed names the feature that was to blame most often in the minutes of a bucket, and how it
// was in the middle one of these, and where: "busy air (78 % of the time) at ap-3".
func blamed(bucket string, rough []db.CallMinute, names deviceNames) (feature, text string) {
	of, aps := map[string][]*db.CallMinute{}, map[macaddr.Addr]int{}
	for i := range rough {
		m := &rough[i]
		if m.Bucket != bucket || len(m.TopFeatures) == 0 {
			continue
		}
		name := m.TopFeatures[0]
		of[name] = append(of[name], m)
		if most := len(of[feature]); len(of[name]) > most || len(of[name]) == most && name < feature {
			feature = name
		}
	}
	if feature == "" {
		return "", ""
	}
	label, seen := featureSeen(feature, of[feature][len(of[feature])/2])
	text = lowered(label)
	if seen != "" {
		text += " (" + seen + ")"
	}
	if bucket != "wireless" {
		return feature, text
	}
	var at macaddr.Addr
	for _, m := range of[feature] {
		ap := macaddr.FromHardware(m.ApMac)
		if aps[ap]++; aps[ap] > aps[at] {
			at = ap
		}
	}
	if name := names.of(at); name != "" {
		text += " at " + name
	}
	return feature, text
}

// lowered is a label within a sentence; what is written in capitals stays.
func lowered(label string) string {
	if len(label) < 2 || strings.HasPrefix(label, "Wi-Fi") || label[1] >= 'A' && label[1] <= 'Z' {
		return label
	}
	return strings.ToLower(label[:1]) + label[1:]
}

// trouble is what was worst in a minute.
type trouble struct{ direction, metric string }

type worst struct {
	count int
	most  float64
}

func (t trouble) of(m db.CallMinute) measure.Value {
	kind := audio
	if t.direction == "video_in" || t.direction == "video_out" {
		kind = video
	}
	f, out := flows(m, kind)
	if t.direction == "audio_out" || t.direction == "video_out" {
		f = out
	}
	switch t.metric {
	case "latency":
		return f.latencyMs
	case "jitter":
		return f.jitterMs
	case "loss":
		return f.lossRatio
	}
	return measure.Value{}
}

// troubles names the two most frequent ones.
func troubles(kinds map[trouble]*worst, bad limits) []string {
	list := make([]trouble, 0, len(kinds))
	for kind := range kinds {
		list = append(list, kind)
	}
	slices.SortFunc(list, func(a, b trouble) int {
		return cmp.Or(kinds[b].count-kinds[a].count, cmp.Compare(a.direction, b.direction), cmp.Compare(a.metric, b.metric))
	})
	var texts []string
	for _, kind := range list[:min(2, len(list))] {
		most := kinds[kind].most
		switch kind.metric {
		case "latency":
			texts = append(texts, fmt.Sprintf("%s, delay up to %s ms (limit %s ms)", directionName(kind.direction), number(round1(most)), number(bad.latencyMs)))
		case "jitter":
			texts = append(texts, fmt.Sprintf("%s, uneven delay (jitter) up to %s ms (limit %s ms)", directionName(kind.direction), number(round1(most)), number(bad.jitterMs)))
		case "loss":
			texts = append(texts, fmt.Sprintf("%s, up to %s %% of packets lost (limit %s %%)", directionName(kind.direction), number(round1(100*most)), number(100*bad.lossRatio)))
		}
	}
	return texts
}

// standsOut says what was unusual while the call was bad. It is what was seen, and no cause.
func standsOut(rough, fine []db.CallMinute) []string {
	var seen []string
	note := func(what string, of func(db.CallMinute) measure.Value, factor float64, suffix string, stands func(v float64) bool) {
		now, known := median(rough, of)
		if !known || !stands(now) {
			return
		}
		text := what + " (" + plain(factor*now) + suffix
		if before, known := median(fine, of); known && !stands(before) {
			text += ", in good minutes " + plain(factor*before) + suffix
		}
		seen = append(seen, text+")")
	}
	note("weak Wi-Fi signal", func(m db.CallMinute) measure.Value { return m.ClientRssiDbm }, 1, " dBm", func(v float64) bool { return v < -70 })
	note("busy radio channel", func(m db.CallMinute) measure.Value { return m.RadioUtilRatio }, 100, " %", func(v float64) bool { return v > 0.6 })
	note("slow internet line", func(m db.CallMinute) measure.Value { return m.WanRttMs }, 1, " ms", func(v float64) bool { return v > 100 })
	note("lossy internet line", func(m db.CallMinute) measure.Value { return m.WanLossRatio }, 100, " %", func(v float64) bool { return v > 0.01 })
	note("busy processor", func(m db.CallMinute) measure.Value { return m.ClientCpuPercent }, 1, " %", func(v float64) bool { return v > 85 })
	tunneled := 0
	for _, m := range rough {
		if m.ClientVpn != nil && *m.ClientVpn {
			tunneled++
		}
	}
	if 2*tunneled > len(rough) {
		seen = append(seen, "a VPN was in use")
	}
	return seen
}

// plain writes a number with a true minus.
func plain(v float64) string { return strings.Replace(number(round1(v)), "-", "−", 1) }

// median of what is known; false where nothing is.
func median(minutes []db.CallMinute, of func(db.CallMinute) measure.Value) (float64, bool) {
	var known []float64
	for _, m := range minutes {
		if v, ok := of(m).Get(); ok {
			known = append(known, v)
		}
	}
	if len(known) == 0 {
		return 0, false
	}
	slices.Sort(known)
	return known[len(known)/2], true
}

// nextStep says who can do something about it.
func nextStep(bucket, feature string) string {
	switch feature {
	case "client_vpn_distance":
		return "Have calls go around the VPN, or through an exit that is nearer."
	case "client_cpu":
		return "Look at what keeps the device busy, and close it during calls."
	case "client_wifi_version", "client_n_streams":
		return "The Wi-Fi adapter of the device is slow: use a cable, or a newer adapter."
	}
	switch bucket {
	case "wireless":
		return "Ask the network team to look at the Wi-Fi there."
	case "site_wan":
		return "Ask the network team to look at the site's internet line."
	case "client":
		return "Look at the device: busy programs, its Wi-Fi adapter, a VPN."
	case "far_end":
		return "The trouble was on the other side of the call: there is nothing to fix here."
	}
	return "Pass this on to the network team."
}
