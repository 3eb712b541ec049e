package zoom

import (
	"slices"

	"callweave/internal/provider"
)

// maxMinutes bounds one join: [longestMeeting], and every minute twice.
const maxMinutes = 2 * 48 * 60

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
	r.samples = r.samples[:0]
	for range r.elements {
		if len(r.samples) == maxMinutes {
			r.fail("a list of a meeting's minutes")
			return nil
		}
		r.samples = append(r.samples, readMinute(r))
	}
	return slices.Clone(r.samples)
}
