package activities

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"callweave/internal/provider"
	"callweave/workflows"
)

// lookResult is what a test says of a look beside the times.
type lookResult struct {
	Result    workflows.PlanHarvestResult
	ErrorType string
	Requests  string // charged, ever
	Windows   string // state and cause of the newest
	Claimed   string
	Link      string // how its last harvest ended, with its errors
	Refreshed int
}

func TestLook(t *testing.T) {
	t.Parallel()
	none := workflows.PlanHarvestResult{}
	down := &provider.Error{Kind: provider.Transient, Operation: "list"}
	for name, test := range map[string]struct {
		given func(*fleet)
		want  lookResult
	}{
		"nothing is new": {
			want: lookResult{Result: workflows.PlanHarvestResult{Ended: true, Listed: 1, Requests: 2}, Requests: "2", Windows: "listed", Claimed: "false", Link: "success"},
		},
		"a meeting is new": {
			given: func(f *fleet) { f.meet(f.refs[0], 1) },
			want:  lookResult{Result: workflows.PlanHarvestResult{Listed: 1, Found: 1}, Requests: "2", Windows: "listed", Claimed: "true", Link: "none"},
		},
		"a link wants to see meetings run": {
			given: func(f *fleet) { f.exec("update links set live = true") },
			want:  lookResult{Result: workflows.PlanHarvestResult{Listed: 1, Live: true}, Requests: "2", Windows: "listed", Claimed: "true", Link: "none"},
		},
		"a meeting that was listed before is due": {
			given: func(f *fleet) {
				f.exec(`insert into meetings (provider, account_id, meeting_id, meeting_number, list_kind, host_sealed, start_at, end_at, participant_count, due_at)
					values ('zoom', $1, 'm', 1, 'past', '', $2, $2, 1, $2)`, f.refs[0].AccountID, f.now.Add(-time.Hour))
			},
			want: lookResult{Result: workflows.PlanHarvestResult{Listed: 1}, Requests: "2", Windows: "listed", Claimed: "true", Link: "none"},
		},
		"a meeting that is not due yet is listed again": {
			given: func(f *fleet) {
				f.meet(f.refs[0], 1)
				m := f.meetings[f.refs[0].AccountID][0]
				f.exec(`insert into meetings (provider, account_id, meeting_id, meeting_number, list_kind, host_sealed, start_at, end_at, participant_count, due_at, state)
					values ('zoom', $1, $2, 1, 'past', '', $3, $4, 1, $5, 'read')`, f.refs[0].AccountID, m.ID, m.StartAt, m.EndAt, f.now.Add(time.Hour))
			},
			want: lookResult{Result: workflows.PlanHarvestResult{Ended: true, Listed: 1, Requests: 2}, Requests: "2", Windows: "listed", Claimed: "false", Link: "success"},
		},
		"somebody else has the ledger": {
			given: func(f *fleet) {
				f.exec(`insert into harvest_claims values ('zoom', $1, 'other', 'run', now() + interval '1 minute')`, f.refs[0].AccountID)
			},
			want: lookResult{Result: workflows.PlanHarvestResult{HeldBy: "other"}, Requests: "0", Windows: "listed", Claimed: "true", Link: "none"},
		},
		"the list does not come": {
			given: func(f *fleet) { f.trouble[f.refs[0].AccountID] = down },
			want:  lookResult{Result: workflows.PlanHarvestResult{Windows: make([]provider.Window, 1)}, Requests: "1", Windows: "planned", Claimed: "true", Link: "none"},
		},
		"a window that somebody asked for is open": {
			given: func(f *fleet) {
				f.exec(`insert into windows (provider, account_id, from_at, to_at, origin, asked) values ('zoom', $1, $2, $3, 'backfill', true)`,
					f.refs[0].AccountID, f.now.Add(-48*time.Hour), f.now.Add(-24*time.Hour))
			},
			want: lookResult{Result: workflows.PlanHarvestResult{Windows: make([]provider.Window, 2), Past: 1}, Requests: "0", Windows: "planned", Claimed: "true", Link: "none"},
		},
		"a window that failed is covered by the next": {
			given: func(f *fleet) {
				f.exec(`insert into windows (provider, account_id, from_at, to_at, origin, state, cause) values ('zoom', $1, $2, $3, 'live', 'failed', 'transient')`,
					f.refs[0].AccountID, f.now.Add(-time.Hour), f.now.Add(-10*time.Minute))
			},
			want: lookResult{Result: workflows.PlanHarvestResult{Ended: true, Listed: 1, Requests: 2}, Requests: "2", Windows: "listed", Claimed: "false", Link: "success"},
		},
		"nothing was ever listed": {
			given: func(f *fleet) { f.exec("delete from windows") },
			want:  lookResult{Result: workflows.PlanHarvestResult{Windows: make([]provider.Window, 1)}, Requests: "0", Windows: "planned", Claimed: "true", Link: "none"},
		},
		"it was listed up to now": {
			given: func(f *fleet) { f.exec("update windows set to_at = $1", f.now) },
			want:  lookResult{Result: workflows.PlanHarvestResult{Ended: true}, Requests: "0", Windows: "listed", Claimed: "false", Link: "success"},
		},
		"the budget is spent": {
			given: func(f *fleet) { f.exec("update links set max_daily_api_requests = 1") },
			want: lookResult{
				Result:   workflows.PlanHarvestResult{Ended: true, Requests: 1, Stopped: workflows.Stop{Type: workflows.ErrRateLimited, Daily: true}},
				Requests: "1", Windows: "failed rate_limited", Claimed: "false", Link: "failed " + textDailyLimit,
			},
		},
		"the token is about to expire": {
			given: func(f *fleet) { f.exec("update credentials set access_expires_at = $1", f.now.Add(time.Minute)) },
			want: lookResult{
				Result: workflows.PlanHarvestResult{Ended: true, Listed: 1, Requests: 2}, Requests: "2", Windows: "listed", Claimed: "false", Link: "success", Refreshed: 1,
			},
		},
		"the credential is dead": {
			given: func(f *fleet) { f.exec("update credentials set state = 'dead', verdict = 'revoked'") },
			want: lookResult{
				Result:   workflows.PlanHarvestResult{Ended: true, Stopped: workflows.Stop{Type: workflows.ErrReauthorization, Verdict: "revoked"}},
				Requests: "0", Windows: "failed reauthorization_required", Claimed: "false", Link: "failed " + textRelink,
			},
		},
		"the account is being unlinked": {
			given: func(f *fleet) { f.exec("update links set status = 'unlinking'") },
			want:  lookResult{Result: none, ErrorType: workflows.ErrFenced, Requests: "0", Windows: "listed", Claimed: "false", Link: "none"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t, 1)
			if test.given != nil {
				test.given(f)
			}
			if diff := cmp.Diff(test.want, f.look(), ignoreTimes()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func ignoreTimes() cmp.Options {
	return cmp.Options{
		cmpopts.IgnoreFields(provider.Window{}, "From", "To"), cmpopts.IgnoreFields(workflows.PlanHarvestResult{}, "RequestsBefore"), cmpopts.EquateEmpty(),
	}
}

// look looks at the first account.
func (f *fleet) look() lookResult {
	f.t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetDisableRegistrationAliasing(true)
	env := suite.NewTestActivityEnvironment()
	env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{NewActors()}})
	Register(registrar{env}, Set{Harvest: f.harvest})
	ref := f.refs[0]
	value, err := env.ExecuteActivity(workflows.PlanActivity, workflows.PlanHarvestInput{AccountRef: ref, At: f.now, Look: true})
	result := lookResult{ErrorType: workflows.ErrorType(err), Refreshed: f.refreshs}
	if err == nil {
		err = value.Get(&result.Result)
	}
	if err != nil && result.ErrorType == "" {
		f.t.Fatal(err)
	}
	result.Requests = f.text("select coalesce(sum(spent), 0)::text from api_requests")
	result.Windows = f.text("select concat_ws(' ', state, cause) from windows order by to_at desc, from_at limit 1")
	result.Claimed = f.text("select exists (select from harvest_claims)::text")
	result.Link = f.text("select concat_ws(' ', coalesce(last_status, 'none'), nullif(array_to_string(errors, ','), '')) from links")
	return result
}

// A look that is repeated, because its answer was lost, lists nothing twice.
func TestLookTwice(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 1)
	f.look()
	want := lookResult{Result: workflows.PlanHarvestResult{Ended: true}, Requests: "2", Windows: "listed", Claimed: "false", Link: "success"}
	if diff := cmp.Diff(want, f.look(), ignoreTimes()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if used := f.text("select count(*)::text from token_uses"); used != "1" {
		t.Errorf("the use of the token is noted %s times", used)
	}
}

// A refreshed pair that worked is confirmed by the look itself.
func TestLookConfirms(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 1)
	f.exec("update credentials set access_expires_at = $1", f.now.Add(time.Minute))
	f.look()
	if prior := f.text("select (prior_grant_sealed is null)::text from credentials"); prior != "true" {
		t.Error("the pair before is kept, though the new one worked")
	}
}

// What could be woven is told, and for whom.
func TestLookTellsWhatToWeave(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 1)
	waits := uuid.New()
	f.exec("insert into orgs (org_id, name, mist_url, mist_token_sealed) values ($1, 'Org', '', '')", waits)
	f.exec("insert into links (provider, account_id, org_id, linked_by_sealed) values ('zoom', $1, $2, '')", f.refs[0].AccountID, waits)
	f.exec(`insert into meetings (provider, account_id, meeting_id, meeting_number, list_kind, host_sealed, start_at, end_at, participant_count, state, revision)
		values ('zoom', $1, 'm', 1, 'past', '', $2, $2, 1, 'settled', 1)`, f.refs[0].AccountID, f.now.Add(-time.Hour))
	f.exec(`insert into weaves (org_id, provider, account_id, meeting_id, revision, legs_matched, minutes, read_revision, end_at)
		select o, 'zoom', $1, 'm', 0, 0, 0, 1, $2 from unnest($3::uuid[]) o`, f.refs[0].AccountID, f.now.Add(-time.Hour), []uuid.UUID{f.orgs[0], waits})
	want := workflows.PlanHarvestResult{Ended: true, Listed: 1, Requests: 2, WeaveOrgs: f.orgs, Waiting: 1}
	if diff := cmp.Diff(want, f.look().Result, ignoreTimes()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A limit of the moment ends the pass, and says nothing about the account.
func TestLookIsRateLimited(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 1)
	f.trouble[f.refs[0].AccountID] = &provider.Error{Kind: provider.RateLimited, Operation: "list", Err: errors.New("too many")}
	want := lookResult{
		Result:   workflows.PlanHarvestResult{Ended: true, Requests: 1, Stopped: workflows.Stop{Type: workflows.ErrRateLimited}},
		Requests: "1", Windows: "failed rate_limited", Claimed: "false", Link: "none",
	}
	if diff := cmp.Diff(want, f.look(), ignoreTimes()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
