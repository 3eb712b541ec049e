package zoomwindow

import "callweave/internal/world"

// MinimumRequests is the fewest metered requests that can read every meeting of the
// lists completely: each list once, in pages of 300, and each meeting in them
// readsPerMeeting times, participants in pages of 300 and QoS in pages of 10. A
// meeting that is in several lists is counted once.
func (w *Window) MinimumRequests(a *world.Account, lists []List, readsPerMeeting int) int {
	now := w.cfg.Now()
	total := 0
	meetings := map[[16]byte]*world.Meeting{}
	for _, l := range lists {
		found := w.list(a, l, now)
		total += max(1, pages(len(found), 300))
		for _, m := range found {
			meetings[m.UUID] = m
		}
	}
	for _, m := range meetings {
		total += readsPerMeeting * MeetingCost(m)
	}
	return total
}

// MeetingCost is the fewest requests that read one meeting completely.
func MeetingCost(m *world.Meeting) int { return pages(len(m.Legs), 300) + pages(len(m.Legs), 10) }

func pages(rows, size int) int { return (rows + size - 1) / size }

// MeetingID is a meeting's UUID as the API writes it: in base64.
func MeetingID(m *world.Meeting) string { return uuidText(m.UUID) }
