package provider

import "errors"

// The verdicts on a token pair.
const (
	VerdictRaced         = "raced"         // a newer pair exists
	VerdictRevoked       = "revoked"       // ended by the provider, by the user or by a later authorization
	VerdictExpired       = "expired"       // not used for too long
	VerdictAdminRemoved  = "admin_removed" // its owner left the account
	VerdictAppDisabled   = "app_disabled"  // by the account's administrator, or by the provider: until it is allowed again
	VerdictScopesChanged = "scopes_changed"
	VerdictInvalidClient = "invalid_client" // our client id or secret
)

// Ended reports whether an error says that a grant is over at the provider for good.
// A pair that is only not accepted now, because the app is disabled or its scopes changed,
// or because another pair of the grant is newer, belongs to a grant that may live.
func Ended(err error) bool {
	failure, ok := errors.AsType[*Error](err)
	if !ok || failure.Kind != Reauthorization {
		return false
	}
	switch failure.Verdict {
	case VerdictRevoked, VerdictExpired, VerdictAdminRemoved:
		return true
	}
	return false
}
