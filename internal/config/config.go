// Package config reads the programs' settings from the environment: one struct per
// binary, every variable with its default and meaning in its tag, all problems reported
// at once.
package config

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/sethvargo/go-envconfig"

	"callweave/internal/secret"
)

// Database is what a program needs to reach Postgres.
type Database struct {
	URL      secret.Text `env:"DATABASE_URL" help:"Postgres, as postgres://user:password@host:port/database (needed)"`
	MaxConns int         `env:"DATABASE_MAX_CONNS, default=16" help:"connections to Postgres that the program has at most, of which a quarter may wait for a provider's token endpoint; 0: as DATABASE_URL says (pool_max_conns)"`
}

// Keyset is the master keyset; see vault.OpenMaster.
type Keyset struct {
	Text secret.Text `env:"KEYSET" help:"master keyset as made by 'starter keys new' (this or KEYSET_FILE is needed)"`
	File string      `env:"KEYSET_FILE" help:"file that holds the master keyset"`
}

// Load returns the keyset from the environment or its file.
func (k Keyset) Load() (secret.Text, error) {
	switch {
	case !k.Text.IsZero() && k.File != "":
		return secret.Text{}, errors.New("KEYSET and KEYSET_FILE are both set: want one of them")
	case k.File != "":
		raw, err := os.ReadFile(k.File)
		if err != nil {
			return secret.Text{}, fmt.Errorf("KEYSET_FILE: %w", err)
		}
		return secret.New(strings.TrimSpace(string(raw))), nil
	}
	return k.Text, nil
}

// Warning says what is unsafe about the keyset's file; "" where nothing is.
func (k Keyset) Warning() string {
	if k.File == "" {
		return ""
	}
	if info, err := os.Stat(k.File); err == nil && info.Mode().Perm()&everybody != 0 {
		return fmt.Sprintf("KEYSET_FILE: every user of this machine may use %s (mode %04o): want 0600", k.File, info.Mode().Perm())
	}
	return ""
}

// everybody is the part of a file's mode that is for neither owner nor group.
const everybody = 0o007

// Zoom is our app at Zoom.
type Zoom struct {
	ClientID      string      `env:"ZOOM_CLIENT_ID" help:"client id of the app at Zoom (needed to link)"`
	ClientSecret  secret.Text `env:"ZOOM_CLIENT_SECRET" help:"client secret of the app at Zoom (needed to link)"`
	WebhookSecret secret.Text `env:"ZOOM_WEBHOOK_SECRET" help:"secret token of the app's event subscription"`
	OAuthURL      string      `env:"ZOOM_OAUTH_URL, default=https://zoom.us/oauth" help:"Zoom's OAuth endpoint"`
	APIURL        string      `env:"ZOOM_API_URL, default=https://api.zoom.us/v2" help:"Zoom's REST endpoint"`
}

// Log is how a program logs: JSON lines on standard error.
type Log struct {
	Level slog.Level `env:"LOG_LEVEL, default=info" help:"debug, info, warn or error"`
}

// Listening is where a program listens, for whoever asks it how it is.
type Listening struct {
	Addr string `env:"LISTEN_ADDR"`
}

// Where programs listen unless LISTEN_ADDR says otherwise.
const (
	StarterAddr = "127.0.0.1:8080"
	WorkerAddr  = "127.0.0.1:8081"
)

// Public is where browsers reach the starter.
type Public struct {
	URL string `env:"PUBLIC_URL, default=http://127.0.0.1:8080" help:"where browsers and Zoom reach the starter, without trailing slash"`
}

// RedirectURL is where the provider sends the administrator back to. It must be in the
// app's allow list at the provider, letter by letter.
func (p Public) RedirectURL(providerName string) string {
	return strings.TrimSuffix(p.URL, "/") + "/api/v1/oauth2/app/" + providerName + "/callback"
}

