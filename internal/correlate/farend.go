package correlate

import (
	"net/netip"
	"time"

	"github.com/google/uuid"
)

// Network is where a leg was, as far as others may share it: a site of the org, and the
// address under which the internet saw it. Either may be unknown.
type Network struct {
	Site     uuid.UUID
	PublicIP netip.Addr
}

// near reports whether two legs share a network.
func (n Network) near(other Network) bool {
	return n.Site != uuid.Nil && n.Site == other.Site || n.PublicIP.IsValid() && n.PublicIP == other.PublicIP
}

// Others is what became of the other legs of a meeting in a minute.
type Others struct {
	Legs    int // that had something to measure
	Bad     int
	Near    int // of Legs, those that share a network
	NearBad int
}

// tally counts legs in a minute.
type tally struct{ legs, bad int32 }

// FarEnd counts, minute by minute of UTC, the legs of one meeting and how many of them
// were bad, in all and by network. It knows numbers and networks, nobody's identity.
type FarEnd struct {
	first    int64 // minutes since 1970
	all      []tally
	numbers  map[Network]int32
	networks []Network
	each     [][]tally // by network
	nearby   [][]int32 // by network: those that are near, itself too; nil until asked for
}

// longestMeeting bounds the minutes that are counted: what lies beyond is left out.
const longestMeeting = 7 * 24 * 60

const minuteMicros = int64(time.Minute / time.Microsecond)

// NewFarEnd counts the minutes that overlap [from, to], in microseconds since 1970.
func NewFarEnd(from, to int64) *FarEnd {
	first := minuteIn(from)
	minutes := max(0, min(minuteIn(to)-first+1, longestMeeting))
	return &FarEnd{first: first, all: make([]tally, minutes), numbers: make(map[Network]int32)}
}

// Add counts a sample of a leg, [start, end) in microseconds since 1970, in every minute
// whose middle it covers; one that covers no middle in the minute of its own. Samples of
// one leg must not overlap.
func (f *FarEnd) Add(at Network, start, end int64, bad bool) {
	from := minuteIn(start + minuteMicros/2 - 1)
	to := minuteIn(end + minuteMicros/2 - 1)
	if from >= to {
		from = minuteOf(start, end)
		to = from + 1
	}
	from, to = max(from-f.first, 0), min(to-f.first, int64(len(f.all)))
	if from >= to {
		return
	}
	line := f.each[f.number(at)]
	for minute := from; minute < to; minute++ {
		f.all[minute].count(bad)
		line[minute].count(bad)
	}
}

func (t *tally) count(bad bool) {
	t.legs++
	if bad {
		t.bad++
	}
}

func (t *tally) uncount(bad bool) {
	t.legs--
	if bad {
		t.bad--
	}
}

// Others tells of the legs other than one, in the minute at the middle of its sample
// [start, end). bad is the sample's own verdict: nil where it was not added.
func (f *FarEnd) Others(at Network, start, end int64, bad *bool) Others {
	minute := minuteOf(start, end) - f.first
	if minute < 0 || minute >= int64(len(f.all)) {
		return Others{}
	}
	all := f.all[minute]
	var near tally
	for _, n := range f.near(at) {
		near.legs += f.each[n][minute].legs
		near.bad += f.each[n][minute].bad
	}
	if bad != nil { // itself
		all.uncount(*bad)
		if at.near(at) {
			near.uncount(*bad)
		}
	}
	return Others{Legs: int(all.legs), Bad: int(all.bad), Near: int(near.legs), NearBad: int(near.bad)}
}

// number numbers networks.
func (f *FarEnd) number(at Network) int32 {
	number, known := f.numbers[at]
	if !known {
		number = int32(len(f.networks))
		f.numbers[at] = number
		f.networks = append(f.networks, at)
		f.each = append(f.each, make([]tally, len(f.all)))
		f.nearby = nil
	}
	return number
}

// near lists the networks that are near one.
func (f *FarEnd) near(at Network) []int32 {
	number := f.number(at)
	if f.nearby == nil {
		f.nearby = make([][]int32, len(f.networks))
	}
	if f.nearby[number] == nil {
		list := []int32{}
		for i, other := range f.networks {
			if at.near(other) { // also to itself, unless it is known by nothing
				list = append(list, int32(i))
			}
		}
		f.nearby[number] = list
	}
	return f.nearby[number]
}

// minuteOf is the minute at the middle of [start, end): one whose middle that covers, if any.
func minuteOf(start, end int64) int64 { return minuteIn(start + (end-start-1)/2) }

// minuteIn is the minute in which a microsecond lies, also one before 1970.
func minuteIn(micros int64) int64 {
	quotient := micros / minuteMicros
	if micros%minuteMicros < 0 {
		quotient--
	}
	return quotient
}
