// Package authorize begins and ends the authorization of a provider account: it hands
// out the URL where an administrator allows us, and receives the browser that comes back.
//
// What travels through the provider is a sealed state (RFC 6749 section 10.12) and the
// challenge of a PKCE verifier (RFC 7636) that never leaves our database. An
// authorization is answered once; the code it brings is sealed at once and exchanged by
// the Authorize workflow.
package authorize

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"golang.org/x/oauth2"

	"callweave/internal/provider"
	"callweave/internal/secret"
	"callweave/internal/store/db"
	"callweave/internal/vault"
	"callweave/workflows"
)

// Lifetime is how long an administrator has to come back.
const Lifetime = 10 * time.Minute

// DefaultPatience is how long a browser waits for its link before it sees the waiting page.
const DefaultPatience = 15 * time.Second

// ErrNoProvider says that a provider cannot be linked here.
var ErrNoProvider = errors.New("provider is not offered")

// Store is where authorizations are kept.
type Store interface {
	OfferAuthorization(ctx context.Context, offer db.OfferAuthorizationParams) error
	OfferedAuthorization(ctx context.Context, id, org uuid.UUID, provider string) (db.Authorization, error)
	ReturnAuthorization(ctx context.Context, id uuid.UUID, codeSealed []byte, now time.Time) (bool, error)
	DenyAuthorization(ctx context.Context, id uuid.UUID, code string, now time.Time) (bool, error)
}

// Runner runs the Authorize workflow of an authorization, or joins the one that was
// started, and waits for its result. A workflow that failed is a result with an error
// code; an error means that the result is not known.
type Runner interface {
	Authorize(ctx context.Context, id uuid.UUID) (workflows.AuthorizeResult, error)
}

// Provider is the part of provider.Service that is needed here.
type Provider interface {
	Name() provider.Name
	AuthorizationURL(state string, verifier secret.Text) string
}

// Service begins and ends authorizations. Safe for concurrent use.
type Service struct {
	store     Store
	master    *vault.Master
	runner    Runner
	forwards  Forwards
	providers map[provider.Name]Provider
	logger    *slog.Logger
	patience  time.Duration
	now       func() time.Time
}

// Config is what a Service is built from.
type Config struct {
	Store     Store
	Master    *vault.Master
	Runner    Runner // not needed to begin
	Forwards  Forwards
	Providers []Provider
	Logger    *slog.Logger     // not needed to begin
	Patience  time.Duration    // zero: DefaultPatience
	Now       func() time.Time // nil: time.Now
}

// New builds a service.
func New(c Config) *Service {
	s := &Service{
		store: c.Store, master: c.Master, runner: c.Runner, forwards: c.Forwards, logger: c.Logger, patience: c.Patience, now: c.Now,
		providers: map[provider.Name]Provider{},
	}
	for _, p := range c.Providers {
		s.providers[p.Name()] = p
	}
	if s.patience == 0 {
		s.patience = DefaultPatience
	}
	if s.now == nil {
		s.now = time.Now
	}
	return s
}

// Request is who wants to link what, and where the browser goes after.
type Request struct {
	OrgID       uuid.UUID
	Provider    provider.Name
	Forward     string
	RequestedBy string // an API token's id or "cli": never a name
}

// Offer is an authorization that waits for an administrator.
type Offer struct {
	AuthorizationID uuid.UUID `json:"authorization_id"`
	URL             string    `json:"authorization_url"`
	ExpiresAt       time.Time `json:"expires_at"`
}

// Begin offers an authorization. [ErrForward] where the browser must not be sent back to
// r.Forward, [ErrNoProvider] where the provider is not offered.
func (s *Service) Begin(ctx context.Context, r Request) (Offer, error) {
	service, offered := s.providers[r.Provider]
	if !offered {
		return Offer{}, fmt.Errorf("authorize %s: %w", r.Provider, ErrNoProvider)
	}
	forward, err := s.forwards.Check(r.Forward)
	if err != nil {
		return Offer{}, err
	}
	id, err := uuid.NewRandom()
	if err != nil {
		return Offer{}, fmt.Errorf("begin authorization: %w", err)
	}
	verifier := secret.New(oauth2.GenerateVerifier())
	verifierSealed, err := s.master.SealText(vault.PurposeVerifier, verifier)
	if err != nil {
		return Offer{}, fmt.Errorf("begin authorization: %w", err)
	}
	expires := s.now().Add(Lifetime)
	sealed, err := s.sealState(state{AuthorizationID: id, OrgID: r.OrgID, Provider: r.Provider, ExpiresAt: expires})
	if err != nil {
		return Offer{}, fmt.Errorf("begin authorization: %w", err)
	}
	err = s.store.OfferAuthorization(ctx, db.OfferAuthorizationParams{
		AuthorizationID: id, OrgID: r.OrgID, Provider: string(r.Provider), RequestedBy: r.RequestedBy,
		ForwardUrl: forward, VerifierSealed: verifierSealed, ExpiresAt: expires,
	})
	if err != nil {
		return Offer{}, err
	}
	return Offer{AuthorizationID: id, URL: service.AuthorizationURL(sealed, verifier), ExpiresAt: expires}, nil
}
