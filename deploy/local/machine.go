package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"callweave/internal/child"
	"callweave/internal/localpg"
	"callweave/internal/localtemporal"
)

const (
	database     = "callweave"
	zoomClientID = "callweave-demo"
	stopTimeout  = 30 * time.Second
)

// machine is everything that runs.
type machine struct {
	opts  options
	dirs  directories
	kept  *keptState
	died  chan error // a part ended by itself
	parts []part     // in the order they were started

	clouds   *clouds
	postgres *localpg.Cluster
	temporal *localtemporal.Server
	db       *pgxpool.Pool // the demonstration's own eye on the data
	api      string        // origin of the starter
	apiPort  int
	settings []string // of worker and starter
	env      []string // of them: with our own
	programs map[string]*child.Process
}

// part is something to stop.
type part struct {
	name string
	stop func(context.Context) error
}

// startMachine brings up the parts, each when what it needs is ready. When one does not
// come up, the others are stopped again.
func startMachine(ctx context.Context, opts options, p *progress) (_ *machine, err error) {
	dirs, err := makeDirectories(opts.stateDir)
	if err != nil {
		return nil, err
	}
	kept, err := loadState(dirs, opts.world(), opts.chosen)
	if err != nil {
		return nil, err
	}
	m := &machine{opts: opts, dirs: dirs, kept: kept, died: make(chan error, 8), programs: map[string]*child.Process{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, m.stop(p))
		}
	}()
	p.heading("Starting (state in " + dirs.root + ")")
	if m.apiPort, err = m.choosePort(ctx, p, "the starter", 8080); err != nil {
		return nil, err
	}
	m.api = "http://" + net.JoinHostPort(loopback, strconv.Itoa(m.apiPort))
	for _, step := range []struct {
		what string
		do   func(context.Context, *progress) (string, error)
	}{
		{"PostgreSQL", m.startPostgres},
		{"Temporal command (built once, takes minutes)", m.ensureTemporal},
		{"Temporal server and UI", m.startTemporal},
		{"the world's Zoom and Mist", m.startClouds},
		{"worker and starter: build", m.buildPrograms},
		{"database schema", m.migrate},
		{"worker", m.startWorker},
		{"starter", m.startStarter},
		{"webhook, checked by the world's Zoom", m.validateWebhook},
		{"orgs and API tokens", m.addOrgs},
	} {
		if err := p.step(step.what, func() (string, error) { return step.do(ctx, p) }); err != nil {
			return nil, fmt.Errorf("%s: %w", step.what, err)
		}
	}
	return m, nil
}

// stop ends the parts in the opposite order of their start.
func (m *machine) stop(p *progress) error {
	if len(m.parts) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	p.heading("Stopping")
	var problems []error
	for _, v := range slices.Backward(m.parts) {
		if err := v.stop(ctx); err != nil {
			problems = append(problems, fmt.Errorf("stop %s: %w", v.name, err))
		}
	}
	p.printf("  ✓ nothing of it runs any more; `make demo` goes on from %s\n", m.dirs.root)
	return errors.Join(problems...)
}

func (m *machine) added(name string, stop func(context.Context) error, done <-chan struct{}) {
	stopping := make(chan struct{})
	m.parts = append(m.parts, part{name: name, stop: func(ctx context.Context) error {
		close(stopping)
		return stop(ctx)
	}})
	if done == nil {
		return
	}
	go func() {
		select {
		case <-done:
			select {
			case <-stopping:
			default:
				m.died <- fmt.Errorf("%s ended by itself: see %s", name, m.dirs.logs)
			}
		case <-stopping:
		}
	}()
}

func (m *machine) startPostgres(ctx context.Context, p *progress) (string, error) {
	log, err := m.logFile("postgres")
	if err != nil {
		return "", err
	}
	config := localpg.Config{Dir: m.dirs.postgres, Log: log, Durable: true}
	cluster, err := localpg.Start(ctx, config)
	if errors.Is(err, localpg.ErrNotInstalled) && !m.opts.noInstall {
		if err := localpg.Install(ctx, p); err != nil {
			return "", err
		}
		cluster, err = localpg.Start(ctx, config)
	}
	if err != nil {
		return "", err
	}
	m.postgres = cluster
	m.added("PostgreSQL", cluster.Stop, cluster.Done())
	exists, err := cluster.HasDatabase(ctx, database)
	if err != nil {
		return "", err
	}
	if !exists {
		if err := cluster.CreateDatabase(ctx, database, ""); err != nil {
			return "", err
		}
	}
	if m.db, err = pgxpool.New(ctx, cluster.URL(database)); err != nil {
		return "", errors.New("connect to the database")
	}
	m.added("database connections", func(context.Context) error { m.db.Close(); return nil }, nil)
	return fmt.Sprintf("%s:%d", loopback, cluster.Port()), nil
}

func (m *machine) ensureTemporal(ctx context.Context, p *progress) (string, error) {
	if m.opts.temporal == "" {
		m.opts.temporal = os.Getenv("TEMPORAL_CLI")
	}
	if m.opts.temporal != "" {
		return m.opts.temporal, nil
	}
	if err := localtemporal.Ensure(ctx, m.dirs.bin, p); err != nil {
		return "", err
	}
	m.opts.temporal = filepath.Join(m.dirs.bin, "temporal")
	return localtemporal.Version, nil
}

func (m *machine) startTemporal(ctx context.Context, p *progress) (string, error) {
	log, err := m.logFile("temporal")
	if err != nil {
		return "", err
	}
	frontend, err := m.choosePort(ctx, p, "Temporal", 7233)
	if err != nil {
		return "", err
	}
	ui, err := m.choosePort(ctx, p, "the Temporal UI", 8233)
	if err != nil {
		return "", err
	}
	server, err := localtemporal.Start(ctx, localtemporal.Config{
		BinaryPath: m.opts.temporal, Dir: m.dirs.temporal, Port: frontend, UI: true, UIPort: ui,
		UICodecEndpoint: m.api + "/codec", Log: log,
	})
	if err != nil {
		return "", err
	}
	m.temporal = server
	m.added("Temporal", server.Stop, server.Done())
	return server.UIURL(), nil
}

// logFile opens the log of a part for appending.
func (m *machine) logFile(part string) (io.Writer, error) {
	file, err := os.OpenFile(filepath.Join(m.dirs.logs, part+".log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	m.added("log of "+part, func(context.Context) error { return file.Close() }, nil)
	return file, nil
}

// await asks until the answer is yes, an error or the end of ctx. It is how a person
// would wait: looking again.
func await(ctx context.Context, every time.Duration, ask func() (bool, error)) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		done, err := ask()
		if done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// ready waits until a program answers /readyz with 200.
func ready(ctx context.Context, origin string, done <-chan struct{}) error {
	ctx, cancel := context.WithTimeoutCause(ctx, time.Minute, errors.New("not ready after a minute"))
	defer cancel()
	return await(ctx, 50*time.Millisecond, func() (bool, error) {
		select {
		case <-done:
			return false, errors.New("ended while starting")
		default:
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, origin+"/readyz", nil)
		if err != nil {
			return false, fmt.Errorf("ask for readiness: %w", err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return false, nil
		}
		defer response.Body.Close()
		return response.StatusCode == http.StatusOK, nil
	})
}

// excerpt is the end of a log, to say why a part did not come up.
func excerpt(path string) string {
	raw, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	lines := bytes.Split(bytes.TrimSpace(raw), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-4):], []byte("\n")))
}
