package activities

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"

	"callweave/internal/provider"
	"callweave/internal/store"
	"callweave/workflows"
)

// settleWithin is how long a history may take to come to rest when everything works
// again: longer than a dead worker's activities take to be missed, shorter than any
// workflow's own look at things, which must not be what mends them.
const settleWithin = 3 * time.Minute

// sweptWithin is how long until every Sweep has had a look and asked for what it found to
// be deleted.
const sweptWithin = 6 * time.Minute

// fill lets data arrive for a pair that is linked: of the link, of account and of org.
func (h *history) fill(p pair) {
	_, err := h.stage.pool.Exec(h.ctx, `
		with link as (select * from links where provider = 'zoom' and account_id = $1 and org_id = $2 and status = 'active' for share),
		meeting as (
			insert into meetings (provider, account_id, meeting_id, meeting_number, list_kind, host_sealed, start_at, end_at, participant_count)
			select provider, account_id, 'meeting', 1, 'past', '', to_timestamp(0), now(), 1 from link on conflict do nothing),
		lease as (
			insert into leases (org_id, mac, from_at, source, to_at, site_id)
			select org_id, '02:00:00:00:00:01', to_timestamp(0), 'snapshot', now(), org_id from link on conflict do nothing)
		insert into weaves (org_id, provider, account_id, meeting_id, revision, legs_matched, minutes)
		select org_id, provider, account_id, 'meeting', 1, 0, 0 from link on conflict do nothing`,
		h.accounts[p.account].ID, h.orgs[p.org])
	if err != nil {
		h.problem("fill: " + err.Error())
	}
}

// settle lets everything work again, waits until nothing is under way, and looks whether
// what must hold holds.
func (h *history) settle() {
	h.t.Helper()
	h.zoomUp()
	h.group.Wait()
	h.eventually("receipts, revocations, authorizations and webhooks come to an end", func() (string, error) {
		var left string
		err := h.stage.pool.QueryRow(h.ctx, `
			select concat_ws(', ',
				(select 'open receipts: ' || count(*) from receipts where org_id = any($1) and finished_at is null having count(*) > 0),
				(select 'links being unlinked: ' || count(*) from links where org_id = any($1) and status = 'unlinking' having count(*) > 0),
				(select 'pending revocations: ' || count(*) from revocations where account_id = any($2) having count(*) > 0),
				(select 'pending authorizations: ' || count(*) from authorizations where org_id = any($1) and state = 'returned' having count(*) > 0),
				(select 'unseen webhooks: ' || count(*) from webhook_events where account_id = any($2) and settled_at is null having count(*) > 0))`,
			h.orgs, h.accountIDs()).Scan(&left)
		return left, err
	})
	for account := range h.accounts {
		h.useCredential(account)
	}
	states, err := h.states(h.ctx)
	if err != nil {
		h.t.Fatal(err)
	}
	h.eventually("every link has its workflow, and nothing else has", func() (string, error) { return h.wrongLinks(states) })
	h.eventually("schedules are those that links need", func() (string, error) { return h.wrongSchedules(states) })
	h.checkRows(states)
	h.checkReceipts()
	h.checkGrants(states)
	h.mu.Lock()
	defer h.mu.Unlock()
	for p, believed := range h.believe {
		if _, is := states[p]; believed != unknown && is != (believed == linked) {
			h.problems = append(h.problems, fmt.Sprintf("org %d, account %d: linked is %v, which is not what happened last", p.org, p.account, is))
		}
	}
	if h.watched && states[pair{bystander, bystander}] != store.LinkActive {
		h.problems = append(h.problems, "the bystander's link is not active")
	}
	h.calm = true
	clear(h.contested)
	if len(h.problems) > 0 {
		h.t.Fatalf("%s", strings.Join(h.problems, "\n"))
	}
}

func (h *history) accountIDs() []string {
	ids := make([]string, len(h.accounts))
	for i, account := range h.accounts {
		ids[i] = account.ID
	}
	return ids
}

// eventually asks until nothing is wrong any more. A server that is too busy to answer
// is asked again.
func (h *history) eventually(what string, wrong func() (string, error)) {
	h.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(settleWithin); ; <-tick.C {
		text, err := wrong()
		if err == nil && text == "" {
			return
		}
		if time.Now().After(deadline) {
			h.t.Fatalf("%s: not within %s: %s %v\n%s", what, settleWithin, text, err, strings.Join(h.problems, "\n"))
		}
	}
}

