package console

import (
	"strings"

	"callweave/internal/measure"
	"callweave/internal/provider"
)

func providerName(name provider.Name) string {
	switch name {
	case provider.Zoom:
		return "Zoom"
	case provider.Teams:
		return "Microsoft Teams"
	}
	return string(name)
}

// buckets are where bad minutes are fixed, in the order in which they are stacked.
func buckets() []string { return []string{"wireless", "site_wan", "client", "far_end", "unknown"} }

// bucketName is where a bad minute is fixed, in words of people who are asked to.
func bucketName(bucket string) string {
	switch bucket {
	case "client":
		return "Device"
	case "wireless":
		return "Wi-Fi"
	case "site_wan":
		return "Internet line"
	case "far_end":
		return "Other side"
	case "unknown":
		return "Cause not known"
	}
	return ""
}

// bucketMark is the letter that stands for a bucket where there is room for no more, so
// that nothing is told by colour alone.
func bucketMark(bucket string) string {
	switch bucket {
	case "client":
		return "D"
	case "wireless":
		return "W"
	case "site_wan":
		return "I"
	case "far_end":
		return "O"
	case "unknown":
		return "?"
	}
	return ""
}

// directionName says whose sound or picture it was.
func directionName(direction string) string {
	switch direction {
	case "audio_in":
		return "sound received"
	case "audio_out":
		return "sound sent"
	case "video_in":
		return "video received"
	case "video_out":
		return "video sent"
	}
	return strings.ReplaceAll(direction, "_", " ")
}

func metricName(metric string) string {
	switch metric {
	case "latency":
		return "delay"
	case "jitter":
		return "uneven delay (jitter)"
	case "loss":
		return "lost packets"
	}
	return metric
}

// ruleName says how it is known whose device a call was on.
func ruleName(rule string) string {
	switch rule {
	case "mac":
		return "by its hardware address"
	case "private_ip":
		return "by its address on the site's network"
	case "hostname":
		return "by the device's name"
	case "public_ip":
		return "by the site's public address: the site is known, the device is not"
	}
	return rule
}

// ms, ratio and plain write a measurement, or a dash where there is none.
func ms(v measure.Value) string { return written(v, 1, " ms") }

func ratio(v measure.Value) string { return written(v, 100, " %") }

func written(v measure.Value, factor float64, suffix string) string {
	n, known := v.Get()
	if !known {
		return "–"
	}
	n *= factor
	if n != 0 && n < 0.1 && n > -0.1 {
		return "< 0.1" + suffix
	}
	return plain(n) + suffix
}

func round1(n float64) float64 {
	if n < 0 {
		return -round1(-n)
	}
	return float64(int64(n*10+0.5)) / 10
}
