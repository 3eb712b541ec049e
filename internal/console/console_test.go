package console_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"callweave/internal/access"
	"callweave/internal/api"
	"callweave/internal/authorize"
	"callweave/internal/console"
	"callweave/internal/links"
	"callweave/internal/provider"
	"callweave/internal/secret"
	"callweave/internal/store"
	"callweave/internal/store/db"
	"callweave/internal/testenv"
	"callweave/internal/vault"
	"callweave/workflows"
)

func TestMain(m *testing.M) {
	testenv.Main(m, testenv.WithMigrations(func(ctx context.Context, url string) error {
		_, err := store.Migrate(ctx, url)
		return err
	}))
}

const account = "Kk/EM7<b>orQ" // an id that must be escaped wherever it stands

type bundle struct {
	url    string
	db     *pgx.Conn
	store  *store.Store
	org    uuid.UUID
	site   uuid.UUID
	tokens map[access.Role]string
	later  time.Duration // than it is
	why    *console.Explanation
}

// Explain explains every minute alike.
func (b *bundle) Explain(context.Context, uuid.UUID, int64, time.Time) (*console.Explanation, error) {
	return b.why, nil
}

// fencer plays the Link workflow.
type fencer struct{ store *store.Store }

func (f fencer) Unlink(ctx context.Context, ref provider.AccountRef, org uuid.UUID, reason string) (workflows.UnlinkResult, error) {
	_, err := f.store.Fence(ctx, ref, org, "test", reason)
	return workflows.UnlinkResult{}, err
}

type zoom struct{}

func (zoom) Name() provider.Name { return provider.Zoom }
func (zoom) AuthorizationURL(state string, _ secret.Text) string {
	return "https://zoom.example/oauth/authorize?response_type=code&state=" + state
}

