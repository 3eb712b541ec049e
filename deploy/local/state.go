package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"callweave/internal/freeport"
	"callweave/internal/vault"
	"callweave/internal/world"
)

// directories are where things are under the state directory.
type directories struct{ root, bin, logs, postgres, temporal string }

func makeDirectories(root string) (directories, error) {
	d := directories{
		root: root, bin: filepath.Join(root, "bin"), logs: filepath.Join(root, "log"),
		postgres: filepath.Join(root, "postgres"), temporal: filepath.Join(root, "temporal"),
	}
	for _, dir := range []string{d.root, d.bin, d.logs} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return d, fmt.Errorf("make state directory: %w", err)
		}
	}
	return d, nil
}

// keptState is what a second start needs of the first: the world it was, and the secrets
// that the kept database and the kept world were made with.
type keptState struct {
	World        world.Config      `json:"world"`
	Keyset       string            `json:"keyset"`
	ZoomSecret   string            `json:"zoom_client_secret"`
	ZoomWebhook  string            `json:"zoom_webhook_secret"`
	MistTokens   map[string]string `json:"mist_tokens"`  // org id → the token our worker uses
	AdminTokens  map[string]string `json:"admin_tokens"` // org id → API token
	HelpdeskToks map[string]string `json:"helpdesk_tokens"`
	ObserverToks map[string]string `json:"observer_tokens"`
	path         string
}

const stateFile = "state.json"

// loadState reads what an earlier run left, or begins anew. A directory that holds data
// without its state, or the state of another world than one that was chosen, is refused: its
// tokens and keys would not fit.
func loadState(d directories, wanted world.Config, chosen bool) (*keptState, error) {
	path := filepath.Join(d.root, stateFile)
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(d.postgres); err == nil {
			return nil, fmt.Errorf("%s holds a database but no %s, so its keys are lost\nremedy: remove the directory and start again: rm -r %s", d.root, stateFile, d.root)
		}
		return newState(path, wanted)
	}
	if err != nil {
		return nil, fmt.Errorf("read kept state: %w", err)
	}
	kept := &keptState{path: path, ObserverToks: map[string]string{}} // kept before there were observers
	if err := json.Unmarshal(raw, kept); err != nil {
		return nil, fmt.Errorf("kept state %s is damaged: %w\nremedy: remove the directory and start again: rm -r %s", path, err, d.root)
	}
	if chosen && kept.World != wanted {
		return nil, fmt.Errorf("%s was made for another world (%+v, now %+v)\nremedy: give the same flags, another --state-dir, or remove it: rm -r %s", d.root, kept.World, wanted, d.root)
	}
	if kept.ZoomWebhook == "" { // kept before there were webhooks
		kept.ZoomWebhook = rand.Text()
		return kept, kept.save()
	}
	return kept, nil
}

func newState(path string, wanted world.Config) (*keptState, error) {
	keyset, err := vault.NewKeyset()
	if err != nil {
		return nil, err
	}
	kept := &keptState{
		World: wanted, Keyset: keyset.Reveal(), ZoomSecret: rand.Text(), ZoomWebhook: rand.Text(), path: path,
		MistTokens: map[string]string{}, AdminTokens: map[string]string{}, HelpdeskToks: map[string]string{}, ObserverToks: map[string]string{},
	}
	return kept, kept.save()
}

func (k *keptState) save() error {
	raw, err := json.MarshalIndent(k, "", "  ")
	if err != nil {
		return fmt.Errorf("keep state: %w", err)
	}
	return writePrivate(k.path, raw)
}

// writePrivate replaces a file in one step, readable by its owner only.
func writePrivate(path string, content []byte) error {
	next := path + ".next"
	if err := os.WriteFile(next, content, 0o600); err != nil {
		return fmt.Errorf("keep state: %w", err)
	}
	if err := os.Rename(next, path); err != nil {
		return fmt.Errorf("keep state: %w", err)
	}
	return nil
}

// choosePort returns wanted where it is free, else another, saying so.
func (m *machine) choosePort(ctx context.Context, p *progress, what string, wanted int) (int, error) {
	if !m.opts.anyPort && freeport.Check(ctx, wanted) == nil {
		return wanted, nil
	}
	port, err := freeport.Any(ctx)
	if err != nil {
		return 0, fmt.Errorf("serve %s: %w", what, err)
	}
	if !m.opts.anyPort {
		p.printf("  port %d is in use: %s takes %d instead\n", wanted, what, port)
	}
	return port, nil
}

const loopback = "127.0.0.1"
