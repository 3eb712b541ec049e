package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"callweave/internal/world"
)

// report is what the journey saw, beside what is true.
type report struct {
	account           *world.Account
	harvest           harvested
	orgs              []orgSeen
	receipts          []receipt
	settled           []string // ids of the meetings that are compared for the org measured last
	otherMinutesAfter int      // of the second org in these meetings, after the first unlinked
	tokenDead         string
	remains           map[string]int64 // table → rows
}

// pair is something counted in Postgres beside the same in the world.
type pair struct{ got, truth int }

func (p pair) agrees() bool { return p.got == p.truth }

// harvested is the account's side.
type harvested struct {
	from, to  time.Time
	meetings  pair
	legs      pair
	samples   pair
	unsettled int  // meetings that ended too lately for their data to be complete
	requests  pair // spent at Zoom, and the fewest possible
}

// orgSeen is one org's side.
type orgSeen struct {
	org          *world.Org
	legs         pair // matched, and truly on a network of the org with something to know them by
	hidden       int  // truly on a network of the org, with nothing to know them by
	minutes, bad pair
	apiBad       int
	worst        []badMinute
	judged       judged            // buckets of bad minutes that a fault caused
	explained    []explainedMinute // three of them
	requests     pair              // the account's when this org's data was complete, and the fewest possible for one org
}

// badMinute is one line of the answer to "which minutes were bad".
type badMinute struct {
	at                          time.Time
	site, client, ap            string
	direction, metric, measured string
}

// problems are the lines of the report that do not agree with the truth.
func (r *report) problems() []error {
	var problems []error
	check := func(what string, p pair) {
		if !p.agrees() {
			problems = append(problems, fmt.Errorf("%s: %d, the truth is %d", what, p.got, p.truth))
		}
	}
	check("meetings", r.harvest.meetings)
	check("legs", r.harvest.legs)
	check("media samples", r.harvest.samples)
	for _, o := range r.orgs {
		check(o.org.Name+": requests", o.requests)
		check(o.org.Name+": legs matched", o.legs)
		check(o.org.Name+": call minutes", o.minutes)
		check(o.org.Name+": bad minutes", o.bad)
		check(o.org.Name+": bad minutes by the API", pair{o.apiBad, o.bad.truth})
	}
	if len(r.orgs) == 2 {
		check("call minutes of the second org after the first unlinked", pair{r.otherMinutesAfter, r.orgs[1].minutes.got})
	}
	for _, receipt := range r.receipts {
		for table, rows := range receipt.RowsAfter {
			check("rows left in "+table, pair{int(rows), 0})
		}
	}
	for table, rows := range r.remains {
		check("rows of the account or its orgs' calls left in "+table, pair{int(rows), 0})
	}
	if r.tokenDead != "revoked" {
		problems = append(problems, fmt.Errorf("the token at Zoom is %q, want it revoked", r.tokenDead))
	}
	return problems
}

func (r *report) print(out io.Writer, m *machine) {
	h := r.harvest
	fmt.Fprintf(out, "\nReport: account %s, %s to %s\n\n", r.account.ID, h.from.Format("Mon 15:04"), h.to.Format("Mon 15:04 MST"))
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	line := func(cells ...any) {
		for _, cell := range cells {
			fmt.Fprintf(table, "%v\t", cell)
		}
		fmt.Fprintln(table)
	}
	counted := func(what string, p pair) { line(what, p.got, p.truth, verdict(p)) }
	line("", "callweave", "the world", "")
	line("links made and ended", len(r.receipts), 2, verdict(pair{len(r.receipts), 2}))
	counted("meetings harvested", h.meetings)
	counted("legs", h.legs)
	counted("media samples", h.samples)
	counted("Zoom requests spent / fewest possible", r.orgs[0].requests)
	for _, o := range r.orgs {
		line("", "", "", "")
		counted(o.org.Name+": legs matched", o.legs)
		counted("call minutes", o.minutes)
		counted("bad minutes", o.bad)
		line("bad minutes by the calls API", o.apiBad, o.bad.truth, verdict(pair{o.apiBad, o.bad.truth}))
	}
	if len(r.orgs) == 2 {
		line("", "", "", "")
		counted("Zoom requests for 2 orgs / fewest for 1", r.orgs[1].requests)
	}
	_ = table.Flush() // out is a terminal or a file of the caller's
	if h.unsettled > 0 {
		fmt.Fprintf(out, "\nMeetings that ended less than half an hour ago, read once and to be read again when settled, not compared: %d.\n", h.unsettled)
	}
	for _, o := range r.orgs {
		if o.hidden > 0 {
			fmt.Fprintf(out, "\n%s: legs in the office behind a VPN that showed neither their hardware address nor their network's nor a name that anybody gave, not matched: %d.\n", o.org.Name, o.hidden)
		}
	}
	r.printWorst(out)
	r.printExplained(out)
	r.printErasure(out)
	fmt.Fprintf(out, "\nlogs: %s   commands for operators: docs/operate.md\n", m.dirs.logs)
}

