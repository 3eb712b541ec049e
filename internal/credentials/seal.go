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
	Account   *account  `json:"account,omitempty"` // of a grant that cannot land yet
}

// account is whose grant it is.
type account struct {
	Provider  provider.Name `json:"provider"`
	AccountID string        `json:"account_id"`
	Number    string        `json:"number"`
	Company   string        `json:"company"`
	UserID    string        `json:"user_id"`
	Name      string        `json:"name"`
	Email     string        `json:"email"`
}

// SealInTransit seals a grant that has no account yet, or whose account is being erased.
func SealInTransit(master *vault.Master, grant provider.Grant) ([]byte, error) {
	return sealInTransit(master, grant, nil)
}

// SealUnlanded seals a grant with whose it is.
func SealUnlanded(master *vault.Master, grant provider.Grant, of provider.Account) ([]byte, error) {
	return sealInTransit(master, grant, &account{
		of.Provider, of.AccountID, of.Number, of.Company.Reveal(), of.Admin.UserID, of.Admin.Name.Reveal(), of.Admin.Email.Reveal(),
	})
}

func sealInTransit(master *vault.Master, grant provider.Grant, of *account) ([]byte, error) {
	plain, err := json.Marshal(inTransit{grant.Access.Reveal(), grant.Refresh.Reveal(), grant.ExpiresAt, grant.Scopes, of}) //nolint:gosec // sealed below
	if err != nil {
		return nil, fmt.Errorf("seal grant: %w", err)
	}
	return master.Seal(vault.PurposeGrant, plain)
}

// OpenInTransit opens what SealInTransit or SealUnlanded made: the grant only.
func OpenInTransit(master *vault.Master, sealed []byte) (provider.Grant, error) {
	grant, _, err := OpenUnlanded(master, sealed)
	return grant, err
}

// OpenUnlanded opens what SealInTransit or SealUnlanded made; the account is zero where it
// was not known yet.
func OpenUnlanded(master *vault.Master, sealed []byte) (grant provider.Grant, of provider.Account, err error) {
	plain, err := master.Open(vault.PurposeGrant, sealed)
	if err != nil {
		return grant, of, err
	}
	var g inTransit
	if err := json.Unmarshal(plain, &g); err != nil {
		return grant, of, fmt.Errorf("open grant: %w", vault.ErrUnsealed)
	}
	if a := g.Account; a != nil {
		of = provider.Account{
			AccountRef: provider.AccountRef{Provider: a.Provider, AccountID: a.AccountID}, Number: a.Number, Company: secret.New(a.Company),
			Admin: provider.Person{UserID: a.UserID, Name: secret.New(a.Name), Email: secret.New(a.Email)},
		}
	}
	return provider.Grant{Access: secret.New(g.Access), Refresh: secret.New(g.Refresh), ExpiresAt: g.ExpiresAt, Scopes: g.Scopes}, of, nil
}
