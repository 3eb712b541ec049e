package activities

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"

	"callweave/internal/measure"
	"callweave/internal/weave"
	"callweave/internal/world"
	"callweave/workflows"
)

// run lives one run of the Harvest workflow, with the real activities. Pauses before the
// retries of an activity take no time.
func (b *harvestBundle) run(in workflows.HarvestInput) {
	b.t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetDisableRegistrationAliasing(true)
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestWorkflowEnvironment()
	env.SetTestTimeout(5 * time.Minute)
	env.SetStartTime(b.clock())
	workflows.RegisterWorkflows(env)
	Register(workflowRegistrar{env}, Set{Harvest: b.harvest, Weaver: NewWeaver(weave.New(b.store, b.vault, nil))})
	in.AccountRef = b.ref
	env.ExecuteWorkflow(workflows.HarvestWorkflow, in)
	if err := env.GetWorkflowError(); err != nil {
		b.t.Fatalf("harvest at %s: %v", b.clock(), err)
	}
}

// gaps compares what is stored of the meetings that started in [from, to) and have settled
// with the truth, and returns what is missing, counted by where it is seen and why. What
// is missing without a place and a cause, doubled or wrong, is a failure.
func (b *harvestBundle) gaps(from, to time.Time) map[string]int {
	b.t.Helper()
	stored := map[string]map[string][12]measure.Value{}
	for key, values := range b.samples() {
		meeting, _, _ := strings.Cut(key, "=") // the end of an id in base64
		if stored[meeting] == nil {
			stored[meeting] = map[string][12]measure.Value{}
		}
		stored[meeting][key] = values
	}
	gaps := map[string]int{}
	for _, m := range b.world.MeetingsStarting(b.account, from, to) {
		if b.clock().Before(m.EndAt.Add(30 * time.Minute)) {
			continue
		}
		id := base64.StdEncoding.EncodeToString(m.UUID[:])
		want := b.truth([]*world.Meeting{m})
		got := stored[strings.TrimRight(id, "=")]
		if len(want) == 0 && len(got) == 0 || cmp.Equal(want, got, cmp.AllowUnexported(measure.Value{})) {
			continue
		}
		for key, values := range got {
			if truth, ok := want[key]; !ok || values != truth {
				b.t.Errorf("sample %s is %v, in truth %v (%v)", key, values, truth, ok)
			}
		}
		gap := b.gapOf(id, m.StartAt)
		if gap == "" {
			b.t.Errorf("meeting of %s: %d of %d samples, and nothing says why", m.StartAt, len(got), len(want))
		}
		gaps[gap]++
	}
	return gaps
}

// gapOf says where it can be seen that a meeting's samples are missing.
func (b *harvestBundle) gapOf(id string, startAt time.Time) (where string) {
	b.t.Helper()
	err := b.pool.QueryRow(b.t.Context(), `
		select coalesce(
			(select case when cause is not null then state || ' ' || cause when due_at is not null then 'due' end from meetings where meeting_id = $1),
			(select 'window ' || state || coalesce(' ' || cause, '') from windows where from_at <= $2 and to_at > $2 and state <> 'listed' limit 1),
			(select 'nothing listed' where not exists (select from windows where from_at <= $2 and to_at > $2)), '')`, id, startAt).Scan(&where)
	if err != nil {
		b.t.Fatal(err)
	}
	return where
}

// said is what the account's links tell their admins.
func (b *harvestBundle) said() (text string) {
	b.t.Helper()
	if err := b.pool.QueryRow(b.t.Context(), "select distinct concat_ws(': ', last_status, nullif(array_to_string(errors, ','), '')) from links").Scan(&text); err != nil {
		b.t.Fatal(err)
	}
	return text
}

// workflowRegistrar lets Register fill a test environment, which knows no dynamic activities.
type workflowRegistrar struct {
	*testsuite.TestWorkflowEnvironment
}

// rewriting has every reply below a path's end changed before it reaches us.
func rewriting(suffix string, change func(body string) string) func(http.ResponseWriter, *http.Request, http.Handler) {
	return func(rw http.ResponseWriter, r *http.Request, window http.Handler) {
		if !strings.HasSuffix(r.URL.Path, suffix) {
			window.ServeHTTP(rw, r)
			return
		}
		recorded := httptest.NewRecorder()
		window.ServeHTTP(recorded, r)
		maps.Copy(rw.Header(), recorded.Header())
		body := recorded.Body.String()
		if recorded.Code == http.StatusOK {
			body = change(body)
		}
		rw.Header().Del("Content-Length")
		rw.WriteHeader(recorded.Code)
		_, _ = io.Copy(rw, bytes.NewBufferString(body))
	}
}

func describe(gaps map[string]int) string {
	var texts []string
	for _, where := range slices.Sorted(maps.Keys(gaps)) {
		texts = append(texts, fmt.Sprintf("%s: %d", where, gaps[where]))
	}
	return strings.Join(texts, ", ")
}

// survives is one thing that goes wrong and what becomes of it.
type survives struct {
	setup harvestSetup
	links int // 1 where it is 0

	// hurt begins the trouble; the account is harvested then.
	hurt func(t *testing.T, b *harvestBundle)
	// during says where what is missing is seen meanwhile, as describe does, with "*" for a
	// number that does not matter; "" where nothing may be missing.
	during string
	said   string // by the links meanwhile; "success" where it is ""
	// mend ends the trouble; the default switches every fault off.
	mend func(t *testing.T, b *harvestBundle)
	// after is what is missing for good.
	after string
	check func(t *testing.T, b *harvestBundle)
}

func (s survives) run(t *testing.T) {
	t.Parallel()
	b := s.setup.set(t, max(1, s.links))
	from := b.clock().Add(-b.harvest.config.Lookback)
	if s.hurt != nil {
		s.hurt(t, b)
	}
	b.run(workflows.HarvestInput{})
	if got := wildcard(describe(b.gaps(from, b.clock())), s.during); got != s.during {
		t.Errorf("meanwhile %q is missing, want %q", got, s.during)
	}
	want := s.said
	if want == "" {
		want = "success"
	}
	if got := b.said(); got != want {
		t.Errorf("meanwhile the link says %q, want %q", got, want)
	}
	b.window.Faults.Clear()
	b.stand(nil)
	if s.mend != nil {
		s.mend(t, b)
	}
	// Long enough for every pause before a try, short enough for no new day.
	for range 3 {
		b.advance(8 * time.Hour)
		b.run(workflows.HarvestInput{})
	}
	if got := wildcard(describe(b.gaps(from, b.clock())), s.after); got != s.after {
		t.Errorf("in the end %q is missing, want %q", got, s.after)
	}
	if got := b.said(); got != "success" {
		t.Errorf("in the end the link says %q", got)
	}
	if s.check != nil {
		s.check(t, b)
	}
}

// wildcard replaces the numbers that do not matter.
func wildcard(got, want string) string {
	if !strings.Contains(want, "*") {
		return got
	}
	texts := strings.Split(got, ", ")
	for i, text := range texts {
		if where, _, ok := strings.Cut(text, ": "); ok {
			texts[i] = where + ": *"
		}
	}
	return strings.Join(texts, ", ")
}
