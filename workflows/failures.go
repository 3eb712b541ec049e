package workflows

import (
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"
)

// ErrorDetails is the first detail of every application error that came from a provider.
type ErrorDetails struct {
	Status     int           `json:"status,omitempty"`      // HTTP
	Code       string        `json:"code,omitempty"`        // the provider's own
	Verdict    string        `json:"verdict,omitempty"`     // on a token, see provider.Error
	RetryAfter time.Duration `json:"retry_after,omitempty"` // of ErrRateLimited; 0: the provider does not say
	Daily      bool          `json:"daily,omitempty"`       // of ErrRateLimited: the quota of the day is spent
}

// ErrorType is the type of the application error in err, one of the names above;
// [ErrTransient] where there is none, such as after a timeout. "" for nil.
func ErrorType(err error) string {
	if err == nil {
		return ""
	}
	var application *temporal.ApplicationError
	if errors.As(err, &application) && application.Type() != "" {
		return application.Type()
	}
	return ErrTransient
}

// DetailsOf returns what the provider said about the error, if it was the provider's.
func DetailsOf(err error) ErrorDetails {
	var (
		application *temporal.ApplicationError
		details     ErrorDetails
	)
	if errors.As(err, &application) && application.HasDetails() {
		if application.Details(&details) != nil {
			return ErrorDetails{}
		}
	}
	return details
}
