package console

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"callweave/internal/access"
	"callweave/internal/authorize"
	"callweave/internal/links"
	"callweave/internal/provider"
	"callweave/internal/secret"
	"callweave/internal/store"
)

func (c *Console) signInPage(w http.ResponseWriter, r *http.Request) {
	if err := c.show(w, r, nil, http.StatusOK, "signin", "Sign in", ""); err != nil {
		http.Error(w, "The page could not be shown.", http.StatusInternalServerError)
	}
}

func (c *Console) signInForm(w http.ResponseWriter, r *http.Request) {
	token := secret.New(strings.TrimSpace(r.PostFormValue("token")))
	_, err := c.gate.Identify(r.Context(), store.HashToken(token))
	if err == nil {
		err = c.signIn(w, token)
	}
	switch {
	case err == nil:
		http.Redirect(w, r, "/console/", http.StatusSeeOther)
	case errors.Is(err, access.ErrUnknownToken):
		err = c.show(w, r, nil, http.StatusUnauthorized, "signin", "Sign in", "That token is not known, or was revoked.")
		if err != nil {
			http.Error(w, "That token is not known.", http.StatusUnauthorized)
		}
	default:
		c.logger.ErrorContext(r.Context(), "sign-in failed", "error", err)
		c.message(w, r, nil, http.StatusInternalServerError, "That did not work", "Something went wrong on our side. Try again.")
	}
}

func (c *Console) signOutForm(w http.ResponseWriter, r *http.Request) {
	c.signOut(w)
	http.Redirect(w, r, "/console/sign-in", http.StatusSeeOther)
}

func (c *Console) home(w http.ResponseWriter, r *http.Request, who access.Identity) error {
	to := "/console/calls"
	if who.Role.May(access.ReadLinks) {
		to = "/console/links"
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// link is a row as the table shows it: names are revealed to the org's own people only.
type link struct {
	links.Link
	Company, LinkedBy string
}

func (c *Console) list(r *http.Request, who access.Identity) ([]link, error) {
	list, err := c.links.List(r.Context(), who.OrgID, "")
	shown := make([]link, len(list))
	for i, l := range list {
		shown[i] = link{Link: l, Company: l.Company.Reveal(), LinkedBy: l.LinkedBy.Reveal()}
	}
	return shown, err
}

func (c *Console) linksPage(w http.ResponseWriter, r *http.Request, who access.Identity) error {
	list, err := c.list(r, who)
	if err != nil {
		return err
	}
	return c.show(w, r, &who, http.StatusOK, "links", "Application Insights Integration", list)
}

// beginLink shows a page that leads to the provider: a redirect would be stopped by the
// form-action policy of browsers.
func (c *Console) beginLink(w http.ResponseWriter, r *http.Request, who access.Identity) error {
	name := provider.Name(r.PostFormValue("provider"))
	offer, err := c.authorize.Begin(r.Context(), authorize.Request{
		OrgID: who.OrgID, Provider: name, Forward: c.publicURL + "/console/linked", RequestedBy: who.TokenID.String(),
	})
	if errors.Is(err, authorize.ErrNoProvider) {
		c.message(w, r, &who, http.StatusBadRequest, "Not offered", providerName(name)+" cannot be linked here.")
		return nil
	}
	if err != nil {
		return err
	}
	return c.show(w, r, &who, http.StatusOK, "leaving", "To "+providerName(name), offer)
}

// linkedPage is where an administrator lands who comes back from the provider. Browsers
// send no SameSite=Strict cookie on that way, so the page knows nobody and leads on.
func (c *Console) linkedPage(w http.ResponseWriter, r *http.Request) {
	if err := c.show(w, r, nil, http.StatusOK, "linked", "Linking an account", r.URL.Query().Get("error")); err != nil {
		http.Error(w, "The page could not be shown.", http.StatusInternalServerError)
	}
}

// find returns the link that the path names; nil where there is none.
func (c *Console) find(r *http.Request, who access.Identity) (*link, error) {
	list, err := c.list(r, who)
	for i := range list {
		if string(list[i].Provider) == r.PathValue("provider") && list[i].AccountID == r.PathValue("account_id") {
			return &list[i], err
		}
	}
	return nil, err
}

func (c *Console) linkPage(w http.ResponseWriter, r *http.Request, who access.Identity) error {
	return c.showLink(w, r, who, "link")
}

func (c *Console) confirmUnlink(w http.ResponseWriter, r *http.Request, who access.Identity) error {
	return c.showLink(w, r, who, "unlink")
}

func (c *Console) showLink(w http.ResponseWriter, r *http.Request, who access.Identity, page string) error {
	found, err := c.find(r, who)
	if err != nil {
		return err
	}
	if found == nil {
		c.message(w, r, &who, http.StatusNotFound, "Not linked", "This account is not linked to your organization.")
		return nil
	}
	return c.show(w, r, &who, http.StatusOK, page, providerName(found.Provider)+" account", found)
}

func (c *Console) unlink(w http.ResponseWriter, r *http.Request, who access.Identity) error {
	ref := provider.AccountRef{Provider: provider.Name(r.PathValue("provider")), AccountID: r.PathValue("account_id")}
	err := c.unlinker.Unlink(r.Context(), ref, who.OrgID, who.TokenID.String(), "admin")
	switch {
	case errors.Is(err, store.ErrNotFound):
		c.message(w, r, &who, http.StatusNotFound, "Not linked", "This account is not linked to your organization.")
		return nil
	case errors.Is(err, links.ErrUnconfirmed):
		c.message(w, r, &who, http.StatusServiceUnavailable, "Not confirmed yet", "Unlinking was not confirmed in time. Try again in a minute.")
		return nil
	case err != nil:
		return err
	}
	http.Redirect(w, r, "/console/receipts", http.StatusSeeOther)
	return nil
}

// shownReceipts bounds the page.
const shownReceipts = 50

func (c *Console) receiptsPage(w http.ResponseWriter, r *http.Request, who access.Identity) error {
	rows, err := c.store.Receipts(r.Context(), store.ReadFilter{OrgID: who.OrgID, Limit: shownReceipts})
	if err != nil {
		return err
	}
	receipts := make([]receipt, len(rows))
	for i, row := range rows {
		receipts[i] = newReceipt(row)
	}
	return c.show(w, r, &who, http.StatusOK, "receipts", "Receipts", receipts)
}

// callsShown and callsPeriod bound the page of calls.
const (
	callsShown  = 25
	callsPeriod = 24 * time.Hour
)

func (c *Console) callsPage(w http.ResponseWriter, r *http.Request, who access.Identity) error {
	to := time.Now()
	from := to.Add(-callsPeriod)
	sites, err := c.store.SiteMinutes(r.Context(), who.OrgID, from, to)
	if err != nil {
		return err
	}
	rows, err := c.store.WorstCalls(r.Context(), who.OrgID, from, to, callsShown)
	if err != nil {
		return err
	}
	calls, err := c.openCalls(r.Context(), who.OrgID, rows, sites)
	if err != nil {
		return err
	}
	return c.show(w, r, &who, http.StatusOK, "calls", "Calls of the last day", map[string]any{"Sites": sites, "Calls": calls})
}

func percent(part, whole int64) string {
	if whole == 0 {
		return "–"
	}
	return strconv.FormatFloat(100*float64(part)/float64(whole), 'f', 1, 64) + " %"
}

func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}
