package store

import (
	"errors"
	"testing"

	"github.com/google/uuid"

	"callweave/internal/vault"
)

// What was refused meanwhile, or was never begun, does not land: neither a link nor a
// credential, nor over those that are there.
func TestLandNeedsAnAuthorizationThatGoesOn(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*testing.T, *Store, *Landing){
		"refused": func(t *testing.T, s *Store, l *Landing) {
			t.Helper()
			if _, err := s.RefuseAuthorization(t.Context(), l.AuthorizationID, "provider_unavailable"); err != nil {
				t.Fatal(err)
			}
		},
		"still offered": func(t *testing.T, s *Store, l *Landing) {
			t.Helper()
			exec(t, s, "update authorizations set state = 'offered' where authorization_id = $1", l.AuthorizationID)
		},
		"gone": func(_ *testing.T, _ *Store, l *Landing) { l.AuthorizationID = uuid.New() },
	} {
		for _, unlinking := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", while an earlier link is erased"}[unlinking], func(t *testing.T) {
				t.Parallel()
				s := openTest(t)
				x, a, b := zoomAccount("account-x"), uuid.New(), uuid.New()
				for _, org := range []uuid.UUID{a, b} {
					seedOrg(t, s, org)
					if err := s.Land(t.Context(), landing(t, s, x, org)); err != nil {
						t.Fatal(err)
					}
				}
				if unlinking {
					if _, err := s.Fence(t.Context(), x, a, "test", "admin"); err != nil {
						t.Fatal(err)
					}
				}
				before := state(t, s)
				l := landing(t, s, x, a)
				l.GrantSealed = []byte("late")
				spoil(t, s, &l)
				if err := s.Land(t.Context(), l); !errors.Is(err, ErrNotReturned) {
					t.Errorf("Land = %v, want ErrNotReturned", err)
				}
				if after := state(t, s); after != before {
					t.Errorf("links and credentials are %s, want %s", after, before)
				}
			})
		}
	}
}

// A link of an org whose key was destroyed since it was asked for would never see a device
// of its network: the landing is refused, and made anew with another key.
func TestLandNeedsEveryKey(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	x, a := zoomAccount("account-x"), uuid.New()
	seedOrg(t, s, a)
	for _, scope := range []vault.Scope{vault.AccountScope(x), vault.LinkScope(x, a), vault.OrgScope(a)} {
		l := landing(t, s, x, a)
		if _, err := s.DestroyDataKey(t.Context(), string(scope)); err != nil {
			t.Fatal(err)
		}
		if err := s.Land(t.Context(), l); err == nil {
			t.Fatalf("landed without the key of %s", scope)
		}
		if n := number(t, s, "select (select count(*) from links) + (select count(*) from credentials)"); n != 0 {
			t.Errorf("without the key of %s there are %d rows", scope, n)
		}
	}
	if err := s.Land(t.Context(), landing(t, s, x, a)); err != nil {
		t.Error(err)
	}
}

// state is all links and credentials in short.
func state(t *testing.T, s *Store) (text string) {
	t.Helper()
	err := s.pool.QueryRow(t.Context(), `select (select string_agg(concat(org_id, status, linked_at), ',' order by org_id) from links)
		|| (select string_agg(concat(account_id, state, generation, convert_from(grant_sealed, 'UTF8')), ',') from credentials)`).Scan(&text)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
