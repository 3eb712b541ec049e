package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	sdkworker "go.temporal.io/sdk/worker"

	"callweave/activities"
	"callweave/internal/collect"
	"callweave/internal/config"
	"callweave/internal/credentials"
	"callweave/internal/gapmetrics"
	"callweave/internal/health"
	"callweave/internal/insight"
	"callweave/internal/linkmetrics"
	"callweave/internal/store"
	"callweave/internal/telemetry"
	"callweave/internal/temporalclient"
	"callweave/internal/vault"
	"callweave/internal/weave"
	"callweave/internal/zoom"
	"callweave/workflows"
)

// worker is the program's object graph. What it opened is closed in the opposite order.
type worker struct {
	settings  config.Worker
	logger    *slog.Logger
	telemetry *telemetry.Telemetry
	store     *store.Store
	temporal  client.Client
	namespace string
	host      sdkworker.Worker
	schedules *activities.Schedules
	fatal     chan error
}

// newWorker connects to everything and refuses to start where something does not fit.
func newWorker(ctx context.Context, settings config.Worker) (_ *worker, err error) {
	w := &worker{settings: settings, fatal: make(chan error, 1)}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close())
		}
	}()
	if w.telemetry, err = telemetry.Start(ctx, "worker", settings.Level, os.Stderr); err != nil {
		return nil, err
	}
	w.logger = w.telemetry.Logger

	if warning := settings.Keyset.Warning(); warning != "" {
		w.logger.WarnContext(ctx, "the keyset is not kept safely", "problem", warning)
	}
	keyset, err := settings.Keyset.Load()
	if err != nil {
		return nil, err
	}
	master, err := vault.OpenMaster(keyset)
	if err != nil {
		return nil, err
	}
	if w.store, err = store.Open(ctx, settings.Database.URL.Reveal(), store.WithMaxConns(settings.MaxConns)); err != nil {
		return nil, err
	}
	sealed := vault.New(master, w.store)
	if err := sealed.Check(ctx); err != nil {
		return nil, err
	}
	options, err := temporalclient.Options()
	if err != nil {
		return nil, err
	}
	w.namespace = options.Namespace
	if w.temporal, err = temporalclient.Dial(ctx, options, master, w.logger); err != nil {
		return nil, err
	}
	if err := temporalclient.RegisterSearchAttributes(ctx, w.temporal, w.namespace); err != nil {
		return nil, err
	}
	if err := gapmetrics.Register(otel.Meter("callweave"), w.store, nil); err != nil {
		return nil, err
	}
	if err := linkmetrics.Register(otel.Meter("callweave"), w.store, nil); err != nil {
		return nil, err
	}
	meters, err := activities.NewMeters(otel.Meter("callweave"))
	if err != nil {
		return nil, err
	}
	models, err := insight.NewModels(w.store, nil)
	if err != nil {
		return nil, err
	}
	trainer, err := insight.NewTrainer(w.store, nil)
	if err != nil {
		return nil, err
	}
	w.host = w.build(sealed, models, trainer, meters)
	if err := w.schedules.EnsureRetainSchedule(ctx); err != nil {
		return nil, err
	}
	if err := w.schedules.EnsureReceiveSchedule(ctx); err != nil {
		return nil, err
	}
	return w, nil
}

