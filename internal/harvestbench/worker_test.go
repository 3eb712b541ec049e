package harvestbench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	tlog "go.temporal.io/sdk/log"
	sdkworker "go.temporal.io/sdk/worker"

	"callweave/activities"
	"callweave/internal/credentials"
	"callweave/internal/secret"
	"callweave/internal/store"
	"callweave/internal/vault"
	"callweave/internal/weave"
	"callweave/internal/zoom"
	"callweave/workflows"
)

// envProfile names a directory for the worker's CPU and heap profiles.
const envProfile = "CALLWEAVE_BENCH_PROFILE"

// workerInput is what the worker's process is told.
type workerInput struct {
	Database, Temporal, Namespace, Zoom, Keyset string
	Now                                         time.Time // its clock stands still
}

// unlimited are rates that are never reached: what Zoom allows is not what is measured.
func unlimited() *zoom.Limits {
	return &zoom.Limits{HeavyPerSecond: 1e9, HeavyBurst: 1e6, ResourceIntensivePerMinute: 1e9, ResourceIntensiveBurst: 1e6}
}

func zoomClient(at string, meter *store.Meter, now func() time.Time) *zoom.Client {
	config := zoom.Config{
		ClientID: clientID, ClientSecret: secret.New(clientSecret), RedirectURL: redirectURL,
		OAuthURL: at + "/oauth", APIURL: at + "/v2", Now: now, Limits: unlimited(),
		HTTP: &http.Client{Timeout: time.Minute, Transport: zoom.NewTransport()},
	}
	if meter != nil {
		config.Meter = meter
	}
	return zoom.New(config)
}

// work hosts the harvest as the worker's program does.
func work(ctx context.Context, input []byte) error {
	var in workerInput
	if err := json.Unmarshal(input, &in); err != nil {
		return fmt.Errorf("worker: %w", err)
	}
	now := func() time.Time { return in.Now }
	s, err := store.Open(ctx, in.Database)
	if err != nil {
		return err
	}
	defer s.Close()
	master, err := vault.OpenMaster(secret.New(in.Keyset))
	if err != nil {
		return err
	}
	temporal, err := client.DialContext(ctx, client.Options{
		HostPort: in.Temporal, Namespace: in.Namespace,
		Logger: tlog.NewStructuredLogger(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))),
	})
	if err != nil {
		return fmt.Errorf("worker: %w", err)
	}
	defer temporal.Close()
	sealed := vault.New(master, s)
	manager := credentials.New(s, sealed, credentials.Config{Now: now}, zoomClient(in.Zoom, store.NewMeter(s, now), now))
	host := sdkworker.New(temporal, workflows.TaskQueue, sdkworker.Options{
		Interceptors:                []interceptor.WorkerInterceptor{activities.NewActors()},
		DisableRegistrationAliasing: true,
	})
	workflows.RegisterWorkflows(host)
	activities.Register(host, activities.Set{
		Harvest: activities.NewHarvest(s, sealed, manager, activities.HarvestConfig{
			Interval: 5 * time.Minute, Lookback: 24 * time.Hour, SettleAfter: 30 * time.Minute, Now: now,
		}),
		Weaver: activities.NewWeaver(weave.New(s, sealed, nil)),
	})
	stopProfile, err := profile(os.Getenv(envProfile))
	if err != nil {
		return err
	}
	if err := host.Start(); err != nil {
		return fmt.Errorf("worker: %w", err)
	}
	fmt.Println("ready") //nolint:forbidigo // the parent reads it
	<-ctx.Done()
	host.Stop()
	return stopProfile()
}

// profile writes a CPU profile and, at the end, a heap profile; nothing without a directory.
func profile(dir string) (stop func() error, err error) {
	if dir == "" {
		return func() error { return nil }, nil
	}
	name := func(kind string) string { return filepath.Join(dir, fmt.Sprintf("worker-%d.%s", os.Getpid(), kind)) }
	cpu, err := os.Create(name("cpu"))
	if err != nil {
		return nil, fmt.Errorf("profile: %w", err)
	}
	if err := pprof.StartCPUProfile(cpu); err != nil {
		return nil, fmt.Errorf("profile: %w", err)
	}
	return func() error {
		pprof.StopCPUProfile()
		heap, err := os.Create(name("allocs"))
		if err != nil {
			return fmt.Errorf("profile: %w", err)
		}
		runtime.GC()
		return errors.Join(pprof.Lookup("allocs").WriteTo(heap, 0), heap.Close(), cpu.Close())
	}, nil
}
