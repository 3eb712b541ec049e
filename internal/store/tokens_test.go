package store

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/uuid"

	"callweave/internal/secret"
)

func TestTokens(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	a, b := uuid.New(), uuid.New()
	seedOrg(t, s, a)
	seedOrg(t, s, b)
	id, token, err := s.CreateToken(t.Context(), a, "admin")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.CreateToken(t.Context(), a, "owner"); err == nil {
		t.Error("a token with a role that does not exist was created")
	}

	found, err := s.TokenByHash(t.Context(), HashToken(token))
	if err != nil {
		t.Fatal(err)
	}
	if found.TokenID != id || found.OrgID != a || found.Role != "admin" || found.LastUsedAt != nil {
		t.Errorf("TokenByHash = %+v", found)
	}
	if _, err := s.TokenByHash(t.Context(), HashToken(secret.New("cw_other"))); !errors.Is(err, ErrNotFound) {
		t.Errorf("TokenByHash of another token = %v, want ErrNotFound", err)
	}
	if n := mentions(t, s, strings.TrimPrefix(token.Reveal(), tokenPrefix)); len(n) > 0 {
		t.Errorf("the token itself is stored in %v", n)
	}
	if err := s.TouchToken(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if found, err = s.TokenByHash(t.Context(), HashToken(token)); err != nil || found.LastUsedAt == nil {
		t.Errorf("last use = %v, %v, want a time", found.LastUsedAt, err)
	}

	if err := s.RevokeToken(t.Context(), b, id); !errors.Is(err, ErrNotFound) {
		t.Errorf("RevokeToken by another org = %v, want ErrNotFound", err)
	}
	if err := s.RevokeToken(t.Context(), a, id); err != nil {
		t.Fatal(err)
	}
	if _, err := s.TokenByHash(t.Context(), HashToken(token)); !errors.Is(err, ErrNotFound) {
		t.Errorf("TokenByHash of a revoked token = %v, want ErrNotFound", err)
	}
}

func TestAuditLogIsAppendOnly(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	org := uuid.New()
	if err := s.Audit(t.Context(), Entry{OrgID: &org, Actor: "cli", Action: "token created"}); err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{`update audit_log set actor = 'nobody'`, `delete from audit_log`, `truncate audit_log`} {
		if _, err := s.pool.Exec(t.Context(), sql); err == nil {
			t.Errorf("%s: was done", sql)
		}
	}
	log, err := s.AuditLog(t.Context(), org, 10)
	if err != nil || len(log) != 1 || log[0].Action != "token created" {
		t.Errorf("AuditLog = %v, %v", log, err)
	}
}
