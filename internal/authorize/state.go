package authorize

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"callweave/internal/provider"
	"callweave/internal/vault"
)

// state is what travels through the provider and back: sealed, so that it can neither be
// forged nor read. Its use is single because of the row it names.
type state struct {
	AuthorizationID uuid.UUID     `json:"authorization_id"`
	OrgID           uuid.UUID     `json:"org_id"`
	Provider        provider.Name `json:"provider"`
	ExpiresAt       time.Time     `json:"expires_at"`
}

var errState = errors.New("state is not one of ours")

// maxStateLength bounds what is worth decoding.
const maxStateLength = 1024

func (s *Service) sealState(st state) (string, error) {
	plain, err := json.Marshal(st)
	if err != nil {
		return "", fmt.Errorf("seal state: %w", err)
	}
	sealed, err := s.master.Seal(vault.PurposeState, plain)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(sealed), nil
}

func (s *Service) openState(text string) (state, error) {
	if text == "" || len(text) > maxStateLength {
		return state{}, errState
	}
	sealed, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return state{}, errState
	}
	plain, err := s.master.Open(vault.PurposeState, sealed)
	if err != nil {
		return state{}, errState
	}
	var st state
	if err := json.Unmarshal(plain, &st); err != nil {
		return state{}, errState
	}
	return st, nil
}
