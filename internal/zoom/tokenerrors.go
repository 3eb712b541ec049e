package zoom

import (
	"net/http"
	"strings"
	"time"

	"callweave/internal/provider"
)

type verdict struct {
	kind provider.Kind
	name string
}

// tokenVerdict judges an error code of Zoom's guide "OAuth error messages", or one of
// RFC 6749 §5.2; ok is false for a code that says nothing about a token.
func tokenVerdict(operation, code, reason string) (v verdict, ok bool) {
	switch code {
	case "4702", "4704", "invalid_client", "unauthorized_client": // invalid client, client unknown
		return verdict{provider.Misconfigured, provider.VerdictInvalidClient}, true
	case "4705", "4706", "4709", "unsupported_grant_type": // grant type, credentials missing, redirect URI
		return verdict{provider.Misconfigured, ""}, true
	case "4711": // the token's scopes are not the app's any more
		return verdict{provider.Reauthorization, provider.VerdictScopesChanged}, true
	case "4717": // the app itself is disabled: no tenant can mend that
		return verdict{provider.Misconfigured, provider.VerdictAppDisabled}, true
	case "4733", "4734": // authorization code expired, authorization code invalid
		return verdict{provider.Refused, ""}, true
	case "4735": // owner of the token does not exist
		return verdict{provider.Reauthorization, provider.VerdictAdminRemoved}, true
	case "4737", "4741": // refresh token not found; revoked by a later authorization
		return verdict{provider.Reauthorization, provider.VerdictRevoked}, true
	case "4738": // disabled by the account's administrator
		return verdict{provider.Reauthorization, provider.VerdictAppDisabled}, true
	case "4740": // used more often than the token's version tolerates
		return verdict{provider.Reauthorization, provider.VerdictRaced}, true
	case "124", "invalid_grant", "invalid_request", "invalid_token": // invalid_request: Zoom before 2023
		switch {
		case operation == opExchange:
			return verdict{provider.Refused, ""}, true
		case strings.Contains(strings.ToLower(reason), "expired"):
			return verdict{provider.Reauthorization, provider.VerdictExpired}, true
		}
		return verdict{provider.Reauthorization, provider.VerdictRevoked}, true
	}
	return verdict{}, false
}

// classifyToken judges a refusal of the OAuth endpoints, whose bodies are
// {"reason", "error"} and not {"code", "message"}. Only a 400 or 401 with a known code
// says anything about a token: an answer nobody understands is a trouble of the moment,
// so that a proxy's page or a new status never unlinks anybody.
func classifyToken(operation string, status int, header http.Header, body []byte, now time.Time) *provider.Error {
	said := readErrorBody(body)
	failure := &provider.Error{Kind: provider.Transient, Operation: operation, Status: status, Code: said.code()}
	switch status {
	case http.StatusTooManyRequests:
		classifyRate(failure, header, said.text(), now)
	case http.StatusBadRequest, http.StatusUnauthorized:
		for _, code := range said.codes() {
			if v, ok := tokenVerdict(operation, code, said.text()); ok {
				failure.Kind, failure.Verdict, failure.Code = v.kind, v.name, code
				break
			}
		}
	}
	return failure
}
