package world

// effect is what something adds to the streams of a leg, by direction.
type effect struct {
	latencyMS, jitterMS, lossPercent [2]float64
	audioShare                       float64 // what audio feels of it, 0 to 1
}

// Directions, as seen from the leg's device.
const (
	heard = iota
	sent
)

// both is an effect that is equal in both directions and both media.
func both(latencyMS, jitterMS, lossPercent float64) effect {
	return effect{
		latencyMS: [2]float64{latencyMS, latencyMS}, jitterMS: [2]float64{jitterMS, jitterMS},
		lossPercent: [2]float64{lossPercent, lossPercent}, audioShare: 1,
	}
}

// lean makes an effect unequal: factors for the two directions.
func (e effect) lean(heardFactor, sentFactor float64) effect {
	for d, f := range [2]float64{heardFactor, sentFactor} {
		e.latencyMS[d] *= f
		e.jitterMS[d] *= f
		e.lossPercent[d] *= f
	}
	return e
}

// minus leaves what an effect adds beyond another: the difference a fault makes.
func (e effect) minus(o effect) effect {
	for d := range 2 {
		e.latencyMS[d] -= o.latencyMS[d]
		e.jitterMS[d] -= o.jitterMS[d]
		e.lossPercent[d] -= o.lossPercent[d]
	}
	return e
}

// weight is the largest part of an effect in units of the default thresholds.
func (e effect) weight() float64 {
	var most float64
	for d := range 2 {
		most = max(most,
			e.latencyMS[d]/DefaultThresholds.LatencyMS,
			e.jitterMS[d]/DefaultThresholds.JitterMS,
			e.lossPercent[d]/100/DefaultThresholds.LossRatio)
	}
	return most
}

// visible is the weight from which a fault is told as a minute's cause.
const visible = 0.25

// influence is an effect with its cause.
type influence struct {
	cause Cause
	effect
}

// episodeSlot is the length of the slots of time that hold at most one episode of a
// kind on one entity each.
const episodeSlot = 6 * 3600

// Chances that a slot holds an episode. With episodes of 22 minutes on average a
// chance of 0.16 is one percent of all time. They are set so that with the effects'
// strengths 3 to 8 percent of all call minutes are bad.
const (
	chanceCrowded      = 0.26
	chanceInterference = 0.20
	chanceWeakSignal   = 0.20
	chanceWANLatency   = 0.12
	chanceWANJitter    = 0.12
	chanceWANSaturated = 0.14
	chanceCPU          = 0.16
	chanceFarEnd       = 0.035 // of a meeting, not of a slot
)

// Kinds of episode.
const (
	episodeCrowded uint64 = iota
	episodeInterference
	episodeWeakSignal
	episodeWANLatency
	episodeWANJitter
	episodeWANSaturated
	episodeCPU
	episodeRadar
)

// episode returns the severity, from 0.35 to 1, of the episode of a kind that acts on
// an entity at a moment, and a hash of its own; 0 when there is none. Severity rises
// and falls over the first and last minute.
func episode(entity, kind uint64, chance float64, unix int64) (severity float64, own uint64) {
	shifted := unix + int64(entity%episodeSlot)
	slot := floorDiv(shifted, episodeSlot)
	own = hash(entity, saltEpisode, kind, uint64(slot))
	if unit(own) >= chance {
		return 0, 0
	}
	length := int64(300 + 2100*unit(mix(own+1)))
	start := slot*episodeSlot + int64(unit(mix(own+2))*float64(episodeSlot-length))
	at := shifted - start
	if at < 0 || at >= length {
		return 0, 0
	}
	severity = 0.35 + 0.65*unit(mix(own+3))
	if edge := min(at, length-1-at); edge < 60 {
		severity *= 0.5 + float64(edge)/120
	}
	return severity, own
}

// farEnd is the severity of trouble on the service's side during a meeting.
func (m *Meeting) farEnd(unix int64) float64 {
	h := hash(m.key, saltEpisode, 99)
	if unit(h) >= chanceFarEnd || len(m.Legs) < 2 {
		return 0
	}
	from, to := m.StartAt.Unix(), m.EndAt.Unix()
	length := min(to-from, int64(300+1500*unit(mix(h+1))))
	start := from + int64(unit(mix(h+2))*float64(to-from-length))
	if unix < start || unix >= start+length {
		return 0
	}
	return 0.35 + 0.65*unit(mix(h+3))
}
