package zoom

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"callweave/internal/provider"
	"callweave/internal/secret"
)

// Operations, as errors name them.
const (
	opExchange = "exchange authorization code"
	opRefresh  = "refresh token"
	opRevoke   = "revoke token"
	opAccount  = "read account"
)

// defaultLifetime is how long Zoom's access tokens live where the reply does not say.
const defaultLifetime = time.Hour

// Exchange implements [provider.Service]. A code lives five minutes and works once; a
// code that does not work is [provider.Refused], never a reason to end a grant.
func (c *Client) Exchange(ctx context.Context, code, verifier secret.Text) (provider.Grant, error) {
	token, err := c.oauth.Exchange(c.withHTTP(ctx), code.Reveal(), oauth2.VerifierOption(verifier.Reveal()))
	if err != nil {
		return provider.Grant{}, c.tokenFailure(opExchange, err)
	}
	return c.grant(opExchange, token)
}

// Refresh implements [provider.Service]. Every refresh gives a new refresh token. An
// error of kind [provider.Transient] is ambiguous: Zoom may have rotated the pair and the
// reply was lost; the same token may then still work (Zoom keeps it for a while).
func (c *Client) Refresh(ctx context.Context, refresh secret.Text) (provider.Grant, error) {
	token, err := c.oauth.TokenSource(c.withHTTP(ctx), &oauth2.Token{RefreshToken: refresh.Reveal()}).Token()
	if err != nil {
		return provider.Grant{}, c.tokenFailure(opRefresh, err)
	}
	return c.grant(opRefresh, token)
}

// Revoke implements [provider.Service]. Zoom ends both tokens of the pair at once.
func (c *Client) Revoke(ctx context.Context, access secret.Text) error {
	form := url.Values{"token": {access.Reveal()}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.config.OAuthURL+"/revoke", strings.NewReader(form.Encode()))
	if err != nil {
		return &provider.Error{Kind: provider.Misconfigured, Operation: opRevoke, Err: errors.New("the OAuth URL is not a URL")}
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth(url.QueryEscape(c.config.ClientID), url.QueryEscape(c.config.ClientSecret.Reveal()))
	response, err := c.http.Do(request)
	if err != nil {
		return networkFailure(opRevoke, err)
	}
	defer response.Body.Close()
	body := readSome(response.Body)
	if response.StatusCode/100 == 2 {
		return nil
	}
	failure := classifyToken(opRevoke, response.StatusCode, response.Header, body, c.config.Now())
	if provider.Ended(failure) {
		return nil // it is dead already
	}
	return failure
}

// Account implements [provider.Service].
func (c *Client) Account(ctx context.Context, access secret.Text) (provider.Account, error) {
	var user struct {
		ID            string   `json:"id"`
		AccountID     string   `json:"account_id"`
		AccountNumber flexText `json:"account_number"`
		Email         string   `json:"email"`
		FirstName     string   `json:"first_name"`
		LastName      string   `json:"last_name"`
		DisplayName   string   `json:"display_name"`
		Company       string   `json:"company"`
	}
	if err := c.getJSON(ctx, opAccount, access, "/users/me", nil, &user); err != nil {
		return provider.Account{}, err
	}
	if user.AccountID == "" {
		return provider.Account{}, &provider.Error{Kind: provider.Malformed, Operation: opAccount, Status: http.StatusOK, Err: errors.New("reply names no account")}
	}
	name := strings.TrimSpace(user.FirstName + " " + user.LastName)
	if name == "" {
		name = user.DisplayName
	}
	return provider.Account{
		AccountRef: provider.AccountRef{Provider: provider.Zoom, AccountID: user.AccountID},
		Number:     string(user.AccountNumber),
		Company:    secret.New(user.Company),
		Admin:      provider.Person{UserID: user.ID, Name: secret.New(name), Email: secret.New(user.Email)},
	}, nil
}

func (c *Client) withHTTP(ctx context.Context) context.Context {
	return context.WithValue(ctx, oauth2.HTTPClient, c.http)
}

// grant reads a token reply.
func (c *Client) grant(operation string, token *oauth2.Token) (provider.Grant, error) {
	if token.RefreshToken == "" {
		return provider.Grant{}, &provider.Error{Kind: provider.Malformed, Operation: operation, Status: http.StatusOK, Err: errors.New("reply has no refresh token")}
	}
	lifetime := time.Duration(token.ExpiresIn) * time.Second
	if lifetime <= 0 {
		lifetime = defaultLifetime
	}
	scope, _ := token.Extra("scope").(string)
	return provider.Grant{
		Access:    secret.New(token.AccessToken),
		Refresh:   secret.New(token.RefreshToken),
		ExpiresAt: c.config.Now().Add(lifetime),
		Scopes:    strings.FieldsFunc(scope, func(r rune) bool { return r == ' ' || r == ',' }),
	}, nil
}

// tokenFailure classifies what the OAuth library returns. Its own texts may repeat the
// reply's body, so they are never passed on.
func (c *Client) tokenFailure(operation string, err error) error {
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		return classifyToken(operation, refused.Response.StatusCode, refused.Response.Header, refused.Body, c.config.Now())
	}
	if _, ok := errors.AsType[*url.Error](err); ok {
		return networkFailure(operation, err)
	}
	// The status was fine and the body was not: the pair may have been rotated, as where
	// there was no answer at all.
	return &provider.Error{Kind: provider.Transient, Operation: operation, Err: errors.New("reply is not a token")}
}
