package zoom

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"callweave/internal/provider"
)

// maxErrorBody is how much of a refusal is looked at.
const maxErrorBody = 64 << 10

// errPageTokenDied says that a listing outlived its page token (15 minutes).
var errPageTokenDied = errors.New("page token is no longer valid")

// errorBody is every form in which Zoom states an error: {code, message} of the API,
// {reason, error} of the token endpoint, {errorCode, errorMessage} of the sign-in page.
type errorBody struct {
	Code         flexText `json:"code"`
	Message      flexText `json:"message"`
	Reason       flexText `json:"reason"`
	Error        flexText `json:"error"`
	ErrorCode    flexText `json:"errorCode"`
	ErrorMessage flexText `json:"errorMessage"`
	HTML         bool     `json:"-"`
}

func readErrorBody(body []byte) errorBody {
	var said errorBody
	if trimmed := bytes.TrimSpace(body); len(trimmed) > 0 && trimmed[0] == '<' {
		said.HTML = true
		return said
	}
	// A body that is not JSON says nothing; the status still does.
	if err := json.Unmarshal(body, &said); err != nil {
		return errorBody{}
	}
	return said
}

// codes are the codes found, the most telling first. Zoom also writes its number into the
// text: "Invalid refresh token(4741)".
func (b errorBody) codes() []string {
	var codes []string
	for _, candidate := range []flexText{b.Code, b.ErrorCode} {
		if isCode(string(candidate)) {
			codes = append(codes, string(candidate))
		}
	}
	codes = append(codes, oauthNumber.FindAllString(b.text(), 1)...)
	if isCode(string(b.Error)) {
		codes = append(codes, string(b.Error))
	}
	return codes
}

func (b errorBody) code() string {
	if b.HTML {
		return codeHTML
	}
	if codes := b.codes(); len(codes) > 0 {
		return codes[0]
	}
	return ""
}

// text is for classification only: it may name people and meetings.
func (b errorBody) text() string {
	return strings.Join([]string{string(b.Message), string(b.Reason), string(b.ErrorMessage)}, " ")
}

// codeHTML stands for a body that is a web page.
const codeHTML = "html"

// Compiled once, never changed.
var (
	oauthNumber = regexp.MustCompile(`\b47[0-4][0-9]\b`)
	codeForm    = regexp.MustCompile(`^[a-z0-9_]{1,40}$`)
)

// isCode keeps free text out of errors: a code is short and has no spaces.
func isCode(text string) bool { return codeForm.MatchString(text) }

// networkFailure is an error without an answer. The URL is left out of its text, because a
// URL may hold a meeting's id or a page token.
func networkFailure(operation string, err error) *provider.Error {
	if sent, ok := errors.AsType[*url.Error](err); ok {
		err = sent.Err
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &provider.Error{Kind: provider.Transient, Operation: operation, Err: err}
	}
	return &provider.Error{Kind: provider.Transient, Operation: operation, Err: errors.New("no answer: " + err.Error())}
}

func readSome(body io.Reader) []byte {
	some, err := io.ReadAll(io.LimitReader(body, maxErrorBody))
	if err != nil {
		return nil
	}
	return some
}

// flexText is a string that Zoom sometimes writes as a number.
type flexText string

// UnmarshalJSON takes a string, a number, or null.
func (t *flexText) UnmarshalJSON(data []byte) error {
	switch {
	case len(data) > 0 && data[0] == '"':
		var text string
		if err := json.Unmarshal(data, &text); err != nil {
			return &valueError{want: "a text"}
		}
		*t = flexText(clean(text))
	case len(data) > 0 && (data[0] == '-' || data[0] >= '0' && data[0] <= '9'):
		*t = flexText(data)
	}
	return nil
}

// classifyAPI judges a refusal of the API.
func (c *Client) classifyAPI(operation string, response *http.Response) *provider.Error {
	said := readErrorBody(readSome(response.Body))
	text := strings.ToLower(said.text())
	failure := &provider.Error{Operation: operation, Status: response.StatusCode, Code: said.code()}
	status := response.StatusCode
	switch {
	case status == http.StatusTooManyRequests:
		classifyRate(failure, response.Header, said.text(), c.config.Now())
	case strings.Contains(text, "does not contain scopes"), failure.Code == "104", failure.Code == "4711":
		failure.Kind, failure.Verdict = provider.MissingScopes, provider.VerdictScopesChanged
	case status == http.StatusUnauthorized, failure.Code == "124":
		failure.Kind = provider.Unauthorized
	case status >= 500, status < 400, status == http.StatusRequestTimeout: // a redirect is not Zoom's
		failure.Kind = provider.Transient
	case said.HTML: // a proxy's or firewall's page for this one request
		failure.Kind = provider.Malformed
	case failure.Code == "300" && strings.Contains(text, "page token"):
		failure.Kind, failure.Err = provider.Transient, errPageTokenDied
	case status == http.StatusNotFound, failure.Code == "3001", failure.Code == "1001", failure.Code == "1010",
		failure.Code == "12702", // a meeting a year ago
		failure.Code == "300" && strings.Contains(text, "can not access"): // a webinar's id
		failure.Kind = provider.NotFound
	case failure.Code == "200": // no dashboard in the plan
		failure.Kind = provider.Refused
	default: // 300: Zoom does not take this request; a status or code we do not know: the others may work
		failure.Kind = provider.Malformed
	}
	return failure
}
