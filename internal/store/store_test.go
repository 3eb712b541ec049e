package store

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"

	"callweave/internal/testenv"
)

// open opens a database with options.
func open(t *testing.T, url string, options ...Option) *Store {
	t.Helper()
	s, err := Open(t.Context(), url, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func TestStatementTimeout(t *testing.T) {
	t.Parallel()
	url := testenv.Postgres(t)
	tests := map[string]struct {
		url     string
		options []Option
		want    string
	}{
		"by default":             {url: url, want: "2min"},
		"by the URL":             {url: url + "&statement_timeout=7000", want: "7s"},
		"by option, not the URL": {url: url + "&statement_timeout=7000", options: []Option{WithStatementTimeout(time.Second)}, want: "1s"},
		"none":                   {url: url, options: []Option{WithStatementTimeout(0)}, want: "0"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, test.url, test.options...)
			var got string
			if err := s.pool.QueryRow(t.Context(), `show statement_timeout`).Scan(&got); err != nil || got != test.want {
				t.Errorf("statement_timeout = %q, %v, want %q", got, err, test.want)
			}
		})
	}
}

// A statement that hangs is ended; counting for an erasure is not, however long it takes.
func TestStatementTimeoutSparesTheCount(t *testing.T) {
	t.Parallel()
	url := testenv.Postgres(t)
	patient, s := open(t, url), open(t, url, WithStatementTimeout(2*time.Second))
	_, err := s.pool.Exec(t.Context(), `select pg_sleep(60)`)
	if refusal, ok := errors.AsType[*pgconn.PgError](err); !ok || refusal.Code != "57014" {
		t.Fatalf("a statement of a minute = %v, want it ended", err)
	}
	x, a := zoomAccount("account-x"), uuid.New()
	seedOrg(t, patient, a)
	seedAccount(t, patient, x)
	seedLink(t, patient, x, a)
	receipt, err := s.Fence(t.Context(), x, a, "test", "admin")
	if err != nil {
		t.Fatal(err)
	}
	holding := begin(t, patient)
	if _, err := holding.Exec(t.Context(), `lock table call_minutes`); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.CountErasure(t.Context(), receipt.ReceiptID) }()
	for waited := false; !waited && len(ended) == 0; {
		err := patient.pool.QueryRow(t.Context(), `select coalesce(max(clock_timestamp() - query_start) > interval '2.5 seconds', false)
			from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`).Scan(&waited)
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := holding.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("CountErasure = %v", err)
	}
}
