package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"callweave/internal/provider"
	"callweave/internal/store/db"
	"callweave/internal/utcday"
)

// LookInput asks whether there is anything to do for an account.
type LookInput struct {
	provider.AccountRef
	Run         Run
	Hold        time.Duration // how long the run keeps the ledger without being heard of
	Now         time.Time
	At          time.Time     // up to which it is to be listed
	Deep        time.Duration // see [Store.LastListed]
	Scope       string        // of the account's data key
	UsableUntil time.Time     // an access token that lives longer serves
	Category    string        // of the requests
	Requests    int           // to be charged where the access token serves
}

// Looked is all that decides whether there is anything to do for an account.
type Looked struct {
	HeldBy         string // another run's workflow id: nothing else is known then
	Listed         Listed
	Open           OpenWindowsOf
	Due            bool        // a meeting is to be read
	Live           bool        // a link wants to see meetings run
	WeaveOrgs      []uuid.UUID // links for which something can be woven
	Waiting        int         // meetings that wait for device data to be woven
	RequestsBefore int         // ever spent, without those charged now
	Charged        int         // requests charged
	day            time.Time   // that they were charged to

	// The account's credential and the data key that it is sealed under, as they are kept.
	// They serve only where requests were charged.
	KeySealed  []byte
	Credential db.Credential
}

// OpenWindowsOf are an account's windows that are to be listed.
type OpenWindowsOf struct {
	Windows  int
	From, To time.Time // the span of them
	Kept     bool      // one of them is there because somebody asked for it
}

// BeginLook claims an account's ledger for a run, as [Store.ClaimHarvest] does, and tells
// what there is to do; both in one statement. Where there is something to list, the
// account's access token serves and the day's budget holds them, requests are charged as
// [Meter.Reserve] does, and the use of the token is noted as [Store.NoteUse] does. [ErrFenced] where no link of the account
// goes on.
func (s *Store) BeginLook(ctx context.Context, in LookInput) (Looked, error) {
	use, detail := Entry{}, []byte("{}") // without an actor nothing is noted
	by, noted := ctx.Value(actorKey{}).(*actor)
	if noted {
		by.mu.Lock()
		defer by.mu.Unlock() // over the write: nobody uses it before it is noted
		if !by.used[in.AccountRef] {
			var err error
			if use, detail, err = s.useBy(ctx, by, in.AccountRef); err != nil {
				return Looked{}, err
			}
		}
	}
	looked := Looked{day: utcday.Of(in.Now)}
	row, err := s.queries().BeginLook(ctx, db.BeginLookParams{
		Provider: string(in.Provider), AccountID: in.AccountID, WorkflowID: in.Run.WorkflowID, RunID: in.Run.RunID, HoldSeconds: in.Hold.Seconds(),
		Scope: in.Scope, DeepSeconds: in.Deep.Seconds(), Now: in.Now, At: in.At, MaxAttempts: maxWindowAttempts,
		Day: looked.day, Category: in.Category, Requests: int64(in.Requests), DefaultBudget: DefaultDailyRequests, UsableUntil: in.UsableUntil,
		Actor: use.Actor, Object: use.Object, Detail: detail,
	})
	switch {
	case err != nil:
	case !row.Linked:
		err = ErrFenced
	case !row.Claimed && row.HeldBy == "": // released this moment: the next attempt gets it
		err = errors.New("claim changed hands")
	}
	if err != nil {
		return Looked{}, fmt.Errorf("look at %s: %w", in.AccountRef, err)
	}
	if !row.Claimed {
		return Looked{HeldBy: row.HeldBy}, nil
	}
	looked.Listed = Listed{From: orZero(row.FloorAt), To: orZero(row.ListedTo), Deep: orZero(row.DeepTo)}
	looked.Open = OpenWindowsOf{Windows: int(row.OpenWindows), From: orZero(row.OpenFrom), To: orZero(row.OpenTo), Kept: row.OpenKept}
	looked.Due, looked.Live, looked.WeaveOrgs, looked.Waiting, looked.RequestsBefore = row.Due, row.Live, row.WeaveOrgs, int(row.Waiting), int(row.RequestsBefore)
	if row.Granted {
		looked.Charged, looked.KeySealed = in.Requests, row.KeySealed
		looked.Credential = db.Credential{
			Provider: string(in.Provider), AccountID: in.AccountID, GrantSealed: row.GrantSealed, PriorGrantSealed: row.PriorGrantSealed,
			Scopes: row.Scopes, State: CredentialActive, AccessExpiresAt: *row.AccessExpiresAt, Generation: row.Generation,
		}
		if noted {
			by.used[in.AccountRef] = true
		}
	}
	return looked, nil
}

// Refund gives back requests that a look charged and nobody sent.
func (s *Store) Refund(ctx context.Context, ref provider.AccountRef, looked Looked, category string, n int) error {
	return s.refund(ctx, ref, looked.day, category, n)
}

// LookEnd is what a look came to.
type LookEnd struct {
	provider.AccountRef
	Run         Run
	Now         time.Time
	Window      provider.Window // a live one; the zero window where none was to be listed
	Cause       string          // why it was not listed, an error type; "" where it was
	Meetings    int             // listed
	PruneBefore time.Time       // listed windows before it that later ones cover are forgotten; zero: none
	Generation  int64           // of the token pair that worked; 0 where none was used
	Told        bool            // the account's links are to say how it ended
	Problems    []string        // what they say; none is success
}

// EndLook notes what a look came to and gives the ledger back, in one statement. It notes
// nothing where no link of the account goes on.
func (s *Store) EndLook(ctx context.Context, end LookEnd) error {
	if end.Problems == nil {
		end.Problems = []string{}
	}
	_, err := s.queries().EndLook(ctx, db.EndLookParams{
		Provider: string(end.Provider), AccountID: end.AccountID, Generation: end.Generation,
		FromAt: end.Window.From, ToAt: end.Window.To, PruneBefore: end.PruneBefore, Cause: end.Cause, Meetings: int32(end.Meetings),
		WorkflowID: end.Run.WorkflowID, RunID: end.Run.RunID,
		Success: len(end.Problems) == 0, Now: end.Now, Errors: end.Problems, Told: end.Told,
	})
	if err != nil {
		return fmt.Errorf("end look at %s: %w", end.AccountRef, err)
	}
	return nil
}
