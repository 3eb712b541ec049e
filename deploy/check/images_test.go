package check

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"

	"callweave/internal/child"
	"callweave/internal/freeport"
	"callweave/internal/testenv"
	"callweave/internal/vault"
)

func TestMain(m *testing.M) {
	// The repository is two directories up, and its tools with it.
	if path, err := filepath.Abs("../../.local/bin/temporal"); err == nil && os.Getenv("TEMPORAL_CLI") == "" {
		if _, err := os.Stat(path); err == nil {
			_ = os.Setenv("TEMPORAL_CLI", path)
		}
	}
	testenv.Main(m)
}

// image is what a target of the Dockerfile says.
type image struct {
	entrypoint, command []string
	env                 map[string]string
	health              []string
}

// dockerfile reads the build command and the final targets.
func dockerfile(t *testing.T) (build []string, images map[string]image) {
	t.Helper()
	raw, err := os.ReadFile("../docker/Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(raw), "\\\n", " ")
	words := func(list string) (all []string) {
		for _, word := range regexp.MustCompile(`"([^"]*)"`).FindAllStringSubmatch(list, -1) {
			all = append(all, word[1])
		}
		return all
	}
	images = map[string]image{}
	var name string
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		current := images[name]
		switch fields[0] {
		case "FROM":
			name, current = fields[len(fields)-1], image{env: map[string]string{}}
		case "ENTRYPOINT":
			current.entrypoint = words(line)
		case "CMD":
			current.command = words(line)
		case "HEALTHCHECK":
			current.health = words(line)
		case "ENV":
			variable, value, _ := strings.Cut(fields[1], "=")
			current.env[variable] = value
		case "USER":
			if fields[1] == "0" || strings.HasPrefix(fields[1], "root") {
				t.Error("an image runs as root")
			}
		case "RUN":
			if i := strings.Index(line, "CGO_ENABLED"); i >= 0 {
				build = strings.Fields(line[i:])
			}
		}
		images[name] = current
	}
	return build, images
}

// stack is the composition as plain processes: binaries in a directory instead of images,
// files in another instead of /run/secrets, addresses of this machine instead of names.
type stack struct {
	project *types.Project
	images  map[string]image
	bin     string
	secrets string
	replace *strings.Replacer
}

// The programs start, get ready and stop with nothing but what the Dockerfile and the
// composition give them.
func TestImagesRunAsComposed(t *testing.T) {
	t.Parallel()
	namespace := testenv.Temporal(t)
	s := &stack{project: load(t), bin: t.TempDir(), secrets: t.TempDir()}
	var build []string
	build, s.images = dockerfile(t)
	s.build(t, build)
	s.writeSecrets(t, map[string]string{"database_url": testenv.EmptyPostgres(t), "zoom_client_secret": "hush-hush", "codec_token": strings.Repeat("c", 48)})
	ports := map[string]string{"worker": port(t), "starter": port(t)}
	metrics := port(t)
	s.replace = strings.NewReplacer("/run/secrets/", s.secrets+"/", "temporal:7233", namespace.Address, ":9464", "127.0.0.1:"+metrics)

	if out, err := s.command(t, "migrate", nil).CombinedOutput(); err != nil {
		t.Fatalf("migrate: %v\n%s", err, out)
	}
	for _, name := range []string{"worker", "starter"} {
		address := net.JoinHostPort("127.0.0.1", ports[name])
		extra := []string{"LISTEN_ADDR=" + address, "TEMPORAL_NAMESPACE=" + namespace.Namespace, "OTEL_TRACES_EXPORTER=none"}
		if out, err := s.health(t, name, extra).CombinedOutput(); err == nil {
			t.Fatalf("%s is healthy before it runs: %s", name, out)
		}
		command := s.command(t, name, extra)
		log := &output{}
		command.Stdout, command.Stderr = log, log
		process, err := child.Start(command, syscall.SIGTERM)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = process.Stop(context.Background(), syscall.SIGKILL) })
		testenv.Eventually(t, func() string {
			select {
			case <-process.Done():
				t.Fatalf("%s ended: %s", name, log.text())
			default:
			}
			return status("http://" + address + "/readyz")
		})
		if out, err := s.health(t, name, extra).CombinedOutput(); err != nil {
			t.Errorf("%s is not healthy: %v\n%s", name, err, out)
		}
		defer func() {
			if err := process.Stop(context.Background(), syscall.SIGTERM); err != nil {
				t.Errorf("%s does not stop as told: %v\n%s", name, err, log.text())
			}
		}()
	}
	for _, url := range []string{"http://127.0.0.1:" + metrics + "/metrics", "http://127.0.0.1:" + ports["worker"] + "/metrics"} {
		if wrong := status(url); wrong != "" {
			t.Error(wrong)
		}
	}
}

