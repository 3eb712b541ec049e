package credentials

import (
	"encoding/json"
	"fmt"
	"time"

	"callweave/internal/provider"
	"callweave/internal/secret"
	"callweave/internal/vault"
)

// Seal seals a pair as the credential's current one.
func Seal(key *vault.Key, grant provider.Grant) ([]byte, error) {
	return key.SealGrant(fieldGrant, grant)
}

// Open opens a credential's current pair: the tokens only.
func Open(key *vault.Key, sealed []byte) (provider.Grant, error) {
	return key.OpenGrant(fieldGrant, sealed)
}

// inTransit is the sealed form of a whole grant outside its account.
type inTransit struct {
	Access    string    `json:"access_token"`
	Refresh   string    `json:"refresh_token"`
	ExpiresAt time.Time `json:"expires_at"`
	Scopes    []string  `json:"scopes"`
}

// SealInTransit seals a grant that has no account yet, or whose account is being erased.
func SealInTransit(master *vault.Master, grant provider.Grant) ([]byte, error) {
	plain, err := json.Marshal(inTransit{grant.Access.Reveal(), grant.Refresh.Reveal(), grant.ExpiresAt, grant.Scopes}) //nolint:gosec // sealed below
	if err != nil {
		return nil, fmt.Errorf("seal grant: %w", err)
	}
	return master.Seal(vault.PurposeGrant, plain)
}

// OpenInTransit opens what SealInTransit made.
func OpenInTransit(master *vault.Master, sealed []byte) (provider.Grant, error) {
	plain, err := master.Open(vault.PurposeGrant, sealed)
	if err != nil {
		return provider.Grant{}, err
	}
	var g inTransit
	if err := json.Unmarshal(plain, &g); err != nil {
		return provider.Grant{}, fmt.Errorf("open grant: %w", vault.ErrUnsealed)
	}
	return provider.Grant{Access: secret.New(g.Access), Refresh: secret.New(g.Refresh), ExpiresAt: g.ExpiresAt, Scopes: g.Scopes}, nil
}