func setup(t *testing.T) *bundle {
	t.Helper()
	ctx, dsn := t.Context(), testenv.Postgres(t)
	b := &bundle{org: uuid.New(), tokens: map[access.Role]string{}}
	var err error
	if b.store, err = store.Open(ctx, dsn); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.store.Close)
	if b.db, err = pgx.Connect(ctx, dsn); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.db.Close(context.Background()) })
	keyset, err := vault.NewKeyset()
	if err != nil {
		t.Fatal(err)
	}
	master, err := vault.OpenMaster(keyset)
	if err != nil {
		t.Fatal(err)
	}
	v := vault.New(master, b.store)
	err = b.store.PutOrg(ctx, db.UpsertOrgParams{OrgID: b.org, Name: "Live <Demo>", MistUrl: "https://mist.example", MistTokenSealed: []byte{1}})
	if err != nil {
		t.Fatal(err)
	}
	for _, role := range []access.Role{access.Admin, access.Observer, access.Helpdesk} {
		_, token, err := b.store.CreateToken(ctx, b.org, string(role))
		if err != nil {
			t.Fatal(err)
		}
		b.tokens[role] = token.Reveal()
	}
	b.fill(t, v)

	server := httptest.NewUnstartedServer(nil)
	b.url = "http://" + server.Listener.Addr().String()
	forwards, err := authorize.NewForwards(b.url, nil)
	if err != nil {
		t.Fatal(err)
	}
	logger := slog.New(slog.DiscardHandler)
	pages, err := console.New(console.Config{
		Store: b.store, Vault: v, Links: links.NewReader(b.store, v), Unlinker: links.NewUnlinker(b.store, fencer{b.store}),
		Authorize: authorize.New(authorize.Config{Store: b.store, Master: master, Forwards: forwards, Providers: []authorize.Provider{zoom{}}}),
		Gate:      access.NewGate(b.store), Logger: logger, PublicURL: b.url, Now: func() time.Time { return time.Now().Add(b.later) },
		Explainer: b,
		Requirements: map[provider.Name][]provider.Requirement{provider.Zoom: {
			{Feature: provider.FeatureMeetings, AnyOf: []string{"dashboard:read:admin"}, Reason: "Lists meetings."},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	pages.Register(mux)
	server.Config.Handler = api.Wrap(logger, mux)
	server.Start()
	t.Cleanup(server.Close)
	return b
}

// fill makes one link, a site and a bad call in the last hour.
func (b *bundle) fill(t *testing.T, v *vault.Vault) {
	t.Helper()
	ref := provider.AccountRef{Provider: provider.Zoom, AccountID: account}
	accountKey, err := v.Key(t.Context(), vault.AccountScope(ref))
	if err != nil {
		t.Fatal(err)
	}
	company, err := accountKey.Seal("company_sealed", []byte("Ann & <Sons>"))
	if err != nil {
		t.Fatal(err)
	}
	linkKey, err := v.Key(t.Context(), vault.LinkScope(ref, b.org))
	if err != nil {
		t.Fatal(err)
	}
	linkedBy, err := linkKey.SealPerson("linked_by_sealed", provider.Person{Name: secret.New("Ann Lee")})
	if err != nil {
		t.Fatal(err)
	}
	person, err := linkKey.SealPerson("person_sealed", provider.Person{Name: secret.New("Bob <Roe>")})
	if err != nil {
		t.Fatal(err)
	}
	site := uuid.New()
	b.site = site
	for _, statement := range []struct {
		sql  string
		args []any
	}{
		{"insert into accounts (provider, account_id, company_sealed) values ('zoom', $1, $2)", []any{account, company}},
		{"insert into links (provider, account_id, org_id, linked_by_sealed, errors, last_status) values ('zoom', $1, $2, $3, '{API daily rate limit reached for your account}', 'failed')", []any{account, b.org, linkedBy}},
		{"insert into sites (org_id, site_id, name) values ($1, $2, 'Berlin')", []any{b.org, site}},
		{"select ensure_partitions('call_minutes', now() - interval '1 day', now())", nil},
		{`insert into matches (org_id, leg_id, provider, account_id, meeting_id, site_id, client_mac, rule, confidence, person_sealed, join_at, leave_at)
			values ($1, 1, 'zoom', $2, 'm', $3, 'aa0000000001', 'mac', 1, $4, now() - interval '10 min', now())`, []any{b.org, account, site, person}},
		{`insert into call_minutes (org_id, leg_id, start_at, end_at, provider, account_id, meeting_id, site_id, client_mac, bad, worst_direction, worst_metric, bucket)
			select $1, 1, now() - m * interval '1 min', now() - (m - 1) * interval '1 min', 'zoom', $2, 'm', $3, 'aa0000000001', m > 2, 'audio_in', 'jitter', 'unknown'
			from generate_series(1, 5) m`, []any{b.org, account, site}},
	} {
		if _, err := b.db.Exec(t.Context(), statement.sql, statement.args...); err != nil {
			t.Fatal(err)
		}
	}
}

// browser keeps cookies and does not follow redirects by itself.
func browser(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

type answer struct {
	status   int
	location string
	body     string
	header   http.Header
}

func (b *bundle) send(t *testing.T, client *http.Client, method, path string, form url.Values, headers ...string) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, b.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if method == "POST" {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header.Get("Location"), string(body), response.Header}
}

func (b *bundle) signedIn(t *testing.T, role access.Role) *http.Client {
	t.Helper()
	client := browser(t)
	got := b.send(t, client, "POST", "/console/sign-in", url.Values{"token": {b.tokens[role]}})
	if got.status != 303 || got.location != "/console/" {
		t.Fatalf("sign in as %s: %d to %q", role, got.status, got.location)
	}
	cookie := got.header.Get("Set-Cookie")
	for _, want := range []string{"HttpOnly", "SameSite=Strict", "Path=/"} {
		if !strings.Contains(cookie, want) {
			t.Errorf("the cookie has no %s", want)
		}
	}
	if strings.Contains(cookie, b.tokens[role]) {
		t.Error("the cookie shows the token")
	}
	return client
}

func TestTheLifeOfALink(t *testing.T) {
	t.Parallel()
	b := setup(t)
	client := b.signedIn(t, access.Admin)

	table := b.send(t, client, "GET", "/console/links", nil)
	for _, want := range []string{"Application Insights Integration", "Live &lt;Demo&gt;", "Ann &amp; &lt;Sons&gt;", "failed", "API daily rate limit", "Link a Zoom account"} {
		if !strings.Contains(table.body, want) {
			t.Errorf("the table has no %q:\n%s", want, table.body)
		}
	}
	policy := table.header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") || strings.Contains(table.body, " style=") {
		t.Errorf("the page needs more than its policy allows, or it allows too much: %s", policy)
	}
	leaving := b.send(t, client, "POST", "/console/links", url.Values{"provider": {"zoom"}})
	if !strings.Contains(leaving.body, `href="https://zoom.example/oauth/authorize?response_type=code&amp;state=`) || !strings.Contains(leaving.body, "Continue to zoom.example") || !strings.Contains(leaving.body, "Lists meetings") {
		t.Errorf("the way to Zoom: %d\n%s", leaving.status, leaving.body)
	}
	row := regexp.MustCompile(`href="(/console/links/zoom/[^"]+)"`).FindStringSubmatch(table.body)
	if row == nil {
		t.Fatalf("no row to click on:\n%s", table.body)
	}
	details := b.send(t, client, "GET", row[1], nil)
	if details.status != 200 || !strings.Contains(details.body, "Kk/EM7&lt;b&gt;orQ") || !strings.Contains(details.body, "by Ann") || strings.Contains(details.body, "Lee") {
		t.Errorf("details: %d\n%s", details.status, details.body)
	}
	if _, err := b.db.Exec(t.Context(), "update orgs set devices_error = 'Give a new token.' where org_id = $1", b.org); err != nil {
		t.Fatal(err)
	}
	if details := b.send(t, client, "GET", row[1], nil); !strings.Contains(details.body, "Give a new token.") {
		t.Errorf("details of a link whose org's network cannot be polled:\n%s", details.body)
	}
	confirm := b.send(t, client, "GET", row[1]+"/unlink", nil)
	if confirm.status != 200 || !strings.Contains(confirm.body, `action="`+row[1]+`/unlink"`) {
		t.Errorf("confirmation: %d\n%s", confirm.status, confirm.body)
	}
	if got := b.send(t, client, "POST", row[1]+"/unlink", nil); got.status != 303 || !strings.HasPrefix(got.location, "/console/receipts/") {
		t.Errorf("unlink: %d to %q", got.status, got.location)
	} else if got := b.send(t, client, "GET", got.location, nil); got.status != 200 || !strings.Contains(got.body, "The erasure is in progress") {
		t.Errorf("the receipt: %d\n%s", got.status, got.body)
	}
	if got := b.send(t, client, "GET", "/console/links", nil); !strings.Contains(got.body, "not linked") {
		t.Error("the row is still in the table")
	}
	if got := b.send(t, client, "GET", "/console/receipts", nil); !strings.Contains(got.body, "Kk/EM7&lt;b&gt;orQ") || !strings.Contains(got.body, "in progress") {
		t.Errorf("receipts:\n%s", got.body)
	}
	if got := b.send(t, client, "GET", row[1], nil); got.status != 404 {
		t.Errorf("details after: %d", got.status)
	}
}

func TestCalls(t *testing.T) {
	t.Parallel()
	b := setup(t)
	page := b.send(t, b.signedIn(t, access.Observer), "GET", "/console/calls", nil)
	for _, want := range []string{"Berlin", "Bob &lt;Roe&gt;", "<strong class=\"bad\">3</strong> of 5", "Sound received: uneven delay"} {
		if !strings.Contains(page.body, want) {
			t.Errorf("no %q in:\n%s", want, page.body)
		}
	}
}

func TestWhoMaySeeWhat(t *testing.T) {
	t.Parallel()
	b := setup(t)
	pages := map[string]map[access.Role]int{
		"/console/calls":     {access.Admin: 200, access.Observer: 200, access.Helpdesk: 200, "": 303},
		"/console/links":     {access.Admin: 200, access.Observer: 200, access.Helpdesk: 403, "": 303},
		"/console/incidents": {access.Admin: 200, access.Observer: 200, access.Helpdesk: 200, "": 303},
		"/console/sites":     {access.Admin: 200, access.Observer: 200, access.Helpdesk: 200, "": 303},
		"/console/calls/1":   {access.Admin: 200, access.Observer: 200, access.Helpdesk: 200, "": 303},
		"/console/calls/x":   {access.Admin: 404, access.Observer: 404, access.Helpdesk: 404, "": 303},
		"/console/receipts":  {access.Admin: 200, access.Observer: 200, access.Helpdesk: 403, "": 303},
		"/console/links/zoom/" + url.PathEscape(account) + "/unlink": {access.Admin: 200, access.Observer: 403, access.Helpdesk: 403, "": 303},
		"/console/sign-in":   {access.Admin: 200, access.Observer: 200, access.Helpdesk: 200, "": 200},
		"/console/linked":    {access.Admin: 200, access.Observer: 200, access.Helpdesk: 200, "": 200},
		"/console/style.css": {access.Admin: 200, access.Observer: 200, access.Helpdesk: 200, "": 200},
	}
	for _, role := range []access.Role{access.Admin, access.Observer, access.Helpdesk, ""} {
		client := browser(t)
		if role != "" {
			client = b.signedIn(t, role)
		}
		for path, want := range pages {
			if got := b.send(t, client, "GET", path, nil); got.status != want[role] {
				t.Errorf("%s as %q: %d, want %d", path, role, got.status, want[role])
			}
		}
	}
}

func TestSessionsEnd(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if got := b.send(t, browser(t), "POST", "/console/sign-in", url.Values{"token": {"cw_guess"}}); got.status != 401 || got.header.Get("Set-Cookie") != "" {
		t.Errorf("a guess: %d", got.status)
	}
	client := b.signedIn(t, access.Admin)
	at, err := url.Parse(b.url)
	if err != nil {
		t.Fatal(err)
	}
	copied := client.Jar.Cookies(at)
	b.send(t, client, "POST", "/console/sign-out", nil)
	if got := b.send(t, client, "GET", "/console/links", nil); got.status != 303 {
		t.Errorf("after signing out: %d", got.status)
	}
	client.Jar.SetCookies(at, copied)
	if got := b.send(t, client, "GET", "/console/links", nil); got.status != 303 {
		t.Errorf("a copy of the cookie after signing out: %d", got.status)
	}
	client = b.signedIn(t, access.Admin)
	b.later = 90 * time.Minute
	if got := b.send(t, client, "GET", "/console/links", nil); got.status != 200 || got.header.Get("Set-Cookie") == "" {
		t.Errorf("a session that is used: %d", got.status)
	}
	b.later = 3 * time.Hour
	if got := b.send(t, client, "GET", "/console/links", nil); got.status != 200 {
		t.Errorf("a session that was used 90 minutes before: %d", got.status)
	}
	b.later = 6 * time.Hour
	if got := b.send(t, client, "GET", "/console/links", nil); got.status != 303 {
		t.Errorf("a session that nobody used for 3 hours: %d", got.status)
	}
	b.later = 0
	client = b.signedIn(t, access.Admin)
	if _, err := b.db.Exec(t.Context(), "update api_tokens set revoked_at = now()"); err != nil {
		t.Fatal(err)
	}
	if got := b.send(t, client, "GET", "/console/links", nil); got.status != 303 {
		t.Errorf("after the token was revoked: %d", got.status)
	}
	if got := b.send(t, browser(t), "GET", "/console/links", nil, "Cookie", "callweave=bm90IHNlYWxlZA"); got.status != 303 {
		t.Errorf("a forged cookie: %d", got.status)
	}
}

// Even with the cookie, a form of another site changes nothing.
func TestForeignFormsAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	client := b.signedIn(t, access.Admin)
	path := "/console/links/zoom/" + url.PathEscape(account) + "/unlink"
	for _, headers := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example"}} {
		if got := b.send(t, client, "POST", path, nil, headers...); got.status != 403 {
			t.Errorf("%v: %d", headers, got.status)
		}
	}
	if got := b.send(t, client, "GET", "/console/links", nil); !strings.Contains(got.body, "Sons") {
		t.Error("a foreign form unlinked the account")
	}
	if got := b.send(t, client, "POST", path, nil, "Origin", b.url, "Sec-Fetch-Site", "same-origin"); got.status != 303 {
		t.Errorf("our own form: %d", got.status)
	}
}
