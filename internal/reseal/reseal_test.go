package reseal_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"callweave/internal/reseal"
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

// bundle is a database with values sealed by the first of two keysets.
type bundle struct {
	store    *store.Store
	db       *pgx.Conn
	old, now *vault.Master
	org      uuid.UUID
}

func master(t *testing.T, text secret.Text) *vault.Master {
	t.Helper()
	m, err := vault.OpenMaster(text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func setup(t *testing.T) *bundle {
	t.Helper()
	url := testenv.Postgres(t)
	b := &bundle{org: uuid.New()}
	var err error
	if b.store, err = store.Open(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.store.Close)
	if b.db, err = pgx.Connect(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.db.Close(context.Background()) })
	before, err := vault.NewKeyset()
	if err != nil {
		t.Fatal(err)
	}
	added, _, err := vault.AddKey(before)
	if err != nil {
		t.Fatal(err)
	}
	promoted, _, err := vault.PromoteKey(added, 0)
	if err != nil {
		t.Fatal(err)
	}
	b.old, b.now = master(t, added), master(t, promoted)
	b.seed(t)
	return b
}

func (b *bundle) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	if _, err := b.db.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func (b *bundle) seal(t *testing.T, purpose vault.Purpose) []byte {
	t.Helper()
	sealed, err := b.old.Seal(purpose, []byte(purpose))
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

// seed puts three values into every place.
func (b *bundle) seed(t *testing.T) {
	t.Helper()
	for _, scope := range []vault.Scope{"org/a", "org/b", "org/c"} {
		if _, err := vault.New(b.old, b.store).Key(t.Context(), scope); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 3 {
		org := b.org
		if i > 0 {
			org = uuid.New()
		}
		b.exec(t, `insert into orgs (org_id, name, mist_url, mist_token_sealed) values ($1, 'Org', '', $2)`, org, b.seal(t, vault.PurposeNetworkToken))
		b.exec(t, `insert into authorizations (authorization_id, org_id, provider, requested_by, forward_url, verifier_sealed, code_sealed, expires_at)
			values (gen_random_uuid(), $1, 'zoom', 'cli', '', $2, $3, now())`,
			org, b.seal(t, vault.PurposeVerifier), b.seal(t, vault.PurposeCode))
		b.exec(t, "insert into unlanded_grants (authorization_id, provider, grant_sealed) values (gen_random_uuid(), 'zoom', $1)", b.seal(t, vault.PurposeGrant))
		b.exec(t, `insert into authorizations (authorization_id, org_id, provider, requested_by, forward_url, verifier_sealed, expires_at)
			values (gen_random_uuid(), $1, 'zoom', 'cli', '', '', now())`, org) // ended: its secrets are gone
		b.exec(t, `with r as (
				insert into receipts (provider, account_id, org_id, reason, fenced_at, last_link) values ('zoom', 'acc', $1, 'test', now(), true) returning receipt_id
			) insert into revocations (receipt_id, provider, account_id, grant_sealed) select receipt_id, 'zoom', 'acc', $2 from r`, org, b.seal(t, vault.PurposeGrant))
	}
}

func (b *bundle) count(t *testing.T) reseal.Census {
	t.Helper()
	census, err := reseal.Count(t.Context(), b.store, b.now)
	if err != nil {
		t.Fatal(err)
	}
	return census
}

// pass runs a whole pass in batches.
func (b *bundle) pass(t *testing.T, s reseal.Store, limit int) (resealed, unreadable int) {
	t.Helper()
	for at := (reseal.Cursor{}); ; {
		progress, err := reseal.Batch(t.Context(), s, b.now, at, limit)
		if err != nil {
			t.Fatal(err)
		}
		resealed, unreadable, at = resealed+progress.Resealed, unreadable+progress.Unreadable, progress.Next
		if progress.Done {
			return resealed, unreadable
		}
	}
}

func TestEverythingIsResealed(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{1, 4, 1000} {
		b := setup(t)
		places := map[string]int64{}
		for _, place := range store.SealedPlaces() {
			places[place.Name] = 3
		}
		census := b.count(t)
		if diff := cmp.Diff(places, census.Of(b.old.PrimaryID()).Places); diff != "" {
			t.Errorf("before (-want +got):\n%s", diff)
		}
		if census.Left() != 18 || census.Of(b.now.PrimaryID()).Values != 0 {
			t.Errorf("before: %+v", census)
		}
		if resealed, unreadable := b.pass(t, b.store, limit); resealed != 18 || unreadable != 0 {
			t.Errorf("resealed %d, unreadable %d", resealed, unreadable)
		}
		if census = b.count(t); census.Left() != 0 || census.Of(b.now.PrimaryID()).Values != 18 {
			t.Errorf("after: %+v", census)
		}
		if resealed, _ := b.pass(t, b.store, limit); resealed != 0 {
			t.Errorf("the second pass resealed %d", resealed)
		}
		org, err := b.store.Org(t.Context(), b.org)
		if err != nil {
			t.Fatal(err)
		}
		if token, err := b.now.OpenText(vault.PurposeNetworkToken, org.MistTokenSealed); err != nil || token.Reveal() != string(vault.PurposeNetworkToken) {
			t.Errorf("the network's token: %v", err)
		}
		if _, err := vault.New(b.now, b.store).Key(t.Context(), "org/a"); err != nil {
			t.Error(err)
		}
	}
}

// What no key opens is counted and left alone; it holds up nothing.
func TestUnreadableValuesAreLeftAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(t, `update orgs set mist_token_sealed = '\x00' where org_id = $1`, b.org)
	foreign := master(t, func() secret.Text {
		text, err := vault.NewKeyset()
		if err != nil {
			t.Fatal(err)
		}
		return text
	}())
	sealed, err := foreign.Seal(vault.PurposeGrant, []byte("grant"))
	if err != nil {
		t.Fatal(err)
	}
	b.exec(t, `update revocations set grant_sealed = $1`, sealed)
	if resealed, unreadable := b.pass(t, b.store, 5); resealed != 14 || unreadable != 4 {
		t.Errorf("resealed %d, unreadable %d", resealed, unreadable)
	}
	census := b.count(t)
	if use := census.Of(foreign.PrimaryID()); census.Unmarked != 1 || use.Values != 3 || use.InKeyset || census.Left() != 0 {
		t.Errorf("census %+v", census)
	}
}

// racing writes a value of its own between the look at a value and its replacement.
type racing struct {
	reseal.Store
	write func()
}

func (r *racing) ReplaceSealed(ctx context.Context, place store.SealedPlace, id string, sealed, resealed []byte) (bool, error) {
	if r.write != nil && place.Name == "revocations.grant_sealed" {
		r.write()
		r.write = nil
	}
	return r.Store.ReplaceSealed(ctx, place, id, sealed, resealed)
}

func TestAWriterWins(t *testing.T) {
	t.Parallel()
	b := setup(t)
	written := b.seal(t, vault.PurposeGrant)
	s := &racing{Store: b.store, write: func() { b.exec(t, `update revocations set grant_sealed = $1`, written) }}
	b.pass(t, s, 100)
	var kept []byte
	if err := b.db.QueryRow(t.Context(), `select grant_sealed from revocations order by receipt_id::text limit 1`).Scan(&kept); err != nil {
		t.Fatal(err)
	}
	if string(kept) != string(written) {
		t.Error("what was written meanwhile is lost")
	}
	b.pass(t, s, 100)
	if left := b.count(t).Left(); left != 0 {
		t.Errorf("%d values are left after the next pass", left)
	}
}

// Whoever adds a sealed column says here which key seals it.
func TestEverySealedColumnIsKnown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	byDataKeys := []string{
		"accounts.company_sealed", "credentials.grant_sealed", "credentials.prior_grant_sealed", "device_states.state_sealed",
		"leases.hostname_sealed", "legs.person_sealed", "links.linked_by_sealed", "matches.person_sealed", "meetings.host_sealed",
	}
	known := map[string]bool{}
	for _, name := range byDataKeys {
		known[name] = true
	}
	for _, place := range store.SealedPlaces() {
		known[strings.TrimPrefix(place.Name, "public.")] = true
	}
	rows, err := b.db.Query(t.Context(), `select case table_schema when 'public' then '' else table_schema || '.' end || table_name || '.' || column_name
		from information_schema.columns where column_name like '%\_sealed' and table_schema in ('public', 'vault')`)
	if err != nil {
		t.Fatal(err)
	}
	columns, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	for _, column := range columns {
		if !known[column] {
			t.Errorf("%s is sealed, by which key? Add it to store.SealedPlaces or to the columns that data keys seal", column)
		}
		delete(known, column)
	}
	for column := range known {
		t.Errorf("%s is not in the schema", column)
	}
}