// Starter is the configuration of the starter.
type Starter struct {
	Database
	Keyset
	Zoom
	Log
	Public
	ListenAddr         string      `env:"LISTEN_ADDR, default=127.0.0.1:8080" help:"address the starter listens on"`
	MetricsAddr        string      `env:"METRICS_ADDR" help:"address of the starter's /metrics, which is not for the public that LISTEN_ADDR serves; unset, it is served nowhere"`
	ForwardHosts       []string    `env:"FORWARD_HOSTS" help:"hosts (with port, where not the default) that administrators may be sent back to, comma separated; the host of PUBLIC_URL is always one"`
	TemporalUIURL      string      `env:"TEMPORAL_UI_URL" help:"origin of the Temporal UI, e.g. http://127.0.0.1:8233: its pages may ask for payloads to be decoded"`
	CodecToken         secret.Text `env:"CODEC_TOKEN" help:"operator's secret that decodes the payloads of all orgs, sent as 'Authorization: Bearer'; at least 32 characters; unset, nobody decodes by a token"`
	CodecAllowLoopback bool        `env:"CODEC_ALLOW_LOOPBACK, default=false" help:"decode payloads for a Temporal UI on this machine without a token; for one machine only"`
}

// Worker is the configuration of the worker.
type Worker struct {
	Database
	Keyset
	Zoom
	Log
	Public
	ListenAddr         string        `env:"LISTEN_ADDR, default=127.0.0.1:8081" help:"address of the worker's /healthz, /readyz and /metrics"`
	HarvestInterval    time.Duration `env:"HARVEST_INTERVAL, default=5m" help:"how often an account is harvested"`
	DevicesInterval    time.Duration `env:"DEVICES_INTERVAL, default=60s" help:"how often an org's network is polled"`
	HarvestLookback    time.Duration `env:"HARVEST_LOOKBACK, default=24h" help:"how far before its first link an account is harvested, and a network's past is filled"`
	HarvestSettleAfter time.Duration `env:"HARVEST_SETTLE_AFTER, default=30m" help:"how long after its end a meeting's data is complete"`
	KeepMinutesDays    int           `env:"KEEP_MINUTES_DAYS, default=400" help:"for how many days call minutes and calls are kept, where an org says nothing itself"`
	KeepMediaDays      int           `env:"KEEP_MEDIA_DAYS, default=90" help:"for how many days media samples are kept; meetings are woven from them"`
	KeepDevicesDays    int           `env:"KEEP_DEVICES_DAYS, default=30" help:"for how many days leases and device samples are kept; meetings are woven from them"`
	KeepTokenUsesDays  int           `env:"KEEP_TOKEN_USES_DAYS, default=90" help:"for how many days the audit log says of each use of an access token; 0: for good. Nothing else in it expires"`
	StopTimeout        time.Duration `env:"STOP_TIMEOUT, default=20s" help:"how long running activities may take to finish when the worker stops"`
}

// Load reads one of the structs above from lookup; [envconfig.OsLookuper] is the
// environment itself. What is secret may lie in a file that the variable with the suffix
// _FILE names, as orchestrators hand out secrets.
func Load[T any](ctx context.Context, lookup envconfig.Lookuper) (T, error) {
	var settings T
	lookup, err := withFiles(reflect.TypeFor[T](), lookup)
	if err != nil {
		return settings, err
	}
	if err := envconfig.ProcessWith(ctx, &envconfig.Config{Target: &settings, Lookuper: lookup}); err != nil {
		return settings, fmt.Errorf("read configuration: %w", err)
	}
	return settings, nil
}

// Validate returns every problem, joined.
func (s Starter) Validate() error {
	return errors.Join(
		s.Database.validate(), s.Zoom.validate(), s.Public.validate(),
		checkAddr("LISTEN_ADDR", s.ListenAddr), checkHosts(s.ForwardHosts), checkURL("TEMPORAL_UI_URL", s.TemporalUIURL, true),
		checkCodecToken(s.CodecToken), checkOptionalAddr("METRICS_ADDR", s.MetricsAddr),
	)
}

