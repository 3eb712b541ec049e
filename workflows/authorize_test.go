package workflows_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.temporal.io/sdk/temporal"

	"callweave/workflows"
)

func TestAuthorize(t *testing.T) {
	t.Parallel()
	failure := func(errorType string) error {
		return temporal.NewNonRetryableApplicationError("what went wrong", errorType, nil)
	}
	linked := workflows.AuthorizeResult{AccountRef: testRef, OrgID: testOrg}
	tests := []struct {
		name    string
		fail    error
		want    workflows.AuthorizeResult
		refused int
		started int
	}{
		{"works", nil, linked, 0, 1},
		{"code rejected", failure(workflows.ErrRefused), workflows.AuthorizeResult{ErrorCode: workflows.CodeRejected}, 1, 0},
		{"our client id is wrong", failure(workflows.ErrMisconfigured), workflows.AuthorizeResult{ErrorCode: workflows.CodeMisconfigured}, 1, 0},
		{"nothing tells whose grant it is", failure(workflows.ErrMissingScopes), workflows.AuthorizeResult{ErrorCode: workflows.CodeMissingScopes}, 1, 0},
		{"authorized once more meanwhile", failure(workflows.ErrSuperseded), workflows.AuthorizeResult{ErrorCode: workflows.CodeSuperseded}, 1, 0},
		{"no such authorization", failure(workflows.ErrNotFound), workflows.AuthorizeResult{ErrorCode: workflows.CodeGone}, 1, 0},
		{"zoom down for the life of the code", transient(), workflows.AuthorizeResult{ErrorCode: workflows.CodeProviderUnavailable}, 1, 0},
		{
			"earlier link never erased", temporal.NewApplicationError("still being erased", workflows.ErrUnlinking),
			workflows.AuthorizeResult{ErrorCode: workflows.CodeUnlinking},
			1, 0,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			fake := newFakeLink()
			fake.fail = test.fail
			env := fake.environment(t)
			env.ExecuteWorkflow(workflows.AuthorizeWorkflow, workflows.AuthorizeInput{AuthorizationID: testOrg})
			if err := env.GetWorkflowError(); err != nil {
				t.Fatal(err)
			}
			var got workflows.AuthorizeResult
			if err := env.GetWorkflowResult(&got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
			if refused, started := fake.called(workflows.RefuseActivity), fake.called(workflows.StartLinkActivity); refused != test.refused || started != test.started {
				t.Errorf("refused %d times, started %d; want %d, %d", refused, started, test.refused, test.started)
			}
		})
	}
}

// What becomes of a grant that is there, when its account cannot be read in four minutes.
func TestAuthorizeKeepsTheGrant(t *testing.T) {
	t.Parallel()
	final := temporal.NewNonRetryableApplicationError("no", workflows.ErrRefused, nil)
	linked := workflows.AuthorizeResult{AccountRef: testRef, OrgID: testOrg}
	for name, test := range map[string]struct {
		set       func(*fakeLink)
		want      workflows.AuthorizeResult
		disowned  bool
		forgotten int
	}{
		"read in the end":                  {func(f *fakeLink) { f.fail, f.kept = transient(), true }, linked, false, 0},
		"not within the hour":              {func(f *fakeLink) { f.fail, f.failLate, f.kept = transient(), transient(), true }, workflows.AuthorizeResult{ErrorCode: workflows.CodeProviderUnavailable}, true, 0},
		"refused in the end":               {func(f *fakeLink) { f.fail, f.failLate, f.kept = transient(), final, true }, workflows.AuthorizeResult{ErrorCode: workflows.CodeRejected}, true, 0},
		"refused at once":                  {func(f *fakeLink) { f.fail, f.kept = final, true }, workflows.AuthorizeResult{ErrorCode: workflows.CodeRejected}, true, 0},
		"nor revoked for a week":           {func(f *fakeLink) { f.fail, f.failDisown, f.kept = final, transient(), true }, workflows.AuthorizeResult{ErrorCode: workflows.CodeRejected}, true, 1},
		"landed though nobody heard of it": {func(f *fakeLink) { f.fail, f.after = transient(), testRef }, workflows.AuthorizeResult{AccountRef: testRef}, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake := newFakeLink()
			test.set(fake)
			env := fake.environment(t)
			env.ExecuteWorkflow(workflows.AuthorizeWorkflow, workflows.AuthorizeInput{AuthorizationID: testOrg})
			var got workflows.AuthorizeResult
			if err := env.GetWorkflowResult(&got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
			if disowned := fake.called(workflows.DisownActivity) > 0; disowned != test.disowned || fake.called(workflows.ForgetGrantActivity) != test.forgotten {
				t.Errorf("disowned %v, forgotten %d; want %v, %d", disowned, fake.called(workflows.ForgetGrantActivity), test.disowned, test.forgotten)
			}
			if started := fake.called(workflows.StartLinkActivity) == 1; started != (test.want.ErrorCode == "") {
				t.Errorf("started the link: %v", started)
			}
		})
	}
}
