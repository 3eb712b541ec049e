// Package proctime measures what processes and a Postgres server use of processors: the
// cost of work whatever else a machine does. It reads Linux' /proc and finds nothing where
// there is none.
package proctime

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// ticksPerSecond is the unit of /proc/PID/stat on every architecture that Go knows.
const ticksPerSecond = 100

// Seconds is processor time.
type Seconds struct{ Client, Database float64 }

// Total is that of both sides.
func (s Seconds) Total() float64 { return s.Client + s.Database }

// PerItem words the time for each of n items, in microseconds, client + database.
func (s Seconds) PerItem(n int) string {
	return fmt.Sprintf("%.1f + %.1f µs", s.Client*1e6/float64(n), s.Database*1e6/float64(n))
}

// Watch adds up the processor time of some clients and of a Postgres server. Not safe for
// concurrent use.
type Watch struct {
	clients    []int
	postmaster int
	last       Seconds
}

// NewWatch watches a Postgres server and some processes that use it. The first lap is of all
// the time until then.
func NewWatch(postmaster int, clients ...int) *Watch {
	return &Watch{clients: clients, postmaster: postmaster}
}

// Postmaster is the server that a backend (select pg_backend_pid()) belongs to; 0 where
// there is no /proc.
func Postmaster(backend int) int {
	pid, _ := strconv.Atoi(statField(backend, 4))
	return pid
}

// Lap returns the time since it was called last.
func (w *Watch) Lap() Seconds {
	var now Seconds
	for _, pid := range w.clients {
		now.Client += ticks(pid, 14, 15)
	}
	now.Database = ticks(w.postmaster, 14, 15, 16, 17) // with backends that have ended
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range files {
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if statField(pid, 4) == strconv.Itoa(w.postmaster) {
			now.Database += ticks(pid, 14, 15)
		}
	}
	since := Seconds{now.Client - w.last.Client, now.Database - w.last.Database}
	w.last = now
	return since
}

func ticks(pid int, fields ...int) (seconds float64) {
	for _, field := range fields {
		n, _ := strconv.ParseFloat(statField(pid, field), 64)
		seconds += n / ticksPerSecond
	}
	return seconds
}

// statField returns a field of /proc/PID/stat by its number in proc(5), from 3 on.
func statField(pid, number int) string {
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, _ := strings.Cut(string(stat), ") ") // the name may hold blanks
	fields := strings.Fields(rest)
	if number-3 >= len(fields) {
		return ""
	}
	return fields[number-3]
}
