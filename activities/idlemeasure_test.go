package activities

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"callweave/workflows"
)

// tail is how long the last runs that were due may take to end, after the jitter that
// schedules start them with.
const tail = 40 * time.Second

// measure looks at all accounts being due some times, and prints what that cost.
func (i *idle) measure() {
	ctx := i.b.Context()
	schedulers := i.schedulers()
	listed, refreshed, done := i.listed.Load(), i.refreshed.Load(), i.passes()
	_, err := i.admin.Exec(ctx, "select pg_stat_statements_reset()")
	i.check(err)
	processes := []struct {
		name string
		pid  int
	}{{"worker", i.worker.Pid()}, {"Postgres", i.cluster.Pid()}, {"Temporal", i.temporal.Pid()}}
	before := make([]time.Duration, len(processes))
	from := time.Now()
	for n, p := range processes {
		before[n] = i.cpu(p.pid)
	}
	to := from.Add(time.Duration(i.cycles) * i.interval)
	<-time.After(time.Until(to)) // it is measured, not waited for
	wall := time.Since(from).Seconds()
	var rows [][2]string
	row := func(name, format string, args ...any) {
		rows = append(rows, [2]string{name, fmt.Sprintf(format, args...)})
	}
	machine := i.machine()
	defer func() { // also where Temporal is too busy to answer what is asked below
		i.print(fmt.Sprintf("\n%d idle accounts, every %s, %.0f s measured on %s", i.accounts, i.interval, wall, machine))
		for _, r := range rows {
			i.print(fmt.Sprintf("  %-24s %s", r[0], r[1]))
		}
	}()
	for n, p := range processes {
		cores := (i.cpu(p.pid) - before[n]).Seconds() / wall
		now, peak := i.memory(p.pid)
		row(p.name, "%.3f cores, %d MB resident, %d MB at most", cores, now>>10, peak>>10)
		i.b.ReportMetric(cores, strings.ToLower(p.name)+"-cores")
	}
	statements, busy := i.statements()
	top := i.topStatements()
	asked, tokens := i.listed.Load()-listed, i.refreshed.Load()-refreshed
	passes := i.passes() - done
	<-time.After(i.interval/4 + tail)
	// A server that has fallen behind answers nobody while the worker keeps it busy.
	i.stop("worker", func(ctx context.Context) error { return i.worker.Stop(ctx, syscall.SIGTERM) })

	row("statements", "%.2f per account and cycle, %.2f ms busy; %.3f token refreshes and %.2f lists asked for", statements/passes, busy/passes, float64(tokens)/passes, float64(asked)/passes)
	for _, s := range top {
		row("", "%8.3f of %6.3f ms  %s", s.calls/passes, s.ms/s.calls, s.text)
	}
	row("passes", "%.0f completed while it was measured, of %d that were due", passes, i.accounts*i.cycles)
	i.b.ReportMetric(statements/passes, "statements/pass")

	due := i.accounts * i.cycles
	of := i.harvests(fmt.Sprintf("TemporalScheduledStartTime >= '%s' and TemporalScheduledStartTime < '%s'", from.Format(time.RFC3339Nano), to.Format(time.RFC3339Nano)))
	completed, events := 0, 0
	for _, run := range of {
		if run.GetStatus() == enums.WORKFLOW_EXECUTION_STATUS_COMPLETED {
			completed++
			events += int(run.GetHistoryLength())
		}
	}
	perPass := float64(events) / float64(max(1, completed))
	row("by nominal time", "%d completed of %d that were due (%.2f %%), %d begun", completed, due, 100*float64(completed)/float64(due), len(of))
	row("events of Harvest", "%.1f per account and cycle", perPass)
	row("events of its schedule", "%.1f per account and cycle", i.schedulerEvents(schedulers)/float64(i.cycles))
	i.latencies(row, of)
	i.b.ReportMetric(perPass, "events/pass")
}

func (i *idle) print(line string) {
	_, err := fmt.Fprintln(os.Stdout, line)
	i.check(err)
}

// passes is how many harvests the worker has completed.
func (i *idle) passes() (completed float64) {
	request, err := http.NewRequestWithContext(i.b.Context(), http.MethodGet, i.metrics, nil)
	i.check(err)
	response, err := http.DefaultClient.Do(request)
	i.check(err)
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		if line := lines.Text(); strings.HasPrefix(line, "temporal_workflow_completed") && strings.Contains(line, `workflow_type="Harvest"`) {
			count, err := strconv.ParseFloat(line[strings.LastIndexByte(line, ' ')+1:], 64)
			i.check(err)
			completed += count
		}
	}
	i.check(lines.Err())
	return completed
}

// cpu is the processor time of a process and its living children.
func (i *idle) cpu(pid int) time.Duration {
	ticks := 0
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	i.check(err)
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil { // it ended meanwhile
			continue
		}
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:])) // from the third on, see proc(5)
		itself := path == fmt.Sprintf("/proc/%d/stat", pid)
		if !itself && fields[1] != strconv.Itoa(pid) {
			continue
		}
		for n, field := range fields[11:15] { // utime, stime, cutime, cstime
			t, err := strconv.Atoi(field)
			i.check(err)
			if itself || n < 2 {
				ticks += t
			}
		}
	}
	return time.Duration(ticks) * 10 * time.Millisecond // USER_HZ is 100
}

// memory is what a process has and had resident, in KB.
func (i *idle) memory(pid int) (now, peak int) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	i.check(err)
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		switch fields[0] {
		case "VmRSS:":
			now, _ = strconv.Atoi(fields[1])
		case "VmHWM:":
			peak, _ = strconv.Atoi(fields[1])
		}
	}
	return now, peak
}

