//go:build unix

package correlate

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"callweave/internal/macaddr"
)

// cpuTime is what this process has used of processors so far, in both modes, so that
// what others do on the machine does not count.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// The day that the benchmarks weave: 3 million device samples, 20,000 leases, and legs of
// 100 minutes, 2 million media samples in all.
const (
	dayClients, dayAPs, daySites = 2000, 60, 10
	dayMinutes                   = 1440
	leasesPerClient              = 10
	dayLegs, legMinutes          = 20_000, 100
)

func benchClient(c int) macaddr.Addr { return macaddr.Addr{0x5c, 1, 0, 0, byte(c >> 8), byte(c)} }

func benchAP(c, minute int) macaddr.Addr {
	return macaddr.Addr{0xd4, 1, 0, 0, 0, byte((c + minute*leasesPerClient/dayMinutes) % dayAPs)}
}

func benchDevices() Devices {
	base := clock(0, 0)
	minutes := func(visit func(minute int, from, to time.Time)) {
		for minute := range dayMinutes {
			from := base.Add(time.Duration(minute) * time.Minute)
			visit(minute, from, from.Add(time.Minute))
		}
	}
	var devices Devices
	for c := range dayClients {
		for n := range leasesPerClient {
			from := base.Add(time.Duration(n) * 24 * time.Hour / leasesPerClient)
			devices.Leases = append(devices.Leases, Lease{
				MAC: benchClient(c), AP: benchAP(c, n*dayMinutes/leasesPerClient), Band: "5", Source: SourceSession,
				From: from, To: from.Add(24 * time.Hour / leasesPerClient),
			})
		}
		minutes(func(minute int, from, to time.Time) {
			const phase = 17 * time.Second
			devices.Clients = append(devices.Clients, ClientSpan{
				MAC: benchClient(c), AP: benchAP(c, minute), Band: "5", From: from.Add(phase), To: to.Add(phase),
			})
		})
	}
	for ap := range dayAPs {
		for _, band := range []string{"24", "5"} {
			minutes(func(_ int, from, to time.Time) {
				devices.Radios = append(devices.Radios, RadioSpan{AP: benchAP(ap, 0), Band: band, From: from, To: to})
			})
		}
	}
	for site := range daySites {
		id := northID
		id[0] = byte(site)
		minutes(func(_ int, from, to time.Time) {
			devices.WANs = append(devices.WANs, WANSpan{SiteID: id, Gateway: macaddr.Addr{1}, From: from, To: to})
		})
	}
	return devices
}

func benchLegs() ([]Stay, []Intervals) {
	stays, samples := make([]Stay, dayLegs), make([]Intervals, dayLegs)
	for i := range stays {
		from := clock(0, 0).Add(time.Duration(i*37%(dayMinutes-legMinutes)) * time.Minute)
		id := northID
		id[0] = byte(i % daySites)
		stays[i] = Stay{MAC: benchClient(i * 7 % dayClients), SiteID: id, JoinAt: from, LeaveAt: from.Add(legMinutes * time.Minute)}
		for minute := range legMinutes {
			at := from.Add(time.Duration(minute) * time.Minute)
			samples[i].Start = append(samples[i].Start, at.UnixMicro())
			samples[i].End = append(samples[i].End, at.Add(time.Minute).UnixMicro())
		}
	}
	return stays, samples
}

// BenchmarkJoin joins parts of a day with all of its device samples: what a sample costs
// does not depend on how many are joined. Each turn takes other legs, as a weaver does, so
// that none finds what it needs in the caches. The rates are per second of a processor, not of the
// clock; the second one includes putting the device samples in order.
func BenchmarkJoin(b *testing.B) {
	devices := benchDevices()
	stays, samples := benchLegs()
	before := cpuTime(b)
	history := NewHistory(devices)
	sorted := cpuTime(b) - before
	rows := len(devices.Clients) + len(devices.Radios) + len(devices.WANs)
	for _, legs := range []int{dayLegs / 100, dayLegs / 10, dayLegs} {
		b.Run(fmt.Sprintf("samples=%d", legs*legMinutes), func(b *testing.B) {
			var out []Joined
			joined, next := 0, 0
			before := cpuTime(b)
			for b.Loop() {
				for range legs {
					out = history.Join(out[:0], stays[next:next+1], samples[next])
					joined += len(out)
					next = (next + 1) % dayLegs
				}
			}
			used := cpuTime(b) - before
			for _, j := range out {
				if j.Client == None || j.Radio == None || j.WAN == None {
					b.Fatalf("nothing known: %+v", j)
				}
			}
			b.ReportMetric(float64(joined)/used.Seconds(), "samples/cpu-s")
			b.ReportMetric(float64(used.Nanoseconds())/float64(joined), "cpu-ns/sample")
			if legs == dayLegs {
				b.ReportMetric(float64(dayLegs*legMinutes)/(used.Seconds()/float64(b.N)+sorted.Seconds()), "samples/cpu-s-with-sorting")
				b.ReportMetric(float64(rows)/sorted.Seconds(), "device-samples-sorted/cpu-s")
			}
		})
	}
}
