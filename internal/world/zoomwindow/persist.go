package zoomwindow

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
)

// savedState is the file of [Window.Save].
type savedState struct {
	Version int                  `json:"version"`
	Grants  []*grant             `json:"grants"`
	Codes   []*authorizationCode `json:"codes"`
	Issued  []string             `json:"issued"`
}

const savedVersion = 1

// Save writes what the OAuth endpoints remember, so that a world started again still
// knows the tokens it issued. It holds tokens: keep it where they may be.
func (w *Window) Save(to io.Writer) error {
	s := w.oauth
	s.mu.Lock()
	defer s.mu.Unlock()
	state := savedState{Version: savedVersion, Grants: s.grants, Issued: s.issued}
	for _, code := range slices.Sorted(maps.Keys(s.codes)) {
		state.Codes = append(state.Codes, s.codes[code])
	}
	if err := json.NewEncoder(to).Encode(state); err != nil {
		return fmt.Errorf("save zoom window: %w", err)
	}
	return nil
}

// Load replaces what the OAuth endpoints remember by what [Window.Save] wrote.
func (w *Window) Load(from io.Reader) error {
	var state savedState
	if err := json.NewDecoder(from).Decode(&state); err != nil {
		return fmt.Errorf("load zoom window: %w", err)
	}
	if state.Version != savedVersion {
		return fmt.Errorf("load zoom window: version %d, want %d", state.Version, savedVersion)
	}
	s := w.oauth
	s.mu.Lock()
	defer s.mu.Unlock()
	s.grants, s.issued = state.Grants, state.Issued
	s.codes = map[string]*authorizationCode{}
	for _, code := range state.Codes {
		s.codes[code.Code] = code
	}
	return nil
}
