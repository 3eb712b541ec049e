package api_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"

	"callweave/internal/api"
)

// described holds every answer of these tests to our own document: its status, its type and
// its body. What no route takes is not described.
func (b *bundle) described(request *http.Request, answer *httptest.ResponseRecorder) {
	b.t.Helper()
	target := request.URL.RequestURI()
	held := *answer
	held.Body = bytes.NewBuffer(answer.Body.Bytes())
	err := b.check(request.Method, target, &held)
	if errors.Is(err, routers.ErrPathNotFound) || errors.Is(err, routers.ErrMethodNotAllowed) {
		if answer.Code < 300 {
			b.t.Errorf("%s %s: status %d of a route that openapi.json does not describe", request.Method, request.URL.Path, answer.Code)
		}
		return
	}
	if err != nil {
		b.t.Errorf("%s %s: openapi.json describes another answer: %v", request.Method, request.URL.Path, err)
	}
}

func TestOpenAPIIsValidAndServed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	answer := b.send(httptest.NewRequest("GET", "/api/openapi.json", nil))
	if answer.Code != 200 || !json.Valid(answer.Body.Bytes()) {
		t.Fatalf("status %d", answer.Code)
	}
	doc, err := openapi3.NewLoader().LoadFromData(answer.Body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Error(err)
	}
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			for _, parameter := range operation.Parameters {
				if p := parameter.Value; p.In == "path" && !strings.Contains(path, "{"+p.Name+"}") {
					t.Errorf("%s %s has no %s", method, path, p.Name)
				}
			}
		}
	}
	// The check can fail: a field that nobody described, a number as a text, a status.
	for _, wrong := range []string{`{"linked":true,"accounts":[],"more":1}`, `{"linked":"true","accounts":[]}`, `{"accounts":[]}`} {
		answer := httptest.NewRecorder()
		answer.Header().Set("Content-Type", "application/json")
		_, _ = answer.WriteString(wrong)
		if err := validator(t, api.OpenAPI())("GET", b.accounts(b.org), answer); err == nil {
			t.Errorf("%s is let pass", wrong)
		}
	}
}
