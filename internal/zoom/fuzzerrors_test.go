package zoom

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"slices"
	"testing"
	"time"

	"callweave/internal/provider"
)

// FuzzErrorBody judges refusals of any kind. Whatever a body says, no judgement repeats
// more of it than a code, only Zoom's 400 and 401 say anything about a token, and a wait
// is never negative.
func FuzzErrorBody(f *testing.F) {
	for _, seed := range []struct {
		status     uint16
		body, wait string
	}{
		{401, `{"code":124,"message":"Invalid access token."}`, ""},
		{400, `{"code":4711,"message":"Invalid access token, does not contain scopes:[a, b]."}`, ""},
		{400, `{"reason":"Invalid Token!","error":"invalid_grant"}`, ""},
		{400, `{"reason":"Invalid refresh token(4741)","error":"invalid_request"}`, ""},
		{429, `{"code":429,"message":"the maximum daily rate limit"}`, "2026-11-20T15:00:00Z"},
		{429, `{"code":"4001","message":7}`, "1e5"},
		{400, `{"code":300,"message":"The next page token is invalid or expired."}`, "-3"},
		{404, `{"code":3001,"message":"Meeting does not exist: pfVhQWoSQmUs6ZOwFD4kw==."}`, ""},
		{403, `<html>Forbidden</html>`, "Fri, 20 Nov 2026 14:00:00 GMT"},
		{502, `{"status":false,"errorCode":4700,"errorMessage":"Invalid redirect","result":null}`, ""},
		{200, ``, "NaN"},
	} {
		f.Add(seed.status, []byte(seed.body), seed.wait)
	}
	kinds := []provider.Kind{
		provider.Transient, provider.RateLimited, provider.Unauthorized, provider.MissingScopes, provider.NotFound, provider.Malformed,
		provider.Refused, provider.Misconfigured, provider.Reauthorization,
	}
	f.Fuzz(func(t *testing.T, status uint16, body []byte, wait string) {
		status = 200 + status%400
		header := http.Header{"Retry-After": {wait}}
		response := &http.Response{StatusCode: int(status), Header: header, Body: io.NopCloser(bytes.NewReader(body))}
		api := New(Config{Now: func() time.Time { return noon }}).classifyAPI("test", response)
		token := classifyToken(opExchange, int(status), header, body, noon)
		for _, failure := range []*provider.Error{api, token} {
			if !slices.Contains(kinds, failure.Kind) || failure.RetryAfter < 0 || failure.Status != int(status) {
				t.Fatalf("%d is judged as %+v", status, failure)
			}
			if failure.Code != "" && !isCode(failure.Code) || failure.Err != nil && !errors.Is(failure, errPageTokenDied) {
				t.Fatalf("code is %q, error %v", failure.Code, failure.Err)
			}
			if (failure.Kind == provider.RateLimited) != (status == http.StatusTooManyRequests) {
				t.Fatalf("%d is judged as %s", status, failure.Kind)
			}
		}
		if token.Kind != provider.Transient && status != 400 && status != 401 && status != 429 {
			t.Fatalf("%d says of a token that it is %s", status, token.Kind)
		}
	})
}
