package activities

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"go.temporal.io/sdk/temporal"

	"callweave/internal/network"
	"callweave/internal/store"
	"callweave/workflows"
)

type networkError struct{ class network.Class }

func (e networkError) Error() string             { return string(e.class) }
func (e networkError) Class() network.Class      { return e.class }
func (e networkError) RetryAfter() time.Duration { return time.Hour }

func TestCollectionError(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		err       error
		want      string
		retryable bool
	}{
		{networkError{network.Unauthorized}, workflows.ErrMisconfigured, false},
		{networkError{network.Forbidden}, workflows.ErrMisconfigured, false},
		{networkError{network.Misconfigured}, workflows.ErrMisconfigured, false},
		{networkError{network.NotFound}, workflows.ErrNotFound, false},
		{networkError{network.RateLimited}, workflows.ErrRateLimited, false},
		{networkError{network.Malformed}, workflows.ErrMalformed, false},
		{networkError{network.Transient}, workflows.ErrTransient, true},
		{store.ErrFenced, workflows.ErrFenced, false},
		{errors.New("anything else"), workflows.ErrTransient, true},
	} {
		t.Run(test.err.Error(), func(t *testing.T) {
			t.Parallel()
			var got *temporal.ApplicationError
			if !errors.As(collectionError(fmt.Errorf("collect devices: %w", test.err)), &got) {
				t.Fatal("not an application error")
			}
			if got.Type() != test.want || got.NonRetryable() == test.retryable {
				t.Errorf("type %s, non-retryable %v; want %s, retryable %v", got.Type(), got.NonRetryable(), test.want, test.retryable)
			}
		})
	}
}