// Validate returns every problem, joined.
func (w Worker) Validate() error {
	return errors.Join(
		w.Database.validate(), w.Zoom.validate(), w.Public.validate(),
		checkAddr("LISTEN_ADDR", w.ListenAddr),
		checkAtLeast("HARVEST_INTERVAL", w.HarvestInterval, time.Second),
		checkAtLeast("DEVICES_INTERVAL", w.DevicesInterval, time.Second),
		checkAtLeast("HARVEST_LOOKBACK", w.HarvestLookback, time.Minute),
		checkAtLeast("HARVEST_SETTLE_AFTER", w.HarvestSettleAfter, 0),
		checkAtLeast("STOP_TIMEOUT", w.StopTimeout, time.Second),
		checkDays("KEEP_MINUTES_DAYS", w.KeepMinutesDays), checkDays("KEEP_MEDIA_DAYS", w.KeepMediaDays), checkDays("KEEP_DEVICES_DAYS", w.KeepDevicesDays),
		checkDays("KEEP_TOKEN_USES_DAYS", cmp.Or(w.KeepTokenUsesDays, 1)),
	)
}

// MaxKeepDays is a hundred years: more days are a slip of the hand.
const MaxKeepDays = 36_500

func checkDays(name string, days int) error {
	if days < 1 || days > MaxKeepDays {
		return fmt.Errorf("%s: want 1 to %d days, got %d", name, MaxKeepDays, days)
	}
	return nil
}

// A pool with fewer connections than four has none to spare while one waits for a
// provider; no Postgres has more than 262,143 (its max_connections).
const minConns, maxConns = 4, 262_143

func (d Database) validate() error {
	if d.URL.IsZero() {
		return errors.New("DATABASE_URL: not set: want postgres://user:password@host:port/database")
	}
	if d.MaxConns != 0 && (d.MaxConns < minConns || d.MaxConns > maxConns) {
		return fmt.Errorf("DATABASE_MAX_CONNS: want %d to %d, or 0, got %d", minConns, maxConns, d.MaxConns)
	}
	return nil
}

func (z Zoom) validate() error {
	var problems []error
	if z.ClientID == "" {
		problems = append(problems, errors.New("ZOOM_CLIENT_ID: not set: want the client id of the app at Zoom"))
	}
	if z.ClientSecret.IsZero() {
		problems = append(problems, errors.New("ZOOM_CLIENT_SECRET: not set: want the client secret of the app at Zoom"))
	}
	problems = append(problems, checkURL("ZOOM_OAUTH_URL", z.OAuthURL, false), checkURL("ZOOM_API_URL", z.APIURL, false))
	return errors.Join(problems...)
}

func (p Public) validate() error { return checkURL("PUBLIC_URL", p.URL, false) }

func checkURL(name, text string, optional bool) error {
	if text == "" && optional {
		return nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("%s: want http://host[:port][/path] or https://…, got %q", name, text)
	}
	return nil
}

func checkAddr(name, text string) error {
	if _, _, err := net.SplitHostPort(text); err != nil {
		return fmt.Errorf("%s: want host:port, got %q", name, text)
	}
	return nil
}

func checkOptionalAddr(name, text string) error {
	if text == "" {
		return nil
	}
	return checkAddr(name, text)
}

func checkHosts(hosts []string) error {
	for _, host := range hosts {
		if host == "" || strings.ContainsAny(host, "/ @?#*") {
			return fmt.Errorf("FORWARD_HOSTS: want host or host:port, comma separated, got %q", host)
		}
	}
	return nil
}

// minCodecToken is as long as 128 bits in hexadecimal are: too long to be guessed.
const minCodecToken = 32

func checkCodecToken(token secret.Text) error {
	if length := len(token.Reveal()); length > 0 && length < minCodecToken {
		return fmt.Errorf("CODEC_TOKEN: want at least %d characters, got %d", minCodecToken, length)
	}
	return nil
}

func checkAtLeast(name string, got, least time.Duration) error {
	if got < least {
		return fmt.Errorf("%s: want at least %s, got %s", name, least, got)
	}
	return nil
}
