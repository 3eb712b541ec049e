package main

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sethvargo/go-envconfig"

	"callweave/internal/config"
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

// A worker whose keyset is missing, unreadable or not the database's refuses to start and
// says why, before it reaches Temporal.
func TestRefusesAKeysetThatDoesNotFit(t *testing.T) {
	t.Parallel()
	database := testenv.Postgres(t)
	keyset := func() string {
		text, err := vault.NewKeyset()
		if err != nil {
			t.Fatal(err)
		}
		return text.Reveal()
	}
	own, other := keyset(), keyset()
	seal(t, database, own)
	file := filepath.Join(t.TempDir(), "keyset")
	if err := os.WriteFile(file, []byte(other), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		env  map[string]string
		want string
	}{
		"missing":         {nil, "starter keys new"},
		"empty":           {map[string]string{"KEYSET": " "}, "it is empty"},
		"malformed":       {map[string]string{"KEYSET": "nonsense!"}, "neither JSON nor base64"},
		"no keyset":       {map[string]string{"KEYSET": "e30="}, "not a Tink keyset"},
		"both":            {map[string]string{"KEYSET": own, "KEYSET_FILE": file}, "both set"},
		"unreadable file": {map[string]string{"KEYSET_FILE": file + "-absent"}, "KEYSET_FILE"},
		"another's":       {map[string]string{"KEYSET": other}, "another keyset"},
		"another's file":  {map[string]string{"KEYSET_FILE": file}, "another keyset"},
	} {
		env := map[string]string{"DATABASE_URL": database, "ZOOM_CLIENT_ID": "id", "ZOOM_CLIENT_SECRET": "hush", "LOG_LEVEL": "error"}
		maps.Copy(env, test.env)
		settings, err := config.Load[config.Worker](t.Context(), envconfig.MapLookuper(env))
		if err != nil {
			t.Fatal(err)
		}
		_, err = newWorker(t.Context(), settings)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
			continue
		}
		for _, hidden := range []string{own, other, "nonsense!"} {
			if strings.Contains(err.Error(), hidden) {
				t.Errorf("%s: the keyset shows in %v", name, err)
			}
		}
	}
}

// seal makes the database one of a keyset.
func seal(t *testing.T, database, keyset string) {
	t.Helper()
	settings, err := config.Load[config.Keyset](t.Context(), envconfig.MapLookuper(map[string]string{"KEYSET": keyset}))
	if err != nil {
		t.Fatal(err)
	}
	master, err := vault.OpenMaster(settings.Text)
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := vault.New(master, s).Check(t.Context()); err != nil {
		t.Fatal(err)
	}
}
