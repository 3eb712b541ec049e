package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"callweave/internal/child"
)

// buildPrograms builds worker and starter from the checkout that the command runs in.
func (m *machine) buildPrograms(ctx context.Context, p *progress) (string, error) {
	build := exec.CommandContext(ctx, "go", "build", "-o", m.dirs.bin+string(filepath.Separator), "callweave/worker", "callweave/starter")
	build.Stdout, build.Stderr = p, p
	if err := build.Run(); err != nil {
		return "", fmt.Errorf("go build (run this inside the repository): %w", err)
	}
	return "", m.configure()
}

// configure makes the environment of worker and starter.
func (m *machine) configure() error {
	keyset := filepath.Join(m.dirs.root, "keyset")
	if err := writePrivate(keyset, []byte(m.kept.Keyset)); err != nil {
		return err
	}
	m.settings = append([]string{
		"DATABASE_URL=" + m.postgres.URL(database),
		"TEMPORAL_ADDRESS=" + m.temporal.Address(), "TEMPORAL_NAMESPACE=" + m.temporal.Namespace(),
		"PUBLIC_URL=" + m.api, "KEYSET_FILE=" + keyset, "LOG_LEVEL=" + m.opts.log,
		"ZOOM_CLIENT_ID=" + zoomClientID, "ZOOM_CLIENT_SECRET=" + m.kept.ZoomSecret, "ZOOM_WEBHOOK_SECRET=" + m.kept.ZoomWebhook,
		"ZOOM_OAUTH_URL=" + m.clouds.zoomURL + "/oauth", "ZOOM_API_URL=" + m.clouds.zoomURL + "/v2",
		"TEMPORAL_UI_URL=" + m.temporal.UIURL(), "CODEC_ALLOW_LOOPBACK=true",
	}, m.opts.env...)
	m.env = append(os.Environ(), m.settings...)
	return nil
}

func (m *machine) migrate(ctx context.Context, _ *progress) (string, error) {
	return "", m.starter(ctx, nil, "migrate")
}

func (m *machine) startWorker(ctx context.Context, p *progress) (string, error) {
	port, err := m.choosePort(ctx, p, "the worker", 8081)
	if err != nil {
		return "", err
	}
	addr := fmt.Sprintf("%s:%d", loopback, port)
	return "http://" + addr, m.startProgram(ctx, "worker", addr)
}

func (m *machine) startStarter(ctx context.Context, _ *progress) (string, error) {
	addr := fmt.Sprintf("%s:%d", loopback, m.apiPort)
	return m.api, m.startProgram(ctx, "starter", addr, "serve")
}

func (m *machine) startProgram(ctx context.Context, name, addr string, args ...string) error {
	log, err := m.logFile(name)
	if err != nil {
		return err
	}
	command := exec.Command(filepath.Join(m.dirs.bin, name), args...) //nolint:noctx // it ends with the machine, in its turn
	command.Env = append(append([]string{}, m.env...), "LISTEN_ADDR="+addr)
	command.Stdout, command.Stderr = log, log
	process, err := child.Start(command, syscall.SIGTERM)
	if err != nil {
		return err
	}
	m.programs[name] = process
	m.added("the "+name, func(ctx context.Context) error { return process.Stop(ctx, syscall.SIGTERM) }, process.Done())
	if err := ready(ctx, "http://"+addr, process.Done()); err != nil {
		return fmt.Errorf("%w; the end of its log:\n%s", err, excerpt(filepath.Join(m.dirs.logs, name+".log")))
	}
	return nil
}

// starter runs a verb of the starter's command line and decodes what it prints into
// result, unless that is nil.
func (m *machine) starter(ctx context.Context, result any, args ...string) error {
	if result != nil {
		args = append(args, "-o", "json")
	}
	command := exec.CommandContext(ctx, filepath.Join(m.dirs.bin, "starter"), args...)
	command.Env = m.env
	var out, problems bytes.Buffer
	command.Stdout, command.Stderr = &out, &problems
	if err := command.Run(); err != nil {
		return fmt.Errorf("starter %s: %w\n%s", strings.Join(args, " "), err, strings.TrimSpace(problems.String()))
	}
	if result != nil {
		if err := json.Unmarshal(out.Bytes(), result); err != nil {
			return fmt.Errorf("starter %s: unreadable answer: %w", strings.Join(args, " "), err)
		}
	}
	return nil
}

// addOrgs makes the world's orgs known, as their administrators would.
func (m *machine) addOrgs(ctx context.Context, _ *progress) (string, error) {
	for _, org := range m.clouds.world.Orgs {
		id := org.ID.String()
		file := filepath.Join(m.dirs.root, "mist-token-"+id)
		if err := writePrivate(file, []byte(m.kept.MistTokens[id])); err != nil {
			return "", err
		}
		err := m.starter(ctx, nil, "org", "add", "--id", id, "--name", org.Name, "--mist-url", m.clouds.mistURL, "--mist-token-file", file)
		if err = errors.Join(err, os.Remove(file)); err != nil {
			return "", err
		}
		for role, tokens := range map[string]map[string]string{"admin": m.kept.AdminTokens, "helpdesk": m.kept.HelpdeskToks, "observer": m.kept.ObserverToks} {
			if tokens[id] != "" {
				continue
			}
			var made struct {
				Token string `json:"token"`
			}
			if err := m.starter(ctx, &made, "token", "create", "--org", id, "--role", role); err != nil {
				return "", err
			}
			tokens[id] = made.Token
		}
	}
	return fmt.Sprintf("%d orgs", len(m.clouds.world.Orgs)), m.kept.save()
}