// states are the links that there are, with their status.
func (h *history) states(ctx context.Context) (map[pair]string, error) {
	states := map[pair]string{}
	for org, id := range h.orgs {
		for account, accountID := range h.accountIDs() {
			status, err := h.stage.store.LinkStatus(ctx, provider.AccountRef{Provider: provider.Zoom, AccountID: accountID}, id)
			switch {
			case err == nil:
				states[pair{org, account}] = status
			case !errors.Is(err, store.ErrNotFound):
				return nil, err
			}
		}
	}
	return states, nil
}

// useCredential asks Zoom for something with an account's token, as a harvest would. A
// link that lives has a token that works; where the provider ended it, this is how we
// learn of it, and its links say so.
func (h *history) useCredential(account int) {
	h.t.Helper()
	ref := h.ref(account)
	row, err := h.stage.store.Credential(h.ctx, ref)
	if errors.Is(err, store.ErrNotFound) {
		return // checkRows says whether it should be there
	}
	if err != nil {
		h.t.Fatal(err)
	}
	h.age(ref)
	access, err := h.stage.manager.Access(h.ctx, ref)
	if err == nil {
		_, err = h.stage.zoom.Account(h.ctx, access)
	}
	living := h.living(account)
	switch {
	case err == nil:
	case provider.KindOf(err) != provider.Reauthorization:
		h.problem(fmt.Sprintf("account %d: its token does not work: %v", account, err))
	case living > 0:
		h.problem(fmt.Sprintf("account %d: given up though Zoom has a grant: %v (it was %s)", account, err, row.Credential.State))
	}
}

// living is how many grants of the account work at Zoom.
func (h *history) living(account int) (living int) {
	for _, grant := range h.window.Grants() {
		if grant.AccountID == h.accounts[account].ID && grant.Dead == "" {
			living++
		}
	}
	return living
}

// checkGrants: a live link has a grant, one that failed or is gone has none left at Zoom.
func (h *history) checkGrants(states map[pair]string) {
	for account := range h.accounts {
		live, failed := 0, 0
		for p, status := range states {
			if p.account != account {
				continue
			}
			if status == store.LinkActive {
				live++
			} else {
				failed++
			}
		}
		want := 0
		if live > 0 {
			want = 1
		}
		if got := h.living(account); got != want || (live > 0 && failed > 0) {
			h.problem(fmt.Sprintf("account %d: %d living grants with %d live and %d failed links", account, got, live, failed))
		}
	}
}

// wrongLinks says which Link workflows do not fit the links.
func (h *history) wrongLinks(states map[pair]string) (string, error) {
	want := map[string]bool{}
	for account := range h.accounts {
		for org, id := range h.orgs {
			_, is := states[pair{org, account}]
			want[workflows.LinkID(h.ref(account), id)] = is
		}
	}
	return h.wrong("WorkflowType = 'Link' and ExecutionStatus = 'Running'", "", want)
}

// wrongSchedules says which schedules are there that nothing needs, and the other way round.
func (h *history) wrongSchedules(states map[pair]string) (string, error) {
	want := map[string]bool{}
	for i := range h.accounts {
		want[workflows.HarvestID(h.ref(i))] = false
	}
	for _, org := range h.orgs {
		want[workflows.DevicesID(org)] = false
	}
	for p := range states {
		want[workflows.HarvestID(h.ref(p.account))], want[workflows.DevicesID(h.orgs[p.org])] = true, true
	}
	return h.wrong("TemporalNamespaceDivision = 'TemporalScheduler' and ExecutionStatus = 'Running'", schedulerPrefix, want)
}

// wrong compares what a query finds with the ids that are wanted, and those that are not.
func (h *history) wrong(query, prefix string, want map[string]bool) (string, error) {
	list, err := h.stage.temporal.ListWorkflow(h.ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: query, PageSize: 1000})
	if err != nil {
		return "", fmt.Errorf("list %s: %w", query, err)
	}
	found := map[string]bool{}
	for _, execution := range list.GetExecutions() {
		found[strings.TrimPrefix(execution.GetExecution().GetWorkflowId(), prefix)] = true
	}
	for id, wanted := range want {
		if found[id] != wanted {
			return fmt.Sprintf("%s: running %v, wanted %v", id, found[id], wanted), nil
		}
	}
	return "", nil
}

