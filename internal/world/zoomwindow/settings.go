package zoomwindow

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
)

// settings are what people change at run time: Zoom (an app is disabled), the
// developer (scopes), an account's owner (users, approval, plan).
type settings struct {
	mu           sync.Mutex
	accounts     map[string]AccountOptions
	scopes       map[string][]string // by client
	removedUsers map[string]bool
	disabledApps map[string]bool
	disapproved  map[approval]bool
}

type approval struct{ clientID, accountID string }

func newSettings(cfg Config) *settings {
	s := &settings{
		accounts:     map[string]AccountOptions{},
		scopes:       map[string][]string{},
		removedUsers: map[string]bool{},
		disabledApps: map[string]bool{},
		disapproved:  map[approval]bool{},
	}
	maps.Copy(s.accounts, cfg.Accounts)
	for _, c := range cfg.Clients {
		s.scopes[c.ID] = c.Scopes
	}
	return s
}

func (s *settings) account(id string) AccountOptions {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accounts[id]
}

func (s *settings) clientScopes(clientID string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.scopes[clientID]
}

func (s *settings) userRemoved(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.removedUsers[id]
}

func (s *settings) appDisabled(clientID string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.disabledApps[clientID]
}

func (s *settings) approvalWithdrawn(clientID, accountID string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.disapproved[approval{clientID, accountID}]
}

// SetAccount changes an account's settings from the next request on.
func (w *Window) SetAccount(accountID string, options AccountOptions) {
	w.settings.mu.Lock()
	defer w.settings.mu.Unlock()
	w.settings.accounts[accountID] = options
}

// SetScopes changes the scopes an app asks for. Tokens keep theirs, and can no longer
// be refreshed where the two differ (error 4711).
func (w *Window) SetScopes(clientID string, scopes ...string) {
	w.settings.mu.Lock()
	defer w.settings.mu.Unlock()
	w.settings.scopes[clientID] = slices.Clone(scopes)
}

// RemoveUser removes a person from their account, and their tokens with them
// (error 4735).
func (w *Window) RemoveUser(userID string) {
	w.settings.mu.Lock()
	defer w.settings.mu.Unlock()
	w.settings.removedUsers[userID] = true
}

// DisableApp has Zoom disable an app for everybody (error 4717), or enable it again.
func (w *Window) DisableApp(clientID string, disabled bool) {
	w.settings.mu.Lock()
	defer w.settings.mu.Unlock()
	w.settings.disabledApps[clientID] = disabled
}

// WithdrawApproval has an account's admin turn the app's pre-approval off
// (error 4738), or on again.
func (w *Window) WithdrawApproval(clientID, accountID string, withdrawn bool) {
	w.settings.mu.Lock()
	defer w.settings.mu.Unlock()
	w.settings.disapproved[approval{clientID, accountID}] = withdrawn
}

// Uninstall has an admin remove the app from their account: every token dies, and a
// published app is told with app_deauthorized. The error is that of the delivery.
func (w *Window) Uninstall(ctx context.Context, clientID, accountID string) error {
	w.oauth.mu.Lock()
	killed := w.oauth.kill(clientID, accountID, causeUninstalled)
	w.oauth.mu.Unlock()
	w.cfg.Changed()
	client, ok := w.client(clientID)
	if !ok || !client.Published || client.WebhookURL == "" {
		return nil
	}
	for _, g := range killed {
		if err := w.SendEvent(ctx, clientID, w.Deauthorized(g.AccountID, g.UserID, clientID)); err != nil {
			return fmt.Errorf("deliver app_deauthorized: %w", err)
		}
	}
	return nil
}
