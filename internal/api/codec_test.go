package api_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/encoding/protojson"

	"callweave/internal/api"
	"callweave/internal/authorize"
	"callweave/internal/secret"
	"callweave/internal/temporalclient"
)

const operatorToken = "0123456789abcdef0123456789abcdef"

// Whoever may have payloads opened may have them sealed, and nobody else.
func TestWhoMayUseTheCodec(t *testing.T) {
	t.Parallel()
	operator := func(c *api.Config, _ *authorize.Config) { c.Codec.Token = secret.New(operatorToken) }
	loopback := func(c *api.Config, _ *authorize.Config) { c.Codec.AllowLoopback = true }
	for name, test := range map[string]struct {
		options []option
		header  string // of Authorization; a role stands for its token
		origin  string
		remote  string
		host    string
		want    int
	}{
		"the operator":                   {[]option{operator}, "Bearer " + operatorToken, "", "192.0.2.1:9", "callweave.example", 200},
		"the operator's UI":              {[]option{operator}, "Bearer " + operatorToken, uiOrigin, "192.0.2.1:9", "callweave.example", 200},
		"another secret":                 {[]option{operator}, "Bearer " + operatorToken + "x", uiOrigin, "192.0.2.1:9", "callweave.example", 401},
		"another scheme":                 {[]option{operator}, "Token " + operatorToken, uiOrigin, "192.0.2.1:9", "callweave.example", 401},
		"no secret is set":               {nil, "Bearer ", uiOrigin, "192.0.2.1:9", "callweave.example", 401},
		"an org's admin":                 {[]option{operator}, "Token admin", uiOrigin, "192.0.2.1:9", "callweave.example", 401},
		"an org's admin as bearer":       {[]option{operator}, "Bearer admin", uiOrigin, "192.0.2.1:9", "callweave.example", 401},
		"an org's observer":              {[]option{operator}, "Token observer", uiOrigin, "192.0.2.1:9", "callweave.example", 401},
		"nobody":                         {[]option{operator}, "", uiOrigin, "127.0.0.1:9", "127.0.0.1:8080", 401},
		"this machine":                   {[]option{loopback}, "", uiOrigin, "127.0.0.1:9", "127.0.0.1:8080", 200},
		"this machine, v6":               {[]option{loopback}, "", uiOrigin, "[::1]:9", "localhost:8080", 200},
		"another page on this machine":   {[]option{loopback}, "", "http://evil.example", "127.0.0.1:9", "127.0.0.1:8080", 401},
		"a tool on this machine":         {[]option{loopback}, "", "", "127.0.0.1:9", "127.0.0.1:8080", 401},
		"a name rebound to this machine": {[]option{loopback}, "", uiOrigin, "127.0.0.1:9", "evil.example:8080", 401},
		"another machine":                {[]option{loopback}, "", uiOrigin, "192.0.2.1:9", "127.0.0.1:8080", 401},
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
			if header := test.header; header != "" {
				for role, token := range b.org.tokens {
					header = strings.Replace(header, " "+string(role), " "+token, 1)
				}
				request.Header.Set("Authorization", header)
			}
			answer := b.send(request)
			if answer.Code != test.want {
				t.Errorf("got %d, want %d: %s", answer.Code, test.want, answer.Body)
			}
			seal := request.Clone(t.Context())
			seal.URL.Path, seal.Body = "/codec/encode", io.NopCloser(strings.NewReader(`{"payloads":[]}`))
			if sealing := b.send(seal); sealing.Code != test.want || sealing.Header().Get("Access-Control-Allow-Origin") != answer.Header().Get("Access-Control-Allow-Origin") {
				t.Errorf("sealing: got %d for %q, want %d as decoding", sealing.Code, sealing.Header().Get("Access-Control-Allow-Origin"), test.want)
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

// What the Temporal UI and command line seal by us, the workers open, and the other way round.
func TestCodecSealsAndOpens(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *api.Config, _ *authorize.Config) { c.Codec.Token = secret.New(operatorToken) })
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := b.send(r)
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	}))
	t.Cleanup(server.Close)
	// As `temporal --codec-endpoint` does it.
	remote := converter.NewRemoteDataConverter(converter.GetDefaultDataConverter(), converter.RemoteDataConverterOptions{
		Endpoint: server.URL + "/codec",
		ModifyRequest: func(r *http.Request) error {
			r.Header.Set("Authorization", "Bearer "+operatorToken)
			r.Header.Set("X-Namespace", "default")
			return nil
		},
	})
	ours := temporalclient.NewDataConverter(b.vault.Master())
	const text = "in-the-clear-nowhere"
	for what, direction := range map[string][2]converter.DataConverter{"sealed by us": {ours, remote}, "sealed by a tool": {remote, ours}} {
		payload, err := direction[0].ToPayload(text)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if bytes.Contains(payload.GetData(), []byte(text)) {
			t.Errorf("%s: the payload shows its content", what)
		}
		var back string
		if err := direction[1].FromPayload(payload, &back); err != nil || back != text {
			t.Errorf("%s: opened %q, %v", what, back, err)
		}
	}
}

func TestCodecLimits(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *api.Config, _ *authorize.Config) { c.Codec.Token = secret.New(operatorToken) })
	for _, path := range []string{"/codec/decode", "/codec/encode"} {
		request := httptest.NewRequest("POST", path, strings.NewReader(strings.Repeat(" ", 9<<20)))
		request.Header.Set("Authorization", "Bearer "+operatorToken)
		if got := b.send(request); got.Code != 400 {
			t.Errorf("%s: a body of 9 MiB: %d", path, got.Code)
		}
		request = httptest.NewRequest("OPTIONS", path, nil)
		request.Header.Set("Origin", uiOrigin)
		got := b.send(request)
		for _, header := range []string{"Authorization", "Authorization-Extras", "Content-Type", "X-Namespace"} { // what the UI sends
			if allowed := strings.Split(got.Header().Get("Access-Control-Allow-Headers"), ", "); got.Code != 204 || !slices.Contains(allowed, header) {
				t.Errorf("%s: preflight: %d %v, want %s", path, got.Code, allowed, header)
			}
		}
	}
}
