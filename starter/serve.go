package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"

	"callweave/internal/api"
	"callweave/internal/config"
	"callweave/internal/store"
	"callweave/internal/telemetry"
)

// stopPatience is how long requests may take to finish when the server stops.
const stopPatience = 20 * time.Second

func (a *app) serve() *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Serve the HTTP API and the console until told to stop",
		Args:  cobra.NoArgs,
		RunE:  doing(a.runServer),
	}
}

func (a *app) runServer(ctx context.Context) (err error) {
	settings, err := config.Load[config.Starter](ctx, a.env)
	if err != nil {
		return err
	}
	if err := settings.Validate(); err != nil {
		return err
	}
	t, err := telemetry.Start(ctx, "starter", settings.Level, a.problems)
	if err != nil {
		return err
	}
	defer func() {
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		err = errors.Join(err, t.Stop(stopping))
	}()
	if _, said := os.LookupEnv("GOGC"); !said {
		debug.SetGCPercent(api.GCPercent)
	}
	if warning := settings.Keyset.Warning(); warning != "" {
		t.Logger.WarnContext(ctx, "the keyset is not kept safely", "problem", warning)
	}
	s, err := store.Open(ctx, settings.Database.URL.Reveal(), store.WithMaxConns(settings.MaxConns))
	if err != nil {
		return err
	}
	defer s.Close()
	v, err := a.openVault(ctx, s)
	if err != nil {
		return err
	}
	temporal, namespace, err := a.dial(ctx, v.Master(), t.Logger)
	if err != nil {
		return err
	}
	defer temporal.Close()
	handler, err := newHandler(settings, t, s, v, temporal, namespace)
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", settings.ListenAddr)
	if err != nil {
		return fmt.Errorf("LISTEN_ADDR: %w", err)
	}
	metrics, err := serveMetrics(ctx, settings.MetricsAddr, t)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	if metrics != nil {
		defer func() { _ = metrics.Close() }() // replies to a scraper need no grace
	}
	server := api.HTTPServer(handler, t.Logger)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Logger.InfoContext(ctx, "starter is ready", "listen_addr", listener.Addr().String(), "public_url", settings.Public.URL)

	select {
	case err := <-served:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	t.Logger.InfoContext(ctx, "starter is stopping", "timeout", stopPatience.String())
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopPatience)
	defer cancel()
	if err := server.Shutdown(stopping); err != nil {
		return fmt.Errorf("finish requests: %w", errors.Join(err, server.Close()))
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// serveMetrics serves /metrics at an address of its own until the server is closed. The
// public one will not do, nor a look at who asks there: behind a proxy on this machine,
// everybody comes from loopback. nil where there is no address.
func serveMetrics(ctx context.Context, addr string, t *telemetry.Telemetry) (*http.Server, error) {
	if addr == "" {
		return nil, nil //nolint:nilnil // no address, no server
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("METRICS_ADDR: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", t.Metrics)
	server := api.HTTPServer(mux, t.Logger)
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			t.Logger.ErrorContext(ctx, "metrics are not served any more", "error", err)
		}
	}()
	t.Logger.InfoContext(ctx, "metrics are served", "metrics_addr", listener.Addr().String())
	return server, nil
}
