package harvestbench

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"go.temporal.io/sdk/client"

	"callweave/internal/child"
	"callweave/internal/temporalclient"
	"callweave/internal/testenv"
	"callweave/workflows"
)

const (
	// fullDay has a little more than 400,000 media samples; a day of 2,000 meetings of this
	// world has 300,000.
	fullDay = 2650
	// rounds is how often harvest and bare COPY take turns.
	rounds = 3
	// maxPeakMB is the goal for the worker's memory.
	maxPeakMB = 300
)

// BenchmarkDay harvests a day of an account that has settled, by the real workflow on one
// worker that is a process of its own, and takes turns with a bare COPY of the same rows
// into the same table. Goals: ratio ≥ 0.25, peak memory < 300 MB whatever the day's size.
//
// The provider is a process of its own that serves replies rendered ahead of time, and
// nobody's rate limits are reached: neither is what is measured. What each of
// them takes of the processor is printed beside: others may use the machine, too.
func BenchmarkDay(b *testing.B) {
	for _, size := range []struct {
		name     string
		meetings int
	}{{"quarter", fullDay / 4}, {"full", fullDay}} {
		b.Run(size.name, func(b *testing.B) {
			for b.Loop() {
				benchDay(b, size.meetings)
			}
		})
	}
}

func benchDay(b *testing.B, meetings int) {
	b.Helper()
	now := day().AddDate(0, 0, 2)
	_, zoomURL := startRole(b, "provider", providerInput{Meetings: meetings, Now: now})
	w, err := worldOf(meetings)
	if err != nil {
		b.Fatal(err)
	}
	s := newStage(b, w, zoomURL, 3, func() time.Time { return now })
	made := s.render(zoomURL)
	temporal := testenv.Temporal(b)
	if err := temporalclient.RegisterSearchAttributes(b.Context(), temporal.Client, temporal.Namespace); err != nil {
		b.Fatal(err)
	}
	worker, _ := startRole(b, "worker", workerInput{
		Database: s.database, Temporal: temporal.Address, Namespace: temporal.Namespace, Zoom: zoomURL, Keyset: s.keyset.Reveal(), Now: now,
	})
	b.Logf("%d meetings, %d legs; %d replies of %d MB rendered ahead of time; rate limits raised; 3 linked orgs",
		made.Meetings, made.Legs, made.Replies, made.Bytes>>20)

	cpu, bareCPU := s.watchCPU(worker.Pid()), s.watchCPU(os.Getpid())
	var first, again, bare []float64 // rows a second
	// A database that was in use knows what its tables are like.
	s.harvest(temporal.Client, "warm-up")
	s.exec("analyze")
	for round := range rounds {
		s.exec("truncate legs, meetings, media_samples, windows, weaves, api_requests")
		cpu.Lap()
		landed, took := s.harvest(temporal.Client, fmt.Sprintf("first-%d", round))
		first = append(first, float64(landed)/took.Seconds())
		firstTime := cpu.Lap()
		if want := s.number("select count(*) from meetings where state = 'settled'"); want != made.Meetings {
			b.Fatalf("%d meetings are settled, want %d", want, made.Meetings)
		}
		if requests := s.number("select sum(spent) from api_requests"); round == 0 {
			b.Logf("requests: %d; %d for the meetings at least, %d for lists", requests, made.Replies, requests-made.Replies)
		}
		s.exec("update meetings set due_at = $1", now)
		cpu.Lap()
		landed, took = s.harvest(temporal.Client, fmt.Sprintf("again-%d", round))
		again = append(again, float64(landed)/took.Seconds())
		againTime := cpu.Lap()
		all := s.readSamples()
		if len(all.rows) != landed {
			b.Fatalf("%d samples are stored, %d were landed", len(all.rows), landed)
		}
		s.exec("truncate media_samples")
		bareTook, bareTime := s.bareCopy(b, all, bareCPU)
		bare = append(bare, float64(landed)/bareTook.Seconds())
		b.Logf("round %d: %d samples; first read %.0f/s, %s of processor each (client + Postgres); read again %.0f/s, %s; bare COPY %.0f/s, %s", round+1, landed,
			first[round], firstTime.PerItem(landed), again[round], againTime.PerItem(landed), bare[round], bareTime.PerItem(landed))
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(first), "samples/s")
	b.ReportMetric(median(again), "again/s")
	b.ReportMetric(median(bare), "copy/s")
	b.ReportMetric(median(ratios(first, bare)), "ratio")
	b.ReportMetric(median(ratios(again, bare)), "again-ratio")
	if peak, ok := peakMB(worker); ok {
		b.ReportMetric(peak, "peak-MB")
		if peak > maxPeakMB {
			b.Errorf("the worker took %.0f MB at its peak, want %d at most", peak, maxPeakMB)
		}
	}
	stopRole(b, worker)
}

// harvest runs the workflow for the day and returns how many samples it landed.
func (s *stage) harvest(temporal client.Client, id string) (landed int, took time.Duration) {
	s.b.Helper()
	began := time.Now()
	run, err := temporal.ExecuteWorkflow(s.b.Context(), client.StartWorkflowOptions{ID: id, TaskQueue: workflows.TaskQueue}, workflows.HarvestWorkflow,
		workflows.HarvestInput{AccountRef: s.ref, From: day(), To: day().AddDate(0, 0, 1)})
	if err != nil {
		s.b.Fatal(err)
	}
	var result workflows.HarvestResult
	if err := run.Get(s.b.Context(), &result); err != nil {
		s.b.Fatal(err)
	}
	took = time.Since(began)
	if result.Stopped != "" || result.Remaining != 0 || result.Quarantined != 0 {
		s.b.Fatalf("the harvest ended with %+v", result)
	}
	return result.MediaSamples, took
}

func ratios(of, to []float64) []float64 {
	r := make([]float64, len(of))
	for i := range of {
		r[i] = of[i] / to[i]
	}
	return r
}

func median(of []float64) float64 {
	sorted := slices.Sorted(slices.Values(of))
	return sorted[len(sorted)/2]
}

// peakMB is the most memory a process ever had resident, as Linux counts it.
func peakMB(p *child.Process) (float64, bool) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Pid()))
	found := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
	if err != nil || found == nil {
		return 0, false
	}
	kilobytes, err := strconv.Atoi(string(found[1]))
	return float64(kilobytes) / 1024, err == nil
}
