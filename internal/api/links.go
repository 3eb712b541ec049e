package api

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"reflect"
	"slices"

	"callweave/internal/access"
	"callweave/internal/authorize"
	"callweave/internal/links"
	"callweave/internal/provider"
	"callweave/internal/store"
)

// linkInfo is Mist's account_oauth_info. Its accounts are never null.
type linkInfo struct {
	Linked           bool            `json:"linked"`
	Accounts         []linkedAccount `json:"accounts"`
	AuthorizationURL string          `json:"authorization_url,omitempty"`
}

// linkedAccount is Mist's account_oauth_info_account as Zoom's entries are. What is not
// known yet is absent.
type linkedAccount struct {
	AccountID           string   `json:"account_id"`
	Company             string   `json:"company"`
	LinkedBy            string   `json:"linked_by"`
	LinkedTimestamp     float64  `json:"linked_timestamp"`    // seconds
	LastSync            int64    `json:"last_sync,omitempty"` // whole seconds
	LastStatus          string   `json:"last_status,omitempty"`
	Error               string   `json:"error,omitempty"`
	Errors              []string `json:"errors,omitempty"`
	MaxDailyAPIRequests *int32   `json:"max_daily_api_requests,omitempty"` // absent: our default
	DiscardGuestInfo    bool     `json:"discard_guest_info"`               // ours: Mist only takes it
	Live                bool     `json:"live"`                             // ours
	MissingScopes       []string `json:"missing_scopes,omitempty"`         // ours
}

func newLinkedAccount(link links.Link) linkedAccount {
	account := linkedAccount{
		AccountID:           link.AccountID,
		Company:             link.Company.Reveal(),
		LinkedBy:            link.LinkedBy.Reveal(),
		LinkedTimestamp:     float64(link.LinkedAt.UnixMicro()) / 1e6,
		LastStatus:          link.LastStatus,
		Errors:              link.Errors,
		MaxDailyAPIRequests: link.MaxDailyAPIRequests,
		DiscardGuestInfo:    link.DiscardGuestInfo,
		Live:                link.Live,
		MissingScopes:       link.MissingScopes,
	}
	if len(link.Errors) > 0 {
		account.Error = link.Errors[0]
	}
	if link.DevicesError != "" {
		// Ours, beside Mist's exact texts. `error` and `last_status` stay about the pull from the
		// provider, which goes on.
		account.Errors = append(slices.Clone(link.Errors), "Device data: "+link.DevicesError)
	}
	if !link.LastSyncAt.IsZero() {
		account.LastSync = link.LastSyncAt.Unix()
	}
	return account
}

// app returns the provider that the path names; Mist's other applications are not ours.
func app(r *http.Request) (provider.Name, error) {
	name, err := provider.ParseName(r.PathValue("app_name"))
	if err != nil {
		return "", notFound(r.PathValue("app_name"))
	}
	return name, nil
}

func account(r *http.Request) (provider.AccountRef, error) {
	name, err := app(r)
	return provider.AccountRef{Provider: name, AccountID: r.PathValue("account_id")}, err
}

// listLinks answers with the accounts and, when asked with `forward` by somebody who may
// link, with a fresh authorization URL.
func (s *Server) listLinks(w http.ResponseWriter, r *http.Request, who access.Identity) error {
	name, err := app(r)
	if err != nil {
		return err
	}
	list, err := s.links.List(r.Context(), who.OrgID, name)
	if err != nil {
		return err
	}
	info := linkInfo{Linked: len(list) > 0, Accounts: make([]linkedAccount, 0, len(list))}
	for _, link := range list {
		info.Accounts = append(info.Accounts, newLinkedAccount(link))
	}
	if forward := r.URL.Query().Get("forward"); forward != "" && who.Role.May(access.ChangeLinks) {
		offer, err := s.authorize.Begin(r.Context(), authorize.Request{
			OrgID: who.OrgID, Provider: name, Forward: forward, RequestedBy: who.TokenID.String(),
		})
		switch {
		case errors.Is(err, authorize.ErrForward):
			return badRequest("%s", err)
		case errors.Is(err, authorize.ErrNoProvider): // listed, but not to be linked here
		case err != nil:
			return err
		}
		info.AuthorizationURL = offer.URL
	}
	s.writeJSON(w, r, http.StatusOK, info)
	return nil
}