func (i *idle) machine() string {
	text, err := os.ReadFile("/proc/loadavg")
	i.check(err)
	return "a machine whose load is now " + strings.Join(strings.Fields(string(text))[:2], " and ") + " over 1 and 5 minutes"
}

const ofWorker = "from pg_stat_statements s join pg_roles r on r.oid = s.userid where r.rolname = 'callweave'"

// statements is how many the worker sent, whatever they were, and how long Postgres was
// busy with them, in ms.
func (i *idle) statements() (count, busyMS float64) {
	i.check(i.admin.QueryRow(i.b.Context(), "select coalesce(sum(calls), 0)::float8, coalesce(sum(total_exec_time), 0) "+ofWorker).Scan(&count, &busyMS))
	return count, busyMS
}

// statementCount is how often one statement was sent, and how long it took in all.
type statementCount struct {
	calls, ms float64
	text      string
}

func (i *idle) topStatements() []statementCount {
	rows, err := i.admin.Query(i.b.Context(), "select calls::float8, total_exec_time, left(regexp_replace(query, '\\s+', ' ', 'g'), 90) "+ofWorker+" order by calls desc limit 40")
	i.check(err)
	top, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (s statementCount, err error) {
		return s, row.Scan(&s.calls, &s.ms, &s.text)
	})
	i.check(err)
	return top
}

// patiently asks Temporal again where it does not answer: it may have much to do.
func (i *idle) patiently(ask func() error) {
	for try := 1; ; try++ {
		err := ask()
		if err == nil {
			return
		}
		if try == 20 {
			i.check(err)
		}
		<-time.After(time.Second)
	}
}

// harvests lists all harvests that a condition holds for.
func (i *idle) harvests(condition string) (all []*workflowpb.WorkflowExecutionInfo) {
	request := &workflowservice.ListWorkflowExecutionsRequest{Query: "WorkflowType = 'Harvest' and " + condition, PageSize: 1000}
	for {
		var page *workflowservice.ListWorkflowExecutionsResponse
		i.patiently(func() (err error) {
			page, err = i.client.ListWorkflow(i.b.Context(), request)
			return err
		})
		all = append(all, page.GetExecutions()...)
		if request.NextPageToken = page.GetNextPageToken(); len(request.GetNextPageToken()) == 0 {
			return all
		}
	}
}

// schedulers are the lengths of the histories by which Temporal runs some schedules.
func (i *idle) schedulers() map[string]int64 {
	lengths := map[string]int64{}
	for _, ref := range i.sample(100) {
		var found *workflowservice.DescribeWorkflowExecutionResponse
		i.patiently(func() (err error) {
			found, err = i.client.DescribeWorkflowExecution(i.b.Context(), schedulerPrefix+workflows.HarvestID(ref), "")
			return err
		})
		info := found.GetWorkflowExecutionInfo()
		lengths[info.GetExecution().GetRunId()] = info.GetHistoryLength()
	}
	return lengths
}

// schedulerEvents is by how much histories grew that did not begin anew meanwhile.
func (i *idle) schedulerEvents(before map[string]int64) float64 {
	grown, count := int64(0), 0
	for run, length := range i.schedulers() {
		if was, same := before[run]; same {
			grown += length - was
			count++
		}
	}
	return float64(grown) / float64(max(1, count))
}

// latencies says whether Temporal kept up: how late schedules started runs, and how long
// tasks waited for the worker.
func (i *idle) latencies(row func(string, string, ...any), runs []*workflowpb.WorkflowExecutionInfo) {
	var late, tasks, activityTasks []time.Duration
	missed, skipped := 0, 0
	for _, ref := range i.sample(200) {
		var found *client.ScheduleDescription
		i.patiently(func() (err error) {
			found, err = i.client.ScheduleClient().GetHandle(i.b.Context(), workflows.HarvestID(ref)).Describe(i.b.Context())
			return err
		})
		missed += found.Info.NumActionsMissedCatchupWindow
		skipped += found.Info.NumActionsSkippedOverlap
		for _, action := range found.Info.RecentActions {
			late = append(late, action.ActualTime.Sub(action.ScheduleTime))
		}
	}
	every := max(1, len(runs)/200)
	for at := 0; at < len(runs); at += every {
		execution := runs[at].GetExecution()
		scheduled := map[int64]time.Time{}
		events := i.client.GetWorkflowHistory(i.b.Context(), execution.GetWorkflowId(), execution.GetRunId(), false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for events.HasNext() {
			event, err := events.Next()
			i.check(err)
			scheduled[event.GetEventId()] = event.GetEventTime().AsTime()
			if started := event.GetActivityTaskStartedEventAttributes(); started != nil {
				activityTasks = append(activityTasks, event.GetEventTime().AsTime().Sub(scheduled[started.GetScheduledEventId()]))
			}
			if started := event.GetWorkflowTaskStartedEventAttributes(); started != nil {
				tasks = append(tasks, event.GetEventTime().AsTime().Sub(scheduled[started.GetScheduledEventId()]))
			}
		}
	}
	row("schedules", "%s late; of %d, %d runs missed and %d skipped", quantiles(late), len(i.sample(200)), missed, skipped)
	row("schedule to start", "workflow tasks %s, activities %s", quantiles(tasks), quantiles(activityTasks))
}

func quantiles(all []time.Duration) string {
	if len(all) == 0 {
		return "unknown"
	}
	slices.Sort(all)
	at := func(share float64) time.Duration { return all[int(share*float64(len(all)-1))].Round(time.Millisecond) }
	return fmt.Sprintf("p50 %s, p99 %s", at(0.5), at(0.99))
}
