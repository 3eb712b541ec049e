package zoomwindow

import (
	"encoding/json"
	"net/http"
	"strings"
)

// controlPrefix is where a test in another process switches faults. It is no part of
// Zoom, and whoever reaches the window reaches it.
const controlPrefix = "/_world/"

// FaultState is a fault at work, as GET /_world/state shows it.
type FaultState struct {
	Fault

	ID    string `json:"id"`
	Seen  int    `json:"seen"`  // matching requests
	Fired int    `json:"fired"` // struck ones
}

// GrantState is an authorization without its tokens.
type GrantState struct {
	ClientID  string `json:"client_id"`
	AccountID string `json:"account_id"`
	UserID    string `json:"user_id"`
	Refreshes int    `json:"refreshes"`
	Dead      string `json:"dead,omitempty"` // superseded, revoked or uninstalled
}

// State is what a window shows of itself.
type State struct {
	Faults    []FaultState   `json:"faults"`
	Grants    []GrantState   `json:"grants"`
	Requests  []Count        `json:"requests"`
	QuotaUsed map[string]int `json:"quota_used"` // by account
}

// State returns what is going on, without a secret in it.
func (w *Window) State() State {
	out := State{Faults: w.Faults.states(), Grants: w.Grants(), Requests: w.Requests(), QuotaUsed: map[string]int{}}
	for _, a := range w.accounts {
		out.QuotaUsed[a.ID] = w.QuotaUsed(a)
	}
	return out
}

// Grants returns every authorization ever made, the oldest first.
func (w *Window) Grants() []GrantState {
	w.oauth.mu.Lock()
	defer w.oauth.mu.Unlock()
	out := make([]GrantState, 0, len(w.oauth.grants))
	for _, g := range w.oauth.grants {
		out = append(out, GrantState{g.ClientID, g.AccountID, g.UserID, len(g.Refresh) - 1, string(g.Dead)})
	}
	return out
}

func (f *Faults) states() []FaultState {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := make([]FaultState, 0, len(f.active))
	for _, in := range f.active {
		out = append(out, FaultState{ID: in.ID, Seen: in.seen, Fired: in.fired, Fault: in.Fault})
	}
	return out
}

// serveControl is POST /_world/faults, DELETE /_world/faults[/{id}], GET /_world/state and
// POST /_world/uninstall/{client_id}/{account_id}.
func (w *Window) serveControl(rw http.ResponseWriter, r *http.Request) {
	what, id, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, controlPrefix), "/")
	switch {
	case what == "state" && r.Method == http.MethodGet:
		jsonReply(http.StatusOK, w.State()).write(rw)
	case what == "faults" && r.Method == http.MethodPost:
		var fault Fault
		decoder := json.NewDecoder(http.MaxBytesReader(rw, r.Body, 1<<20))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&fault); err != nil {
			controlError(http.StatusBadRequest, "read fault: "+err.Error()).write(rw)
			return
		}
		in, err := w.Faults.Add(fault)
		if err != nil {
			controlError(http.StatusBadRequest, err.Error()).write(rw)
			return
		}
		jsonReply(http.StatusCreated, map[string]string{"id": in.ID}).write(rw)
	case what == "faults" && r.Method == http.MethodDelete && id == "":
		w.Faults.Clear()
		rw.WriteHeader(http.StatusNoContent)
	case what == "faults" && r.Method == http.MethodDelete:
		if !w.Faults.Remove(id) {
			controlError(http.StatusNotFound, "no such fault").write(rw)
			return
		}
		rw.WriteHeader(http.StatusNoContent)
	case what == "uninstall" && r.Method == http.MethodPost:
		clientID, accountID, _ := strings.Cut(id, "/")
		if err := w.Uninstall(r.Context(), clientID, accountID); err != nil {
			controlError(http.StatusBadGateway, err.Error()).write(rw)
			return
		}
		rw.WriteHeader(http.StatusNoContent)
	default:
		controlError(http.StatusNotFound, "want GET /_world/state, POST or DELETE /_world/faults, POST /_world/uninstall/{client_id}/{account_id}").write(rw)
	}
}

func controlError(status int, message string) reply {
	return jsonReply(status, map[string]string{"error": message})
}
