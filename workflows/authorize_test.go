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