func status(url string) string {
	response, err := http.Get(url)
	if err != nil {
		return err.Error()
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return url + ": " + response.Status
	}
	return ""
}

func port(t *testing.T) string {
	t.Helper()
	free, err := freeport.Any(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return strconv.Itoa(free)
}

// build runs the Dockerfile's own command, for this machine.
func (s *stack) build(t *testing.T, build []string) {
	t.Helper()
	i := 0
	for ; i < len(build) && strings.Contains(build[i], "="); i++ {
	}
	if len(build) < i+3 || build[i] != "go" {
		t.Fatalf("the Dockerfile builds with %v", build)
	}
	args := strings.ReplaceAll(strings.ReplaceAll(strings.Join(build[i+1:], " "), "/out/", s.bin+"/"), `"`, "")
	// The linker's flags are one word.
	args = strings.ReplaceAll(args, "-ldflags=-s -w", "-ldflags=-s\u00a0-w")
	words := strings.Fields(strings.ReplaceAll(args, "\u00a0", "\x00"))
	for j := range words {
		words[j] = strings.ReplaceAll(words[j], "\x00", " ")
	}
	command := exec.CommandContext(t.Context(), "go", words...)
	command.Dir = "../.."
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", words, err, out)
	}
}

// writeSecrets makes every secret of the composition; those that nobody gives are empty, as
// make-secrets leaves them.
func (s *stack) writeSecrets(t *testing.T, given map[string]string) {
	t.Helper()
	keyset, err := vault.NewKeyset()
	if err != nil {
		t.Fatal(err)
	}
	given["keyset"] = keyset.Reveal()
	for name := range s.project.Secrets {
		if err := os.WriteFile(filepath.Join(s.secrets, name), []byte(given[name]+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// command is a service: the image's entry point with the service's command and environment.
func (s *stack) command(t *testing.T, service string, extra []string) *exec.Cmd {
	t.Helper()
	config := s.project.Services[service]
	image := s.images[config.Build.Target]
	words := append([]string{}, image.entrypoint...)
	if config.Command != nil {
		words = append(words, config.Command...)
	} else {
		words = append(words, image.command...)
	}
	return s.run(t, words, image, config, extra)
}

// health is how the composition asks a service, and how the image does.
func (s *stack) health(t *testing.T, service string, extra []string) *exec.Cmd {
	t.Helper()
	config := s.project.Services[service]
	image := s.images[config.Build.Target]
	test := config.HealthCheck.Test
	if test[0] != "CMD" || strings.Join(test[1:], " ") != strings.Join(image.health, " ") {
		t.Errorf("%s: the composition asks by %v, the image by %v", service, test, image.health)
	}
	return s.run(t, test[1:], image, config, extra)
}

func (s *stack) run(t *testing.T, words []string, image image, config types.ServiceConfig, extra []string) *exec.Cmd {
	t.Helper()
	command := exec.Command(filepath.Join(s.bin, words[0]), words[1:]...) //nolint:noctx // ends in its turn
	env := map[string]string{"PATH": "/nowhere"}
	for name, value := range image.env {
		env[name] = value
	}
	for name, value := range config.Environment {
		if value == nil {
			t.Fatalf("%s has no value", name)
		}
		env[name] = s.replace.Replace(*value)
	}
	for name, value := range env {
		command.Env = append(command.Env, fmt.Sprintf("%s=%s", name, value))
	}
	command.Env = append(command.Env, extra...)
	return command
}

// output is what a process prints.
type output struct{ buffer bytes.Buffer }

func (o *output) Write(p []byte) (int, error) { return o.buffer.Write(p) }
func (o *output) text() string                { return o.buffer.String() }
