package zoomwindow

import (
	"encoding/json"
	"maps"
	"net/http"
	"strconv"
	"strings"
)

// reply is a whole answer, kept in memory so that a fault can spoil it.
type reply struct {
	status      int
	header      http.Header
	contentType string
	body        []byte
}

const jsonType = "application/json;charset=UTF-8"

func jsonReply(status int, v any) reply {
	body, err := json.Marshal(v)
	if err != nil { // only possible with a type that never marshals: a mistake of ours
		return reply{status: http.StatusInternalServerError, contentType: "text/plain", body: []byte(err.Error())}
	}
	return reply{status: status, header: http.Header{}, contentType: jsonType, body: body}
}

func htmlReply(status int, page string) reply {
	return reply{status: status, header: http.Header{}, contentType: "text/html;charset=utf-8", body: []byte(page)}
}

func (r reply) write(w http.ResponseWriter) {
	maps.Copy(w.Header(), r.header)
	w.Header().Set("Content-Type", r.contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(r.body)))
	w.WriteHeader(r.status)
	_, _ = w.Write(r.body) // the client may be gone
}

// fieldError is one element of a validation error.
type fieldError struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

// apiError is the body of every error of the REST API.
type apiError struct {
	Code    int          `json:"code"`
	Message string       `json:"message"`
	Errors  []fieldError `json:"errors,omitempty"`
}

func apiErrorReply(status, code int, message string) reply {
	return jsonReply(status, apiError{Code: code, Message: message})
}

// The errors of the REST API, as Zoom's API error guide and the dashboard's
// specification number them.
func invalidAccessToken() reply {
	return apiErrorReply(http.StatusUnauthorized, 124, "Invalid access token.")
}

func accessTokenExpired() reply {
	return apiErrorReply(http.StatusUnauthorized, 124, "Access token is expired.")
}

func accessTokenInQuery() reply {
	return apiErrorReply(http.StatusUnauthorized, 124,
		"Invalid access token, this access token is not supported as query parameter string.")
}

func missingScopes(anyOf []string) reply {
	return apiErrorReply(http.StatusBadRequest, 4711,
		"Invalid access token, does not contain scopes:["+strings.Join(anyOf, ", ")+"].")
}

func dashboardOff() reply {
	return apiErrorReply(http.StatusBadRequest, 200, "Only available for paid account and enabled Dashboard feature.")
}

func invalidField(field, message string) reply {
	return jsonReply(http.StatusBadRequest, apiError{
		Code: 300, Message: "Validation Failed.", Errors: []fieldError{{Field: field, Message: message}},
	})
}

func invalidPageToken() reply {
	return apiErrorReply(http.StatusBadRequest, 300, "The next page token is invalid or expired.")
}

func noEndTimeQuery() reply {
	return apiErrorReply(http.StatusBadRequest, 12700, "This account cannot query meetings by `end_time`.")
}

func meetingTooOld() reply {
	return apiErrorReply(http.StatusBadRequest, 12702, "Can not access a meeting a year ago.")
}

func meetingDoesNotExist(id string) reply {
	return apiErrorReply(http.StatusNotFound, 3001, "Meeting does not exist: "+id+".")
}

func meetingNotEnded() reply {
	return apiErrorReply(http.StatusNotFound, 3001, "Meeting ID is invalid or not end.")
}

func userDoesNotExist(id string) reply {
	return apiErrorReply(http.StatusNotFound, 1001, "User does not exist: "+id+".")
}

func notFoundPath() reply {
	return apiErrorReply(http.StatusNotFound, 2300, "This API endpoint is not recognized.")
}

// browserError is what /oauth/authorize renders instead of a page.
type browserError struct {
	Status       bool   `json:"status"`
	ErrorCode    int    `json:"errorCode"`
	ErrorMessage string `json:"errorMessage"`
	Result       any    `json:"result"`
}

func browserErrorReply(code int, message string) reply {
	return jsonReply(http.StatusBadRequest, browserError{ErrorCode: code, ErrorMessage: message})
}

// The errors of RFC 6749, section 5.2, that occur more than once.
const (
	invalidGrant   = "invalid_grant"
	invalidRequest = "invalid_request"
)

// tokenError is the body of every error of the token endpoint. Code is of Zoom's table
// of OAuth error messages; the bodies seen at the live service have none.
type tokenError struct {
	Status int    `json:"-"`
	Reason string `json:"reason,omitempty"`
	Err    string `json:"error"`
	Code   int    `json:"errorCode,omitempty"`
}

// The errors of the token endpoint: the first three as seen live, the others with the
// number and text of the table; their bodies are not documented.
func deadToken() tokenError {
	return tokenError{http.StatusBadRequest, "Invalid Token!", invalidGrant, 0}
}

func invalidClient() tokenError {
	return tokenError{http.StatusUnauthorized, "Invalid client_id or client_secret", "invalid_client", 0}
}

func unsupportedGrantType() tokenError {
	return tokenError{http.StatusBadRequest, "unsupported grant type", "unsupported_grant_type", 0}
}

func missingGrantType() tokenError {
	return tokenError{http.StatusBadRequest, "Missing grant type.", invalidRequest, 4706}
}

func redirectMismatch() tokenError {
	return tokenError{http.StatusBadRequest, "Redirect URI mismatch.", invalidRequest, 4709}
}

func scopesChanged() tokenError {
	return tokenError{http.StatusBadRequest, "Refresh token invalid. The token scopes do not match with the client scopes.", invalidGrant, 4711}
}

func appDisabled() tokenError {
	return tokenError{http.StatusBadRequest, "The app has been disabled", "unauthorized_client", 4717}
}

func codeExpired() tokenError {
	return tokenError{http.StatusBadRequest, "Code is expired", invalidGrant, 4733}
}

func codeInvalid() tokenError {
	return tokenError{http.StatusBadRequest, "Invalid authorization code.", invalidGrant, 4734}
}

func badVerifier() tokenError {
	return tokenError{http.StatusBadRequest, "Invalid code verifier.", invalidGrant, 4700}
}

func ownerGone() tokenError {
	return tokenError{http.StatusBadRequest, "The owner of the token does not exist.", invalidGrant, 4735}
}

func disabledByAdmin() tokenError {
	return tokenError{http.StatusBadRequest, "The token is disabled by admin.", invalidGrant, 4738}
}

func toleranceExceeded() tokenError {
	return tokenError{http.StatusBadRequest, "The token ID is out of the token tolerance range.", invalidGrant, 4740}
}

func (w *Window) tokenErrorReply(e tokenError) reply {
	if w.cfg.OAuth.OldErrors && e.Err == invalidGrant {
		e.Status, e.Err = http.StatusUnauthorized, invalidRequest
	}
	if w.cfg.OAuth.NoErrorCodes {
		e.Code = 0
	}
	return jsonReply(e.Status, e)
}
