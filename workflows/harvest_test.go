package workflows

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"go.temporal.io/sdk/temporal"

	"callweave/internal/provider"
)

func TestHarvest(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	ref := provider.AccountRef{Provider: provider.Zoom, AccountID: "account"}
	orgs := []uuid.UUID{uuid.MustParse("00000000-0000-0000-0000-00000000000a"), uuid.MustParse("00000000-0000-0000-0000-00000000000b")}
	window := provider.Window{From: start.Add(-time.Hour), To: start}
	expected := func(kind string, details ErrorDetails) error {
		return temporal.NewApplicationErrorWithOptions("refused", kind, temporal.ApplicationErrorOptions{NonRetryable: true, Details: []any{details}})
	}
	good := func() *fakeHarvest {
		return &fakeHarvest{
			plan: func() (PlanHarvestResult, error) {
				return PlanHarvestResult{Windows: []provider.Window{window, window}, RequestsBefore: 100}, nil
			},
			list: func(int) (ListMeetingsResult, error) { return ListMeetingsResult{Found: 3}, nil },
			read: func(call int) (ReadMeetingsResult, error) {
				return ReadMeetingsResult{Read: 2, Legs: 10, MediaSamples: 100, Remaining: 2 - call}, nil
			},
			finish: FinishHarvestResult{Orgs: orgs, RequestsAfter: 117},
			weave: func(call int, _ WeaveInput) (WeaveResult, error) {
				if call == 1 {
					return WeaveResult{Minutes: 50, Remaining: 1}, nil
				}
				return WeaveResult{Minutes: 5, Waiting: 1}, nil
			},
		}
	}
	whole := HarvestResult{
		WindowsListed: 2, MeetingsFound: 6, MeetingsRead: 4, Legs: 20, MediaSamples: 200, Requests: 17, Woven: 60, WaitingWeave: 2,
	}
	tests := map[string]struct {
		change func(*fakeHarvest)
		want   HarvestResult
		calls  map[string]int
		noted  Stop
		fails  string // error type
	}{
		"nothing new": {
			change: func(f *fakeHarvest) {
				f.plan = func() (PlanHarvestResult, error) {
					return PlanHarvestResult{Ended: true, Listed: 1, Requests: 2, Waiting: 7}, nil
				}
			},
			want:  HarvestResult{WindowsListed: 1, Requests: 2, WaitingWeave: 7},
			calls: map[string]int{PlanActivity: 1},
		},
		"nothing new, but something to weave": {
			change: func(f *fakeHarvest) {
				f.plan = func() (PlanHarvestResult, error) {
					return PlanHarvestResult{Ended: true, Listed: 1, Requests: 2, WeaveOrgs: orgs[1:], Waiting: 7}, nil
				}
			},
			want:  HarvestResult{WindowsListed: 1, Requests: 2, Woven: 55, WaitingWeave: 1},
			calls: map[string]int{PlanActivity: 1, WeaveActivity: 2},
		},
		"a look that was stopped": {
			change: func(f *fakeHarvest) {
				f.plan = func() (PlanHarvestResult, error) {
					return PlanHarvestResult{Ended: true, Remaining: 3, Requests: 1, Stopped: Stop{Type: ErrRateLimited, Daily: true}}, nil
				}
			},
			want:  HarvestResult{Remaining: 3, Requests: 1, Stopped: ErrRateLimited, StoppedDaily: true},
			calls: map[string]int{PlanActivity: 1},
		},
		"a look that found something": {
			change: func(f *fakeHarvest) {
				f.plan = func() (PlanHarvestResult, error) {
					return PlanHarvestResult{Listed: 1, Found: 4, RequestsBefore: 100}, nil
				}
			},
			want: HarvestResult{
				WindowsListed: 1, MeetingsFound: 4, MeetingsRead: 4, Legs: 20, MediaSamples: 200, Requests: 17, Woven: 60, WaitingWeave: 2,
			},
			calls: map[string]int{PlanActivity: 1, ReadMeetingsActivity: 2, FinishHarvestActivity: 1, WeaveActivity: 3},
		},
		"running meetings are read, too": {
			change: func(f *fakeHarvest) {
				f.plan = func() (PlanHarvestResult, error) {
					return PlanHarvestResult{Listed: 1, RequestsBefore: 100, Live: true}, nil
				}
				f.live = func() (ReadLiveResult, error) {
					return ReadLiveResult{Running: 4, Read: 3, Legs: 7, MediaSamples: 70}, nil
				}
			},
			want: HarvestResult{
				WindowsListed: 1, MeetingsRead: 4, LiveRead: 3, Legs: 27, MediaSamples: 270, Requests: 17, Woven: 60, WaitingWeave: 2,
			},
			calls: map[string]int{PlanActivity: 1, ReadMeetingsActivity: 2, ReadLiveActivity: 1, FinishHarvestActivity: 1, WeaveActivity: 3},
		},
		"running meetings cannot be read": {
			change: func(f *fakeHarvest) {
				f.plan = func() (PlanHarvestResult, error) {
					return PlanHarvestResult{Listed: 1, RequestsBefore: 100, Live: true}, nil
				}
				f.live = func() (ReadLiveResult, error) {
					return ReadLiveResult{}, temporal.NewApplicationError("down", ErrTransient)
				}
			},
			want: HarvestResult{
				WindowsListed: 1, MeetingsRead: 4, Legs: 20, MediaSamples: 200, Requests: 17, Woven: 60, WaitingWeave: 2,
			},
			calls: map[string]int{PlanActivity: 1, ReadMeetingsActivity: 2, ReadLiveActivity: 2, FinishHarvestActivity: 1, WeaveActivity: 3},
		},
		"the budget is spent before running meetings are read": {
			change: func(f *fakeHarvest) {
				f.plan = func() (PlanHarvestResult, error) {
					return PlanHarvestResult{Listed: 1, RequestsBefore: 100, Live: true}, nil
				}
				f.read = func(int) (ReadMeetingsResult, error) {
					return ReadMeetingsResult{Read: 1, Remaining: 9, Stopped: Stop{Type: ErrRateLimited, Daily: true}}, nil
				}
				f.finish.Remaining = 9
			},
			want:  HarvestResult{WindowsListed: 1, MeetingsRead: 1, Requests: 17, Remaining: 9, Stopped: ErrRateLimited, StoppedDaily: true, Woven: 60, WaitingWeave: 2},
			calls: map[string]int{PlanActivity: 1, ReadMeetingsActivity: 1, FinishHarvestActivity: 1, WeaveActivity: 3},
			noted: Stop{Type: ErrRateLimited, Daily: true},
		},
		"all of it": {
			want:  whole,
			calls: map[string]int{PlanActivity: 1, ListMeetingsActivity: 2, ReadMeetingsActivity: 2, FinishHarvestActivity: 1, WeaveActivity: 3},
		},
		"the day's budget is spent while reading": {
			change: func(f *fakeHarvest) {
				f.read = func(int) (ReadMeetingsResult, error) {
					return ReadMeetingsResult{Read: 1, Remaining: 9, Stopped: Stop{Type: ErrRateLimited, Daily: true}}, nil
				}
				f.finish.Remaining = 9
			},
			want:  HarvestResult{WindowsListed: 2, MeetingsFound: 6, MeetingsRead: 1, Requests: 17, Remaining: 9, Stopped: ErrRateLimited, StoppedDaily: true, Woven: 60, WaitingWeave: 2},
			calls: map[string]int{PlanActivity: 1, ListMeetingsActivity: 2, ReadMeetingsActivity: 1, FinishHarvestActivity: 1, WeaveActivity: 3},
			noted: Stop{Type: ErrRateLimited, Daily: true},
		},
		"the account must be linked again": {
			change: func(f *fakeHarvest) {
				f.list = func(int) (ListMeetingsResult, error) {
					return ListMeetingsResult{Cause: ErrReauthorization, Stopped: Stop{Type: ErrReauthorization}}, nil
				}
			},
			want:  HarvestResult{Requests: 17, Stopped: ErrReauthorization, Woven: 60, WaitingWeave: 2},
			calls: map[string]int{PlanActivity: 1, ListMeetingsActivity: 1, FinishHarvestActivity: 1, WeaveActivity: 3},
			noted: Stop{Type: ErrReauthorization},
		},
		"one window cannot be listed": {
			change: func(f *fakeHarvest) {
				f.list = func(call int) (ListMeetingsResult, error) {
					if call == 1 {
						return ListMeetingsResult{Cause: ErrMalformed}, nil
					}
					return ListMeetingsResult{Found: 6}, nil
				}
			},
			want: func() HarvestResult {
				r := whole
				r.WindowsListed = 1
				return r
			}(),
			calls: map[string]int{PlanActivity: 1, ListMeetingsActivity: 2, ReadMeetingsActivity: 2, FinishHarvestActivity: 1, WeaveActivity: 3},
			noted: Stop{Type: ErrMalformed},
		},
		"the provider is down": {
			change: func(f *fakeHarvest) {
				f.list = func(int) (ListMeetingsResult, error) {
					return ListMeetingsResult{}, temporal.NewApplicationError("down", ErrTransient)
				}
				f.read = func(int) (ReadMeetingsResult, error) {
					return ReadMeetingsResult{}, temporal.NewApplicationError("down", ErrTransient)
				}
			},
			want:  HarvestResult{Requests: 17, Stopped: ErrTransient, Woven: 60, WaitingWeave: 2},
			calls: map[string]int{PlanActivity: 1, ListMeetingsActivity: 5, ReadMeetingsActivity: 5, FinishHarvestActivity: 1, WeaveActivity: 3},
			noted: Stop{Type: ErrTransient},
		},
		"a list does not come, what is due is read": {
			change: func(f *fakeHarvest) {
				f.list = func(int) (ListMeetingsResult, error) {
					return ListMeetingsResult{}, temporal.NewApplicationError("slow", ErrTransient)
				}
			},
			want: func() HarvestResult {
				r := whole
				r.WindowsListed, r.MeetingsFound, r.Stopped = 0, 0, ErrTransient
				return r
			}(),
			calls: map[string]int{PlanActivity: 1, ListMeetingsActivity: 5, ReadMeetingsActivity: 2, FinishHarvestActivity: 1, WeaveActivity: 3},
			noted: Stop{Type: ErrTransient},
		},
		"a list does not come, and the budget ends": {
			change: func(f *fakeHarvest) {
				f.list = func(int) (ListMeetingsResult, error) {
					return ListMeetingsResult{}, temporal.NewApplicationError("slow", ErrTransient)
				}
				f.read = func(int) (ReadMeetingsResult, error) {
					return ReadMeetingsResult{Remaining: 9, Stopped: Stop{Type: ErrRateLimited, Daily: true}}, nil
				}
				f.finish.Remaining = 9
			},
			want:  HarvestResult{Requests: 17, Remaining: 9, Stopped: ErrRateLimited, StoppedDaily: true, Woven: 60, WaitingWeave: 2},
			calls: map[string]int{PlanActivity: 1, ListMeetingsActivity: 5, ReadMeetingsActivity: 1, FinishHarvestActivity: 1, WeaveActivity: 3},
			noted: Stop{Type: ErrRateLimited, Daily: true},
		},
		"another run has the ledger": {
			change: func(f *fakeHarvest) {
				f.plan = func() (PlanHarvestResult, error) { return PlanHarvestResult{HeldBy: "harvest/other"}, nil }
			},
			want:  HarvestResult{HeldBy: "harvest/other"},
			calls: map[string]int{PlanActivity: 1},
		},
		"another run takes the ledger": {
			change: func(f *fakeHarvest) {
				f.read = func(int) (ReadMeetingsResult, error) {
					return ReadMeetingsResult{Read: 1, HeldBy: "harvest/other"}, nil
				}
			},
			want:  HarvestResult{WindowsListed: 2, MeetingsFound: 6, MeetingsRead: 1, HeldBy: "harvest/other"},
			calls: map[string]int{PlanActivity: 1, ListMeetingsActivity: 2, ReadMeetingsActivity: 1},
		},
		"the account is being unlinked": {
			change: func(f *fakeHarvest) {
				f.plan = func() (PlanHarvestResult, error) { return PlanHarvestResult{}, expected(ErrFenced, ErrorDetails{}) }
				f.finish = FinishHarvestResult{}
			},
			want:  HarvestResult{Stopped: ErrFenced},
			calls: map[string]int{PlanActivity: 1, FinishHarvestActivity: 1},
			noted: Stop{Type: ErrFenced},
		},
		"we are misconfigured": {
			change: func(f *fakeHarvest) {
				f.read = func(int) (ReadMeetingsResult, error) {
					return ReadMeetingsResult{}, expected(ErrMisconfigured, ErrorDetails{})
				}
			},
			calls: map[string]int{PlanActivity: 1, ListMeetingsActivity: 2, ReadMeetingsActivity: 1, FinishHarvestActivity: 1},
			noted: Stop{Type: ErrMisconfigured},
			fails: ErrMisconfigured,
		},
		"one org cannot be woven": {
			change: func(f *fakeHarvest) {
				f.weave = func(_ int, in WeaveInput) (WeaveResult, error) {
					if in.OrgID == orgs[0] {
						return WeaveResult{}, expected(ErrFenced, ErrorDetails{})
					}
					return WeaveResult{Minutes: 7}, nil
				}
			},
			want: func() HarvestResult {
				r := whole
				r.Woven, r.WaitingWeave = 7, 0
				return r
			}(),
			calls: map[string]int{PlanActivity: 1, ListMeetingsActivity: 2, ReadMeetingsActivity: 2, FinishHarvestActivity: 1, WeaveActivity: 2},
		},
		"more than one pass can do": {
			change: func(f *fakeHarvest) {
				f.read = func(int) (ReadMeetingsResult, error) { return ReadMeetingsResult{Read: 1, Remaining: 1000}, nil }
				f.finish.Remaining = 1000
			},
			want: HarvestResult{
				WindowsListed: 2, MeetingsFound: 6, MeetingsRead: maxReadRounds, Remaining: 1000, Requests: 17, Woven: 60, WaitingWeave: 2,
			},
			calls: map[string]int{PlanActivity: 1, ListMeetingsActivity: 2, ReadMeetingsActivity: maxReadRounds, FinishHarvestActivity: 1, WeaveActivity: 3},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := good()
			if test.change != nil {
				test.change(f)
			}
			env := f.environment()
			env.SetStartTime(start)
			env.ExecuteWorkflow(HarvestWorkflow, HarvestInput{AccountRef: ref})
			if diff := cmp.Diff(test.calls, f.calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			if f.finished.Stopped != test.noted {
				t.Errorf("noted %+v, want %+v", f.finished.Stopped, test.noted)
			}
			err := env.GetWorkflowError()
			if test.fails != "" || err != nil {
				if ErrorType(err) != test.fails {
					t.Errorf("ended with %v, want %q", err, test.fails)
				}
				return
			}
			var got HarvestResult
			if err := env.GetWorkflowResult(&got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
			if !f.planned.At.Equal(start) || !f.planned.Look {
				t.Errorf("planned for %s, want %s and a look: %+v", f.planned.At, start, f.planned)
			}
		})
	}
}

func TestHarvestIsForItsNominalTime(t *testing.T) {
	t.Parallel()
	nominal := time.Date(2026, 11, 18, 6, 5, 0, 0, time.UTC)
	f := &fakeHarvest{plan: func() (PlanHarvestResult, error) { return PlanHarvestResult{HeldBy: "x"}, nil }}
	env := f.environment()
	env.SetStartTime(time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC))
	if err := env.SetTypedSearchAttributesOnStart(temporal.NewSearchAttributes(scheduledAt.ValueSet(nominal))); err != nil {
		t.Fatal(err)
	}
	env.ExecuteWorkflow(HarvestWorkflow, HarvestInput{AccountRef: provider.AccountRef{Provider: provider.Zoom, AccountID: "a"}})
	if err := env.GetWorkflowError(); err != nil {
		t.Fatal(err)
	}
	if !f.planned.At.Equal(nominal) {
		t.Errorf("planned for %s, want %s", f.planned.At, nominal)
	}
}

