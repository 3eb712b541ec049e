package api

import (
	"net/url"
	"testing"
	"time"
)

func TestWindow(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 600e6, time.UTC)
	at := func(before time.Duration) time.Time { return now.Truncate(time.Second).Add(-before) }
	const day = 24 * time.Hour
	for query, want := range map[string]struct{ from, to time.Time }{
		"":                                  {at(day), at(0)},
		"duration=10m":                      {at(10 * time.Minute), at(0)},
		"duration=2w":                       {at(14 * day), at(0)},
		"start=-1d":                         {at(day), at(0)},
		"start=-2h&end=-1h":                 {at(2 * time.Hour), at(time.Hour)},
		"end=-1w":                           {at(8 * day), at(7 * day)},
		"end=now&duration=1h":               {at(time.Hour), at(0)},
		"start=-3d&duration=1d":             {at(3 * day), at(2 * day)},
		"start=1665465339&end=1665465400":   {time.Unix(1665465339, 0), time.Unix(1665465400, 0)},
		"start=1665465339.9&end=1665465400": {time.Unix(1665465339, 0), time.Unix(1665465400, 0)},
		"start=1665465339000&duration=1m":   {time.Unix(1665465339, 0), time.Unix(1665465399, 0)},
		"start=1665465339&end=&duration=1m": {time.Unix(1665465339, 0), time.Unix(1665465399, 0)},
	} {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		from, to, err := window(values, now)
		if err != nil || !from.Equal(want.from) || !to.Equal(want.to) {
			t.Errorf("%q: got %s to %s, %v; want %s to %s", query, from, to, err, want.from, want.to)
		}
	}
	for _, query := range []string{
		"start=now", "start=-1h&end=-2h", "start=x", "start=-1", "start=-d", "start=--1d", "start=1y", "start=0", "start=NaN", "start=Inf", "start=1e300",
		"end=-1x", "duration=0m", "duration=1", "duration=m", "duration=-1h", "duration=99999999999w", "duration=500d", "start=1&end=1665465400",
	} {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		if from, to, err := window(values, now); err == nil {
			t.Errorf("%q was read as %s to %s", query, from, to)
		}
	}
}

func TestQuality(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]int64{"bad": 1, "poor": 2, "fair": 3, "good": 4} {
		if got := quality(word); got != want {
			t.Errorf("%s: got %v, want %d", word, got, want)
		}
	}
	for _, word := range []string{"", "Good", "excellent"} {
		if got := quality(word); got != 0 {
			t.Errorf("%q: got %d, want unknown", word, got)
		}
	}
}
