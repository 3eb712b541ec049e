package weavebench

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"callweave/internal/proctime"
	"callweave/internal/weave"
)

const (
	// sizeVar is the number of media samples, for trying.
	sizeVar     = "CALLWEAVE_WEAVE_SAMPLES"
	fullSamples = 2_000_000
	// slice is the number of media samples that SQL has to join: with all of the day it
	// would take hours.
	slice = 20_000
)

// BenchmarkDay weaves a day of an org from Postgres to Postgres by the real weaver, and
// takes turns with a bare COPY of the same rows through pgx into the same table. Then it
// does a slice of the same in SQL and compares row by row. Goals: ratio ≥ 0.4, and
// twenty times the speed of SQL.
//
// Everything is told by the clock, which is what a user waits, and by the processor time of
// this process and of Postgres, which is what it costs and what others on the machine do
// not change. Weaving works in stages on several processors at once; an INSERT of a query
// has one.
func BenchmarkDay(b *testing.B) {
	for b.Loop() {
		benchDay(b, dayOf(samplesWanted(b)))
	}
}

func samplesWanted(b *testing.B) int {
	b.Helper()
	text := os.Getenv(sizeVar)
	if text == "" {
		return fullSamples
	}
	samples, err := strconv.Atoi(text)
	if err != nil || samples < 1 {
		b.Fatalf("%s: want a number of media samples", sizeVar)
	}
	return samples
}

func benchDay(b *testing.B, d day) {
	b.Helper()
	began := time.Now()
	s := newStage(b, d)
	samples := s.number("select count(*) from media_samples")
	b.Logf("a day of %d media samples of %d legs in %d meetings, %d leases, %d device samples (seed %d), made in %.0f s",
		samples, d.legs, d.meetings(), s.number("select count(*) from leases"),
		s.number("select (select count(*) from client_samples) + (select count(*) from radio_samples) + (select count(*) from wan_samples)"), seed, time.Since(began).Seconds())
	cpu := s.watchCPU(os.Getpid())
	// They take turns, and weaving has the last: SQL is compared with what was woven.
	s.queue()
	weaves := []took{s.weave(cpu)}
	all := s.readMinutes()
	var copies []took
	for range 2 {
		s.exec("truncate call_minutes")
		copies = append(copies, s.bareCopy(b, all, cpu))
	}
	s.queue()
	spare := s.weaveWith(s.unexplained, cpu)
	s.queue()
	weaves = append(weaves, s.weave(cpu))
	for i, w := range weaves {
		b.Logf("turn %d: woven %d call minutes: %s; bare COPY of them: %s", i+1, w.rows, w.words(samples), copies[i].words(copies[i].rows))
	}
	weave, bare := fastest(weaves), fastest(copies)
	b.Logf("without explaining bad minutes: %s", spare.words(samples))
	b.Logf("Postgres to Postgres is %.2f of a bare COPY by the clock, %.2f by processor time (goal: 0.4)",
		bare.wall.Seconds()/weave.wall.Seconds(), bare.cpu.Total()/weave.cpu.Total())
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(samples)/weave.wall.Seconds(), "samples/s")
	b.ReportMetric(bare.wall.Seconds()/weave.wall.Seconds(), "copy-ratio")
	b.ReportMetric(bare.cpu.Total()/weave.cpu.Total(), "copy-ratio-cpu")

	s.late(b)

	_, spared := s.joinedColumns()
	b.Logf("SQL is spared %s", spared)
	some := d.some(slice / legMinutes / legsAMeeting)
	sliced := s.number("select count(*) from media_samples join legs using (leg_id) where meeting_id = any($1)", some)
	for _, way := range baselines() {
		written, read := way.run(b, s, some, cpu)
		rows, differ := s.compare(way.name, some)
		b.Logf("SQL, %s, a slice of %d media samples against all device samples: %d rows, %d differ from what was woven; %s; without writing %s",
			way.name, sliced, rows, differ, written.words(sliced), read.words(sliced))
		whole, alike := written.times(sliced, weave, samples), written.times(sliced, spare, samples)
		b.Logf("SQL, %s: %.1f times weaving's time by the clock (goal: 20), %.1f times its processor time; beside weaving that explains nothing either %.1f and %.1f; without writing on either side %.1f times the processor time",
			way.name, whole.clock, whole.processor, alike.clock, alike.processor,
			read.cpu.Total()/float64(sliced)/((weave.cpu.Total()-bare.cpu.Total())/float64(samples)))
		b.ReportMetric(whole.clock, "times-"+way.unit)
	}
}

// times is how much longer a piece of work takes than another, for each sample.
type times struct{ clock, processor float64 }

func (t took) times(samples int, other took, others int) times {
	ratio := float64(others) / float64(samples)
	return times{t.wall.Seconds() / other.wall.Seconds() * ratio, t.cpu.Total() / other.cpu.Total() * ratio}
}

// some are so many meetings from all over the day.
func (d day) some(n int) (meetings []string) {
	n = min(n, d.meetings())
	for i := range n {
		meetings = append(meetings, meetingID(i*d.meetings()/n+i%min(7, d.meetings()/n)))
	}
	return meetings
}

func (t took) words(samples int) string {
	return fmt.Sprintf("%.1f s, %.0f/s, %s of processor each (client + Postgres)", t.wall.Seconds(), float64(samples)/t.wall.Seconds(), t.cpu.PerItem(samples))
}

func fastest(all []took) took {
	best := all[0]
	for _, t := range all {
		if t.wall < best.wall {
			best = t
		}
	}
	return best
}

// weave weaves all that is queued.
func (s *stage) weave(cpu *proctime.Watch) took { return s.weaveWith(s.weaver, cpu) }

func (s *stage) weaveWith(weaver *weave.Weaver, cpu *proctime.Watch) took {
	s.b.Helper()
	var t took
	cpu.Lap()
	began := time.Now()
	for {
		result, err := weaver.Weave(s.b.Context(), s.ref, s.org, func() {})
		if err != nil {
			s.b.Fatal(err)
		}
		t.rows += result.Minutes
		if result.Ready == 0 {
			break
		}
	}
	t.wall, t.cpu = time.Since(began), cpu.Lap()
	if stored := s.number("select count(*) from call_minutes"); stored != t.rows || t.rows == 0 {
		s.b.Fatalf("%d call minutes are stored, %d were woven", stored, t.rows)
	}
	return t
}

// compare holds what SQL made to what was woven, every row, all that SQL makes of it.
func (s *stage) compare(name string, meetings []string) (rows, differ int) {
	s.b.Helper()
	columns, _ := s.joinedColumns()
	columns = strings.Replace(columns, ", bucket", "", 1) // it explains
	woven, made := "select "+columns+" from call_minutes where meeting_id = any($1)", "select "+columns+" from by_sql"
	rows = s.number("select count(*) from call_minutes where meeting_id = any($1)", meetings)
	if bySQL := s.number("select count(*) from by_sql"); bySQL != rows {
		s.b.Errorf("%s: SQL made %d rows, weaving %d", name, bySQL, rows)
	}
	differ = s.number("select count(*) from ((("+woven+") except "+made+") union all ("+made+" except "+woven+")) rows", meetings)
	if differ > 0 || rows == 0 {
		s.b.Errorf("%s: %d of %d rows of SQL and of weaving differ", name, differ, rows)
	}
	return rows, differ
}
