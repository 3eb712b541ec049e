package localpg

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"callweave/internal/child"
)

// rolePassword derives the password of [Role], so that one secret is kept and URLs stay valid over restarts.
func rolePassword(admin string) string {
	mac := hmac.New(sha256.New, []byte(admin))
	mac.Write([]byte("role " + Role))
	return hex.EncodeToString(mac.Sum(nil))
}

// connect opens a session of the administrator.
func (c *Cluster) connect(ctx context.Context) (*pgx.Conn, error) {
	conn, err := pgx.Connect(ctx, c.url(adminRole, c.password, adminDB))
	if err != nil {
		return nil, fmt.Errorf("connect to the server: %w", err)
	}
	return conn, nil
}

// awaitReady returns when the server answers, with child.ErrExited when it has ended instead.
func (c *Cluster) awaitReady(ctx context.Context) error {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		conn, err := c.connect(ctx)
		if err == nil {
			_ = conn.Close(ctx) // it has answered
			return nil
		}
		select {
		case <-c.process.Done():
			return fmt.Errorf("%w: %w", child.ErrExited, c.process.Err())
		case <-ctx.Done():
			return fmt.Errorf("wait for the server to answer: %w: %w", ctx.Err(), err)
		case <-ticker.C:
		}
	}
}

// ensureRole creates Role, or gives it its password again.
func (c *Cluster) ensureRole(ctx context.Context) error {
	conn, err := c.connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var exists bool
	const q = `select exists (select from pg_roles where rolname = $1)`
	if err := conn.QueryRow(ctx, q, Role).Scan(&exists); err != nil {
		return fmt.Errorf("look for role %s: %w", Role, err)
	}
	verb := "create"
	if exists {
		verb = "alter"
	}
	// The password is hexadecimal: nothing in it needs quoting.
	sql := fmt.Sprintf(`%s role %s login nosuperuser nocreaterole password '%s'`,
		verb, pgx.Identifier{Role}.Sanitize(), rolePassword(c.password))
	if _, err := conn.Exec(ctx, sql); err != nil {
		return fmt.Errorf("%s role %s: %w", verb, Role, err)
	}
	return nil
}

// CreateDatabase creates a database owned by [Role], as a copy of template or empty when template is "".
func (c *Cluster) CreateDatabase(ctx context.Context, name, template string) error {
	if template == "" {
		template = "template0"
	}
	return c.exec(ctx, "create database "+name, fmt.Sprintf("create database %s owner %s template %s",
		pgx.Identifier{name}.Sanitize(), pgx.Identifier{Role}.Sanitize(), pgx.Identifier{template}.Sanitize()))
}

// FreezeTemplate lets nobody connect to a database any more, so that it can be copied at any time.
func (c *Cluster) FreezeTemplate(ctx context.Context, name string) error {
	return c.exec(ctx, "freeze template "+name, fmt.Sprintf("alter database %s allow_connections false is_template true",
		pgx.Identifier{name}.Sanitize()))
}

// DropDatabase drops a database and ends the sessions that use it.
func (c *Cluster) DropDatabase(ctx context.Context, name string) error {
	return c.exec(ctx, "drop database "+name, fmt.Sprintf("drop database if exists %s with (force)",
		pgx.Identifier{name}.Sanitize()))
}

// HasDatabase reports whether a database exists.
func (c *Cluster) HasDatabase(ctx context.Context, name string) (bool, error) {
	conn, err := c.connect(ctx)
	if err != nil {
		return false, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var found bool
	const q = `select exists (select from pg_database where datname = $1)`
	if err := conn.QueryRow(ctx, q, name).Scan(&found); err != nil {
		return false, fmt.Errorf("look for database %s: %w", name, err)
	}
	return found, nil
}

func (c *Cluster) exec(ctx context.Context, what, sql string) error {
	conn, err := c.connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, sql); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}
