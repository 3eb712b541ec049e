package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
)

// proofs are the tables that may speak of an org that unlinked: its registration (it
// is still a tenant), the receipts, and the audit log. They name it by its ids.
func proofs() []string { return []string{"orgs", "api_tokens", "receipts", "audit_log", "token_uses"} }

// tablesWith are the tables that have a column, known from the catalogue only: one that is
// added is in it without being named here. Partitions are part of their table.
func (m *machine) tablesWith(ctx context.Context, column string) ([]string, error) {
	rows, err := m.db.Query(ctx, `select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid
where c.relkind in ('r', 'p') and not c.relispartition and c.relnamespace = 'public'::regnamespace
  and not a.attisdropped and a.attname = $1`, column)
	if err != nil {
		return nil, fmt.Errorf("list tables: %w", err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("list tables: %w", err)
	}
	return tables, nil
}

// measureRemains looks in every table for rows of the account or of a linked org, and for
// keys that would open what backups hold of them.
func (r *report) measureRemains(ctx context.Context, m *machine) (string, error) {
	r.remains = map[string]int64{}
	var orgs []string
	for _, o := range r.orgs {
		orgs = append(orgs, o.org.ID.String())
	}
	count := func(name, table, condition string, args ...any) error {
		var rows int64
		if err := m.db.QueryRow(ctx, "select count(*) from "+table+" where "+condition, args...).Scan(&rows); err != nil {
			return fmt.Errorf("count %s: %w", table, err)
		}
		r.remains[name] += rows
		return nil
	}
	ofOrgs, err := m.tablesWith(ctx, "org_id")
	if err != nil {
		return "", err
	}
	ofAccount, err := m.tablesWith(ctx, "account_id")
	if err != nil {
		return "", err
	}
	for _, table := range ofOrgs {
		if slices.Contains(proofs(), table) {
			continue
		}
		condition := "org_id::text = any($1)"
		if table == "authorizations" {
			condition += " and state <> 'offered'" // looking whether the row is gone offers to link again
		}
		if err := count(table, table, condition, orgs); err != nil {
			return "", err
		}
	}
	for _, table := range ofAccount {
		if slices.Contains(proofs(), table) {
			continue
		}
		if err := count(table, table, "account_id = $1", r.account.ID); err != nil {
			return "", err
		}
	}
	// Samples know their leg only: of none that is left, they are nobody's, and remains.
	if err := count("media_samples", "media_samples", "true"); err != nil {
		return "", err
	}
	names := append(slices.Clone(orgs), r.account.ID)
	if err := count("living data keys", "vault.data_keys", "key_sealed is not null and exists (select from unnest($1::text[]) n where strpos(scope, n) > 0)", names); err != nil {
		return "", err
	}
	for _, grant := range m.clouds.zoom.Grants() {
		if grant.AccountID == r.account.ID {
			r.tokenDead = grant.Dead
			if grant.Dead == "" {
				break // one that lives is the news
			}
		}
	}
	return "token at Zoom: " + r.tokenDead, nil
}