func TestHarvestRefusesInput(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	ref := provider.AccountRef{Provider: provider.Zoom, AccountID: "a"}
	for name, in := range map[string]HarvestInput{
		"no provider":   {AccountRef: provider.AccountRef{AccountID: "a"}},
		"no account":    {AccountRef: provider.AccountRef{Provider: provider.Zoom}},
		"to alone":      {AccountRef: ref, To: at},
		"wrong way":     {AccountRef: ref, From: at, To: at.Add(-time.Hour)},
		"nothing of it": {AccountRef: ref, From: at, To: at},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &fakeHarvest{}
			env := f.environment()
			env.ExecuteWorkflow(HarvestWorkflow, in)
			if err := env.GetWorkflowError(); ErrorType(err) != ErrInvalidInput {
				t.Errorf("ended with %v", err)
			}
		})
	}
}

func TestHarvestThatIsCanceledGivesTheLedgerBack(t *testing.T) {
	t.Parallel()
	f := &fakeHarvest{plan: func() (PlanHarvestResult, error) {
		return PlanHarvestResult{Windows: []provider.Window{{}}}, nil
	}}
	env := f.environment()
	f.list = func(int) (ListMeetingsResult, error) {
		env.CancelWorkflow()
		return ListMeetingsResult{}, temporal.NewApplicationError("down", ErrTransient)
	}
	env.ExecuteWorkflow(HarvestWorkflow, HarvestInput{AccountRef: provider.AccountRef{Provider: provider.Zoom, AccountID: "a"}})
	if !temporal.IsCanceledError(env.GetWorkflowError()) || f.calls[FinishHarvestActivity] != 1 || f.finished.Stopped.Type != StopCanceled {
		t.Errorf("ended with %v, calls %v, noted %+v", env.GetWorkflowError(), f.calls, f.finished.Stopped)
	}
}
