package activities

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"
	"go.temporal.io/sdk/temporal"

	"callweave/internal/provider"
	"callweave/internal/store"
	"callweave/internal/vault"
	"callweave/workflows"
)

func TestToApplicationError(t *testing.T) {
	t.Parallel()
	type want struct {
		Type         string
		NonRetryable bool
		Benign       bool
		Delay        time.Duration
	}
	ofKind := func(kind provider.Kind) error {
		return fmt.Errorf("harvest: %w", &provider.Error{Kind: kind, Operation: "list meetings", Status: 400, Code: "300", RetryAfter: time.Minute})
	}
	tests := map[string]struct {
		err  error
		want want
	}{
		"rate limited":    {ofKind(provider.RateLimited), want{workflows.ErrRateLimited, false, true, time.Minute}},
		"unauthorized":    {ofKind(provider.Unauthorized), want{workflows.ErrTransient, false, false, 0}},
		"reauthorization": {ofKind(provider.Reauthorization), want{workflows.ErrReauthorization, true, true, 0}},
		"misconfigured":   {ofKind(provider.Misconfigured), want{workflows.ErrMisconfigured, true, false, 0}},
		"not found":       {ofKind(provider.NotFound), want{workflows.ErrNotFound, true, true, 0}},
		"malformed":       {ofKind(provider.Malformed), want{workflows.ErrMalformed, false, false, 0}},
		"transient":       {ofKind(provider.Transient), want{workflows.ErrTransient, false, false, 0}},
		"missing scopes":  {ofKind(provider.MissingScopes), want{workflows.ErrMissingScopes, true, true, 0}},
		"refused":         {ofKind(provider.Refused), want{workflows.ErrRefused, true, true, 0}},
		"fenced":          {fmt.Errorf("land: %w", store.ErrFenced), want{workflows.ErrFenced, true, true, 0}},
		"key destroyed":   {fmt.Errorf("seal: %w", vault.ErrDestroyed), want{workflows.ErrFenced, true, true, 0}},
		"no such row":     {fmt.Errorf("org: %w", store.ErrNotFound), want{workflows.ErrNotFound, true, true, 0}},
		"other keyset":    {fmt.Errorf("open: %w", vault.ErrUnsealed), want{workflows.ErrMisconfigured, true, false, 0}},
		"anything else":   {errors.New("connection reset"), want{workflows.ErrTransient, false, false, 0}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			translated := toApplicationError(test.err)
			var application *temporal.ApplicationError
			if !errors.As(translated, &application) {
				t.Fatalf("%T is no application error", translated)
			}
			got := want{application.Type(), application.NonRetryable(), application.Category() == temporal.ApplicationErrorCategoryBenign, application.NextRetryDelay()}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if again := toApplicationError(translated); again != translated { //nolint:errorlint // the very same
				t.Errorf("translated twice: %v", again)
			}
			if tried := tryAgain(test.err); !errors.As(tried, &application) || application.NonRetryable() {
				t.Errorf("tryAgain = %v, want a retryable error", tried)
			}
		})
	}
	if toApplicationError(nil) != nil {
		t.Error("nil became an error")
	}
	if err := toApplicationError(context.Canceled); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled became %v", err)
	}
	details := workflows.DetailsOf(toApplicationError(ofKind(provider.RateLimited)))
	if diff := cmp.Diff(workflows.ErrorDetails{Status: 400, Code: "300", RetryAfter: time.Minute}, details); diff != "" {
		t.Errorf("details (-want +got):\n%s", diff)
	}
}

// Postgres repeats values in its messages.
func TestErrorsRepeatNoValues(t *testing.T) {
	t.Parallel()
	err := toApplicationError(fmt.Errorf("put leg: %w", &pgconn.PgError{
		Code: "22P02", Message: `invalid input syntax for type inet: "ada@example.com"`, Detail: "ada@example.com",
	}))
	if text := err.Error(); strings.Contains(text, "ada") || !strings.Contains(text, "22P02") || !strings.Contains(text, "put leg") {
		t.Errorf("text = %q", text)
	}
}
