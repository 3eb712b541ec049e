package correlate

import "slices"

// None stands for "no row": nothing is known then.
const None int32 = -1

// span is a row that speaks for [from, to), in microseconds since 1970.
type span struct {
	from, to int64
	rank     uint8 // the lower wins
	row      int32
}

// finer reports whether a is to be preferred where both cover a moment: the better
// rank, then the shorter, then the later, then the first row.
func (a span) finer(b span) bool {
	if a.rank != b.rank {
		return a.rank < b.rank
	}
	if la, lb := a.to-a.from, b.to-b.from; la != lb {
		return la < lb
	}
	if a.from != b.from {
		return a.from > b.from
	}
	return a.row < b.row
}

// timeline says for every moment which row is the finest that covers it: row[i] from
// at[i] until at[i+1]. Before at[0] nothing is known; the last row is None.
type timeline struct {
	at  []int64
	row []int32
}

// newTimeline flattens overlapping spans; it sorts them in place. O(n log n), and
// linear where they are sorted and do not overlap.
func newTimeline(spans []span) timeline {
	if !slices.IsSortedFunc(spans, byStart) {
		slices.SortFunc(spans, byStart)
	}
	line := timeline{at: make([]int64, 0, len(spans)+1), row: make([]int32, 0, len(spans)+1)}
	var open finestFirst
	for next := 0; next < len(spans); {
		now := spans[next].from
		// Most samples have their time for themselves.
		if s := spans[next]; s.from < s.to && (next+1 == len(spans) || s.to <= spans[next+1].from) {
			line.add(now, s.row)
			if next++; next == len(spans) || s.to < spans[next].from {
				line.add(s.to, None)
			}
			continue
		}
		for {
			for ; next < len(spans) && spans[next].from <= now; next++ {
				if spans[next].from < spans[next].to {
					open.push(spans[next])
				}
			}
			for len(open) > 0 && open[0].to <= now {
				open.pop()
			}
			if len(open) == 0 {
				line.add(now, None)
				break
			}
			line.add(now, open[0].row)
			now = open[0].to
			if next < len(spans) {
				now = min(now, spans[next].from)
			}
		}
	}
	return line
}

func byStart(a, b span) int {
	switch {
	case a.from < b.from:
		return -1
	case a.from > b.from:
		return 1
	}
	return int(a.row) - int(b.row)
}

func (t *timeline) add(at int64, row int32) {
	last := len(t.at) - 1
	switch {
	case last >= 0 && t.row[last] == row:
	case last >= 0 && t.at[last] == at:
		t.row[last] = row
	default:
		t.at, t.row = append(t.at, at), append(t.row, row)
	}
}

// cursor reads a timeline at moments that mostly go forward.
type cursor struct {
	timeline
	next int // the first entry that begins after the last moment asked for
}

// rowAt returns the row that covers the moment, or None.
func (c *cursor) rowAt(moment int64) int32 {
	if c.next > 0 && c.at[c.next-1] > moment {
		c.next, _ = slices.BinarySearch(c.at, moment+1)
	}
	for steps := 0; c.next < len(c.at) && c.at[c.next] <= moment; c.next++ {
		// Far ahead, as at the beginning of a call, searching is faster than walking.
		if steps++; steps > 8 {
			ahead, _ := slices.BinarySearch(c.at[c.next:], moment+1)
			c.next += ahead
			break
		}
	}
	if c.next == 0 {
		return None
	}
	return c.row[c.next-1]
}

// finestFirst is a binary heap of spans. It is typed, unlike container/heap: indexing a
// day of samples pushes millions.
type finestFirst []span

func (h *finestFirst) push(s span) {
	list := append(*h, s)
	for at := len(list) - 1; at > 0; {
		parent := (at - 1) / 2
		if !list[at].finer(list[parent]) {
			break
		}
		list[at], list[parent] = list[parent], list[at]
		at = parent
	}
	*h = list
}

func (h *finestFirst) pop() {
	list := *h
	last := len(list) - 1
	list[0] = list[last]
	list = list[:last]
	for at := 0; ; {
		child := 2*at + 1
		if child+1 < last && list[child+1].finer(list[child]) {
			child++
		}
		if child >= last || !list[child].finer(list[at]) {
			break
		}
		list[at], list[child] = list[child], list[at]
		at = child
	}
	*h = list
}
