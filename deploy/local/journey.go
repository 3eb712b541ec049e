package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os/exec"
	"strings"
	"time"

	"callweave/internal/provider"
	"callweave/internal/world"
	"callweave/internal/world/zoomwindow"
	"callweave/workflows"
)

// waitLimit bounds every wait of the journey: what takes longer has gone wrong.
const waitLimit = 5 * time.Minute

// live goes through the life of a link and measures it against the world's truth.
func live(ctx context.Context, m *machine, p *progress) (*report, error) {
	account := m.clouds.world.Accounts[0]
	first, second := m.clouds.world.Orgs[0], m.clouds.world.Orgs[1]
	r := &report{account: account}
	steps := []struct {
		what string
		do   func(context.Context) (string, error)
	}{
		{"unlink what an earlier run left", func(ctx context.Context) (string, error) { return m.unlinkLeft(ctx) }},
		{first.Name + " links: sign in at Zoom, allow", func(ctx context.Context) (string, error) {
			return m.link(ctx, first, account.Admins[0])
		}},
		{"harvest, collect devices, weave", func(ctx context.Context) (string, error) { return m.awaitWoven(ctx, first) }},
		{"compare with the world's truth", func(ctx context.Context) (string, error) { return r.measure(ctx, m, first) }},
		{second.Name + " links the same account", func(ctx context.Context) (string, error) {
			return m.link(ctx, second, account.Admins[0])
		}},
		{"collect devices, weave for the second org", func(ctx context.Context) (string, error) { return m.awaitWoven(ctx, second) }},
		{"compare with the world's truth", func(ctx context.Context) (string, error) { return r.measure(ctx, m, second) }},
		{first.Name + " unlinks", func(ctx context.Context) (string, error) { return m.unlink(ctx, r, first) }},
		{second.Name + " goes on: one more harvest", func(ctx context.Context) (string, error) { return m.harvestAgain(ctx, r, second) }},
		{second.Name + " unlinks, the last", func(ctx context.Context) (string, error) { return m.unlink(ctx, r, second) }},
		{"look for what remains", func(ctx context.Context) (string, error) { return r.measureRemains(ctx, m) }},
	}
	p.heading("The life of a link")
	for _, step := range steps {
		err := p.step(step.what, func() (string, error) {
			limited, cancel := context.WithTimeoutCause(ctx, waitLimit, fmt.Errorf("not done after %s", waitLimit))
			defer cancel()
			return step.do(limited)
		})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", step.what, err)
		}
	}
	return r, nil
}

