package apibench

import (
	"slices"
	"testing"
	"time"
)

// pressed is what one way came to in a round.
type pressed struct {
	took  []time.Duration // sorted
	long  time.Duration   // of the round
	bytes int64           // of bodies
	cpu   float64         // seconds of processor time an answer, of all processes
}

func (p pressed) ms(q float64) float64 {
	return p.took[min(len(p.took)-1, int(q*float64(len(p.took))))].Seconds() * 1000
}

// comparison is a number of each round, by its name.
type comparison struct {
	bareP50, bareP99, httpP50, httpP99, p50, p99, cpu, httpCPU, perSecond, kilobytes []float64
}

func (c *comparison) add(bare, http pressed) {
	c.bareP50, c.bareP99 = append(c.bareP50, bare.ms(0.5)), append(c.bareP99, bare.ms(0.99))
	c.httpP50, c.httpP99 = append(c.httpP50, http.ms(0.5)), append(c.httpP99, http.ms(0.99))
	c.p50, c.p99 = append(c.p50, http.ms(0.5)/bare.ms(0.5)), append(c.p99, http.ms(0.99)/bare.ms(0.99))
	c.cpu, c.httpCPU = append(c.cpu, http.cpu/bare.cpu), append(c.httpCPU, http.cpu*1000)
	n := float64(len(http.took))
	c.perSecond, c.kilobytes = append(c.perSecond, n/http.long.Seconds()), append(c.kilobytes, float64(http.bytes)/n/1000)
}

// report prints medians of the rounds.
func (c *comparison) report(b *testing.B) {
	b.Helper()
	for unit, of := range map[string][]float64{
		"bare-p50-ms": c.bareP50, "bare-p99-ms": c.bareP99, "http-p50-ms": c.httpP50, "http-p99-ms": c.httpP99,
		"p50-ratio": c.p50, "p99-ratio": c.p99, "cpu-ratio": c.cpu, "http-cpu-ms": c.httpCPU, "requests/s": c.perSecond, "kB/answer": c.kilobytes,
	} {
		slices.Sort(of)
		b.ReportMetric(of[len(of)/2], unit)
	}
	b.ReportMetric(c.p99[0], "p99-ratio-least")
	b.ReportMetric(c.p99[len(c.p99)-1], "p99-ratio-most")
	b.ReportMetric(0, "ns/op")
}
