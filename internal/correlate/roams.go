package correlate

import (
	"slices"

	"callweave/internal/macaddr"
)

// Roams appends how often the client of a leg changed its access point within each media
// sample, and returns dst: one number for each sample, as [History.Join] has. A change is
// dated by the leases; one that happened while the client was out of sight counts when it
// was seen again.
func (h *History) Roams(dst []int32, stays []Stay, samples Intervals) []int32 {
	begin := len(dst)
	dst = append(dst, make([]int32, len(samples.Start))...)
	for _, stay := range stays {
		line := h.leases[stay.MAC]
		join, leave := stay.JoinAt.UnixMicro(), stay.LeaveAt.UnixMicro()
		// From the entry that covers the join.
		i, _ := slices.BinarySearch(line.at, join+1)
		var last macaddr.Addr
		for i = max(0, i-1); i < len(line.at) && line.at[i] < leave; i++ {
			if line.row[i] == None {
				continue
			}
			ap := h.leasePlaces[line.row[i]].ap
			if ap.IsZero() || ap == last {
				continue
			}
			if at := line.at[i]; !last.IsZero() && at >= join {
				sample, found := slices.BinarySearch(samples.Start, at)
				if !found {
					sample--
				}
				if sample >= 0 && at < samples.End[sample] {
					dst[begin+sample]++
				}
			}
			last = ap
		}
	}
	return dst
}
