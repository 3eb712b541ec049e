package main

import (
	"encoding/hex"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"go.temporal.io/sdk/client"

	"callweave/internal/freeport"
	"callweave/internal/provider"
	"callweave/internal/testenv"
	"callweave/internal/world"
	"callweave/workflows"
)

// TestTheOperatorsDesk looks at a running machine as an operator does: by its traces, its
// metrics, and the commands of docs/operate.md.
func TestTheOperatorsDesk(t *testing.T) {
	t.Parallel()
	spans := startCollector(t)
	port, err := freeport.Any(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	metrics := net.JoinHostPort(loopback, strconv.Itoa(port))
	m := startTest(t, t.TempDir(), append(spans.env(), "METRICS_ADDR="+metrics)...)
	stopAtEnd(t, m)
	linked(t, m, m.clouds.world.Orgs[0])
	t.Run("a harvest is one trace", func(t *testing.T) { checkHarvestTrace(t, m, spans) })
	t.Run("so is what is woven", func(t *testing.T) { checkWeaveTrace(t, spans) })
	t.Run("an authorization is one trace", func(t *testing.T) { checkAuthorizeTrace(t, spans) })
	t.Run("a link is seen while it lives", func(t *testing.T) { checkLinkTrace(t, m, spans) })
	t.Run("traces name nobody", func(t *testing.T) { checkTracesNameNobody(t, m, spans) })
	t.Run("dashboards and alerts show what is exported", func(t *testing.T) {
		checkMetrics(t, m, "http://"+listening(t, m, "worker")+"/metrics", "http://"+metrics+"/metrics")
	})
}

// checkHarvestTrace wants a trace that begins with a run of the account's schedule and
// holds everything down to the COPY of what was read.
func checkHarvestTrace(t *testing.T, m *machine, spans *collector) {
	t.Helper()
	schedule := "harvest/zoom/" + m.clouds.world.Accounts[0].ID
	isRoot := func(span *tracepb.Span) bool {
		return span.GetName() == "RunWorkflow:Harvest" && attributeOf(span, "temporalScheduleID") == schedule
	}
	var harvest trace
	testenv.Eventually(t, func() string {
		for _, tr := range spans.traces() {
			if slices.ContainsFunc(tr, isRoot) && slices.ContainsFunc(tr, func(s *tracepb.Span) bool { return s.GetName() == "copy_from media_samples" }) {
				harvest = tr
				return ""
			}
		}
		return "no whole trace of a harvest that read anything"
	})
	var seen []string
	for _, span := range harvest {
		path, whole := harvest.path(span)
		if !whole {
			t.Errorf("the trace lacks a parent of %s", strings.Join(path, " < "))
		}
		if len(span.GetParentSpanId()) == 0 && !isRoot(span) {
			t.Errorf("a second root: %s", span.GetName())
		}
		seen = append(seen, strings.Join(path, " < ")+" "+attributeOf(span, "url.template"))
	}
	const root = " < RunWorkflow:Harvest "
	for _, want := range []string{
		"ClaimHarvest", // a statement of ours, by its name
		"HTTP GET < RunActivity:ListMeetings < StartActivity:ListMeetings" + root + "/v2/metrics/meetings",
		"HTTP GET < RunActivity:ReadMeetings < StartActivity:ReadMeetings" + root + "/v2/metrics/meetings/{}/participants/qos",
		"copy_from media_samples < RunActivity:ReadMeetings < StartActivity:ReadMeetings" + root,
		"RunActivity:FinishHarvest < StartActivity:FinishHarvest" + root,
	} {
		if !slices.ContainsFunc(seen, func(path string) bool { return strings.HasPrefix(path, want) }) {
			slices.Sort(seen)
			t.Errorf("no span %q in\n%s", want, strings.Join(slices.Compact(seen), "\n"))
		}
	}
}

// checkWeaveTrace wants the COPY of call minutes in a trace that begins with a schedule, the
// account's or the org's.
func checkWeaveTrace(t *testing.T, spans *collector) {
	t.Helper()
	testenv.Eventually(t, func() string {
		for _, tr := range spans.traces() {
			for _, span := range tr {
				path, whole := tr.path(span)
				if whole && strings.HasPrefix(strings.Join(path, " < "), "copy_from call_minutes < RunActivity:Weave < StartActivity:Weave < RunWorkflow:") {
					return ""
				}
			}
		}
		return "no COPY of call minutes in a whole trace"
	})
}

// checkAuthorizeTrace wants the request for the code, in the worker, to be part of the
// browser's request to the starter.
func checkAuthorizeTrace(t *testing.T, spans *collector) {
	t.Helper()
	var paths []string
	testenv.Eventually(t, func() string {
		paths = nil
		for _, tr := range spans.traces() {
			for _, span := range tr {
				if path, whole := tr.path(span); whole && attributeOf(span, "url.template") == "/oauth/token" {
					paths = append(paths, strings.Join(path, " < "))
				}
			}
		}
		want := "HTTP POST < RunActivity:ExchangeCode < StartActivity:ExchangeCode < RunWorkflow:Authorize < StartWorkflow:Authorize < GET "
		if slices.ContainsFunc(paths, func(path string) bool { return strings.HasPrefix(path, want) }) {
			return ""
		}
		return fmt.Sprintf("no request for a token begins with a browser's: %v", paths)
	})
}

// checkLinkTrace wants what a Link did to be whole while it runs on: what its authorization
// set going, and each time that it looks again.
func checkLinkTrace(t *testing.T, m *machine, spans *collector) {
	t.Helper()
	c, err := client.DialContext(t.Context(), client.Options{HostPort: m.temporal.Address()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	id := workflows.LinkID(provider.AccountRef{Provider: provider.Zoom, AccountID: m.clouds.world.Accounts[0].ID}, m.clouds.world.Orgs[0].ID)
	if err := c.SignalWorkflow(t.Context(), id, "", workflows.RecheckMessage, struct{}{}); err != nil {
		t.Fatal(err)
	}
	const looked = "RunActivity:CheckLink < StartActivity:CheckLink < "
	testenv.Eventually(t, func() string {
		var paths []string
		began, again := false, false
		for _, tr := range spans.traces() {
			for _, span := range tr {
				names, whole := tr.path(span)
				path := strings.Join(names, " < ")
				if span.GetName() != "RunActivity:CheckLink" || attributeOf(span, "temporalWorkflowID") != id {
					continue
				}
				if !whole {
					path += " < ?"
				}
				paths = append(paths, path)
				root := tr.root(span)
				switch {
				case !whole:
				case strings.HasPrefix(path, looked+"RunWorkflow:Link < SignalWithStartWorkflow:Link < ") && strings.Contains(path, " < GET "):
					began = true
				case path == looked+"Round:Link" && attributeOf(root, "temporalWorkflowID") == id && attributeOf(root, "OrgId") != "" && len(root.GetLinks()) > 0:
					again = true
				}
			}
		}
		if began && again && !slices.ContainsFunc(paths, func(path string) bool { return strings.HasSuffix(path, "?") }) {
			return ""
		}
		return fmt.Sprintf("looks at the link, from the authorization %v, later %v: %q", began, again, paths)
	})
}

// checkTracesNameNobody looks for everything in the exported bytes that names a person,
// opens an account or tells a machine.
func checkTracesNameNobody(t *testing.T, m *machine, spans *collector) {
	t.Helper()
	raw, all := spans.received(), secrets(m)
	for _, org := range m.clouds.world.Orgs {
		all["address"] = append(all["address"], addresses(org)...)
	}
	for _, leak := range search(raw, all) {
		t.Errorf("traces: %s", leak)
	}
	// The search itself is no use unless it finds what is there.
	for kind, values := range all {
		i := slices.IndexFunc(values, func(value string) bool { return len(value) >= 6 })
		if i < 0 || len(search([]byte("planted: "+values[i]), map[string][]string{kind: values})) == 0 {
			t.Errorf("a planted %s was not found", kind)
		}
	}
}

// addresses are those of an org's clients.
func addresses(org *world.Org) []string {
	var all []string
	for _, person := range org.People {
		for _, device := range person.Clients {
			all = append(all, device.MAC.String(), strings.ToUpper(device.MAC.String()), hex.EncodeToString(device.MAC[:]))
		}
	}
	return all
}