func (r *report) printWorst(out io.Writer) {
	for _, o := range r.orgs {
		fmt.Fprintf(out, "\nWhich minutes were bad at %s? The five worst of %d:\n", o.org.Name, o.bad.got)
		table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		for _, b := range o.worst {
			fmt.Fprintf(table, "  %s\t%s\tclient %s\t%s\t%s\t%s %s\n", b.at.Format("15:04 MST"), b.site, b.client, b.ap, b.direction, b.metric, b.measured)
		}
		_ = table.Flush()
	}
}

func (r *report) printErasure(out io.Writer) {
	fmt.Fprintln(out)
	for i, receipt := range r.receipts {
		what := "the other org goes on"
		if receipt.LastLink {
			what = "the account's last link: its own data went too"
		}
		fmt.Fprintf(out, "Unlink %d (%s): %d rows erased, %d keys destroyed, token %s\n", i+1, what, receipt.erased(), len(receipt.KeysDestroyed), receipt.TokenOutcome)
		tables := make([]string, 0, len(receipt.RowsBefore))
		for name, before := range receipt.RowsBefore {
			if before > 0 {
				tables = append(tables, fmt.Sprintf("%s %d→%d", name, before, receipt.RowsAfter[name]))
			}
		}
		slices.Sort(tables)
		fmt.Fprintf(out, "  %s\n", strings.Join(tables, ", "))
	}
	var left int64
	for _, rows := range r.remains {
		left += rows
	}
	fmt.Fprintf(out, "Rows left of either org's calls or of the account, in the %d tables that name one, and keys that open backups: %d. The token at Zoom: %s.\n", len(r.remains)-1, left, r.tokenDead)
}

func verdict(p pair) string {
	if p.agrees() {
		return "✓"
	}
	return "✗"
}

// printAddresses says where to look, and with what: the console first, with links that
// sign in.
func printAddresses(ctx context.Context, out io.Writer, m *machine) error {
	first := m.clouds.world.Orgs[0]
	fmt.Fprintf(out, "\nLook around (Ctrl-C ends everything)\n\n")
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "  console\t%s/console/\n", m.api)
	fmt.Fprintf(table, "  API\t%s/api/v1/\n", m.api)
	fmt.Fprintf(table, "  Temporal UI\t%s\n", m.temporal.UIURL())
	fmt.Fprintf(table, "  the world's Zoom\t%s/_world/state\n", m.clouds.zoomURL)
	_ = table.Flush()
	fmt.Fprintf(out, "\n  API tokens to sign in with later:\n")
	for _, org := range m.clouds.world.Orgs {
		fmt.Fprintf(out, "    %-24s admin %s\n", org.Name, m.kept.AdminTokens[org.ID.String()])
	}
	fmt.Fprintf(out, "\n  Open the console of %s, signed in (each link once, within 15 minutes):\n", first.Name)
	for _, role := range []string{"admin", "helpdesk", "observer"} {
		link, err := m.signInLink(ctx, first, role)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "    as %-9s %s\n", role, link)
	}
	shell, err := m.writeShell()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\n  A shell with starter, $PUBLIC_URL, and %s's $ORG_ID, $SITE_ID and admin $TOKEN:\n    . %s\n", first.Name, shell)
	return nil
}

// signInLink has the starter make a link that signs one browser in, with the org's newest
// token of a role.
func (m *machine) signInLink(ctx context.Context, org *world.Org, role string) (string, error) {
	var tokens []struct {
		TokenID   string     `json:"token_id"`
		Role      string     `json:"role"`
		RevokedAt *time.Time `json:"revoked_at"`
	}
	if err := m.starter(ctx, &tokens, "token", "list", "--org", org.ID.String()); err != nil {
		return "", err
	}
	for _, token := range slices.Backward(tokens) { // oldest first
		if token.Role != role || token.RevokedAt != nil {
			continue
		}
		var made struct {
			URL string `json:"url"`
		}
		err := m.starter(ctx, &made, "token", "link", "--org", org.ID.String(), "--token", token.TokenID)
		return made.URL, err
	}
	return "", fmt.Errorf("%s has no %s token", org.Name, role)
}

var errNothing = errors.New("nothing was harvested")