// late says of every receipt whose histories are not erased what is left.
func late(t *testing.T, s *historyStage) string {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	rows, err := s.pool.Query(ctx, "select receipt_id, provider, account_id, org_id, executions_deleted, coalesce(executions_left, -1), now() - finished_at from receipts where histories_erased_at is null")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var texts []string
	for rows.Next() {
		var receipt, org uuid.UUID
		var name, account string
		var deleted, left int
		var since time.Duration
		if err := rows.Scan(&receipt, &name, &account, &org, &deleted, &left, &since); err != nil {
			t.Fatal(err)
		}
		texts = append(texts, fmt.Sprintf("%s: %d deleted, %d left, finished %s ago", receipt, deleted, left, since))
		for _, query := range []string{"WorkflowId = '" + workflows.SweepID(receipt) + "'", "AccountId = '" + account + "'", "OrgId = '" + org.String() + "'"} {
			list, err := s.temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: query, PageSize: 20})
			if err != nil {
				t.Fatal(err)
			}
			for _, execution := range list.GetExecutions() {
				id, run := execution.GetExecution().GetWorkflowId(), execution.GetExecution().GetRunId()
				_, err := s.temporal.DescribeWorkflowExecution(ctx, id, run)
				texts = append(texts, fmt.Sprintf("  %s: %s %s, begun %s, described: %v", query, execution.GetStatus(), id, execution.GetStartTime().AsTime(), err))
			}
		}
	}
	return strings.Join(texts, "\n")
}

// requireNoTraces waits for the sweeps of all histories and looks whether a workflow
// names an org or an account without a link. A development server that has been kept busy
// executes deletions minutes after it has accepted them: what waits for that, and nothing
// else, may still be there.
func requireNoTraces(t *testing.T, s *historyStage, lived []*history) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), sweptWithin)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for waiting := -1; waiting != 0; <-tick.C {
		if err := s.pool.QueryRow(ctx, `select count(*) from receipts
			where histories_erased_at is null and (executions_left is null or executions_left > executions_deleted)`).Scan(&waiting); err != nil {
			t.Fatalf("%d receipts wait for their histories to be erased: %v\n%s", waiting, err, late(t, s))
		}
	}
	accepted := 0
	if err := s.pool.QueryRow(ctx, `select coalesce(sum(executions_left), 0) from receipts where histories_erased_at is null`).Scan(&accepted); err != nil {
		t.Fatal(err)
	}
	closed := 0
	gone := map[string]string{}
	for i, h := range lived {
		live := map[string]bool{}
		states, err := h.states(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for p := range states {
			live[h.orgs[p.org].String()], live[h.accounts[p.account].ID] = true, true
		}
		for _, id := range h.accountIDs() {
			if !live[id] {
				gone[id] = fmt.Sprintf("account of history %d", i)
			}
		}
		for _, org := range h.orgs {
			if !live[org.String()] {
				gone[org.String()] = fmt.Sprintf("org of history %d", i)
			}
		}
	}
	for _, division := range []string{"", "TemporalNamespaceDivision = 'TemporalScheduler'"} {
		var page []byte
		for {
			list, err := s.temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: division, PageSize: 1000, NextPageToken: page})
			if err != nil {
				t.Fatal(err)
			}
			for _, execution := range list.GetExecutions() {
				text, named := execution.String(), ""
				for id, whose := range gone {
					if strings.Contains(text, id) {
						named = whose
					}
				}
				switch {
				case named == "":
				case execution.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING:
					t.Errorf("%s runs and names an %s that has no link", execution.GetExecution().GetWorkflowId(), named)
				default:
					closed++
				}
			}
			if page = list.GetNextPageToken(); len(page) == 0 {
				break
			}
		}
	}
	t.Logf("%d executions wait to be deleted", closed)
	if closed > accepted {
		t.Errorf("%d executions name somebody without a link, and the deletion of %d is under way\n%s", closed, accepted, late(t, s))
	}
}
