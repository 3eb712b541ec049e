package main

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"callweave/internal/macaddr"
	"callweave/internal/provider"
	"callweave/internal/world"
	"callweave/workflows"
)

// TestNothingRemains unlinks one org of two, then the other, and looks after each in every
// table, in a dump and in everything that Temporal has for what was theirs.
func TestNothingRemains(t *testing.T) {
	t.Parallel()
	m := startTest(t, t.TempDir())
	stopAtEnd(t, m)
	first, second := m.clouds.world.Orgs[0], m.clouds.world.Orgs[1]
	account := m.clouds.world.Accounts[0]
	linked(t, m, first)
	linked(t, m, second)
	// An offer that nobody takes goes with the link, too.
	if _, err := m.linkAccounts(t.Context(), first, m.api+"/console/"); err != nil {
		t.Fatal(err)
	}
	c, err := client.DialContext(t.Context(), client.Options{HostPort: m.temporal.Address()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	e := &erasure{m: m, temporal: c}
	e.requireRetention(t, first)

	e.unlink(t, first, nil)
	// What Zoom says of an account's meetings is the account's, as long as it has a link:
	// the addresses of everybody who was in them are among it.
	e.requireGone(t, ofOrg(first), append(proofs(), "legs"))

	e.unlink(t, second, account)
	for what, gone := range map[string]map[string]string{
		"the first org": ofOrg(first), "the second org": ofOrg(second), "the account": ofAccount(account),
	} {
		t.Log("looking for", what)
		e.requireGone(t, gone, proofs())
	}

	// The search itself is no use unless it finds what is there, wherever it is.
	for place, plant := range e.plants(t, first) {
		if err := plant(); err != nil {
			t.Fatalf("plant in %s: %v", place, err)
		}
		found := e.search(t, ofOrg(first), proofs())
		if len(found[place]) == 0 || (place != "executions" && len(found["the dump"]) == 0) {
			t.Errorf("what was planted in %s was found in %v only", place, slices.Collect(maps.Keys(found)))
		}
	}
}

// erasure looks for what was erased.
type erasure struct {
	m        *machine
	temporal client.Client
}

// requireRetention has an attempt to link that came to nothing forgotten by the schedule
// that the worker sees to.
func (e *erasure) requireRetention(t *testing.T, org *world.Org) {
	t.Helper()
	ctx := limit(t)
	_, err := e.m.db.Exec(ctx, `insert into authorizations (authorization_id, org_id, provider, requested_by, forward_url, verifier_sealed, expires_at)
		values (gen_random_uuid(), $1, 'zoom', 'long ago', '', '', now() - interval '2 days')`, org.ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.temporal.ScheduleClient().GetHandle(ctx, workflows.RetainID).Trigger(ctx, client.ScheduleTriggerOptions{
		Overlap: enumspb.SCHEDULE_OVERLAP_POLICY_BUFFER_ONE,
	}); err != nil {
		t.Fatal(err)
	}
	err = await(ctx, 200*time.Millisecond, func() (bool, error) {
		return len(e.column(t, `select requested_by from authorizations where requested_by = 'long ago'`)) == 0, nil
	})
	if err != nil {
		t.Fatalf("an attempt to link of two days ago is kept: %v", err)
	}
}

// unlink unlinks an org, the last one of account unless that is nil, and compares the
// receipt with what the database had. It returns when histories are erased as well.
func (e *erasure) unlink(t *testing.T, org *world.Org, account *world.Account) {
	t.Helper()
	ctx := limit(t)
	e.quiet(ctx, t, org)
	before := e.count(t, org, account)
	if err := e.m.deleteLink(ctx, org, e.m.clouds.world.Accounts[0].ID); err != nil {
		t.Fatal(err)
	}
	var got receipt
	err := await(ctx, 200*time.Millisecond, func() (bool, error) {
		var err error
		got, err = e.m.awaitReceipt(ctx, org)
		return err == nil && got.HistoriesErasedAt != nil, err
	})
	if err != nil {
		t.Fatalf("histories are not erased: %v; %d executions are left", err, got.ExecutionsLeft)
	}
	counted := maps.Clone(got.RowsBefore)
	maps.DeleteFunc(counted, func(_ string, rows int64) bool { return rows == 0 })
	if diff := cmp.Diff(before, counted); diff != "" {
		t.Errorf("rows before (-the database +the receipt):\n%s", diff)
	}
	for table, rows := range got.RowsAfter {
		if rows != 0 {
			t.Errorf("the receipt has %d rows left in %s", rows, table)
		}
	}
	if got.ExecutionsDeleted == 0 || got.FinishedAt.After(*got.HistoriesErasedAt) {
		t.Errorf("receipt: %d executions deleted by %s, rows by %s", got.ExecutionsDeleted, got.HistoriesErasedAt, got.FinishedAt)
	}
}

// quiet keeps account and org from being read until they are counted.
func (e *erasure) quiet(ctx context.Context, t *testing.T, org *world.Org) {
	t.Helper()
	ref := provider.AccountRef{Provider: provider.Zoom, AccountID: e.m.clouds.world.Accounts[0].ID}
	for _, id := range []string{workflows.HarvestID(ref), workflows.DevicesID(org.ID)} {
		if err := e.temporal.ScheduleClient().GetHandle(ctx, id).Pause(ctx, client.SchedulePauseOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	err := await(ctx, 200*time.Millisecond, func() (bool, error) {
		list, err := e.temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
			Query: "WorkflowType in ('Harvest', 'CollectDevices') and ExecutionStatus = 'Running'",
		})
		return len(list.GetExecutions()) == 0, err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// count is what the database has of an org, and of its account where that goes with it,
// by table. It knows the tables from the catalogue only.
func (e *erasure) count(t *testing.T, org *world.Org, account *world.Account) map[string]int64 {
	t.Helper()
	counts := map[string]int64{}
	add := func(table, condition string, id any) {
		var rows int64
		if err := e.m.db.QueryRow(t.Context(), "select count(*) from "+table+" where "+condition, id).Scan(&rows); err != nil {
			t.Fatal(err)
		}
		if rows > 0 {
			counts[table] = rows
		}
	}
	ofOrg := e.tablesWith(t, "org_id")
	for _, table := range ofOrg {
		if !slices.Contains(proofs(), table) {
			add(table, "org_id = $1", org.ID)
		}
	}
	if account == nil {
		return counts
	}
	for _, table := range e.tablesWith(t, "account_id") {
		if !slices.Contains(ofOrg, table) {
			add(table, "account_id = $1", account.ID)
		}
	}
	add("media_samples", "leg_id in (select leg_id from legs where account_id = $1)", account.ID)
	return counts
}

func (e *erasure) tablesWith(t *testing.T, column string) []string {
	t.Helper()
	tables, err := e.m.tablesWith(t.Context(), column)
	if err != nil {
		t.Fatal(err)
	}
	return tables
}

// column is what a query of one column returns.
func (e *erasure) column(t *testing.T, sql string, args ...any) []string {
	t.Helper()
	rows, err := e.m.db.Query(t.Context(), sql, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var values []string
	for rows.Next() {
		var value string
		if err := rows.Scan(&value); err != nil {
			t.Fatal(err)
		}
		values = append(values, value)
	}
	return values
}

// ofOrg is by what an org's data would be known, each with what it is.
func ofOrg(org *world.Org) map[string]string {
	known := map[string]string{org.ID.String(): "id of the org"}
	mac := func(a macaddr.Addr, what string) {
		known[a.String()] = what            // as Mist writes it
		known[a.Hardware().String()] = what // as Postgres does
	}
	for _, site := range org.Sites {
		known[site.ID.String()] = "id of a site"
		known[site.Name] = "name of a site"
		known[site.PublicIP.String()] = "address of a site"
		mac(site.Gateway.MAC, "gateway")
		for _, ap := range site.APs {
			mac(ap.MAC, "access point")
		}
	}
	for _, person := range org.People {
		known[person.Email] = "e-mail"
		for _, device := range person.Clients {
			mac(device.MAC, "client")
			known[device.Hostname] = "hostname"
		}
	}
	return known
}

func ofAccount(account *world.Account) map[string]string {
	known := map[string]string{account.ID: "id of the account", account.Company: "company", strconv.FormatInt(account.Number, 10): "number of the account"}
	for _, person := range account.People {
		known[person.ZoomUserID] = "user of the account"
	}
	return known
}

// plants hides something of an org in places that nobody thinks of.
func (e *erasure) plants(t *testing.T, org *world.Org) map[string]func() error {
	t.Helper()
	exec := func(sql string, args ...any) func() error {
		return func() error { _, err := e.m.db.Exec(t.Context(), sql, args...); return err }
	}
	device := org.People[0].Clients[0]
	return map[string]func() error{
		"vault.data_keys": exec("insert into vault.data_keys (scope, key_sealed) values ('planted', $1)", []byte("x"+device.Hostname)),
		"public.leases": exec("insert into leases (org_id, mac, from_at, source, to_at, site_id) values (gen_random_uuid(), $1, now(), 'planted', now(), gen_random_uuid())",
			device.MAC.String()),
		"executions": func() error {
			run, err := e.temporal.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "planted/" + org.ID.String(), TaskQueue: "nobody-listens"}, "Planted")
			if err != nil {
				return err
			}
			return await(t.Context(), 50*time.Millisecond, func() (bool, error) {
				list, err := e.temporal.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{Query: "WorkflowType = 'Planted'"})
				return len(list.GetExecutions()) > 0 && list.GetExecutions()[0].GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING && run.GetID() != "", err
			})
		},
	}
}
