package api

import (
	"net/http"
	"time"

	"callweave/internal/access"
	"callweave/internal/provider"
	"callweave/internal/store"
	"callweave/internal/store/db"
	"callweave/internal/utcday"
	"callweave/workflows"
)

// Gap is a window that is not listed, or a meeting that is not read, why, and what will
// become of it.
type Gap struct {
	Kind       string     `json:"kind"` // window or meeting
	Provider   string     `json:"provider"`
	AccountID  string     `json:"account_id"`
	MeetingID  string     `json:"meeting_id,omitempty"`
	From       time.Time  `json:"from"`
	To         time.Time  `json:"to"`
	Origin     string     `json:"origin"` // live or backfill
	State      string     `json:"state"`
	Cause      *string    `json:"cause"` // an error type; null where nothing went wrong yet
	Attempts   int32      `json:"attempts"`
	Since      time.Time  `json:"since"`
	AgeSeconds int64      `json:"age_seconds"`
	Plan       string     `json:"plan"`    // see the Plan constants
	NextAt     *time.Time `json:"next_at"` // null where no time is known
}

// What will become of a gap.
const (
	PlanNextPass = "next_pass"  // the account's next harvest tries it
	PlanAt       = "at"         // the first harvest after next_at does
	PlanMidnight = "midnight"   // the day's budget is spent: the first harvest after 00:00 UTC
	PlanMended   = "mended"     // the first harvest after somebody has mended the cause
	PlanResumed  = "resumed"    // the first harvest after its backfill is resumed
	PlanAsked    = "when_asked" // nothing, until somebody asks for it
)

// NewGap shows a stored gap. spent says that the account's budget of the day is.
func NewGap(row db.GapsRow, spent bool, now time.Time) Gap {
	g := Gap{
		Kind: row.Kind, Provider: row.Provider, AccountID: row.AccountID, MeetingID: row.MeetingID, From: row.FromAt, To: row.ToAt,
		Origin: row.Origin, State: row.State, Cause: row.Cause, Attempts: row.Attempts, Since: row.Since,
		AgeSeconds: max(0, int64(now.Sub(row.Since)/time.Second)),
	}
	cause := ""
	if row.Cause != nil {
		cause = *row.Cause
	}
	midnight := utcday.Next(now)
	switch {
	case row.GivenUp:
		g.Plan = PlanAsked
	case row.Paused:
		g.Plan = PlanResumed
	case row.DueAt != nil && row.DueAt.After(now):
		g.Plan, g.NextAt = PlanAt, row.DueAt
	case needsMending(cause):
		g.Plan = PlanMended
	case spent:
		g.Plan, g.NextAt = PlanMidnight, &midnight
	default:
		g.Plan = PlanNextPass
	}
	return g
}

func needsMending(cause string) bool {
	switch cause {
	case workflows.ErrReauthorization, workflows.ErrMissingScopes, workflows.ErrRefused, workflows.ErrMisconfigured:
		return true
	}
	return false
}

// Forecast is what becomes of an account's daily budget of requests.
type Forecast struct {
	Provider      string     `json:"provider"`
	AccountID     string     `json:"account_id"`
	Requests      int        `json:"requests"` // the day's, by UTC
	Spent         int        `json:"spent"`
	UsedRatio     float64    `json:"used_ratio"`
	Owed          int        `json:"owed"` // about, by what is due and to be listed
	MeetingsDue   int        `json:"meetings_due"`
	OpenWindows   int        `json:"open_windows"`
	ExhaustedAt   *time.Time `json:"exhausted_at"`    // when today's is spent; null: not today
	BacklogDoneAt *time.Time `json:"backlog_done_at"` // when what is owed is read; null: never at this rate
}

// NewForecast shows a budget.
func NewForecast(b store.Budget) Forecast {
	f := Forecast{
		Provider: string(b.Provider), AccountID: b.AccountID, Requests: b.Requests, Spent: b.Spent, UsedRatio: b.Used, Owed: b.Owed,
		MeetingsDue: b.MeetingsDue, OpenWindows: b.OpenWindows,
	}
	if !b.ExhaustedAt.IsZero() {
		f.ExhaustedAt = &b.ExhaustedAt
	}
	if !b.BacklogDoneAt.IsZero() {
		f.BacklogDoneAt = &b.BacklogDoneAt
	}
	return f
}

// GapReport is all gaps, newest first, and what the accounts' budgets allow.
type GapReport struct {
	Results   []Gap      `json:"results"`
	Forecasts []Forecast `json:"forecasts"`
}

// NewGapReport puts gaps and budgets together.
func NewGapReport(rows []db.GapsRow, budgets []store.Budget, now time.Time) GapReport {
	report := GapReport{Results: make([]Gap, len(rows)), Forecasts: apply(budgets, NewForecast)}
	spent := map[provider.AccountRef]bool{}
	for _, b := range budgets {
		spent[b.AccountRef] = b.Spent >= b.Requests
	}
	for i, row := range rows {
		report.Results[i] = NewGap(row, spent[provider.AccountRef{Provider: provider.Name(row.Provider), AccountID: row.AccountID}], now)
	}
	return report
}

func (s *Server) listGaps(w http.ResponseWriter, r *http.Request, who access.Identity) error {
	filter, err := ledgerFilter(r, who)
	if err != nil {
		return err
	}
	rows, err := s.store.Gaps(r.Context(), filter)
	if err != nil {
		return err
	}
	now := time.Now()
	budgets, err := s.store.Budgets(r.Context(), filter, now)
	if err != nil {
		return err
	}
	s.writeJSON(w, r, http.StatusOK, NewGapReport(rows, budgets, now))
	return nil
}
