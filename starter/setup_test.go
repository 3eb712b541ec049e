package main

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/sethvargo/go-envconfig"
	"go.temporal.io/sdk/client"

	"callweave/internal/provider"
	"callweave/internal/secret"
	"callweave/internal/store"
	"callweave/internal/testenv"
	"callweave/internal/vault"
)

func TestMain(m *testing.M) {
	testenv.Main(m, testenv.WithMigrations(func(ctx context.Context, url string) error {
		_, err := store.Migrate(ctx, url)
		return err
	}))
}

const account = "KkEM7orQSIWHZNFzwMLuRA"

// bundle is an operator with an environment and a database.
type bundle struct {
	env      map[string]string
	temporal client.Options
	org      uuid.UUID
}

func setup(t *testing.T) *bundle {
	t.Helper()
	keyset, err := vault.NewKeyset()
	if err != nil {
		t.Fatal(err)
	}
	return &bundle{org: uuid.New(), env: map[string]string{
		"DATABASE_URL": testenv.Postgres(t), "KEYSET": keyset.Reveal(), "ZOOM_CLIENT_ID": "client", "ZOOM_CLIENT_SECRET": "hush",
		"PUBLIC_URL": "https://callweave.example", "FORWARD_HOSTS": "portal.example", "LISTEN_ADDR": "127.0.0.1:0",
	}}
}

// run runs one command in process.
func (b *bundle) run(t *testing.T, args ...string) (code int, out, problems string) {
	t.Helper()
	var stdout, stderr buffer
	code = b.app(&stdout, &stderr).main(t.Context(), args)
	return code, stdout.String(), stderr.String()
}

func (b *bundle) app(stdout, stderr *buffer) *app {
	return &app{
		env: envconfig.MapLookuper(maps.Clone(b.env)), out: stdout, problems: stderr,
		temporal: func() (client.Options, error) { return b.temporal, nil },
	}
}

// json runs a command with -o json and reads what it prints.
func (b *bundle) json(t *testing.T, into any, args ...string) {
	t.Helper()
	code, out, problems := b.run(t, append(args, "-o", "json")...)
	if code != 0 {
		t.Fatalf("starter %s: exit %d: %s", strings.Join(args, " "), code, problems)
	}
	if err := json.Unmarshal([]byte(out), into); err != nil {
		t.Fatalf("starter %s: %v in %s", strings.Join(args, " "), err, out)
	}
}

func (b *bundle) addOrg(t *testing.T) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("mist-token\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var added struct {
		OrgID uuid.UUID `json:"org_id"`
	}
	b.json(t, &added, "org", "add", "--id", b.org.String(), "--name", "Live Demo", "--mist-url", "https://api.mist.example/", "--mist-token-file", file)
	if added.OrgID != b.org {
		t.Fatalf("added %s", added.OrgID)
	}
}

func (b *bundle) conn(t *testing.T) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), b.env["DATABASE_URL"])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func (b *bundle) open(t *testing.T) (*store.Store, *vault.Vault) {
	t.Helper()
	s, err := store.Open(t.Context(), b.env["DATABASE_URL"])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	master, err := vault.OpenMaster(secret.New(b.env["KEYSET"]))
	if err != nil {
		t.Fatal(err)
	}
	return s, vault.New(master, s)
}

// link makes a link as the Authorize workflow leaves it, with a gap and a quarantined meeting.
func (b *bundle) link(t *testing.T) {
	t.Helper()
	ref := provider.AccountRef{Provider: provider.Zoom, AccountID: account}
	_, v := b.open(t)
	key, err := v.Key(t.Context(), vault.LinkScope(ref, b.org))
	if err != nil {
		t.Fatal(err)
	}
	linkedBy, err := key.SealPerson("linked_by_sealed", provider.Person{Name: secret.New("Ann Lee")})
	if err != nil {
		t.Fatal(err)
	}
	conn := b.conn(t)
	for _, statement := range []struct {
		sql  string
		args []any
	}{
		{"insert into accounts (provider, account_id) values ('zoom', $1)", []any{account}},
		{"insert into links (provider, account_id, org_id, linked_by_sealed) values ('zoom', $1, $2, $3)", []any{account, b.org, linkedBy}},
		{"insert into windows (provider, account_id, from_at, to_at, origin, state, cause) values ('zoom', $1, '2026-11-01', '2026-11-02', 'live', 'failed', 'transient')", []any{account}},
		{`insert into meetings (provider, account_id, meeting_id, meeting_number, list_kind, host_sealed, start_at, end_at, participant_count, state, cause)
			values ('zoom', $1, 'bad==', 1, 'past', '', '2026-11-01', '2026-11-01 01:00', 2, 'quarantined', 'malformed')`, []any{account}},
	} {
		if _, err := conn.Exec(t.Context(), statement.sql, statement.args...); err != nil {
			t.Fatal(err)
		}
	}
}

// buffer is written by a server while a test reads it.
type buffer struct {
	mu    sync.Mutex
	text  bytes.Buffer
	wrote chan struct{} // gets a value after a write; nil where nobody waits
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer func() {
		select {
		case b.wrote <- struct{}{}:
		default: // a nil channel, or a value waits already
		}
	}()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
