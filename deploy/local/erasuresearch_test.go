package main

import (
	"bytes"
	"fmt"
	"regexp"
	"testing"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/proxy"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"callweave/internal/secret"
	"callweave/internal/temporalclient"
	"callweave/internal/vault"
)

// requireGone fails for everything that is still found of what is to be gone.
func (e *erasure) requireGone(t *testing.T, gone map[string]string, except []string) {
	t.Helper()
	for place, leaks := range e.search(t, gone, except) {
		for _, leak := range leaks {
			t.Errorf("%s: %s", place, leak)
		}
	}
}

// search looks in every table but the excepted, in a dump without these, and in all
// executions, histories and schedules of Temporal. Payloads are opened where nothing
// but proofs is excepted: harvests of an account that lives name the orgs they wove for,
// sealed, until Temporal's retention takes them.
func (e *erasure) search(t *testing.T, gone map[string]string, except []string) map[string][]string {
	t.Helper()
	wanted := map[string][]string{}
	for text, what := range gone {
		wanted[what] = append(wanted[what], text)
	}
	places := e.tables(t, except)
	var exclude []string
	for _, table := range except { // and what it may be partitioned into
		exclude = append(exclude, "--exclude-table-data="+table, "--exclude-table-data="+table+"_p[0-9]*")
	}
	places["the dump"] = dump(t, e.m, exclude...)
	opened := len(except) == len(proofs())
	for place, query := range map[string]string{"executions": "", "executions of schedules": "TemporalNamespaceDivision = 'TemporalScheduler'"} {
		places[place] = e.executions(t, query, opened)
	}
	found := map[string][]string{}
	for place, text := range places {
		if leaks := search(text, wanted); len(leaks) > 0 {
			found[place] = leaks
		}
	}
	return found
}

// tables is the content of every table, all columns as text, bytes also as they are.
func (e *erasure) tables(t *testing.T, except []string) map[string][]byte {
	t.Helper()
	partition := regexp.MustCompile(`_p\d{8}$`) // of a day
	names := e.column(t, `select format('%I.%I', table_schema, table_name) from information_schema.tables
		where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')`)
	if len(names) < 20 {
		t.Errorf("%d tables: nothing to look at", len(names))
	}
	skip := map[string]bool{}
	for _, table := range except {
		skip["public."+table] = true
	}
	contents := map[string][]byte{}
	for _, name := range names {
		if skip[partition.ReplaceAllString(name, "")] {
			continue
		}
		var text bytes.Buffer
		for _, row := range e.column(t, fmt.Sprintf("select x::text from %s x", name)) {
			text.WriteString(row + "\n")
			text.Write(unhexed([]byte(row)))
		}
		contents[name] = text.Bytes()
	}
	return contents
}

// executions is everything that Temporal has: executions with their histories.
func (e *erasure) executions(t *testing.T, query string, opened bool) []byte {
	t.Helper()
	master, err := vault.OpenMaster(secret.New(e.m.kept.Keyset))
	if err != nil {
		t.Fatal(err)
	}
	codec := temporalclient.NewCodec(master)
	var all bytes.Buffer
	keep := func(message proto.Message) {
		if opened {
			err := proxy.VisitPayloads(t.Context(), message, proxy.VisitPayloadsOptions{
				SkipSearchAttributes: true,
				Visitor: func(_ *proxy.VisitPayloadsContext, sealed []*commonpb.Payload) ([]*commonpb.Payload, error) {
					return codec.Decode(sealed)
				},
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		all.WriteString(prototext.Format(message))
	}
	list, err := e.temporal.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{Query: query, PageSize: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, execution := range list.GetExecutions() {
		keep(execution)
		id, run := execution.GetExecution().GetWorkflowId(), execution.GetExecution().GetRunId()
		events := e.temporal.GetWorkflowHistory(t.Context(), id, run, false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for events.HasNext() {
			event, err := events.Next()
			if err != nil {
				t.Fatal(err)
			}
			keep(event)
		}
	}
	return all.Bytes()
}
