package activities

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/google/uuid"
)

// mayRemain are the tables that may speak of an org or an account without a link: its
// registration, the proofs, and the marks of destroyed keys until the histories are gone.
const mayRemain = ` where t not in ('receipts', 'audit_log', 'token_uses', 'orgs', 'api_tokens', 'vault.data_keys')`

// mentions counts the rows of every table that hold a text in any column.
func (h *history) mentions(text string) map[string]int {
	h.t.Helper()
	rows, err := h.stage.pool.Query(h.ctx, `
		with tables as (
			select case n.nspname when 'public' then c.relname else n.nspname || '.' || c.relname end as t
			from pg_class c join pg_namespace n on n.oid = c.relnamespace
			where n.nspname in ('public', 'vault') and c.relkind in ('r', 'p') and not c.relispartition)
		select t, (xpath('/row/n/text()', query_to_xml(format('select count(*) as n from %s x where x::text like %L', t, '%' || $1 || '%'), nulls => true, tableforest => true, targetns => '')))[1]::text::int
		from tables`+mayRemain, text)
	if err != nil {
		h.t.Fatal(err)
	}
	defer rows.Close()
	found := map[string]int{}
	for rows.Next() {
		var table string
		var n int
		if err := rows.Scan(&table, &n); err != nil {
			h.t.Fatal(err)
		}
		if n > 0 {
			found[table] = n
		}
	}
	if err := rows.Err(); err != nil {
		h.t.Fatal(err)
	}
	return found
}

// checkRows: nothing of what is unlinked, everything of what is linked.
func (h *history) checkRows(states map[pair]string) {
	h.t.Helper()
	orgs, accounts := map[int]bool{}, map[int]bool{}
	for p := range states {
		orgs[p.org], accounts[p.account] = true, true
	}
	for i, org := range h.orgs {
		found := h.mentions(org.String())
		if found["authorizations"] == h.refusals(org) {
			delete(found, "authorizations")
		}
		if !orgs[i] && len(found) > 0 {
			h.problem(fmt.Sprintf("org %d has no link and rows in %v", i, found))
		}
	}
	for i, account := range h.accounts {
		found := h.mentions(account.ID)
		if !accounts[i] && len(found) > 0 {
			h.problem(fmt.Sprintf("account %d has no link and rows in %v", i, found))
		}
		if accounts[i] && (found["accounts"] != 1 || found["credentials"] != 1) {
			h.problem(fmt.Sprintf("account %d has links and rows in %v", i, found))
		}
	}
	for org := range h.orgs {
		for account := range h.accounts {
			h.checkPair(pair{org, account}, states[pair{org, account}] != "")
		}
	}
	var rows int
	err := h.stage.pool.QueryRow(h.ctx, `select (select count(*) from leases where org_id = $1) + (select count(*) from meetings where account_id = $2 and meeting_id = 'meeting')
		+ (select count(*) from weaves where org_id = $1 and meeting_id = 'meeting')`, h.orgs[bystander], h.accounts[bystander].ID).Scan(&rows)
	if err != nil {
		h.t.Fatal(err)
	}
	if h.watched && rows != 3 {
		h.problem(fmt.Sprintf("the bystander has %d rows, want 3", rows))
	}
}

// refusals counts an org's attempts that came to nothing: they are kept for a day to tell
// their late users why. Those from before an unlinking go with it, which the store's tests
// hold it to.
func (h *history) refusals(org uuid.UUID) (refused int) {
	h.t.Helper()
	err := h.stage.pool.QueryRow(h.ctx, `select count(*) from authorizations where org_id = $1 and account_id is null and state = 'refused'`, org).Scan(&refused)
	if err != nil {
		h.t.Fatal(err)
	}
	return refused
}

// checkPair: a link that is gone left nothing, though org and account have other links.
func (h *history) checkPair(p pair, is bool) {
	h.t.Helper()
	var rows, keys int
	scope := fmt.Sprintf("link/%s/%s", h.ref(p.account), h.orgs[p.org])
	err := h.stage.pool.QueryRow(h.ctx, `select
		(select count(*) from weaves where org_id = $1 and account_id = $2) + (select count(*) from authorizations where org_id = $1 and account_id = $2),
		(select count(*) from vault.data_keys where scope = $3 and key_sealed is not null)`, h.orgs[p.org], h.accounts[p.account].ID, scope).Scan(&rows, &keys)
	if err != nil {
		h.t.Fatal(err)
	}
	if !is && (rows > 0 || keys > 0) {
		h.problem(fmt.Sprintf("org %d, account %d: not linked, with %d rows and %d keys", p.org, p.account, rows, keys))
	}
	if is && keys != 1 {
		h.problem(fmt.Sprintf("org %d, account %d: linked, with %d keys", p.org, p.account, keys))
	}
}

// wholeActs is what may become of a pair.
var wholeActs = regexp.MustCompile(`^(L+FE)*L*$`)

// checkReceipts: between being linked and being linked again, a pair is fenced once and
// erased once, and there is one finished receipt for it.
func (h *history) checkReceipts() {
	h.t.Helper()
	for org, id := range h.orgs {
		for account := range h.accounts {
			acts := h.acts(id, account)
			if !wholeActs.MatchString(acts) {
				h.problem(fmt.Sprintf("org %d, account %d: acts %s, want it linked, fenced once and erased once, in turns", org, account, acts))
			}
			want := strings.Count(acts, "F")
			var finished, all int
			err := h.stage.pool.QueryRow(h.ctx, `select count(*) filter (where finished_at is not null), count(*) from receipts where org_id = $1 and account_id = $2`,
				id, h.accounts[account].ID).Scan(&finished, &all)
			if err != nil {
				h.t.Fatal(err)
			}
			if finished != want || all != want {
				h.problem(fmt.Sprintf("org %d, account %d: %d receipts, %d finished, for %d unlinkings (%s)", org, account, all, finished, want, acts))
			}
		}
	}
}

// acts is what the audit log says of a pair: (L)inked, (F)enced, (E)rased.
func (h *history) acts(org uuid.UUID, account int) (acts string) {
	h.t.Helper()
	err := h.stage.pool.QueryRow(h.ctx, `
		select coalesce(string_agg(case action when 'account linked' then 'L' when 'link fenced' then 'F' else 'E' end, '' order by audit_id), '')
		from audit_log where org_id = $1 and object = $2 and action in ('account linked', 'link fenced', 'link erased')`,
		org, h.ref(account).String()).Scan(&acts)
	if err != nil {
		h.t.Fatal(err)
	}
	return acts
}
