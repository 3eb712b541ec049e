package world

import "math"

// physics is how strongly, and how steeply, faults act on media. What devices measure of a
// fault does not change with it.
type physics struct {
	strange                  bool                  // not the usual
	strength                 [numForces][3]float64 // of latency, jitter and loss
	steepness                [numForces]float64
	fadesBelow               float64 // dBm
	retriesFrom, disturbFrom float64 // shares of air time
}

// force is a way in which media suffer.
type force uint64

const (
	forceContention force = iota
	forceDisturbance
	forceFading
	forceWANLatency
	forceWANJitter
	forceWANSaturated
	forceCPU
	forceTunnel
	forceFarEnd
)

const numForces = int(forceFarEnd) + 1

// newPhysics draws the physics of a world: every strength between 0.6 and 1.7 times the
// usual, every shape between a root and a power of 1.4, every knee somewhere else. 0 is the
// usual.
func newPhysics(seed uint64) physics {
	p := physics{fadesBelow: -70, retriesFrom: 0.70, disturbFrom: 0.10}
	if seed == 0 {
		return p
	}
	draw := func(of ...uint64) float64 { return 2*unit(hash(seed, append(of, saltPhysics)...)) - 1 }
	p.strange = true
	for f := range p.strength {
		for metric := range p.strength[f] {
			p.strength[f][metric] = math.Exp(draw(uint64(f), uint64(metric)) * math.Log(1.7))
			p.strength[f][metric] = max(0.6, p.strength[f][metric])
		}
		p.steepness[f] = math.Exp(draw(uint64(f), 3) * math.Log(1.4))
	}
	p.fadesBelow += 4 * draw(100)
	p.retriesFrom += 0.08 * draw(101)
	p.disturbFrom += 0.05 * draw(102)
	return p
}

// felt is what media feel of an effect.
func (p *physics) felt(f force, e effect) effect {
	if !p.strange {
		return e
	}
	bend := func(v float64, metric int, usual float64) float64 {
		return p.strength[f][metric] * usual * math.Pow(max(0, v)/usual, p.steepness[f])
	}
	for d := range 2 {
		e.latencyMS[d] = bend(e.latencyMS[d], 0, DefaultThresholds.LatencyMS)
		e.jitterMS[d] = bend(e.jitterMS[d], 1, DefaultThresholds.JitterMS)
		e.lossPercent[d] = bend(e.lossPercent[d], 2, 100*DefaultThresholds.LossRatio)
	}
	return e
}

// ofUplink is the force of a fault of an uplink.
func ofUplink(c Cause) force {
	switch c {
	case CauseWANLatency:
		return forceWANLatency
	case CauseWANJitter:
		return forceWANJitter
	default:
		return forceWANSaturated
	}
}
