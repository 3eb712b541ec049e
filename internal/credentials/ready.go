package credentials

import (
	"time"

	"callweave/internal/provider"
	"callweave/internal/secret"
	"callweave/internal/store/db"
	"callweave/internal/vault"
)

// UsableUntil is what an access token must outlive to be given out now.
func (m *Manager) UsableUntil() time.Time { return m.now().Add(margin) }

// Ready returns the access token of a credential that was read a moment ago along with
// its account's sealed data key. It asks nobody; where the token does not serve as it is,
// false, [Manager.Access] sees to it.
func (m *Manager) Ready(ref provider.AccountRef, keySealed []byte, row db.Credential) (secret.Text, bool) {
	if keySealed == nil {
		return secret.Text{}, false
	}
	key, err := m.vault.OpenKey(vault.AccountScope(ref), keySealed)
	if err != nil {
		return secret.Text{}, false
	}
	current, err := m.judge(ref, key, row, secret.Text{})
	if err != nil || !current.usable {
		return secret.Text{}, false
	}
	return current.grant.Access, true
}

// Confirmed is for who confirmed in the database that a token worked, as
// [Manager.Worked] does.
func (m *Manager) Confirmed(ref provider.AccountRef, access secret.Text) { m.confirmed(ref, access) }
