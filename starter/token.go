package main

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"callweave/internal/config"
	"callweave/internal/store"
)

func (a *app) tokenCreate() *cobra.Command {
	var t target
	var role roleFlag
	command := &cobra.Command{
		Use:   "create",
		Short: "Make an API token and print it: it is shown this once",
		Args:  cobra.NoArgs,
		RunE: doing(func(ctx context.Context) error {
			s, err := a.openStore(ctx)
			if err != nil {
				return err
			}
			defer s.Close()
			if _, err := s.Org(ctx, t.org.UUID); err != nil {
				return err
			}
			id, token, err := s.CreateToken(ctx, t.org.UUID, string(role.Role))
			if err != nil {
				return err
			}
			err = s.Audit(ctx, store.Entry{
				OrgID: &t.org.UUID, Actor: cliActor, Action: "token created", Object: id.String(), Detail: map[string]any{"role": role.Role},
			})
			if err != nil {
				return err
			}
			return a.print(map[string]any{"token_id": id, "org_id": t.org.UUID, "role": role.Role, "token": token.Reveal()}, token.Reveal())
		}),
	}
	t.orgFlag(command)
	command.Flags().Var(&role, "role", "admin, observer or helpdesk")
	require(command, "org", "role")
	return command
}

// shownToken is a token as it is listed: the token itself is known to nobody here.
type shownToken struct {
	TokenID    uuid.UUID  `json:"token_id"`
	OrgID      uuid.UUID  `json:"org_id"`
	Role       string     `json:"role"`
	CreatedAt  time.Time  `json:"created_at"`
	LastUsedAt *time.Time `json:"last_used_at"` // to the minute; null: never
	RevokedAt  *time.Time `json:"revoked_at"`   // null: in force
}

func (a *app) tokenList() *cobra.Command {
	var t target
	command := &cobra.Command{
		Use:   "list",
		Short: "List the API tokens of an org, revoked ones too; never the tokens themselves",
		Args:  cobra.NoArgs,
		RunE: doing(func(ctx context.Context) error {
			s, err := a.openStore(ctx)
			if err != nil {
				return err
			}
			defer s.Close()
			if _, err := s.Org(ctx, t.org.UUID); err != nil {
				return err
			}
			tokens, err := s.Tokens(ctx, t.org.UUID)
			if err != nil {
				return err
			}
			shown, lines := []shownToken{}, []string{row("TOKEN", "ROLE", "CREATED", "LAST USED", "REVOKED")}
			for _, r := range tokens {
				shown = append(shown, shownToken{r.TokenID, r.OrgID, r.Role, r.CreatedAt, r.LastUsedAt, r.RevokedAt})
				lines = append(lines, row(r.TokenID, r.Role, r.CreatedAt, r.LastUsedAt, r.RevokedAt))
			}
			return a.print(shown, lines...)
		}),
	}
	t.orgFlag(command)
	require(command, "org")
	return command
}

func (a *app) tokenRevoke() *cobra.Command {
	var t target
	var token uuidFlag
	command := &cobra.Command{
		Use:   "revoke",
		Short: "End an API token at once, and the console sessions that it opened",
		Args:  cobra.NoArgs,
		RunE: doing(func(ctx context.Context) error {
			s, err := a.openStore(ctx)
			if err != nil {
				return err
			}
			defer s.Close()
			if err := s.RevokeToken(ctx, t.org.UUID, token.UUID, cliActor); err != nil {
				return err
			}
			return a.print(map[string]any{"token_id": token.UUID, "org_id": t.org.UUID, "revoked": true}, row("revoked", token.UUID))
		}),
	}
	t.orgFlag(command)
	command.Flags().Var(&token, "token", "id of the token, as `starter token list` shows it")
	require(command, "org", "token")
	return command
}

func (a *app) tokenLink() *cobra.Command {
	var t target
	var token uuidFlag
	command := &cobra.Command{
		Use:   "link",
		Short: "Print a link that signs one browser in to the console, once, as the holder of a token",
		Long: "Print a link that signs one browser in to the console, once, as the holder of a token.\n" +
			"It is good for " + store.SignInCodeLife.String() + ". Its code stands behind a #, which browsers send to nobody.",
		Args: cobra.NoArgs,
		RunE: doing(func(ctx context.Context) error {
			settings, err := config.Load[config.Public](ctx, a.env)
			if err != nil {
				return err
			}
			s, err := a.openStore(ctx)
			if err != nil {
				return err
			}
			defer s.Close()
			now := time.Now()
			code, err := s.CreateSignInCode(ctx, t.org.UUID, token.UUID, cliActor, now)
			if err != nil {
				return err
			}
			link := strings.TrimSuffix(settings.URL, "/") + "/console/sign-in#" + code.Reveal()
			return a.print(map[string]any{"token_id": token.UUID, "org_id": t.org.UUID, "url": link, "expires_at": now.Add(store.SignInCodeLife).UTC()}, link)
		}),
	}
	t.orgFlag(command)
	command.Flags().Var(&token, "token", "id of the token, as `starter token list` shows it")
	require(command, "org", "token")
	return command
}
