package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"

	"callweave/internal/config"
	"callweave/internal/world"
	"callweave/internal/world/mistwindow"
	"callweave/internal/world/zoomwindow"
)

// clouds are the two services that are simulated.
type clouds struct {
	world    *world.World
	zoom     *zoomwindow.Window
	zoomURL  string
	mist     *mistwindow.Window
	mistURL  string
	keptPath string
	saving   sync.Mutex
}

// startClouds serves the world's Zoom and Mist. Zoom remembers the tokens it issued in
// an earlier run: the kept database still holds them.
func (m *machine) startClouds(ctx context.Context, p *progress) (string, error) {
	w, err := world.New(m.kept.World)
	if err != nil {
		return "", err
	}
	c := &clouds{world: w, keptPath: filepath.Join(m.dirs.root, "zoom.json")}
	public := config.Public{URL: m.api}
	c.zoom = zoomwindow.New(w, zoomwindow.Config{Clients: []zoomwindow.Client{{
		ID: zoomClientID, Secret: m.kept.ZoomSecret, RedirectURIs: []string{public.RedirectURL("zoom")},
		Scopes:     []string{"dashboard_meetings:read:admin", "user:read:admin"},
		WebhookURL: m.api + "/api/v1/webhooks/zoom", WebhookSecret: m.kept.ZoomWebhook, Published: true,
	}}, Changed: c.changed})
	if raw, err := os.ReadFile(c.keptPath); err == nil {
		if err := c.zoom.Load(bytes.NewReader(raw)); err != nil {
			return "", fmt.Errorf("kept state of the world's Zoom: %w", err)
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("kept state of the world's Zoom: %w", err)
	}

	tokens := map[string]uuid.UUID{}
	for _, org := range w.Orgs {
		if m.kept.MistTokens[org.ID.String()] == "" {
			m.kept.MistTokens[org.ID.String()] = "mist-" + uuid.NewString()
		}
		tokens[m.kept.MistTokens[org.ID.String()]] = org.ID
	}
	c.mist = mistwindow.New(w, mistwindow.Config{Tokens: tokens})
	if err := m.kept.save(); err != nil {
		return "", err
	}

	zoomStop, zoomURL, err := m.serve(ctx, p, "the world's Zoom", 8090, c.zoom)
	if err != nil {
		return "", err
	}
	c.zoomURL = zoomURL
	m.added("the world's Zoom", func(ctx context.Context) error { return errors.Join(zoomStop(ctx), c.save()) }, nil)
	mistStop, mistURL, err := m.serve(ctx, p, "the world's Mist", 8091, c.mist)
	if err != nil {
		return "", err
	}
	c.mistURL = mistURL
	m.added("the world's Mist", mistStop, nil)
	m.clouds = c
	return fmt.Sprintf("%s  %s", c.zoomURL, c.mistURL), nil
}

// validateWebhook has Zoom check our webhook, as it does when an administrator saves its URL.
func (m *machine) validateWebhook(ctx context.Context, _ *progress) (string, error) {
	return m.api + "/api/v1/webhooks/zoom", m.clouds.zoom.ValidateEndpoint(ctx, zoomClientID)
}

// save keeps the tokens that Zoom issued.
func (c *clouds) save() error {
	c.saving.Lock()
	defer c.saving.Unlock()
	var state bytes.Buffer
	if err := c.zoom.Save(&state); err != nil {
		return fmt.Errorf("keep the world's Zoom: %w", err)
	}
	return writePrivate(c.keptPath, state.Bytes())
}

// changed keeps what Zoom issues before the reply leaves, so that a demonstration that is
// killed does not come back to a Zoom that has forgotten.
func (c *clouds) changed() {
	_ = c.save() // the stop of the machine saves again and reports
}

func (m *machine) serve(ctx context.Context, p *progress, what string, port int, handler http.Handler) (stop func(context.Context) error, origin string, err error) {
	port, err = m.choosePort(ctx, p, what, port)
	if err != nil {
		return nil, "", err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort(loopback, strconv.Itoa(port)))
	if err != nil {
		return nil, "", fmt.Errorf("serve %s: %w", what, err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }() // ends with Shutdown
	return server.Shutdown, "http://" + listener.Addr().String(), nil
}
