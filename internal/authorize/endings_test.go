package authorize_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"callweave/internal/authorize"
	"callweave/internal/provider"
	"callweave/internal/secret"
	"callweave/internal/store/db"
	"callweave/internal/vault"
	"callweave/internal/world/zoomwindow"
	"callweave/workflows"
)

// left is what an ending leaves behind.
type left struct {
	Offered, Returned, Linked, Refused int // authorizations
	Accounts, Credentials, Links       int
}

// Every way in which an authorization can end, from the first click: where the browser
// comes to, what is stored, and that nothing is half-linked or told to the wrong.
func TestEndings(t *testing.T) {
	t.Parallel()
	const linked = "linked"
	one := left{Linked: 1, Accounts: 1, Credentials: 1, Links: 1}
	refused := left{Refused: 1}
	shortly := 200 * time.Millisecond
	tests := map[string]struct {
		options options
		run     func(*testing.T, *bundle) answer // default: an administrator allows and comes back
		want    string                           // "linked", the error code with which the browser is sent back, or a word of a page
		status  int                              // default 303
		stray   bool                             // Zoom gave a grant that never reached us
		left    left
	}{
		"success":                                {want: linked, left: one},
		"denial":                                 {run: deny, want: authorize.CodeAccessDenied, left: refused},
		"missing state, as from the marketplace": {run: install, want: "Application Insights Integration", status: 200, left: left{}},
		"missing state, declined": {
			run: func(t *testing.T, b *bundle) answer {
				t.Helper()
				return b.open(t, b.starter.URL+callbackPath+"?error=access_denied")
			},
			want: "begin from your network", status: 200,
		},
		"stale": {
			run: func(t *testing.T, b *bundle) answer {
				t.Helper()
				callback := b.allow(t, b.offer(t, b.orgs[0]), b.account.Admins[0])
				b.pass(authorize.Lifetime)
				return b.open(t, callback)
			},
			want: authorize.CodeExpired, left: left{Offered: 1},
		},
		"replayed": {run: replay, want: authorize.CodeAlreadyUsed, left: one},
		"replayed with another code": {
			run: func(t *testing.T, b *bundle) answer {
				t.Helper()
				callback := b.allow(t, b.offer(t, b.orgs[0]), b.account.Admins[0])
				b.settle(t, callback)
				b.pass(time.Minute)
				return b.open(t, with(callback, "code", "another"))
			},
			want: authorize.CodeAlreadyUsed, left: one,
		},
		"forged": {run: forge, want: "not one that we handed out", status: 400, left: left{Offered: 1}},
		"sealed with another keyset": {
			run: func(t *testing.T, b *bundle) answer {
				t.Helper()
				sealed, err := newMaster(t).Seal(vault.PurposeState, []byte(`{}`))
				if err != nil {
					t.Fatal(err)
				}
				callback := b.allow(t, b.offer(t, b.orgs[0]), b.account.Admins[0])
				return b.open(t, with(callback, "state", base64.RawURLEncoding.EncodeToString(sealed)))
			},
			want: "not one that we handed out", status: 400, left: left{Offered: 1},
		},
		"state of another provider": {
			run: func(t *testing.T, b *bundle) answer {
				t.Helper()
				callback := b.allow(t, b.offer(t, b.orgs[0]), b.account.Admins[0])
				return b.open(t, strings.Replace(callback, "/app/zoom/", "/app/teams/", 1))
			},
			want: "not one that we handed out", status: 400, left: left{Offered: 1},
		},
		"code already used": {run: spend, want: workflows.CodeRejected, left: refused, stray: true},
		"code expired": {
			run: func(t *testing.T, b *bundle) answer {
				t.Helper()
				callback := b.allow(t, b.offer(t, b.orgs[0]), b.account.Admins[0])
				b.pass(6 * time.Minute) // Zoom's codes live five
				return b.settle(t, callback)
			},
			want: workflows.CodeRejected, left: refused,
		},
		"PKCE does not match": {
			run: func(t *testing.T, b *bundle) answer {
				t.Helper()
				callback := b.allow(t, b.offer(t, b.orgs[0]), b.account.Admins[0])
				other, err := b.vault.Master().SealText(vault.PurposeVerifier, secret.New(strings.Repeat("v", 43)))
				if err != nil {
					t.Fatal(err)
				}
				b.exec(t, "update authorizations set verifier_sealed = $1", other)
				return b.settle(t, callback)
			},
			want: workflows.CodeRejected, left: refused,
		},
		"redirect does not match": {
			options: options{redirect: "https://callweave.example/elsewhere"},
			want:    workflows.CodeMisconfigured, left: refused,
		},
		"redirect is not registered": {
			options: options{starterAt: "https://callweave.example/elsewhere"},
			run: func(t *testing.T, b *bundle) answer {
				t.Helper()
				return b.open(t, b.offer(t, b.orgs[0]))
			},
			want: "Invalid redirect", status: 400, left: left{Offered: 1}, // Zoom's page
		},
		"Zoom is down for a moment": {
			run:  spoiled(zoomwindow.Fault{Kind: zoomwindow.FaultStatus, Status: 503, Path: "^/oauth/token$", Count: 2}),
			want: linked, left: one,
		},
		"Zoom is down for longer than a code lives": {options: options{patience: shortly}, run: outliveCode, want: workflows.CodeRejected, left: refused},
		"Zoom hangs": {
			options: options{zoomTimeout: time.Second},
			run:     spoiled(zoomwindow.Fault{Kind: zoomwindow.FaultHang, Path: "^/oauth/token$"}),
			want:    linked, left: one,
		},
		"cut after the token was issued": {
			run:  spoiled(zoomwindow.Fault{Kind: zoomwindow.FaultCut, Path: "^/oauth/token$"}),
			want: workflows.CodeRejected, left: refused, stray: true,
		},
		"cut after the token was kept": {
			run:  spoiled(zoomwindow.Fault{Kind: zoomwindow.FaultCut, Path: "^/v2/users/me$"}),
			want: linked, left: one,
		},
		"Zoom does not say whose account it is for a while": {options: options{patience: shortly}, run: pendingThenLinked, want: linked, left: one},
		"Zoom says whose account it is when the exchange was given up": {
			options: options{ahead: untilNoon()}, // midnight, when Zoom counts anew, is far
			run:     landedLate, want: linked, left: one,
		},
		"Zoom knows no such user": {
			run:  spoiled(zoomwindow.Fault{Kind: zoomwindow.FaultNotFound, Path: "^/v2/users/me$"}),
			want: workflows.CodeGone, left: refused,
		},
		"token rejected for a moment": {
			run:  spoiled(zoomwindow.Fault{Kind: zoomwindow.FaultUnauthorized, Path: "^/v2/users/me$"}),
			want: linked, left: one,
		},
		"our secret is wrong": {options: options{secret: "wrong"}, want: workflows.CodeMisconfigured, left: refused},
		"scopes do not tell whose account it is": {
			options: options{scopes: []string{"dashboard_meetings:read:admin"}},
			want:    workflows.CodeMissingScopes, left: refused,
		},
		"forward is not allowed": {
			run: func(t *testing.T, b *bundle) answer {
				t.Helper()
				return b.call(t, b.orgs[0], "GET", accountsPath(b.orgs[0])+"?forward="+url.QueryEscape("https://evil.example/"), "")
			},
			want: "forward: ", status: 400,
		},
		"forward is no longer allowed": {
			run: func(t *testing.T, b *bundle) answer {
				t.Helper()
				callback := b.allow(t, b.offer(t, b.orgs[0]), b.account.Admins[0])
				b.exec(t, "update authorizations set forward_url = 'https://evil.example/'")
				return b.settle(t, callback)
			},
			want: "The account is linked", status: 200, left: one,
		},
		"administrator of another account": {
			run: func(t *testing.T, b *bundle) answer {
				t.Helper()
				b.link(t, b.orgs[0], b.account.Admins[0])
				b.ref = refOf(b.world.Accounts[1])
				return b.settle(t, b.allow(t, b.offer(t, b.orgs[0]), b.world.Accounts[1].Admins[0]))
			},
			want: linked, left: left{Linked: 2, Accounts: 2, Credentials: 2, Links: 2},
		},
		"account is being unlinked": {options: options{patience: shortly}, run: linkWhileUnlinking, want: linked, left: one},
		"double click": {
			run: func(t *testing.T, b *bundle) answer {
				t.Helper()
				callback := b.allow(t, b.offer(t, b.orgs[0]), b.account.Admins[0])
				return b.same(t, callback, callback)
			},
			want: linked, left: one,
		},
		"two administrators of one account at once": {run: twoAdmins, want: linked, left: left{Linked: 2, Accounts: 1, Credentials: 1, Links: 1}},
		"overtaken by another authorization":        {run: overtaken, want: workflows.CodeSuperseded, left: left{Linked: 1, Refused: 1, Accounts: 1, Credentials: 1, Links: 1}},
		"two orgs at once": {
			run: func(t *testing.T, b *bundle) answer {
				t.Helper()
				first := b.allow(t, b.offer(t, b.orgs[0]), b.account.Admins[0])
				second := b.allow(t, b.offer(t, b.orgs[1]), b.account.Admins[0])
				return b.linkedOrSuperseded(t, []*org{b.orgs[0], b.orgs[1]}, first, second)
			},
			want: linked, left: left{Linked: 2, Accounts: 1, Credentials: 1, Links: 2},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, test.options)
			if test.run == nil {
				test.run = func(t *testing.T, b *bundle) answer {
					t.Helper()
					return b.settle(t, b.allow(t, b.offer(t, b.orgs[0]), b.account.Admins[0]))
				}
			}
			got := test.run(t, b)
			b.requireEnd(t, got, test.want, test.status)
			b.requireLeft(t, test.left)
			if !test.stray {
				b.requireNoStray(t)
			}
			b.requireSecret(t, got)
		})
	}
}

