package console

import (
	"errors"
	"net/http"
	"strings"

	"callweave/internal/access"
	"callweave/internal/secret"
	"callweave/internal/store"
)

func (c *Console) signInPage(w http.ResponseWriter, r *http.Request) {
	if err := c.show(w, r, nil, http.StatusOK, "signin", "Sign in", ""); err != nil {
		http.Error(w, "The page could not be shown.", http.StatusInternalServerError)
	}
}

// signInForm takes an API token, or a code that stands for one once. The code arrives in
// the part of a link that browsers do not send, and is taken by the form only: whoever
// looks a link up beforehand, as mail and chat programs do, uses nothing up.
func (c *Console) signInForm(w http.ResponseWriter, r *http.Request) {
	entered := secret.New(strings.TrimSpace(r.PostFormValue("token")))
	hash := store.HashToken(entered)
	var err error
	if store.IsSignInCode(entered) {
		token, takeErr := c.store.TakeSignInCode(r.Context(), entered, c.now())
		hash, err = token.TokenHash, takeErr
	}
	if err == nil {
		_, err = c.gate.Identify(r.Context(), hash)
	}
	if err == nil {
		err = c.signIn(w, hash)
	}
	switch {
	case err == nil:
		http.Redirect(w, r, "/console/", http.StatusSeeOther)
	case errors.Is(err, store.ErrNotFound):
		c.refuse(w, r, "That sign-in link was used already, or is too old. Ask for a new one.")
	case errors.Is(err, access.ErrUnknownToken):
		c.refuse(w, r, "That token is not known, or was revoked.")
	default:
		c.logger.ErrorContext(r.Context(), "sign-in failed", "error", err)
		c.message(w, r, nil, http.StatusInternalServerError, "That did not work", "Something went wrong on our side. Try again.")
	}
}

func (c *Console) refuse(w http.ResponseWriter, r *http.Request, why string) {
	if err := c.show(w, r, nil, http.StatusUnauthorized, "signin", "Sign in", why); err != nil {
		http.Error(w, why, http.StatusUnauthorized)
	}
}

func (c *Console) signOutForm(w http.ResponseWriter, r *http.Request) {
	if err := c.signOut(w, r); err != nil {
		c.logger.ErrorContext(r.Context(), "sign-out failed", "error", err)
		c.message(w, r, nil, http.StatusInternalServerError, "That did not work", "You are signed out in this browser, but not everywhere. Ask your operator to revoke the token.")
		return
	}
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
