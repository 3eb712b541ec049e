package workflows

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"callweave/internal/provider"
)

func TestCollectDevices(t *testing.T) {
	t.Parallel()
	org := uuid.MustParse("00000000-0000-0000-0000-00000000000a")
	first := provider.AccountRef{Provider: provider.Zoom, AccountID: "first"}
	second := provider.AccountRef{Provider: provider.Zoom, AccountID: "second"}
	polled := CollectedDevices{
		Result: CollectDevicesResult{Sites: 2, Clients: 30, Leases: 31, Samples: 80, Requests: 9},
		Links:  []provider.AccountRef{first, second},
	}
	refuse := func(kind string) error { return temporal.NewNonRetryableApplicationError("refused", kind, nil) }
	result := func(change func(*CollectDevicesResult)) CollectDevicesResult {
		r := polled.Result
		change(&r)
		return r
	}
	for _, test := range []struct {
		name    string
		pollErr error
		weave   func(call int) (WeaveResult, error)
		want    CollectDevicesResult
		woven   []string // accounts, in order
	}{
		{
			name: "weaves every link until nothing is ready",
			weave: func(call int) (WeaveResult, error) {
				if call == 1 {
					return WeaveResult{Meetings: 100, Minutes: 10, Remaining: 20}, nil
				}
				return WeaveResult{Meetings: 20, Minutes: 3}, nil
			},
			want:  result(func(r *CollectDevicesResult) { r.Woven = 16 }),
			woven: []string{"first", "first", "second"},
		},
		{
			name: "a batch that gets nowhere does not go round for ever",
			weave: func(int) (WeaveResult, error) {
				return WeaveResult{Remaining: 20}, nil
			},
			want:  polled.Result,
			woven: []string{"first", "second"},
		},
		{
			name: "a link that is being unlinked is left alone",
			weave: func(call int) (WeaveResult, error) {
				if call == 1 {
					return WeaveResult{}, refuse(ErrFenced)
				}
				return WeaveResult{Minutes: 3}, nil
			},
			want:  result(func(r *CollectDevicesResult) { r.Woven = 3 }),
			woven: []string{"first", "second"},
		},
		{
			name: "a link that fails does not stop the others",
			weave: func(call int) (WeaveResult, error) {
				if call == 1 {
					return WeaveResult{}, refuse(ErrMisconfigured)
				}
				return WeaveResult{Minutes: 3}, nil
			},
			want:  result(func(r *CollectDevicesResult) { r.Woven, r.Failure = 3, ErrMisconfigured }),
			woven: []string{"first", "second"},
		},
		{
			name:    "a failed poll ends the run with its reason",
			pollErr: refuse(ErrRateLimited),
			want:    CollectDevicesResult{Failure: ErrRateLimited},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var suite testsuite.WorkflowTestSuite
			env := suite.NewTestWorkflowEnvironment()
			env.RegisterActivityWithOptions(func(in CollectDevicesInput) (CollectedDevices, error) {
				if in.OrgID != org {
					return CollectedDevices{}, errors.New("another org")
				}
				return polled, test.pollErr
			}, activity.RegisterOptions{Name: CollectDevicesActivity})
			var woven []string
			env.RegisterActivityWithOptions(func(in WeaveInput) (WeaveResult, error) {
				woven = append(woven, in.AccountID)
				return test.weave(len(woven))
			}, activity.RegisterOptions{Name: WeaveActivity})

			env.ExecuteWorkflow(CollectDevices, CollectDevicesInput{OrgID: org})
			if err := env.GetWorkflowError(); err != nil {
				t.Fatal(err)
			}
			var got CollectDevicesResult
			if err := env.GetWorkflowResult(&got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.woven, woven); diff != "" {
				t.Errorf("woven (-want +got):\n%s", diff)
			}
		})
	}
}