// addLink exists at Mist for applications that are linked by a client secret.
func (s *Server) addLink(_ http.ResponseWriter, r *http.Request, _ access.Identity) error {
	name, err := app(r)
	if err != nil {
		return err
	}
	return badRequest("app_name: %s is linked by opening the authorization_url of a GET with `forward`", name)
}

// linkConfig is Mist's account_oauth_config. An absent setting stays as it is.
type linkConfig struct {
	AccountID           *string `json:"account_id"`
	MaxDailyAPIRequests *int64  `json:"max_daily_api_requests"`
	DiscardGuestInfo    *bool   `json:"discard_guest_info"`
}

func (c linkConfig) settings(accountID string) (store.LinkSettings, error) {
	switch {
	case c.AccountID == nil:
		return store.LinkSettings{}, badRequest("account_id: this field is required")
	case *c.AccountID != accountID:
		return store.LinkSettings{}, badRequest("account_id: want the one of the path")
	}
	settings := store.LinkSettings{DiscardGuestInfo: c.DiscardGuestInfo}
	if requests := c.MaxDailyAPIRequests; requests != nil {
		if *requests < 1 || *requests > math.MaxInt32 {
			return settings, badRequest("max_daily_api_requests: want a whole number from 1 to %d", math.MaxInt32)
		}
		most := int32(*requests)
		settings.MaxDailyAPIRequests = &most
	}
	return settings, nil
}

func (s *Server) setLink(w http.ResponseWriter, r *http.Request, who access.Identity) error {
	ref, err := account(r)
	if err != nil {
		return err
	}
	var config linkConfig
	if err := readJSON(r, &config); err != nil {
		return err
	}
	settings, err := config.settings(ref.AccountID)
	if err != nil {
		return err
	}
	err = s.store.SetLinkSettings(r.Context(), ref, who.OrgID, settings)
	if errors.Is(err, store.ErrNotFound) {
		return notFound(ref.AccountID)
	}
	if err != nil {
		return err
	}
	err = s.store.Audit(r.Context(), store.Entry{
		OrgID: &who.OrgID, Actor: who.TokenID.String(), Action: "link set", Object: ref.String(),
		Detail: map[string]any{"max_daily_api_requests": settings.MaxDailyAPIRequests, "discard_guest_info": settings.DiscardGuestInfo},
	})
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

// unlink answers when the link is fenced; the erasure goes on by itself. Repeating it is
// no error.
func (s *Server) unlink(w http.ResponseWriter, r *http.Request, who access.Identity) error {
	ref, err := account(r)
	if err != nil {
		return err
	}
	err = s.unlinker.Unlink(r.Context(), ref, who.OrgID, who.TokenID.String(), "admin")
	switch {
	case errors.Is(err, store.ErrNotFound):
		return notFound(ref.AccountID)
	case errors.Is(err, links.ErrUnconfirmed):
		return unavailable("Unlinking is not confirmed yet. Try again.")
	case err != nil:
		return err
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

// readJSON reads a body with one JSON value. Unknown fields are let pass, as Mist does.
func readJSON(r *http.Request, into any) error {
	decoder := json.NewDecoder(r.Body)
	err := decoder.Decode(into)
	if err == nil {
		if _, more := decoder.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("want one value")
		}
	}
	var tooLarge *http.MaxBytesError
	var wrongType *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &tooLarge):
		return fmt.Errorf("read body: %w", err)
	case errors.As(err, &wrongType):
		return badRequest("%s: want %s", cmp.Or(wrongType.Field, "body"), kindName(wrongType.Type.Kind()))
	}
	return badRequest("JSON parse error - at byte %d", decoder.InputOffset())
}

func kindName(kind reflect.Kind) string {
	switch kind {
	case reflect.Float64:
		return "a number"
	case reflect.Int64:
		return "a whole number"
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a string"
	}
	return "a JSON object"
}
