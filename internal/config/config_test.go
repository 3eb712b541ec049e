package config_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sethvargo/go-envconfig"

	"callweave/internal/config"
)

var enough = map[string]string{
	"DATABASE_URL":       "postgres://u:p@127.0.0.1/db",
	"ZOOM_CLIENT_ID":     "id",
	"ZOOM_CLIENT_SECRET": "hush",
}

func with(extra map[string]string) envconfig.Lookuper {
	all := map[string]string{}
	for _, m := range []map[string]string{enough, extra} {
		maps.Copy(all, m)
	}
	return envconfig.MapLookuper(all)
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	got, err := config.Load[config.Worker](t.Context(), with(nil))
	if err != nil {
		t.Fatal(err)
	}
	if err := got.Validate(); err != nil {
		t.Errorf("defaults do not validate: %v", err)
	}
	if got.HarvestInterval != 5*time.Minute || got.DevicesInterval != time.Minute || got.OAuthURL != "https://zoom.us/oauth" || got.ListenAddr != config.WorkerAddr {
		t.Errorf("defaults are not the documented ones: %+v", got)
	}
	if url := got.RedirectURL("zoom"); url != "http://127.0.0.1:8080/api/v1/oauth2/app/zoom/callback" {
		t.Errorf("redirect URL is %s", url)
	}
}

func TestEveryProblemIsNamedAtOnce(t *testing.T) {
	t.Parallel()
	got, err := config.Load[config.Starter](t.Context(), envconfig.MapLookuper(map[string]string{
		"PUBLIC_URL": "callweave.example", "LISTEN_ADDR": "8080", "FORWARD_HOSTS": "https://a/b", "ZOOM_API_URL": "::", "CODEC_TOKEN": "guess-me", "METRICS_ADDR": "9464",
	}))
	if err != nil {
		t.Fatal(err)
	}
	text := got.Validate().Error()
	for _, name := range []string{"DATABASE_URL", "ZOOM_CLIENT_ID", "ZOOM_CLIENT_SECRET", "PUBLIC_URL", "LISTEN_ADDR", "FORWARD_HOSTS", "ZOOM_API_URL", "CODEC_TOKEN", "METRICS_ADDR"} {
		if !strings.Contains(text, name+":") {
			t.Errorf("%s is not named in:\n%s", name, text)
		}
	}
	if strings.Contains(text, "guess-me") {
		t.Errorf("the codec token shows in:\n%s", text)
	}
}

// A window of no length is no window: an account would be harvested never.
func TestLookbackHasALength(t *testing.T) {
	t.Parallel()
	for lookback, valid := range map[string]bool{"0": false, "59s": false, "1m": true} {
		got, err := config.Load[config.Worker](t.Context(), with(map[string]string{"HARVEST_LOOKBACK": lookback}))
		if err != nil {
			t.Fatal(err)
		}
		if err := got.Validate(); (err == nil) != valid || !valid && !strings.Contains(err.Error(), "HARVEST_LOOKBACK: want at least 1m0s") {
			t.Errorf("HARVEST_LOOKBACK=%s: %v", lookback, err)
		}
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	t.Parallel()
	got, err := config.Load[config.Starter](t.Context(), with(map[string]string{"KEYSET": "the-keyset"}))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{sprint("%v", got), sprint("%+v", got), sprint("%#v", got)} {
		for _, hidden := range []string{"hush", "u:p@", "the-keyset"} {
			if strings.Contains(text, hidden) {
				t.Errorf("%q shows in %s", hidden, text)
			}
		}
	}
}

func TestKeysetComesFromOnePlace(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "keyset")
	if err := os.WriteFile(file, []byte("from-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	load := func(env map[string]string) (string, error) {
		got, err := config.Load[config.Keyset](t.Context(), envconfig.MapLookuper(env))
		if err != nil {
			t.Fatal(err)
		}
		text, err := got.Load()
		return text.Reveal(), err
	}
	if got, err := load(map[string]string{"KEYSET_FILE": file}); got != "from-file" || err != nil {
		t.Errorf("file: got %q, %v", got, err)
	}
	if got, err := load(map[string]string{"KEYSET": "direct"}); got != "direct" || err != nil {
		t.Errorf("variable: got %q, %v", got, err)
	}
	if _, err := load(map[string]string{"KEYSET": "direct", "KEYSET_FILE": file}); err == nil {
		t.Error("both: want an error")
	}
	if _, err := load(map[string]string{"KEYSET_FILE": file + "-absent"}); err == nil {
		t.Error("absent file: want an error")
	}
}

// Secrets may lie in files, but not in two places; the help says so.
func TestSecretsMayLieInFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{"url": "postgres://u:p@127.0.0.1/db\n", "secret": "hush\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	env := map[string]string{"DATABASE_URL_FILE": filepath.Join(dir, "url"), "ZOOM_CLIENT_ID": "id", "ZOOM_CLIENT_SECRET_FILE": filepath.Join(dir, "secret")}
	got, err := config.Load[config.Worker](t.Context(), envconfig.MapLookuper(env))
	if err != nil || got.Database.URL.Reveal() != "postgres://u:p@127.0.0.1/db" || got.ClientSecret.Reveal() != "hush" {
		t.Errorf("%+v, %v", got, err)
	}
	if err := got.Validate(); err != nil {
		t.Error(err)
	}
	for name, extra := range map[string]string{"DATABASE_URL": "postgres://other", "ZOOM_WEBHOOK_SECRET_FILE": filepath.Join(dir, "absent")} {
		wrong := maps.Clone(env)
		wrong[name] = extra
		if _, err := config.Load[config.Worker](t.Context(), envconfig.MapLookuper(wrong)); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if help := config.Help[config.Starter](); !strings.Contains(help, "CODEC_TOKEN_FILE") || strings.Contains(help, "KEYSET_FILE_FILE") {
		t.Errorf("help:\n%s", help)
	}
}

func TestWarnsOfAKeysetThatEverybodyReads(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "keyset")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for mode, want := range map[os.FileMode]string{0o600: "", 0o640: "", 0o644: "mode 0644", 0o602: "mode 0602"} {
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
		if got := (config.Keyset{File: file}).Warning(); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("mode %o: %q", mode, got)
		}
	}
	if got := (config.Keyset{}).Warning(); got != "" {
		t.Errorf("no file: %q", got)
	}
}

func TestHelpNamesEveryVariable(t *testing.T) {
	t.Parallel()
	help := config.Help[config.Worker]()
	for _, name := range []string{"DATABASE_URL", "KEYSET_FILE", "ZOOM_OAUTH_URL", "HARVEST_INTERVAL", "TEMPORAL_ADDRESS", "OTEL_"} {
		if !strings.Contains(help, name) {
			t.Errorf("%s is missing in:\n%s", name, help)
		}
	}
	for _, v := range config.Variables[config.Starter]() {
		if v.Help == "" {
			t.Errorf("%s has no help", v.Name)
		}
	}
}

func sprint(format string, value any) string { return fmt.Sprintf(format, value) }
