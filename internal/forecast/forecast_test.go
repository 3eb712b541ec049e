package forecast_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"callweave/internal/forecast"
)

func TestForecast(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	at := func(hours float64) time.Time { return noon.Add(time.Duration(hours * float64(time.Hour))) }
	for name, test := range map[string]struct {
		in   forecast.Input
		want forecast.Forecast
	}{
		"nothing to do": {
			forecast.Input{Budget: 1000, PacePerHour: 100}, forecast.Forecast{BacklogDoneAt: noon},
		},
		"what comes in fits": {
			forecast.Input{Budget: 1000, SpentToday: 500, DemandADay: 960, PacePerHour: 100}, forecast.Forecast{BacklogDoneAt: noon, Used: 0.5},
		},
		"what comes in does not fit": { // 40 an hour, 400 left
			forecast.Input{Budget: 1000, SpentToday: 600, DemandADay: 960, PacePerHour: 100}, forecast.Forecast{ExhaustedAt: at(10), BacklogDoneAt: noon, Used: 0.6},
		},
		"what is owed is read within the hour": {
			forecast.Input{Budget: 1000, SpentToday: 100, Owed: 100, PacePerHour: 100}, forecast.Forecast{BacklogDoneAt: at(1), Used: 0.1},
		},
		"what is owed, while more comes in": { // 24 an hour: 76 of 100 go to what is owed
			forecast.Input{Budget: 1000, Owed: 152, DemandADay: 576, PacePerHour: 100}, forecast.Forecast{BacklogDoneAt: at(2)},
		},
		"what is owed takes more than today": { // 300 today by 15:00, 700 from midnight on at 100 an hour
			forecast.Input{Budget: 1000, SpentToday: 700, Owed: 1000, PacePerHour: 100}, forecast.Forecast{ExhaustedAt: at(3), BacklogDoneAt: at(12 + 7), Used: 0.7},
		},
		"what is owed takes days": { // 400 today, 1,000 each of two days, the rest on the third
			forecast.Input{Budget: 1000, SpentToday: 600, Owed: 2900, PacePerHour: 100}, forecast.Forecast{ExhaustedAt: at(4), BacklogDoneAt: at(12 + 48 + 5), Used: 0.6},
		},
		"the budget is spent": {
			forecast.Input{Budget: 1000, SpentToday: 1000, Owed: 50, PacePerHour: 100}, forecast.Forecast{ExhaustedAt: noon, BacklogDoneAt: at(12.5), Used: 1},
		},
		"more than the budget is spent": {
			forecast.Input{Budget: 1000, SpentToday: 1200, PacePerHour: 100}, forecast.Forecast{ExhaustedAt: noon, BacklogDoneAt: noon, Used: 1},
		},
		"what is new takes all of every budget": {
			forecast.Input{Budget: 1000, SpentToday: 900, Owed: 500, DemandADay: 1200, PacePerHour: 100}, forecast.Forecast{ExhaustedAt: at(1), Used: 0.9},
		},
		"more comes in than can be sent": {
			forecast.Input{Budget: 100_000, Owed: 500, DemandADay: 4800, PacePerHour: 100}, forecast.Forecast{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.in.Now = noon
			if diff := cmp.Diff(test.want, forecast.Of(test.in)); diff != "" {
				t.Errorf("forecast (-want +got):\n%s", diff)
			}
		})
	}
}
