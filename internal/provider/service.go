package provider

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"callweave/internal/secret"
)

// Caller is whose grant a request is made with and whose quota it is charged to.
type Caller struct {
	AccountRef
	Access secret.Text
}

// Service is what a calling service must offer. Every error is an [*Error]. All methods
// are safe for concurrent use.
type Service interface {
	// Name is the service's name.
	Name() Name
	// Requirements are the scopes asked for, each with its reason.
	Requirements() []Requirement
	// AuthorizationURL is where an administrator signs in and allows us. verifier is the
	// PKCE verifier (RFC 7636); the URL carries its S256 challenge only.
	AuthorizationURL(state string, verifier secret.Text) string
	// Exchange turns an authorization code into a grant. A code works once.
	Exchange(ctx context.Context, code, verifier secret.Text) (Grant, error)
	// Refresh turns a refresh token into a new grant; the old token may be dead after.
	Refresh(ctx context.Context, refresh secret.Text) (Grant, error)
	// Revoke ends the grant that the access token belongs to. Ending a dead one is no error.
	Revoke(ctx context.Context, access secret.Text) error
	// Account says whose grant it is.
	Account(ctx context.Context, access secret.Text) (Account, error)
	// ListMeetings calls yield for every meeting of one list that started in the window,
	// page by page. A listing whose page token dies is begun again: yield may see a
	// meeting twice.
	ListMeetings(ctx context.Context, caller Caller, kind ListKind, window Window, yield func([]Meeting) error) error
	// ReadMeeting returns every leg of an ended meeting with its media samples, the
	// samples ordered by StartAt. Where the provider lists nobody the error, of kind
	// NotFound, is [ErrNobody]: late data, unless the meeting was listed as empty.
	ReadMeeting(ctx context.Context, caller Caller, meetingID string) ([]Leg, error)
}

// LiveService is a [Service] that shows meetings while they run.
type LiveService interface {
	// ListLive lists the meetings that run at a moment, as ListMeetings does those that ended.
	ListLive(ctx context.Context, caller Caller, at time.Time, yield func([]Meeting) error) error
	// ReadLive returns the legs that a running meeting has so far, as ReadMeeting does. The
	// error is of kind NotFound where it does not run any more.
	ReadLive(ctx context.Context, caller Caller, meetingID string) ([]Leg, error)
}

// The features that need scopes. One whose scope was not granted stays off.
const (
	FeatureMeetings     = "list meetings"
	FeatureParticipants = "list participants"
	FeatureQuality      = "read quality of service"
	FeatureAccount      = "identify account" // without it there can be no link
)

// Requirement is one thing we need a scope for.
type Requirement struct {
	Feature string   // one of the above: what stays off without it
	AnyOf   []string // one of these scopes is enough (classic or granular)
	Reason  string   // why we ask, in words for an administrator
}

// Lacking names one scope for each of the features (all where none are named) that a grant
// is not enough for, each scope once. A grant that does not say what it holds lacks nothing:
// a provider may leave the scopes out where they are those asked for (RFC 6749 section 5.1).
func Lacking(service Service, grant Grant, features ...string) []string {
	lacking := []string{}
	if len(grant.Scopes) == 0 {
		return lacking
	}
	for _, r := range service.Requirements() {
		wanted := len(features) == 0 || slices.Contains(features, r.Feature)
		if !wanted || len(r.AnyOf) == 0 || grant.Has(r.AnyOf...) || slices.Contains(lacking, grantedForm(r.AnyOf, grant)) {
			continue
		}
		lacking = append(lacking, grantedForm(r.AnyOf, grant))
	}
	return lacking
}

// grantedForm names the scope that somebody has to add to their app: the granular one
// where the grant has granular scopes, which apps of today can have only.
func grantedForm(anyOf []string, grant Grant) string {
	for _, scope := range anyOf {
		if isGranular(scope) && slices.ContainsFunc(grant.Scopes, isGranular) {
			return scope
		}
	}
	return anyOf[0]
}

// isGranular tells "dashboard:read:list_meetings:admin" from "dashboard_meetings:read:admin".
func isGranular(scope string) bool { return strings.Count(scope, ":") >= 3 }

// Meter is asked before every request that counts against an account's quota.
type Meter interface {
	// Reserve charges n requests of a category, or returns an [*Error] of kind
	// RateLimited that says when there is quota again.
	Reserve(ctx context.Context, ref AccountRef, category string, n int) error
}

// Kind says what an error means for whoever decides what to do next.
type Kind string

// The kinds of errors. They are the Temporal error types of the same names.
const (
	RateLimited     Kind = "rate_limited"
	Unauthorized    Kind = "unauthorized" // this access token is not accepted: refresh once
	Reauthorization Kind = "reauthorization_required"
	Misconfigured   Kind = "misconfigured" // our client id, secret, redirect URI or scopes
	NotFound        Kind = "not_found"
	Malformed       Kind = "malformed"
	Transient       Kind = "transient"
	MissingScopes   Kind = "missing_scopes" // the grant does not hold what this request needs
	Refused         Kind = "refused"        // this request can never work: bad code, missing plan
)

// Error is what went wrong at a provider. Its text names the operation, the status and
// the provider's own code; never a token, a URL with one, or a person.
type Error struct {
	Kind       Kind
	Operation  string        // "refresh token", "list meetings"
	Status     int           // HTTP status; 0 where there was no answer
	Code       string        // the provider's code, e.g. "124" or "invalid_grant"
	Verdict    string        // for tokens: raced, revoked, expired, admin_removed, app_disabled, scopes_changed, invalid_client
	RetryAfter time.Duration // for RateLimited: how long to wait; 0 where the provider does not say
	Daily      bool          // for RateLimited: the quota of the day is spent
	Err        error         // what lies under it, already free of secrets
}

// Error implements error.
func (e *Error) Error() string {
	text := fmt.Sprintf("%s: %s", e.Operation, e.Kind)
	if e.Status != 0 {
		text += fmt.Sprintf(" (status %d", e.Status)
		if e.Code != "" {
			text += ", code " + e.Code
		}
		text += ")"
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns what lies under it.
func (e *Error) Unwrap() error { return e.Err }

// ErrNobody is what lies under the error of reading a meeting that nobody is listed in.
var ErrNobody = errors.New("nobody is listed in the meeting")

// KindOf returns the kind of an error of this package; Transient for any other error.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Transient
}
