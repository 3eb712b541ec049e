package credentials

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"callweave/internal/provider"
	"callweave/internal/secret"
	"callweave/internal/store"
	"callweave/internal/vault"
	"callweave/internal/world/zoomwindow"
	"callweave/internal/zoom"
)

// What a program of its own needs to refresh the pair: this test binary once more.
const (
	envDatabase = "CALLWEAVE_TEST_REFRESH_DATABASE"
	envKeyset   = "CALLWEAVE_TEST_REFRESH_KEYSET"
	envZoom     = "CALLWEAVE_TEST_REFRESH_ZOOM"
	envAccount  = "CALLWEAVE_TEST_REFRESH_ACCOUNT"
)

// refreshAsProgram refreshes the pair named by the environment and exits, if it does.
func refreshAsProgram(ctx context.Context) error {
	s, err := store.Open(ctx, os.Getenv(envDatabase))
	if err != nil {
		return err
	}
	defer s.Close()
	master, err := vault.OpenMaster(secret.New(os.Getenv(envKeyset)))
	if err != nil {
		return err
	}
	service := zoom.New(zoom.Config{
		ClientID: clientID, ClientSecret: secret.New(clientSecret), RedirectURL: redirectURL,
		OAuthURL: os.Getenv(envZoom) + "/oauth", APIURL: os.Getenv(envZoom) + "/v2",
	})
	manager := New(s, vault.New(master, s), Config{Now: func() time.Time { return time.Now().Add(nearlyOver) }}, service)
	_, err = manager.Access(ctx, provider.AccountRef{Provider: provider.Zoom, AccountID: os.Getenv(envAccount)})
	return err
}

// refreshing starts a program that refreshes the pair; kill ends it as a crash does.
func (b *bundle) refreshing(t *testing.T) (kill func()) {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), program, "-test.run=^$")
	command.Env = append(os.Environ(), envDatabase+"="+b.database, envKeyset+"="+b.keyset.Reveal(), envZoom+"="+b.server.URL, envAccount+"="+b.ref.AccountID)
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	return func() {
		t.Helper()
		select {
		case err := <-ended:
			t.Fatalf("the program ended by itself: %v", err)
		default:
		}
		_ = command.Process.Kill()
		<-ended
	}
}

// killWaiting kills a program after Zoom rotated the pair and before its reply arrives.
func killWaiting(t *testing.T, b *bundle) {
	t.Helper()
	fault, err := b.window.Faults.Add(zoomwindow.Fault{Kind: zoomwindow.FaultHangAfter, Path: "^/oauth/token$", GrantType: "refresh_token"})
	if err != nil {
		t.Fatal(err)
	}
	kill := b.refreshing(t)
	select {
	case <-fault.Hits():
	case <-time.After(time.Minute):
		t.Fatal("the program did not ask Zoom")
	}
	for b.refreshes() == 0 { // it strikes before the work is done
		b.number(t, "select 1")
	}
	kill()
	fault.Release()
	b.requireInFlight(t)
}

// killCommitting kills a program that has the new pair and cannot commit it: the audit
// log, which every rotation writes to, is locked.
func killCommitting(t *testing.T, b *bundle) {
	t.Helper()
	tx, err := b.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.Background()) }()
	if _, err := tx.Exec(t.Context(), "lock table audit_log in exclusive mode"); err != nil {
		t.Fatal(err)
	}
	kill := b.refreshing(t)
	deadline := time.Now().Add(time.Minute)
	for b.number(t, "select count(*) from pg_locks where relation = 'audit_log'::regclass and not granted and database = (select oid from pg_database where datname = current_database())") == 0 {
		if time.Now().After(deadline) {
			t.Fatal("the program did not try to store the pair")
		}
	}
	kill()
	b.requireInFlight(t)
}

// requireInFlight requires that whoever looks now sees that a refresh was begun.
func (b *bundle) requireInFlight(t *testing.T) {
	t.Helper()
	if n := b.refreshes(); n != 1 {
		t.Fatalf("Zoom gave %d pairs, want 1", n)
	}
	if row := b.row(t); row.Generation != 1 || row.RefreshBeganAt == nil {
		t.Fatalf("generation %d, refresh begun at %v: want the old pair and a refresh in flight", row.Generation, row.RefreshBeganAt)
	}
}

func (b *bundle) number(t *testing.T, sql string) (n int) {
	t.Helper()
	if err := b.pool.QueryRow(t.Context(), sql).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
