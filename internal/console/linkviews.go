package console

import (
	"errors"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"callweave/internal/access"
	"callweave/internal/authorize"
	"callweave/internal/links"
	"callweave/internal/provider"
	"callweave/internal/store"
)

// link is a row as the table shows it: names are revealed to the org's own people only.
type link struct {
	links.Link
	Company, LinkedBy string
	Problems          []problem
}

func (c *Console) list(r *http.Request, who access.Identity) ([]link, error) {
	list, err := c.links.List(r.Context(), who.OrgID, "")
	shown := make([]link, len(list))
	for i, l := range list {
		shown[i] = link{Link: l, Company: l.Company.Reveal(), LinkedBy: l.LinkedBy.Reveal(), Problems: problems(l)}
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

// leaving is what somebody is told before the provider asks them.
type leaving struct {
	Offer    authorize.Offer
	Provider provider.Name
	Host     string
	Asks     []permission
}

// beginLink shows what the provider will ask and leads there. It is a page and no redirect:
// whoever signs in there should know for which organization, and browsers hold redirects of
// a form to its own policy.
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
	page := leaving{Offer: offer, Provider: name, Asks: c.permissions(name, nil)}
	if target, err := url.Parse(offer.URL); err == nil {
		page.Host = target.Host
	}
	return c.show(w, r, &who, http.StatusOK, "leaving", "Link a "+providerName(name)+" account", page)
}

// linkedPage is where an administrator lands who comes back from the provider. Browsers
// send no SameSite=Strict cookie on that way, so the page knows nobody and leads on.
func (c *Console) linkedPage(w http.ResponseWriter, r *http.Request) {
	title := "The account is linked"
	if r.URL.Query().Get("error") != "" {
		title = "Not linked yet"
	}
	if err := c.show(w, r, nil, http.StatusOK, "linked", title, r.URL.Query().Get("error")); err != nil {
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

func (c *Console) notLinked(w http.ResponseWriter, r *http.Request, who access.Identity) {
	c.message(w, r, &who, http.StatusNotFound, "Not linked", "This account is not linked to your organization.")
}

func (c *Console) linkPage(w http.ResponseWriter, r *http.Request, who access.Identity) error {
	return c.showLink(w, r, who, http.StatusOK, "")
}

func (c *Console) showLink(w http.ResponseWriter, r *http.Request, who access.Identity, status int, wrong string) error {
	found, err := c.find(r, who)
	if err != nil {
		return err
	}
	if found == nil {
		c.notLinked(w, r, who)
		return nil
	}
	details, err := c.details(r, who, *found)
	if err != nil {
		return err
	}
	details.Wrong, details.Saved = wrong, r.URL.Query().Has("saved")
	title := found.Company
	if title == "" {
		title = providerName(found.Provider) + " account"
	}
	return c.show(w, r, &who, status, "link", title, details)
}

// setLink changes what an org decides about a link.
func (c *Console) setLink(w http.ResponseWriter, r *http.Request, who access.Identity) error {
	ref := provider.AccountRef{Provider: provider.Name(r.PathValue("provider")), AccountID: r.PathValue("account_id")}
	discard, live := r.PostFormValue("discard_guest_info") != "", r.PostFormValue("live") != ""
	settings := store.LinkSettings{DiscardGuestInfo: &discard, Live: &live}
	if text := strings.TrimSpace(r.PostFormValue("max_daily_api_requests")); text != "" {
		requests, err := strconv.ParseInt(strings.ReplaceAll(text, ",", ""), 10, 64)
		if err != nil || requests < 1 || requests > math.MaxInt32 {
			return c.showLink(w, r, who, http.StatusBadRequest, "Requests a day: give a whole number from 1, or leave the field as it is.")
		}
		most := int32(requests)
		settings.MaxDailyAPIRequests = &most
	}
	err := c.store.SetLinkSettings(r.Context(), ref, who.OrgID, settings)
	if errors.Is(err, store.ErrNotFound) {
		c.notLinked(w, r, who)
		return nil
	}
	if err != nil {
		return err
	}
	err = c.store.Audit(r.Context(), store.Entry{
		OrgID: &who.OrgID, Actor: who.TokenID.String(), Action: "link set", Object: ref.String(),
		Detail: map[string]any{"max_daily_api_requests": settings.MaxDailyAPIRequests, "discard_guest_info": discard, "live": live},
	})
	if err != nil {
		return err
	}
	http.Redirect(w, r, linkPath(ref)+"?saved", http.StatusSeeOther)
	return nil
}

func linkPath(ref provider.AccountRef) string {
	return "/console/links/" + string(ref.Provider) + "/" + url.PathEscape(ref.AccountID)
}

func (c *Console) confirmUnlink(w http.ResponseWriter, r *http.Request, who access.Identity) error {
	found, err := c.find(r, who)
	if err != nil {
		return err
	}
	if found == nil {
		c.notLinked(w, r, who)
		return nil
	}
	return c.show(w, r, &who, http.StatusOK, "unlink", "Unlink this account?", found)
}

func (c *Console) unlink(w http.ResponseWriter, r *http.Request, who access.Identity) error {
	ref := provider.AccountRef{Provider: provider.Name(r.PathValue("provider")), AccountID: r.PathValue("account_id")}
	err := c.unlinker.Unlink(r.Context(), ref, who.OrgID, who.TokenID.String(), "admin")
	switch {
	case errors.Is(err, store.ErrNotFound):
		c.notLinked(w, r, who)
		return nil
	case errors.Is(err, links.ErrUnconfirmed):
		c.message(w, r, &who, http.StatusServiceUnavailable, "Not confirmed yet", "Unlinking was not confirmed in time. Try again in a minute.")
		return nil
	case err != nil:
		return err
	}
	receipts, err := c.store.Receipts(r.Context(), store.ReadFilter{OrgID: who.OrgID, AccountID: ref.AccountID, Limit: 1})
	if err != nil || len(receipts) == 0 {
		http.Redirect(w, r, "/console/receipts", http.StatusSeeOther)
		return err
	}
	http.Redirect(w, r, "/console/receipts/"+receipts[0].ReceiptID.String(), http.StatusSeeOther)
	return nil
}
