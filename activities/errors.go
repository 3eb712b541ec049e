package activities

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"go.temporal.io/sdk/temporal"

	"callweave/internal/provider"
	"callweave/internal/store"
	"callweave/internal/vault"
	"callweave/workflows"
)

// toApplicationError turns what went wrong into the error that a workflow decides by: a
// type of workflows/names.go, whether a retry can mend it, the provider's own delay, and
// [workflows.ErrorDetails]. Every activity returns its errors through here. What is
// expected in a tenant's life is benign, so that it neither logs as an error nor alerts.
//
// The cause is not attached: its text would be stored a second time, unfiltered.
func toApplicationError(err error) error {
	var (
		application *temporal.ApplicationError
		canceled    *temporal.CanceledError
		failure     *provider.Error
	)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &application), errors.As(err, &canceled), errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &failure):
		return fromProvider(err, failure)
	case errors.Is(err, store.ErrFenced), errors.Is(err, vault.ErrDestroyed):
		return applicationError(err, workflows.ErrFenced, expected())
	case errors.Is(err, store.ErrNotFound):
		return applicationError(err, workflows.ErrNotFound, expected())
	case errors.Is(err, vault.ErrUnsealed), errors.Is(err, vault.ErrNoKeyset):
		return applicationError(err, workflows.ErrMisconfigured, temporal.ApplicationErrorOptions{NonRetryable: true})
	}
	return applicationError(err, workflows.ErrTransient, temporal.ApplicationErrorOptions{})
}

func fromProvider(err error, failure *provider.Error) error {
	options := temporal.ApplicationErrorOptions{Details: []any{workflows.ErrorDetails{
		Status: failure.Status, Code: failure.Code, Verdict: failure.Verdict,
		RetryAfter: failure.RetryAfter, Daily: failure.Daily,
	}}}
	switch failure.Kind {
	case provider.RateLimited:
		options.NextRetryDelay = failure.RetryAfter
		options.Category = temporal.ApplicationErrorCategoryBenign
		return applicationError(err, workflows.ErrRateLimited, options)
	case provider.Reauthorization:
		options.NonRetryable = true
		options.Category = temporal.ApplicationErrorCategoryBenign
		return applicationError(err, workflows.ErrReauthorization, options)
	case provider.NotFound:
		options.NonRetryable = true
		options.Category = temporal.ApplicationErrorCategoryBenign
		return applicationError(err, workflows.ErrNotFound, options)
	case provider.MissingScopes:
		options.NonRetryable = true
		options.Category = temporal.ApplicationErrorCategoryBenign
		return applicationError(err, workflows.ErrMissingScopes, options)
	case provider.Refused:
		options.NonRetryable = true
		options.Category = temporal.ApplicationErrorCategoryBenign
		return applicationError(err, workflows.ErrRefused, options)
	case provider.Misconfigured:
		options.NonRetryable = true
		return applicationError(err, workflows.ErrMisconfigured, options)
	case provider.Malformed:
		return applicationError(err, workflows.ErrMalformed, options)
	case provider.Unauthorized, provider.Transient:
		// An access token that is not accepted is refreshed by the next attempt.
	}
	return applicationError(err, workflows.ErrTransient, options)
}

// expected is how an ending that no retry mends, and nobody has to mend, is reported.
func expected() temporal.ApplicationErrorOptions {
	return temporal.ApplicationErrorOptions{NonRetryable: true, Category: temporal.ApplicationErrorCategoryBenign}
}

func applicationError(err error, errorType string, options temporal.ApplicationErrorOptions) error {
	return temporal.NewApplicationErrorWithOptions(safeText(err), errorType, options) //nolint:wrapcheck // it is the wrapping
}

// safeText is the error's text with the database's own words cut to their code:
// Postgres repeats values in its messages, and a value may be somebody's address.
func safeText(err error) string {
	text := err.Error()
	if refusal, ok := errors.AsType[*pgconn.PgError](err); ok {
		short := fmt.Sprintf("database error (SQLSTATE %s, table %q, constraint %q)", refusal.Code, refusal.TableName, refusal.ConstraintName)
		text = strings.ReplaceAll(text, refusal.Error(), short)
	}
	return text
}