// build makes the Temporal worker with all workflows and activities.
func (w *worker) build(sealed *vault.Vault, models *insight.Models, trainer *insight.Trainer, meters *activities.Meters) sdkworker.Worker {
	// Our trace ids are nobody else's business: no header carries them out.
	unsaid := otelhttp.WithPropagators(propagation.NewCompositeTextMapPropagator())
	outbound := &http.Client{Timeout: time.Minute, Transport: otelhttp.NewTransport(zoom.NewTransport(), unsaid)}
	service := zoom.New(zoom.Config{
		ClientID: w.settings.ClientID, ClientSecret: w.settings.ClientSecret, RedirectURL: w.settings.RedirectURL("zoom"),
		OAuthURL: w.settings.OAuthURL, APIURL: w.settings.APIURL, HTTP: outbound, Meter: store.NewMeter(w.store, nil),
	})
	links := &activities.Links{Store: w.store, Vault: sealed, Temporal: w.temporal}
	manager := credentials.New(w.store, sealed, credentials.Config{Failed: links.LinksFailed, Judged: meters.Refreshed}, service)
	links.Credentials = manager
	collector := collect.New(w.store, sealed, collect.OpenMist(sealed.Master(), outbound, nil), collect.Config{
		Every: w.settings.DevicesInterval, Lookback: w.settings.HarvestLookback, ImportWait: w.settings.HarvestSettleAfter,
	})

	host := sdkworker.New(w.temporal, workflows.TaskQueue, sdkworker.Options{
		Interceptors:                 []interceptor.WorkerInterceptor{activities.NewActors(), meters.Interceptor()},
		WorkerStopTimeout:            w.settings.StopTimeout,
		DisableRegistrationAliasing:  true,
		OnFatalError:                 func(err error) { w.fatal <- err },
		WorkflowTaskPollerBehavior:   sdkworker.NewPollerBehaviorAutoscaling(sdkworker.PollerBehaviorAutoscalingOptions{}),
		ActivityTaskPollerBehavior:   sdkworker.NewPollerBehaviorAutoscaling(sdkworker.PollerBehaviorAutoscalingOptions{}),
		MaxHeartbeatThrottleInterval: 10 * time.Second, // a cancelled harvest hears of it with its next heartbeat
	})
	workflows.RegisterWorkflows(host)
	w.schedules = &activities.Schedules{
		Store: w.store, Temporal: w.temporal, HarvestInterval: w.settings.HarvestInterval, DevicesInterval: w.settings.DevicesInterval,
	}
	activities.Register(host, activities.Set{
		Links:     links,
		Schedules: w.schedules,
		Erasure:   &activities.Erasure{Store: w.store, Vault: sealed, Credentials: manager},
		Sweeps:    &activities.Sweeps{Store: w.store, Temporal: w.temporal, Schedules: w.schedules},
		Retention: &activities.Retention{Store: w.store, Keep: store.Keep{
			Minutes: w.settings.KeepMinutesDays, Media: w.settings.KeepMediaDays, Devices: w.settings.KeepDevicesDays, Uses: w.settings.KeepTokenUsesDays,
		}},
		Inbox: &activities.Inbox{Store: w.store, Temporal: w.temporal},
		Harvest: activities.NewHarvest(w.store, sealed, manager, activities.HarvestConfig{
			Interval: w.settings.HarvestInterval, Lookback: w.settings.HarvestLookback, SettleAfter: w.settings.HarvestSettleAfter,
		}),
		Backfills: &activities.Backfills{Store: w.store},
		Devices:   activities.NewDevices(collector, w.store),
		Training:  &activities.Training{Trainer: trainer},
		Resealing: &activities.Resealing{
			Store: w.store, Master: sealed.Master(), Codec: temporalclient.NewCodec(sealed.Master()), Temporal: w.temporal,
		},
		Weaver: activities.NewWeaver(weave.New(w.store, sealed, models)),
	})
	return host
}

// run hosts until ctx ends, then lets what is running finish.
func (w *worker) run(ctx context.Context) (err error) {
	defer func() { err = errors.Join(err, w.close()) }()
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", w.settings.ListenAddr)
	if err != nil {
		return fmt.Errorf("LISTEN_ADDR: %w", err)
	}
	server := &http.Server{Handler: w.observe(), ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	defer func() { _ = server.Close() }() // health replies need no grace

	if err := w.host.Start(); err != nil {
		return fmt.Errorf("start worker: %w", err)
	}
	defer w.host.Stop()
	w.logger.InfoContext(ctx, "worker is ready", "task_queue", workflows.TaskQueue, "listen_addr", listener.Addr().String())
	select {
	case <-ctx.Done():
		w.logger.InfoContext(ctx, "worker is stopping", "timeout", w.settings.StopTimeout.String())
		return nil
	case err := <-w.fatal:
		return fmt.Errorf("worker: %w", err)
	case err := <-served:
		return fmt.Errorf("serve health: %w", err)
	}
}

func (w *worker) observe() http.Handler {
	mux := http.NewServeMux()
	health.Register(mux, w.logger, map[string]health.Check{
		"database": w.store.Ping,
		"temporal": temporalclient.Check(w.temporal, w.namespace),
	}, w.telemetry.Metrics)
	return mux
}

func (w *worker) close() error {
	if w.temporal != nil {
		w.temporal.Close()
	}
	if w.store != nil {
		w.store.Close()
	}
	if w.telemetry != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		return w.telemetry.Stop(ctx)
	}
	return nil
}
