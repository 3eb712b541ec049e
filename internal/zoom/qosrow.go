package zoom

import (
	"slices"

	"callweave/internal/provider"
)

// maxMinutes bounds one join: [longestMeeting], and every minute twice.
const maxMinutes = 2 * 48 * 60

// usualMinutes are the most that joins mostly have.
const usualMinutes = 64

// qosRow is one join in the quality of service list.
type qosRow struct {
	participantRow

	samples []provider.MediaSample
}

func readQoSRow(r *reader) qosRow {
	var row qosRow
	for name := range r.fields {
		if string(name) == "user_qos" {
			row.samples = readMinutes(r)
			continue
		}
		row.read(r, name)
	}
	return row
}

func readMinutes(r *reader) []provider.MediaSample {
	if r.samples == nil {
		r.samples = make([]provider.MediaSample, 0, usualMinutes)
	}
	r.samples = r.samples[:0]
	for range r.elements {
		if len(r.samples) == maxMinutes {
			r.fail("a list of a meeting's minutes")
			return nil
		}
		r.samples = append(r.samples, provider.MediaSample{})
		readMinute(r, &r.samples[len(r.samples)-1])
	}
	return slices.Clone(r.samples)
}
