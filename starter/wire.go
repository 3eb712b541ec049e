package main

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"go.temporal.io/sdk/client"

	"callweave/internal/access"
	"callweave/internal/api"
	"callweave/internal/authorize"
	"callweave/internal/config"
	"callweave/internal/console"
	"callweave/internal/flows"
	"callweave/internal/health"
	"callweave/internal/insight"
	"callweave/internal/links"
	"callweave/internal/provider"
	"callweave/internal/store"
	"callweave/internal/telemetry"
	"callweave/internal/temporalclient"
	"callweave/internal/vault"
	"callweave/internal/zoom"
	"callweave/internal/zoom/webhook"
)

// silent is for commands that are done in a moment: what goes wrong they print.
func silent() *slog.Logger { return slog.New(slog.DiscardHandler) }

// openStore connects to the database of the environment.
func (a *app) openStore(ctx context.Context) (*store.Store, error) {
	settings, err := config.Load[config.Database](ctx, a.env)
	if err != nil {
		return nil, err
	}
	if settings.URL.IsZero() {
		return nil, errNoDatabase
	}
	return store.Open(ctx, settings.URL.Reveal(), store.WithMaxConns(settings.MaxConns))
}

// openVault opens the master keyset of the environment and checks that it is the one of
// the database.
func (a *app) openVault(ctx context.Context, s *store.Store) (*vault.Vault, error) {
	settings, err := config.Load[config.Keyset](ctx, a.env)
	if err != nil {
		return nil, err
	}
	text, err := settings.Load()
	if err != nil {
		return nil, err
	}
	master, err := vault.OpenMaster(text)
	if err != nil {
		return nil, err
	}
	v := vault.New(master, s)
	return v, v.Check(ctx)
}

// openFlows reaches Temporal for a command; done closes it.
func (a *app) openFlows(ctx context.Context, v *vault.Vault) (f *flows.Flows, done func(), err error) {
	temporal, _, err := a.dial(ctx, v.Master(), silent())
	if err != nil {
		return nil, nil, err
	}
	return flows.New(temporal), temporal.Close, nil
}

// dial connects to Temporal and says in which namespace.
func (a *app) dial(ctx context.Context, master *vault.Master, logger *slog.Logger) (client.Client, string, error) {
	options, err := a.temporal()
	if err != nil {
		return nil, "", err
	}
	c, err := temporalclient.Dial(ctx, options, master, logger)
	return c, options.Namespace, err
}

// newAuthorize builds the service that begins authorizations; with a runner, one that
// ends them too.
func newAuthorize(settings config.Starter, s *store.Store, master *vault.Master, runner authorize.Runner, logger *slog.Logger) (*authorize.Service, error) {
	forwards, err := authorize.NewForwards(settings.Public.URL, settings.ForwardHosts)
	if err != nil {
		return nil, err
	}
	service := zoom.New(zoom.Config{
		ClientID: settings.ClientID, ClientSecret: settings.ClientSecret, RedirectURL: settings.RedirectURL("zoom"),
		OAuthURL: settings.OAuthURL, APIURL: settings.APIURL,
	})
	return authorize.New(authorize.Config{
		Store: s, Master: master, Runner: runner, Forwards: forwards, Providers: []authorize.Provider{service}, Logger: logger,
	}), nil
}

// newHandler builds everything that `starter serve` answers.
func newHandler(settings config.Starter, t *telemetry.Telemetry, s *store.Store, v *vault.Vault, temporal client.Client, namespace string) (http.Handler, error) {
	mux := http.NewServeMux()
	if err := addRoutes(mux, settings, t, s, v, temporal, namespace); err != nil {
		return nil, err
	}
	handler := api.Wrap(t.Logger, mux)
	if strings.HasPrefix(settings.Public.URL, "https://") {
		handler = api.StrictTransport(handler)
	}
	return handler, nil
}

// addRoutes registers everything that `starter serve` answers.
func addRoutes(mux access.Mux, settings config.Starter, t *telemetry.Telemetry, s *store.Store, v *vault.Vault, temporal client.Client, namespace string) error {
	f := flows.New(temporal)
	authorizing, err := newAuthorize(settings, s, v.Master(), f, t.Logger)
	if err != nil {
		return err
	}
	gate, reader, unlinker := access.NewGate(s), links.NewReader(s, v), links.NewUnlinker(s, f)
	models, err := insight.NewModels(s, nil)
	if err != nil {
		return err
	}
	explainer := insight.NewExplainer(s, models)
	pages, err := console.New(console.Config{
		Store: s, Vault: v, Links: reader, Unlinker: unlinker, Authorize: authorizing, Gate: gate, Logger: t.Logger,
		Requirements: map[provider.Name][]provider.Requirement{provider.Zoom: zoom.New(zoom.Config{}).Requirements()},
		PublicURL:    settings.Public.URL, Explainer: console.NewInsights(s, explainer),
	})
	if err != nil {
		return err
	}
	server := api.New(api.Config{
		Store: s, Links: reader, Authorize: authorizing, Unlinker: unlinker, Gate: gate, Quota: access.NewQuota(), Logger: t.Logger,
		Codec: api.CodecConfig{
			Codec: temporalclient.NewCodec(v.Master()), Token: settings.CodecToken, UIOrigin: originOf(settings.TemporalUIURL),
			AllowLoopback: settings.CodecAllowLoopback,
		},
		Webhooks:  zoomWebhooks(settings, f),
		Vault:     v,
		Backfills: f,
		Explainer: explainer,
	})
	server.Register(mux)
	pages.Register(mux)
	health.Register(mux, t.Logger, map[string]health.Check{"database": s.Ping, "temporal": temporalclient.Check(temporal, namespace)}, nil)
	return nil
}

// zoomWebhooks has no verifier without a secret: then webhooks are refused, and the
// harvest's schedule does without.
func zoomWebhooks(settings config.Starter, f *flows.Flows) api.WebhookConfig {
	webhooks := api.WebhookConfig{ClientID: settings.ClientID, Inbox: f}
	if !settings.WebhookSecret.IsZero() {
		webhooks.Verifier = webhook.NewVerifier(settings.WebhookSecret, nil)
	}
	return webhooks
}

// originOf is the scheme and host of a URL, as browsers send them in Origin.
func originOf(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// cliActor is who the audit log names for what is done here.
const cliActor = "cli"
