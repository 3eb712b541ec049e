package apibench

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// ticksPerSecond is the unit of /proc/PID/stat on every architecture that Go knows.
const ticksPerSecond = 100

// processorTime returns the seconds of processor time that this process and a Postgres
// server have used: what an answer costs, whatever else the machine does. Where there is no
// /proc, the server's are missing.
func processorTime(postmaster int) float64 {
	var own syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &own) // it cannot fail for oneself
	seconds := func(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	sum := seconds(own.Utime) + seconds(own.Stime)
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range files {
		if field(file, 4) == strconv.Itoa(postmaster) {
			sum += ticks(file, 14) + ticks(file, 15)
		}
	}
	server := fmt.Sprintf("/proc/%d/stat", postmaster)
	return sum + ticks(server, 14) + ticks(server, 15) + ticks(server, 16) + ticks(server, 17) // with backends that have ended
}

func ticks(file string, number int) float64 {
	n, _ := strconv.ParseFloat(field(file, number), 64)
	return n / ticksPerSecond
}

// field returns a field of /proc/PID/stat by its number in proc(5), from 3 on.
func field(file string, number int) string {
	stat, _ := os.ReadFile(file)
	_, rest, _ := strings.Cut(string(stat), ") ") // the name may hold blanks
	fields := strings.Fields(rest)
	if number-3 >= len(fields) {
		return ""
	}
	return fields[number-3]
}
