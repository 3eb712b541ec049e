// Package console is the web pages: link an account, look at its row, unlink it, see the
// minutes that were bad and why. Plain HTML, drawings of its own and one style sheet; a small
// script adds comfort, and nothing depends on it.
package console

import (
	"bytes"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"callweave/internal/access"
	"callweave/internal/authorize"
	"callweave/internal/links"
	"callweave/internal/provider"
	"callweave/internal/store"
	"callweave/internal/vault"
)

// policy lets in our style sheet, our script and what it asks us for, our icon and our forms, nothing else.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// Config is what a Console is built from.
type Config struct {
	Store        *store.Store
	Vault        *vault.Vault
	Links        *links.Reader
	Unlinker     *links.Unlinker
	Authorize    *authorize.Service
	Gate         *access.Gate
	Explainer    Explainer                                // nil: minutes are not explained
	Requirements map[provider.Name][]provider.Requirement // what the providers are asked for
	Logger       *slog.Logger
	PublicURL    string
	Now          func() time.Time // nil: time.Now
}

// Console serves the pages. Safe for concurrent use.
type Console struct {
	store        *store.Store
	vault        *vault.Vault
	master       *vault.Master
	links        *links.Reader
	unlinker     *links.Unlinker
	authorize    *authorize.Service
	gate         *access.Gate
	explainer    Explainer
	requirements map[provider.Name][]provider.Requirement
	logger       *slog.Logger
	publicURL    string
	secure       bool // reached over TLS
	now          func() time.Time
	templates    map[string]*template.Template
	assets       map[string]asset
	version      string // of the assets
}

// New builds a console.
func New(c Config) (*Console, error) {
	console := &Console{
		store: c.Store, vault: c.Vault, master: c.Vault.Master(), links: c.Links, unlinker: c.Unlinker, authorize: c.Authorize,
		gate: c.Gate, explainer: c.Explainer, requirements: c.Requirements, logger: c.Logger,
		publicURL: strings.TrimSuffix(c.PublicURL, "/"), secure: strings.HasPrefix(c.PublicURL, "https://"), now: c.Now,
	}
	if console.now == nil {
		console.now = time.Now
	}
	var err error
	if console.assets, console.version, err = readAssets(); err != nil {
		return nil, err
	}
	console.templates, err = parse()
	return console, err
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
	for name := range c.assets {
		mux.Handle("GET /console/"+name, access.Public(noData, c.asset))
	}
	mux.Handle("GET /console/sign-in", access.Public("whoever signs in is nobody yet", c.signInPage))
	mux.Handle("POST /console/sign-in", access.Public("whoever signs in is nobody yet", origin.Handler(http.HandlerFunc(c.signInForm)).ServeHTTP))
	mux.Handle("POST /console/sign-out", access.Public("it only ends the browser's own session", origin.Handler(http.HandlerFunc(c.signOutForm)).ServeHTTP))
	mux.Handle("GET /console/linked", access.Public(noData, c.linkedPage))

	page("GET /console/{$}", access.ReadCalls, c.home)
	page("GET /console/links", access.ReadLinks, c.linksPage)
	page("POST /console/links", access.ChangeLinks, c.beginLink)
	page("GET /console/links/{provider}/{account_id}", access.ReadLinks, c.linkPage)
	page("POST /console/links/{provider}/{account_id}", access.ChangeLinks, c.setLink)
	page("GET /console/links/{provider}/{account_id}/unlink", access.ChangeLinks, c.confirmUnlink)
	page("POST /console/links/{provider}/{account_id}/unlink", access.ChangeLinks, c.unlink)
	page("GET /console/receipts", access.ReadLedger, c.receiptsPage)
	page("GET /console/receipts/{receipt_id}", access.ReadLedger, c.receiptPage)
	page("GET /console/calls", access.ReadCalls, c.callsPage)
	page("POST /console/calls", access.ReadCalls, c.findCalls)
	page("GET /console/calls/{leg_id}", access.ReadCalls, c.callPage)
	page("POST /console/calls/{leg_id}/reveal", access.ReadCalls, c.revealPerson)
	page("GET /console/sites", access.ReadCalls, c.sitesPage)
	page("GET /console/sites/{site_id}", access.ReadCalls, c.sitePage)
	page("GET /console/sites/{site_id}/incident", access.ReadCalls, c.incidentPage)
	page("GET /console/incidents", access.ReadCalls, c.incidentsPage)
}

// view answers a request of somebody who is signed in and may.
type view func(w http.ResponseWriter, r *http.Request, who access.Identity) error

func (c *Console) signedIn(action access.Action, show view) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, ok := c.identify(w, r)
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

// pageFrame is what every page shows around its own data.
type pageFrame struct {
	Title   string
	Section string // of the navigation
	Who     *access.Identity
	Org     string
	Version string // of the assets
	Data    any

	CanReadLinks, CanLink, CanReadLedger bool
}

func (c *Console) show(w http.ResponseWriter, r *http.Request, who *access.Identity, status int, page, title string, data any) error {
	f := pageFrame{Title: title, Section: section(page), Who: who, Version: c.version, Data: data}
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

// section is the part of the navigation that a page belongs to.
func section(page string) string {
	switch page {
	case "call", "calls":
		return "calls"
	case "site", "sites":
		return "sites"
	case "incident", "incidents":
		return "incidents"
	case "receipt", "receipts":
		return "receipts"
	case "link", "links", "unlink", "leaving":
		return "links"
	}
	return ""
}