// requireEnd requires that a browser ended at the portal with a code, or at a page.
func (b *bundle) requireEnd(t *testing.T, got answer, want string, status int) {
	t.Helper()
	if status != 0 {
		if got.status != status || got.location != "" || !strings.Contains(got.body, want) {
			t.Errorf("got %d to %q: %s\nwant %d and a page with %q", got.status, got.location, got.body, status, want)
		}
		return
	}
	values := url.Values{"tab": {"apps"}, "zoom": {"failed"}, "error": {want}}
	if want == "linked" {
		values = url.Values{"tab": {"apps"}, "zoom": {"linked"}, "account_id": {b.ref.AccountID}}
	}
	if target := "https://portal.example/settings?" + values.Encode(); got.status != http.StatusSeeOther || got.location != target {
		t.Errorf("got %d to %q: %s\nwant to %q", got.status, got.location, got.body, target)
	}
}

// requireLeft requires that nothing else is stored, that what ended has no secrets left,
// and that every link has its workflow and every credential works.
func (b *bundle) requireLeft(t *testing.T, want left) {
	t.Helper()
	var got left
	err := b.pool.QueryRow(t.Context(), `select
		(select count(*) from authorizations where state = 'offered'), (select count(*) from authorizations where state = 'returned'),
		(select count(*) from authorizations where state = 'linked'), (select count(*) from authorizations where state = 'refused'),
		(select count(*) from accounts), (select count(*) from credentials), (select count(*) from links where status = 'active')`).
		Scan(&got.Offered, &got.Returned, &got.Linked, &got.Refused, &got.Accounts, &got.Credentials, &got.Links)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("rows (-want +got):", diff)
	}
	if n := b.number(t, `select count(*) from authorizations
		where state in ('linked', 'refused') and (code_sealed is not null or verifier_sealed <> '')`); n != 0 {
		t.Errorf("%d authorizations that ended have secrets", n)
	}
	b.requireEnded(t)
	for _, account := range b.world.Accounts {
		ref := refOf(account)
		listed, err := b.store.LinksOfAccount(t.Context(), ref)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range b.orgs {
			linked := slices.ContainsFunc(listed, func(l db.Link) bool { return l.OrgID == o.id })
			if runs := b.runs(t, workflows.LinkID(ref, o.id)); runs != linked {
				t.Errorf("org %s: linked %v, its workflow runs %v", o.id, linked, runs)
			}
		}
		if len(listed) > 0 {
			b.requireWorks(t, ref)
		}
	}
}

