package weavebench

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// ticksPerSecond is the unit of /proc/PID/stat on every architecture that Go knows.
const ticksPerSecond = 100

// cpuWatch adds up the processor time of those who store samples and of Postgres. It finds
// nothing where there is no /proc.
type cpuWatch struct {
	pids       []int
	postmaster int
	last       cpuTime
}

// cpuTime is seconds of processor time.
type cpuTime struct{ client, database float64 }

// perSample words the time for each of so many samples, in microseconds.
func (t cpuTime) perSample(n int) string {
	return fmt.Sprintf("%.1f + %.1f µs", t.client*1e6/float64(n), t.database*1e6/float64(n))
}

func (s *stage) watchCPU(pids ...int) *cpuWatch {
	backend := s.number("select pg_backend_pid()")
	parent, _ := strconv.Atoi(statField(backend, 4))
	return &cpuWatch{pids: pids, postmaster: parent}
}

// lap returns the time since it was called last.
func (w *cpuWatch) lap() cpuTime {
	var now cpuTime
	for _, pid := range w.pids {
		now.client += ticks(pid, 14, 15)
	}
	now.database = ticks(w.postmaster, 14, 15, 16, 17) // with processes that have ended
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range files {
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if statField(pid, 4) == strconv.Itoa(w.postmaster) {
			now.database += ticks(pid, 14, 15)
		}
	}
	since := cpuTime{now.client - w.last.client, now.database - w.last.database}
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
