package check

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"

	"callweave/internal/config"
)

// load reads the composition as `docker compose` does, with the variables of .env.example.
func load(t *testing.T) *types.Project {
	t.Helper()
	env, err := dotenv.Read("../compose/.env.example")
	if err != nil {
		t.Fatal(err)
	}
	dir, err := filepath.Abs("../compose")
	if err != nil {
		t.Fatal(err)
	}
	project, err := loader.LoadWithContext(context.Background(), types.ConfigDetails{
		WorkingDir: dir, ConfigFiles: []types.ConfigFile{{Filename: filepath.Join(dir, "compose.yaml")}}, Environment: env,
	})
	if err != nil {
		t.Fatal(err)
	}
	return project
}

// The composition has all parts. Nothing listens on more than loopback, what is mounted is
// there, programs know the variables that they are given, and no secret is among them.
func TestComposition(t *testing.T) {
	t.Parallel()
	project := load(t)
	for _, name := range []string{"postgres", "migrate", "worker", "starter", "temporal", "temporal-postgres", "temporal-ui", "otel-collector", "prometheus", "grafana"} {
		if _, ok := project.Services[name]; !ok {
			t.Errorf("no service %s", name)
		}
	}
	for name, service := range project.Services {
		for _, port := range service.Ports {
			if port.HostIP != "127.0.0.1" {
				t.Errorf("%s listens on %q", name, port.HostIP)
			}
		}
		for _, volume := range service.Volumes {
			if volume.Type == types.VolumeTypeBind {
				if _, err := os.Stat(volume.Source); err != nil {
					t.Errorf("%s mounts what is not there: %v", name, err)
				}
			}
		}
		for variable, value := range service.Environment {
			if value != nil && regexp.MustCompile(`PASSWORD$|SECRET$|TOKEN$|^KEYSET$|^DATABASE_URL$|_PWD$`).MatchString(variable) {
				t.Errorf("%s has a secret in its environment: %s", name, variable)
			}
		}
	}
	for name, variables := range map[string][]config.Variable{
		"worker": config.Variables[config.Worker](), "starter": config.Variables[config.Starter](), "migrate": config.Variables[config.Database](),
	} {
		known := map[string]bool{"OTEL_EXPORTER_OTLP_ENDPOINT": true, "OTEL_EXPORTER_OTLP_PROTOCOL": true}
		for _, v := range variables {
			known[v.Name], known[v.Name+"_FILE"] = true, true
		}
		for variable := range project.Services[name].Environment {
			if !known[variable] {
				t.Errorf("%s does not know %s", name, variable)
			}
		}
	}
	for name := range maps.Keys(project.Secrets) {
		text, err := os.ReadFile("../compose/make-secrets")
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), name) {
			t.Errorf("make-secrets does not know %s", name)
		}
	}
}
