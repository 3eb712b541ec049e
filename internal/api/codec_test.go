package api_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	commonpb "go.temporal.io/api/common/v1"
	"google.golang.org/protobuf/encoding/protojson"

	"callweave/internal/access"
	"callweave/internal/api"
	"callweave/internal/authorize"
	"callweave/internal/temporalclient"
)

func TestWhoMayDecode(t *testing.T) {
	t.Parallel()
	loopback := func(c *api.Config, _ *authorize.Config) { c.Codec.AllowLoopback = true }
	session := func(role access.Role) option {
		return func(c *api.Config, _ *authorize.Config) {
			c.Codec.Session = func(*http.Request) (access.Identity, bool) { return access.Identity{Role: role}, true }
		}
	}
	for name, test := range map[string]struct {
		options []option
		role    access.Role
		origin  string
		remote  string
		host    string
		want    int
	}{
		"admin":                            {nil, access.Admin, "", "192.0.2.1:9", "callweave.example", 200},
		"admin in the UI":                  {nil, access.Admin, uiOrigin, "192.0.2.1:9", "callweave.example", 200},
		"observer":                         {nil, access.Observer, uiOrigin, "192.0.2.1:9", "callweave.example", 403},
		"nobody":                           {nil, "", uiOrigin, "127.0.0.1:9", "127.0.0.1:8080", 401},
		"this machine":                     {[]option{loopback}, "", uiOrigin, "127.0.0.1:9", "127.0.0.1:8080", 200},
		"this machine, v6":                 {[]option{loopback}, "", uiOrigin, "[::1]:9", "localhost:8080", 200},
		"another page on this machine":     {[]option{loopback}, "", "http://evil.example", "127.0.0.1:9", "127.0.0.1:8080", 401},
		"a tool on this machine":           {[]option{loopback}, "", "", "127.0.0.1:9", "127.0.0.1:8080", 401},
		"a name rebound to this machine":   {[]option{loopback}, "", uiOrigin, "127.0.0.1:9", "evil.example:8080", 401},
		"another machine":                  {[]option{loopback}, "", uiOrigin, "192.0.2.1:9", "127.0.0.1:8080", 401},
		"admin signed in, in the UI":       {[]option{session(access.Admin)}, "", uiOrigin, "192.0.2.1:9", "callweave.example", 200},
		"helpdesk signed in, in the UI":    {[]option{session(access.Helpdesk)}, "", uiOrigin, "192.0.2.1:9", "callweave.example", 403},
		"admin signed in, on another page": {[]option{session(access.Admin)}, "", "http://evil.example", "192.0.2.1:9", "callweave.example", 401},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, test.options...)
			sealed, err := temporalclient.NewDataConverter(b.vault.Master()).ToPayloads(map[string]string{"account_id": "opened"})
			if err != nil {
				t.Fatal(err)
			}
			body, err := protojson.Marshal(sealed)
			if err != nil {
				t.Fatal(err)
			}
			request := httptest.NewRequest("POST", "/codec/decode", strings.NewReader(string(body)))
			request.RemoteAddr, request.Host = test.remote, test.host
			if test.origin != "" {
				request.Header.Set("Origin", test.origin)
			}
			if test.role != "" {
				request.Header.Set("Authorization", "Token "+b.org.tokens[test.role])
			}
			answer := b.send(request)
			if answer.Code != test.want {
				t.Errorf("got %d, want %d: %s", answer.Code, test.want, answer.Body)
			}
			want := ""
			if test.origin == uiOrigin {
				want = uiOrigin
			}
			if got := answer.Header().Get("Access-Control-Allow-Origin"); got != want {
				t.Errorf("pages of %q may read it", got)
			}
			if test.want != 200 {
				return
			}
			// The SDK's handler writes with encoding/json.
			var opened commonpb.Payloads
			if err := json.Unmarshal(answer.Body.Bytes(), &opened); err != nil {
				t.Fatal(err)
			}
			if got := string(opened.GetPayloads()[0].GetData()); got != `{"account_id":"opened"}` {
				t.Errorf("opened %q", got)
			}
		})
	}
}

func TestCodecHasNoMoreThanDecode(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if got := b.do(t, "POST", "/codec/encode", `{"payloads":[]}`, b.org, access.Admin); got.Code != 404 {
		t.Errorf("encode: %d", got.Code)
	}
	if got := b.do(t, "POST", "/codec/decode", strings.Repeat(" ", 9<<20), b.org, access.Admin); got.Code != 400 {
		t.Errorf("a body of 9 MiB: %d", got.Code)
	}
	request := httptest.NewRequest("OPTIONS", "/codec/decode", nil)
	request.Header.Set("Origin", uiOrigin)
	if got := b.send(request); got.Code != 204 || !strings.Contains(got.Header().Get("Access-Control-Allow-Headers"), "X-Namespace") {
		t.Errorf("preflight: %d %v", got.Code, got.Header())
	}
}
