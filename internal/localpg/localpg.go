// Package localpg runs a private PostgreSQL cluster as a child process, for tests and for one-machine use.
//
// The cluster listens on loopback TCP only, has no Unix socket, and accepts nothing but SCRAM with a random
// password that is kept in a file only the server's user and root can read. It ends with its parent.
package localpg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"callweave/internal/child"
	"callweave/internal/freeport"
)

// Role is the role that owns the databases: not a superuser.
const Role = "callweave"

// MinMajor is the oldest PostgreSQL major version that is accepted; the schema relies on what came with 15.
const MinMajor = 15

const (
	adminRole  = "postgres"
	adminDB    = "postgres"
	portTries  = 5
	logExcerpt = 6 // lines of the server's log quoted in an error

	pollInterval = 20 * time.Millisecond // between questions to a server that is starting or ending
	abandonGrace = 10 * time.Second
)

// Config says where and how to run a cluster.
type Config struct {
	// Dir holds everything of the cluster; it is created, and filled by initdb, when it is empty.
	// Two clusters must not share one. Required.
	Dir string
	// Port is the TCP port on 127.0.0.1; 0 takes a free one.
	Port int
	// Log receives the log of the server; nil drops it.
	Log io.Writer
	// Durable keeps data safe over a power cut. Without it writes are not flushed, which suits tests.
	Durable bool
	// BinDir holds postgres and initdb; empty searches PATH and where distributions install them.
	BinDir string
	// Settings are further settings of the server, as "name=value". They win over ours.
	Settings []string
}

// Cluster is a running PostgreSQL server.
type Cluster struct {
	dir      string
	port     int
	password string // of adminRole; Role's is derived from it
	process  *child.Process
	lock     *os.File
}

// Start starts the cluster in cfg.Dir and returns when it accepts connections. When ctx ends first, the server is
// stopped again; later ctx has no say.
//
// Errors to tell apart: [ErrNotInstalled], [ErrVersion], [ErrInUse], [ErrPortInUse], [ErrUnreachableDir].
// The text of each says what to do.
func Start(ctx context.Context, cfg Config) (_ *Cluster, err error) {
	if cfg.Dir == "" {
		return nil, errors.New("start postgresql: no directory given")
	}
	home, err := openHome(ctx, cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("start postgresql: %w", err)
	}
	defer func() {
		if err != nil {
			_ = home.lock.Close()
			err = fmt.Errorf("start postgresql: %w", err)
		}
	}()
	bin, err := home.selectBinaries(ctx, cfg.BinDir)
	if err != nil {
		return nil, err
	}
	if err := home.initialize(ctx, bin, cfg); err != nil {
		return nil, err
	}
	if err := home.clearPidFile(ctx); err != nil {
		return nil, err
	}
	password, err := os.ReadFile(home.passwordFile())
	if err != nil {
		return nil, fmt.Errorf("read password of the cluster: %w", err)
	}
	c := &Cluster{dir: home.dir, password: string(password), lock: home.lock}
	if err := c.launch(ctx, home, bin, cfg); err != nil {
		return nil, err
	}
	if err := c.ensureRole(ctx); err != nil {
		return nil, c.abandon(ctx, err)
	}
	return c, nil
}

// launch starts the server, with another port when somebody was faster to take the free one.
func (c *Cluster) launch(ctx context.Context, home *home, bin binaries, cfg Config) error {
	for try := 1; ; try++ {
		port, err := choosePort(ctx, cfg.Port)
		if err != nil {
			return err
		}
		c.port = port
		tail := child.NewTail(cfg.Log)
		cmd := home.command(context.WithoutCancel(ctx), bin.postgres, serverArgs(home.dataDir(), port, cfg.Durable, cfg.Settings)...)
		cmd.Stdout, cmd.Stderr = tail, tail
		// SIGINT is PostgreSQL's fast shutdown: it leaves a clean data directory behind.
		c.process, err = child.Start(cmd, syscall.SIGINT)
		if err != nil {
			return err
		}
		err = c.awaitReady(ctx)
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, child.ErrExited):
			return c.abandon(ctx, err)
		case !tail.Contains("Address already in use"):
			return fmt.Errorf("%w; its log ends: %s", err, tail.Last(logExcerpt))
		case cfg.Port != 0 || try == portTries:
			return portInUse(port)
		}
	}
}

// abandon ends a server that cannot be used because of err, even when ctx is over.
func (c *Cluster) abandon(ctx context.Context, err error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abandonGrace)
	defer cancel()
	if stopErr := c.process.Stop(ctx, syscall.SIGINT, syscall.SIGQUIT); stopErr != nil {
		return errors.Join(err, stopErr)
	}
	return err
}

// Stop shuts the cluster down: open sessions are ended, data is written, the process is gone on return.
// When ctx ends first, the shutdown is forced and an error says so; the next start then recovers from the log.
func (c *Cluster) Stop(ctx context.Context) error {
	defer c.lock.Close()
	if err := c.process.Stop(ctx, syscall.SIGINT, syscall.SIGQUIT); err != nil {
		return fmt.Errorf("stop postgresql: %w", err)
	}
	return nil
}

// Done is closed when the server has ended, whether stopped or by itself.
func (c *Cluster) Done() <-chan struct{} { return c.process.Done() }

// Pid is the process id of the server.
func (c *Cluster) Pid() int { return c.process.Pid() }

// Port is the TCP port on 127.0.0.1.
func (c *Cluster) Port() int { return c.port }

// Dir is where the cluster lives. It differs from [Config].Dir when the server's user could not reach that.
func (c *Cluster) Dir() string { return c.dir }

// URL is the connection URL of a database for [Role]. It contains the password: do not log it.
func (c *Cluster) URL(database string) string {
	return c.url(Role, rolePassword(c.password), database)
}

func (c *Cluster) url(role, password, database string) string {
	u := url.URL{
		Scheme: "postgres",
		User:   url.UserPassword(role, password),
		Host:   net.JoinHostPort("127.0.0.1", strconv.Itoa(c.port)),
		Path:   "/" + database,
		// Loopback only: there is no wire to protect.
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

// choosePort returns want when it is free, and any free port when want is 0.
func choosePort(ctx context.Context, want int) (int, error) {
	port, err := freeport.Choose(ctx, want)
	if errors.Is(err, syscall.EADDRINUSE) {
		return 0, portInUse(want)
	}
	return port, err
}

// serverArgs are the settings of the server. They are given at each start, so the files in the data directory stay
// as initdb wrote them.
func serverArgs(dataDir string, port int, durable bool, more []string) []string {
	settings := []string{
		"listen_addresses=127.0.0.1",
		"port=" + strconv.Itoa(port),
		"unix_socket_directories=",
		"hba_file=" + filepath.Join(dataDir, hbaName),
		"password_encryption=scram-sha-256",
		"timezone=UTC",
		"log_timezone=UTC",
		"max_connections=200",
		// Just-in-time compilation costs more than it gains on short queries.
		"jit=off",
		// Rows and statements hold personal data; the log must not.
		"log_error_verbosity=terse",
		"log_min_error_statement=panic",
		"log_parameter_max_length=0",
		"log_checkpoints=off",
	}
	if !durable {
		settings = append(settings,
			"fsync=off",
			"synchronous_commit=off",
			"full_page_writes=off",
			"wal_level=minimal",
			"max_wal_senders=0",
			"max_wal_size=4GB",
			"checkpoint_timeout=1h",
		)
	}
	args := []string{"-D", dataDir}
	for _, s := range append(settings, more...) {
		args = append(args, "-c", s)
	}
	return args
}
