package utcday_test

import (
	"testing"
	"time"

	"callweave/internal/utcday"
)

func TestDays(t *testing.T) {
	t.Parallel()
	begin, next := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)
	for name, at := range map[string]time.Time{
		"its first moment":      begin,
		"its last moment":       next.Add(-time.Nanosecond),
		"already tomorrow here": time.Date(2026, 11, 2, 3, 0, 0, 0, time.FixedZone("", 9*3600)),
	} {
		if got := utcday.Of(at); !got.Equal(begin) || got.Location() != time.UTC {
			t.Errorf("%s: the day begins at %s, want %s", name, got, begin)
		}
		if got := utcday.Next(at); !got.Equal(next) {
			t.Errorf("%s: the next day begins at %s, want %s", name, got, next)
		}
	}
}
