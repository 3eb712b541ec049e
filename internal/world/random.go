package world

import "math"

// hash mixes a seed with any number of parts into 64 even bits (the finaliser of
// splitmix64 over a running sum). It has no state, so a draw depends on what it is
// for and never on what was drawn before.
func hash(seed uint64, parts ...uint64) uint64 {
	h := mix(seed + 0x9e3779b97f4a7c15)
	for _, p := range parts {
		h = mix((h ^ p) + 0x9e3779b97f4a7c15)
	}
	return h
}

func mix(z uint64) uint64 {
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return z ^ (z >> 31)
}

// unit maps a hash to [0, 1).
func unit(h uint64) float64 { return float64(h>>11) / (1 << 53) }

// centred maps a hash to [-1, 1), more often near 0.
func centred(h uint64) float64 { return unit(h) + unit(mix(h+1)) - 1 }

// exponential maps a hash to an exponential draw of mean 1, cut off at 12.
func exponential(h uint64) float64 { return min(12, -math.Log(1-unit(h))) }

// draws is a sequence of draws for one subject.
type draws struct{ state uint64 }

func newDraws(seed uint64, parts ...uint64) *draws { return &draws{hash(seed, parts...)} }

func (s *draws) next() uint64 {
	s.state += 0x9e3779b97f4a7c15
	return mix(s.state)
}

func (s *draws) unit() float64         { return unit(s.next()) }
func (s *draws) chance(p float64) bool { return s.unit() < p }

// intn draws from 0 to n-1. The bias of the modulo is below 1e-13 for the sizes here.
func (s *draws) intn(n int) int { return int(s.next() % uint64(n)) }

// between draws a whole number from lo to hi, both included.
func (s *draws) between(lo, hi int) int { return lo + s.intn(hi-lo+1) }

func pick[T any](h uint64, list []T) T { return list[h%uint64(len(list))] }

// Salts keep the draws about one subject apart.
const (
	saltIdentity uint64 = iota + 1
	saltMAC
	saltWork
	saltWhere
	saltDocked
	saltAddress
	saltMeeting
	saltMeetingID
	saltLeg
	saltRoam
	saltBand
	saltChannel
	saltSignal
	saltRadio
	saltWAN
	saltMedia
	saltCPU
	saltEpisode
	saltTraffic
	saltNight
	saltName
	saltJunk
	saltMove
	saltPhysics
)