// requireEnded waits for what goes on after an authorization is linked, and a waiting page
// knows it: its workflow starts that of the link.
func (b *bundle) requireEnded(t *testing.T) {
	t.Helper()
	rows, err := b.pool.Query(t.Context(), "select authorization_id from authorizations where state = 'linked'")
	if err != nil {
		t.Fatal(err)
	}
	linked, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range linked {
		if err := b.temporal.GetWorkflow(t.Context(), workflows.AuthorizeID(id), "").Get(t.Context(), nil); err != nil {
			t.Errorf("authorization %s: %v", id, err)
		}
	}
}

// requireNoStray requires that no grant lives at Zoom that no link came of, nor here.
func (b *bundle) requireNoStray(t *testing.T) {
	t.Helper()
	b.eventually(t, "no grant waits", func() bool { return b.number(t, "select count(*) from unlanded_grants") == 0 })
	living := 0
	for _, grant := range b.window.Grants() {
		if grant.Dead == "" {
			living++
		}
	}
	if credentials := b.number(t, "select count(*) from credentials"); living != credentials {
		t.Errorf("%d grants live at Zoom, want that of each of %d credentials: %+v", living, credentials, b.window.Grants())
	}
}

// requireWorks requires that Zoom accepts the account's one credential.
func (b *bundle) requireWorks(t *testing.T, ref provider.AccountRef) {
	t.Helper()
	access, err := b.manager.Access(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	account, err := b.client("", clientSecret, 0).Account(t.Context(), access)
	if err != nil || account.AccountRef != ref {
		t.Errorf("the credential of %s is of %s: %v", ref, account.AccountRef, err)
	}
}

// requireSecret requires that nothing Zoom issued, nor anybody's name, was logged or shown.
func (b *bundle) requireSecret(t *testing.T, got answer) {
	t.Helper()
	texts := map[string]string{"log": b.log.String(), "page": got.body, "Location": got.location}
	hidden := b.window.Issued()
	for _, admin := range b.account.Admins {
		hidden = append(hidden, admin.Email, admin.LastName)
	}
	for place, text := range texts {
		for _, issued := range hidden {
			if strings.Contains(text, issued) {
				t.Errorf("a token, code, secret or name is in the %s", place)
			}
		}
	}
	if !strings.Contains(b.log.String(), "callback") && !strings.Contains(b.log.String(), "link_accounts") {
		t.Error("nothing was logged at all")
	}
}
