// Package forecast says when an account's daily budget of requests will be spent, and when
// what is left to be read will have been. It is arithmetic: no I/O, no clock.
package forecast

import (
	"math"
	"time"

	"callweave/internal/utcday"
)

// Input is what is known of an account.
type Input struct {
	Now         time.Time
	Budget      int     // requests a day, by UTC
	SpentToday  int     // requests
	Owed        int     // requests that what is due and what is to be listed will cost
	DemandADay  float64 // requests that a day like the last one brings
	PacePerHour float64 // requests that are sent in an hour while there is something to read
}

// Forecast is what becomes of it.
type Forecast struct {
	// ExhaustedAt is when the budget of today is spent; zero where it is not.
	ExhaustedAt time.Time
	// BacklogDoneAt is when what is owed is read; zero where it is never, because what is new
	// takes all of every budget.
	BacklogDoneAt time.Time
	// Used is the part of today's budget that is spent, 0 to 1.
	Used float64
}

// farthest is where a forecast ends to be one.
const farthest = 366 * 24 * time.Hour

// Of forecasts. What is owed is read at full pace, while what is new goes on coming in; then
// requests are sent as they come in. Every 00:00 UTC there is a new budget, and what is new
// takes its part of it first.
func Of(in Input) Forecast {
	budget, left := float64(in.Budget), math.Max(0, float64(in.Budget-in.SpentToday))
	f := Forecast{Used: 1}
	if budget > 0 {
		f.Used = math.Min(1, float64(in.SpentToday)/budget)
	}
	comesIn, pace := in.DemandADay/24, math.Max(in.PacePerHour, 1) // an hour
	midnight := utcday.Next(in.Now)

	done := math.Inf(1) // hours until nothing is owed, if there were no budget
	if pace > comesIn {
		done = float64(in.Owed) / (pace - comesIn)
	}
	spent := math.Inf(1) // hours until the budget of today is spent, if the day did not end
	switch {
	case left <= done*pace:
		spent = left / pace
	case comesIn > 0:
		spent = done + (left-done*pace)/comesIn
	}
	if at := after(in.Now, spent); !at.IsZero() && at.Before(midnight) {
		f.ExhaustedAt = at
	}
	switch {
	case in.Owed == 0:
		f.BacklogDoneAt = in.Now
		return f
	case done <= spent && !after(in.Now, done).IsZero():
		f.BacklogDoneAt = after(in.Now, done)
		return f
	}
	// Some is read today; the days to come have what is new and the night's arrears to read first.
	hours := midnight.Sub(in.Now).Hours()
	owed := float64(in.Owed) + comesIn*hours - math.Min(left, pace*hours)
	for day := midnight; day.Sub(in.Now) < farthest; day = day.Add(24 * time.Hour) {
		if hours := owed / (pace - comesIn); pace > comesIn && hours <= 24 && hours*pace <= budget {
			f.BacklogDoneAt = after(day, hours)
			return f
		}
		owed += in.DemandADay - math.Min(budget, 24*pace)
	}
	return f
}

// after is zero where it is beyond any forecast.
func after(at time.Time, hours float64) time.Time {
	if hours > farthest.Hours() {
		return time.Time{}
	}
	return at.Add(time.Duration(hours * float64(time.Hour))).Round(time.Second)
}
