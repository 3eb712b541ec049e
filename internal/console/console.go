// Package console is the web pages: link an account, look at its row, unlink it, see the
// minutes that were bad. Plain HTML and one style sheet; no script.
package console

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"callweave/internal/access"
	"callweave/internal/authorize"
	"callweave/internal/links"
	"callweave/internal/provider"
	"callweave/internal/store"
	"callweave/internal/store/db"
	"callweave/internal/vault"
)

//go:embed pages/*.html style.css
var files embed.FS

// policy lets in our style sheet and our forms, nothing else.
const policy = "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// Store is what the pages read; [store.Store] does.
type Store interface {
	Org(ctx context.Context, org uuid.UUID) (db.Org, error)
	Receipts(ctx context.Context, filter store.ReadFilter) ([]db.Receipt, error)
	SiteMinutes(ctx context.Context, org uuid.UUID, from, to time.Time) ([]db.SiteMinutesRow, error)
	WorstCalls(ctx context.Context, org uuid.UUID, from, to time.Time, limit int32) ([]db.WorstCallsRow, error)
}

// Config is what a Console is built from.
type Config struct {
	Store     Store
	Vault     *vault.Vault
	Links     *links.Reader
	Unlinker  *links.Unlinker
	Authorize *authorize.Service
	Gate      *access.Gate
	Logger    *slog.Logger
	PublicURL string
}

// Console serves the pages. Safe for concurrent use.
type Console struct {
	store     Store
	vault     *vault.Vault
	master    *vault.Master
	links     *links.Reader
	unlinker  *links.Unlinker
	authorize *authorize.Service
	gate      *access.Gate
	logger    *slog.Logger
	publicURL string
	secure    bool // reached over TLS
	templates map[string]*template.Template
}

// New builds a console.
func New(c Config) (*Console, error) {
	templates, err := parse()
	if err != nil {
		return nil, err
	}
	return &Console{
		store: c.Store, vault: c.Vault, master: c.Vault.Master(), links: c.Links, unlinker: c.Unlinker, authorize: c.Authorize,
		gate: c.Gate, logger: c.Logger, publicURL: strings.TrimSuffix(c.PublicURL, "/"),
		secure: strings.HasPrefix(c.PublicURL, "https://"), templates: templates,
	}, nil
}

// Register adds the console's routes.
func (c *Console) Register(mux access.Mux) {
	// Besides the cookie's SameSite: a form of another origin is refused.
	origin := http.NewCrossOriginProtection()
	page := func(pattern string, action access.Action, show view) {
		mux.Handle(pattern, access.For(action, origin.Handler(c.signedIn(action, show))))
	}
	const noData = "it shows nothing of anybody"
	mux.Handle("GET /{$}", access.Public(noData, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/console/", http.StatusSeeOther) }))
	mux.Handle("GET /console/style.css", access.Public(noData, c.style))
	mux.Handle("GET /console/sign-in", access.Public("whoever signs in is nobody yet", c.signInPage))
	mux.Handle("POST /console/sign-in", access.Public("whoever signs in is nobody yet", origin.Handler(http.HandlerFunc(c.signInForm)).ServeHTTP))
	mux.Handle("POST /console/sign-out", access.Public("it only ends the browser's own session", origin.Handler(http.HandlerFunc(c.signOutForm)).ServeHTTP))
	mux.Handle("GET /console/linked", access.Public(noData, c.linkedPage))

	page("GET /console/{$}", access.ReadCalls, c.home)
	page("GET /console/links", access.ReadLinks, c.linksPage)
	page("POST /console/links", access.ChangeLinks, c.beginLink)
	page("GET /console/links/{provider}/{account_id}", access.ReadLinks, c.linkPage)
	page("GET /console/links/{provider}/{account_id}/unlink", access.ChangeLinks, c.confirmUnlink)
	page("POST /console/links/{provider}/{account_id}/unlink", access.ChangeLinks, c.unlink)
	page("GET /console/receipts", access.ReadLedger, c.receiptsPage)
	page("GET /console/calls", access.ReadCalls, c.callsPage)
}

// view answers a request of somebody who is signed in and may.
type view func(w http.ResponseWriter, r *http.Request, who access.Identity) error

func (c *Console) signedIn(action access.Action, show view) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, ok := c.identify(r)
		if !ok {
			http.Redirect(w, r, "/console/sign-in", http.StatusSeeOther)
			return
		}
		if !who.Role.May(action) {
			c.message(w, r, &who, http.StatusForbidden, "Not allowed", "Your token's role ("+string(who.Role)+") does not allow this.")
			return
		}
		if err := show(w, r, who); err != nil {
			c.logger.ErrorContext(r.Context(), "page failed", "route", r.Pattern, "error", err)
			c.message(w, r, &who, http.StatusInternalServerError, "That did not work", "Something went wrong on our side. Try again.")
		}
	})
}

// frame is what every page shows around its own data.
type frame struct {
	Title   string
	Current string // the page of the navigation
	Who     *access.Identity
	Org     string
	Data    any

	CanReadLinks, CanLink, CanReadLedger bool
}

func (c *Console) show(w http.ResponseWriter, r *http.Request, who *access.Identity, status int, page, title string, data any) error {
	f := frame{Title: title, Current: page, Who: who, Data: data}
	if who != nil {
		org, err := c.store.Org(r.Context(), who.OrgID)
		if err != nil {
			return err
		}
		f.Org = org.Name
		f.CanReadLinks, f.CanLink, f.CanReadLedger = who.Role.May(access.ReadLinks), who.Role.May(access.ChangeLinks), who.Role.May(access.ReadLedger)
	}
	var text bytes.Buffer
	if err := c.templates[page].ExecuteTemplate(&text, "frame.html", f); err != nil {
		return fmt.Errorf("render %s: %w", page, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", policy)
	w.WriteHeader(status)
	_, _ = w.Write(text.Bytes()) // the browser went away: nobody is left to tell
	return nil
}

// message is a page of one sentence; it is shown when others cannot be.
func (c *Console) message(w http.ResponseWriter, r *http.Request, who *access.Identity, status int, title, text string) {
	if err := c.show(w, r, who, status, "message", title, text); err != nil {
		c.logger.ErrorContext(r.Context(), "page failed", "route", r.Pattern, "error", err)
		http.Error(w, text, status)
	}
}

func parse() (map[string]*template.Template, error) {
	functions := template.FuncMap{
		"when":         func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") },
		"percent":      percent,
		"providerName": providerName,
		"segment":      url.PathEscape,
	}
	templates := map[string]*template.Template{}
	for _, page := range []string{"signin", "links", "link", "unlink", "leaving", "linked", "receipts", "calls", "message"} {
		parsed, err := template.New("").Funcs(functions).ParseFS(files, "pages/frame.html", "pages/"+page+".html")
		if err != nil {
			return nil, fmt.Errorf("read page %s: %w", page, err)
		}
		templates[page] = parsed
	}
	return templates, nil
}

func providerName(name provider.Name) string {
	switch name {
	case provider.Zoom:
		return "Zoom"
	case provider.Teams:
		return "Microsoft Teams"
	}
	return string(name)
}

func (c *Console) style(w http.ResponseWriter, _ *http.Request) {
	sheet, err := files.ReadFile("style.css")
	if err != nil {
		http.Error(w, "no style sheet", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("Cache-Control", "public, max-age=300")
	_, _ = w.Write(sheet)
}
