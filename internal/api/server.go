// Package api is the HTTP backend: Mist's linked-application and call operations, so that
// clients of that API work unchanged, and the few surfaces of our own.
package api

import (
	"log/slog"
	"net/http"
	"sync"
	"time"

	"go.temporal.io/sdk/converter"

	"callweave/internal/access"
	"callweave/internal/authorize"
	"callweave/internal/backfills"
	"callweave/internal/links"
	"callweave/internal/secret"
	"callweave/internal/store"
	"callweave/internal/vault"
)

// Config is what a Server is built from.
type Config struct {
	Store     *store.Store
	Links     *links.Reader
	Authorize *authorize.Service
	Unlinker  *links.Unlinker
	Gate      *access.Gate
	Quota     *access.Quota
	Logger    *slog.Logger
	Codec     CodecConfig
	Webhooks  WebhookConfig
	Backfills backfills.Flows
	Vault     *vault.Vault // opens who was in a call, for an export
	Explainer Explainer    // nil: bad minutes have their bucket and no contributions
}

// CodecConfig is how workflow payloads are decoded for the Temporal UI.
type CodecConfig struct {
	Codec         converter.PayloadCodec
	Token         secret.Text // the operator's; zero: nobody decodes by a token
	UIOrigin      string      // of the Temporal UI; "" where there is none
	AllowLoopback bool        // a UI on this machine needs no token
}

// Server answers the API. Safe for concurrent use.
type Server struct {
	store     *store.Store
	links     *links.Reader
	authorize *authorize.Service
	unlinker  *links.Unlinker
	gate      *access.Gate
	quota     *access.Quota
	logger    *slog.Logger
	codec     CodecConfig
	webhooks  WebhookConfig
	backfills backfills.Flows
	vault     *vault.Vault
	explainer Explainer
	columns   []column
	sites     ownSites
	texts     sync.Pool // of *jsonText
}

// New builds a server.
func New(c Config) *Server {
	return &Server{
		store: c.Store, links: c.Links, authorize: c.Authorize, unlinker: c.Unlinker, gate: c.Gate, quota: c.Quota,
		logger: c.Logger, codec: c.Codec, webhooks: c.Webhooks, backfills: c.Backfills,
		vault: c.Vault, explainer: c.Explainer, columns: measurements(),
	}
}

// Register adds the API's routes.
func (s *Server) Register(mux access.Mux) {
	const accounts = "/api/v1/orgs/{org_id}/setting/{app_name}/link_accounts"
	mux.Handle("GET "+accounts, s.guarded(access.ReadLinks, s.listLinks))
	mux.Handle("POST "+accounts, s.guarded(access.ChangeLinks, s.addLink))
	mux.Handle("PUT "+accounts+"/{account_id}", s.guarded(access.ChangeLinks, s.setLink))
	mux.Handle("DELETE "+accounts+"/{account_id}", s.guarded(access.ChangeLinks, s.unlink))

	for _, calls := range []string{"/api/v1/sites/{site_id}/stats/calls", "/api/v1/orgs/{org_id}/stats/calls"} {
		mux.Handle("GET "+calls+"/search", s.guarded(access.ReadCalls, s.searchCalls))
		mux.Handle("GET "+calls+"/count", s.guarded(access.ReadCalls, s.countCalls))
		mux.Handle("GET "+calls+"/troubleshoot", s.guarded(access.ReadCalls, s.troubleshootSite))
		mux.Handle("GET "+calls+"/client/{client_mac}/troubleshoot", s.guarded(access.ReadCalls, s.troubleshootClient))
		mux.Handle("GET "+calls+"/client/{client_mac}/timeline", s.guarded(access.ReadCalls, s.timeline))
		mux.Handle("GET "+calls+"/incidents", s.guarded(access.ReadCalls, s.incidents))
	}
	mux.Handle("GET /api/v1/sites/{site_id}/stats/calls/summary", s.guarded(access.ReadCalls, s.summarizeSite))
	mux.Handle("GET /api/v1/orgs/{org_id}/stats/calls/summary", s.guarded(access.ReadCalls, s.summarizeOrg))
	mux.Handle("GET /api/v1/orgs/{org_id}/stats/calls/export", s.guarded(access.ExportCalls, s.exportCalls))

	mux.Handle("GET /api/v1/orgs/{org_id}/setting/calls", s.guarded(access.ReadSettings, s.callSettings))
	mux.Handle("PUT /api/v1/orgs/{org_id}/setting/calls", s.guarded(access.ChangeSettings, s.setCallSettings))

	mux.Handle("GET /api/v1/orgs/{org_id}/receipts", s.guarded(access.ReadLedger, s.listReceipts))
	mux.Handle("GET /api/v1/orgs/{org_id}/gaps", s.guarded(access.ReadLedger, s.listGaps))
	mux.Handle("GET /api/v1/orgs/{org_id}/backfills", s.guarded(access.ReadLedger, s.listBackfills))
	mux.Handle("POST /api/v1/orgs/{org_id}/backfills", s.guarded(access.StartBackfills, s.startBackfill))
	mux.Handle("PUT /api/v1/orgs/{org_id}/backfills/{account_id}/{from}", s.guarded(access.StartBackfills, s.setBackfill))
	mux.Handle("DELETE /api/v1/orgs/{org_id}/backfills/{account_id}/{from}", s.guarded(access.StartBackfills, s.cancelBackfill))
	mux.Handle("GET /api/v1/orgs/{org_id}/audit", s.guarded(access.ReadAudit, s.listAudit))

	const byState = "a browser that comes back from the provider has no token of ours: its sealed state is its right"
	mux.Handle("GET /api/v1/oauth2/app/{provider}/callback", access.Public(byState, s.callback))
	mux.Handle("GET /api/v1/org/{org_id}/oauth2/app/{provider}/callback", access.Public(byState, s.callback)) // Mist's form
	mux.Handle("GET /api/v1/oauth2/app/{provider}/pending", access.Public(byState, s.pending))

	mux.Handle("GET /api/openapi.json", access.Public("it says what there is, not what is in it", s.showOpenAPI))
	mux.Handle("POST /api/v1/webhooks/zoom", access.Public("Zoom signs what it sends", s.zoomWebhook))

	for _, path := range []string{decodePath, encodePath} {
		mux.Handle("POST "+path, access.Public("payloads are of all orgs: the operator's own secret opens and seals them", s.codecHandler().ServeHTTP))
		mux.Handle("OPTIONS "+path, access.Public("a browser asks before it sends a secret", s.preflight))
	}

	mux.Handle("/", access.Public("there is nothing here", func(w http.ResponseWriter, r *http.Request) { s.writeError(w, r, notFound("")) }))
}

// GCPercent is how much garbage a program that serves the API lets gather, in percent of what
// it holds, before it collects: it holds some ten megabytes and makes many more a second.
// GOGC and GOMEMLIMIT have their say where they are set.
const GCPercent = 400

// HTTPServer is a server with the limits of one that strangers reach.
func HTTPServer(handler http.Handler, logger *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       20 * time.Second,
		WriteTimeout:      60 * time.Second, // longer than a browser's wait for its link
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}
}
