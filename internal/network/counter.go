package network

import "callweave/internal/measure"

// Counter is a count that only grows, since a client's association, or unknown. It
// is an integer of its own because byte counters outgrow [measure.Value].
type Counter struct {
	Count int64
	Known bool
}

// CounterOf is a known count.
func CounterOf(count int64) Counter { return Counter{Count: count, Known: true} }

// since returns what was counted after previous. A counter that went back was
// reset at a time nobody knows, so the difference is unknown.
func (c Counter) since(previous Counter) measure.Value {
	if !c.Known || !previous.Known || c.Count < previous.Count {
		return measure.Value{}
	}
	return measure.Of(float64(c.Count - previous.Count))
}

// all returns the whole count.
func (c Counter) all() measure.Value { return c.since(CounterOf(0)) }
