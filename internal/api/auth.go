package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"callweave/internal/access"
	"callweave/internal/secret"
	"callweave/internal/store"
)

// handler answers a request whose token, org, site and role are in order.
type handler func(w http.ResponseWriter, r *http.Request, who access.Identity) error

// guarded is the one place where a request is let in: its token must be known, have
// requests left, belong to the org (or the org of the site) that the path names, and
// have a role that allows the action. The order keeps an org's token from learning
// anything about another's.
func (s *Server) guarded(action access.Action, next handler) access.Route {
	return access.For(action, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, err := s.letIn(r, action)
		if err == nil {
			err = next(w, r, who)
		}
		if err != nil {
			s.writeError(w, r, err)
		}
	}))
}

func (s *Server) letIn(r *http.Request, action access.Action) (access.Identity, error) {
	who, err := s.identify(r)
	if err != nil {
		return who, err
	}
	noteOrg(r.Context(), who.OrgID)
	if wait, ok := s.quota.Spend(who.TokenID, time.Now()); !ok {
		return who, tooMany(access.RequestsPerHour, wait)
	}
	if org := r.PathValue("org_id"); org != "" && !sameUUID(org, who.OrgID) {
		return who, notFound(org)
	}
	if site := r.PathValue("site_id"); site != "" {
		if err := s.ownSite(r.Context(), who.OrgID, site); err != nil {
			return who, err
		}
	}
	if !who.Role.May(action) {
		return who, forbidden()
	}
	return who, nil
}

// identify reads "Authorization: Token …".
func (s *Server) identify(r *http.Request) (access.Identity, error) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	token = strings.TrimSpace(token)
	if !strings.EqualFold(scheme, "Token") || token == "" {
		return access.Identity{}, unauthorized()
	}
	who, err := s.gate.Identify(r.Context(), store.HashToken(secret.New(token)))
	if errors.Is(err, access.ErrUnknownToken) {
		return who, unauthorized()
	}
	return who, err
}

func (s *Server) ownSite(ctx context.Context, org uuid.UUID, text string) error {
	site, err := uuid.Parse(text)
	if err != nil {
		return notFound(text)
	}
	now := time.Now()
	if s.sites.known(org, site, now) {
		return nil
	}
	own, err := s.store.OrgHasSite(ctx, org, site)
	switch {
	case err != nil:
		return err
	case !own:
		return notFound(text)
	}
	s.sites.remember(org, site, now)
	return nil
}

func sameUUID(text string, id uuid.UUID) bool {
	parsed, err := uuid.Parse(text)
	return err == nil && parsed == id
}