// linkAgain leaves the machine with something to look at.
func linkAgain(ctx context.Context, m *machine, p *progress) error {
	p.heading("Linking both orgs again, so that there is something to look at")
	for _, org := range m.clouds.world.Orgs[:2] {
		err := p.step(org.Name, func() (string, error) {
			limited, cancel := context.WithTimeout(ctx, waitLimit)
			defer cancel()
			if _, err := m.link(limited, org, m.clouds.world.Accounts[0].Admins[0]); err != nil {
				return "", err
			}
			return m.awaitWoven(limited, org)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// link does what an administrator does: take the authorization URL, sign in at Zoom,
// allow, come back, see the row.
func (m *machine) link(ctx context.Context, org *world.Org, admin *world.Person) (string, error) {
	forward := m.api + "/console/linked" // leads on to the table
	offered, err := m.linkAccounts(ctx, org, forward)
	if err != nil {
		return "", err
	}
	if offered.AuthorizationURL == "" {
		return "", errors.New("the API offers no authorization URL")
	}
	end, err := zoomwindow.NewBrowser().Approve(ctx, offered.AuthorizationURL, admin.Email)
	if err != nil {
		return "", err
	}
	landed, err := url.Parse(end)
	if err != nil || !strings.HasPrefix(end, forward) || landed.Query().Get("error") != "" {
		return "", fmt.Errorf("the redirects end at %s", end)
	}
	shown, err := m.linkAccounts(ctx, org, forward)
	if err != nil {
		return "", err
	}
	for _, row := range shown.Accounts {
		if row.AccountID == admin.Account.ID {
			return "row shown: linked by " + row.LinkedBy, nil
		}
	}
	return "", fmt.Errorf("the table has no row for account %s", admin.Account.ID)
}

// awaitWoven waits until everything that can be known of the org's calls now is known.
func (m *machine) awaitWoven(ctx context.Context, org *world.Org) (string, error) {
	const open = `
select exists (select from links l join orgs o using (org_id)
               where l.org_id = $1 and l.last_sync_at is not null and o.devices_synced_at is not null)
   and not exists (select from windows where state <> 'listed')
   and not exists (select from meetings where revision = 0 and due_at <= now())
   and not exists (select from meetings m join orgs o on o.org_id = $1
                   left join weaves w on w.org_id = o.org_id and (w.provider, w.account_id, w.meeting_id) = (m.provider, m.account_id, m.meeting_id)
                   where m.revision > 0 and m.end_at <= o.devices_synced_at and w.revision is distinct from m.revision)`
	err := await(ctx, 200*time.Millisecond, func() (done bool, err error) {
		err = m.db.QueryRow(ctx, open, org.ID).Scan(&done)
		return done, err
	})
	if err != nil {
		return "", err
	}
	var minutes, bad int
	err = m.db.QueryRow(ctx, "select count(*), count(*) filter (where bad) from call_minutes where org_id = $1", org.ID).Scan(&minutes, &bad)
	return fmt.Sprintf("%d call minutes, %d bad", minutes, bad), err
}

// unlink does what an administrator does, and waits for the receipt.
func (m *machine) unlink(ctx context.Context, r *report, org *world.Org) (string, error) {
	if err := m.deleteLink(ctx, org, r.account.ID); err != nil {
		return "", err
	}
	shown, err := m.linkAccounts(ctx, org, m.api+"/console/")
	if err != nil {
		return "", err
	}
	if len(shown.Accounts) != 0 || shown.Linked {
		return "", errors.New("the row is still in the table")
	}
	receipt, err := m.awaitReceipt(ctx, org)
	if err != nil {
		return "", err
	}
	r.receipts = append(r.receipts, receipt)
	return fmt.Sprintf("receipt: %d rows erased, token %s", receipt.erased(), receipt.TokenOutcome), nil
}

func (m *machine) unlinkLeft(ctx context.Context) (string, error) {
	left := 0
	for _, org := range m.clouds.world.Orgs {
		shown, err := m.linkAccounts(ctx, org, m.api+"/console/")
		if err != nil {
			return "", err
		}
		for _, row := range shown.Accounts {
			left++
			if err := m.deleteLink(ctx, org, row.AccountID); err != nil {
				return "", err
			}
		}
	}
	err := await(ctx, 200*time.Millisecond, func() (gone bool, err error) {
		err = m.db.QueryRow(ctx, "select not exists (select from links) and not exists (select from receipts where finished_at is null)").Scan(&gone)
		return gone, err
	})
	if left == 0 {
		return "nothing", err
	}
	return fmt.Sprintf("%d links, their data erased", left), err
}

// harvestAgain triggers the account's schedule, as an operator would with temporal.
func (m *machine) harvestAgain(ctx context.Context, r *report, org *world.Org) (string, error) {
	lastSync := func() (at time.Time, err error) {
		err = m.db.QueryRow(ctx, "select last_sync_at from links where org_id = $1", org.ID).Scan(&at)
		return at, err
	}
	before, err := lastSync()
	if err != nil {
		return "", err
	}
	schedule := workflows.HarvestID(provider.AccountRef{Provider: provider.Zoom, AccountID: r.account.ID})
	trigger := exec.CommandContext(ctx, m.opts.temporal, "schedule", "trigger",
		"--address", m.temporal.Address(), "--namespace", m.temporal.Namespace(), "--schedule-id", schedule)
	if out, err := trigger.CombinedOutput(); err != nil {
		return "", fmt.Errorf("temporal schedule trigger: %w\n%s", err, out)
	}
	err = await(ctx, 200*time.Millisecond, func() (bool, error) {
		at, err := lastSync()
		return at.After(before), err
	})
	if err != nil {
		return "", err
	}
	var all int
	err = m.db.QueryRow(ctx, "select count(*), count(*) filter (where meeting_id = any($2)) from call_minutes where org_id = $1", org.ID, r.settled).
		Scan(&all, &r.otherMinutesAfter)
	return fmt.Sprintf("%d call minutes", all), err
}
