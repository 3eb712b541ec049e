package proctime_test

import (
	"os"
	"testing"

	"callweave/internal/proctime"
)

func TestWorkIsSeen(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("needs /proc")
	}
	watch := proctime.NewWatch(os.Getpid(), os.Getpid())
	watch.Lap()
	sum := uint64(0)
	for worked := 0.0; worked < 0.05; worked += watch.Lap().Client { // ends only where work is seen
		for i := range uint64(1_000_000) {
			sum += i * i
		}
	}
	if sum == 0 {
		t.Error("nothing was computed")
	}
	if got := (proctime.Seconds{Client: 2e-6, Database: 4e-6}); got.PerItem(2) != "1.0 + 2.0 µs" || got.Total() < 5.9e-6 {
		t.Errorf("%s, total %v", got.PerItem(2), got.Total())
	}
}
