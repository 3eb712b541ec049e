package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"callweave/internal/config"
	"callweave/internal/reseal"
	"callweave/internal/secret"
	"callweave/internal/store"
	"callweave/internal/vault"
)

func (a *app) keysNew() *cobra.Command {
	return &cobra.Command{
		Use:   "new",
		Short: "Make a master keyset and print it",
		Long: "Make a master keyset and print it, for KEYSET or a file that KEYSET_FILE names.\n" +
			"Whoever has it can read everything that is sealed; whoever loses it has lost all of that.",
		Args: cobra.NoArgs,
		RunE: doing(func(context.Context) error {
			keyset, err := vault.NewKeyset()
			if err != nil {
				return err
			}
			return a.print(map[string]string{"keyset": keyset.Reveal()}, keyset.Reveal())
		}),
	}
}

func (a *app) keysRotate() *cobra.Command {
	var out outFile
	command := &cobra.Command{
		Use:   "rotate",
		Short: "Print the keyset with a fresh key that does not seal yet (first step of a rotation)",
		Long: "Print the keyset with a fresh key that opens but does not seal yet. Give the result to every worker and\n" +
			"starter and restart them; only then promote the key. So no program meets a value that it cannot open.",
		Args: cobra.NoArgs,
		RunE: doing(func(ctx context.Context) error {
			return a.changeKeyset(ctx, out, "key added", vault.AddKey,
				"give this keyset to every worker and starter and restart them, then run `starter keys promote` with it")
		}),
	}
	out.flags(command)
	return command
}

func (a *app) keysPromote() *cobra.Command {
	var out outFile
	var key uint32
	command := &cobra.Command{
		Use:   "promote",
		Short: "Print the keyset with the newest key as the one that seals (second step)",
		Long: "Print the keyset with the key that was added last, or the one of --key, as the one that seals. Every worker\n" +
			"and starter must have the keyset of `starter keys rotate` by now: one that does not cannot open what others seal.",
		Args: cobra.NoArgs,
		RunE: doing(func(ctx context.Context) error {
			return a.changeKeyset(ctx, out, "key promoted", func(text secret.Text) (secret.Text, uint32, error) { return vault.PromoteKey(text, key) },
				"give this keyset to every worker and starter and restart them, then run `starter keys reseal` with it")
		}),
	}
	out.flags(command)
	command.Flags().Uint32Var(&key, "key", 0, "id of the key; the one added last where it is not given")
	return command
}

// changeKeyset prints or writes a changed keyset. It asks the database first whether the
// keyset is the one in use: rotating another would lock everybody out.
func (a *app) changeKeyset(ctx context.Context, out outFile, action string, change func(secret.Text) (secret.Text, uint32, error), next string) error {
	text, s, _, err := a.openKeyset(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	changed, id, err := change(text)
	if err != nil {
		return err
	}
	if err := s.Audit(ctx, store.Entry{Actor: cliActor, Action: action, Object: reseal.AuditObject(id)}); err != nil {
		return err
	}
	if err := out.hand(a, changed, id); err != nil {
		return err
	}
	_, _ = fmt.Fprintln(a.problems, "next: "+next)
	return nil
}

// openKeyset returns the keyset of the environment, checked against the database.
func (a *app) openKeyset(ctx context.Context) (secret.Text, *store.Store, *vault.Vault, error) {
	settings, err := config.Load[config.Keyset](ctx, a.env)
	if err != nil {
		return secret.Text{}, nil, nil, err
	}
	text, err := settings.Load()
	if err != nil {
		return secret.Text{}, nil, nil, err
	}
	s, err := a.openStore(ctx)
	if err != nil {
		return secret.Text{}, nil, nil, err
	}
	v, err := a.openVault(ctx, s)
	if err != nil {
		s.Close()
		return secret.Text{}, nil, nil, err
	}
	return text, s, v, nil
}

func (a *app) keysStatus() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "List the keys of the keyset and how many values of the database each still seals",
		Args:  cobra.NoArgs,
		RunE: doing(func(ctx context.Context) error {
			_, s, v, err := a.openKeyset(ctx)
			if err != nil {
				return err
			}
			defer s.Close()
			census, err := reseal.Count(ctx, s, v.Master())
			if err != nil {
				return err
			}
			lines := []string{row("KEY", "STATE", "VALUES")}
			for _, use := range census.Keys {
				state := "opens"
				switch {
				case use.Primary:
					state = "seals"
				case !use.InKeyset:
					state = "not in the keyset: its values cannot be read"
				}
				lines = append(lines, row(use.KeyID, state, use.Values))
			}
			if census.Unmarked > 0 {
				lines = append(lines, row("-", "no key: cannot be read", census.Unmarked))
			}
			return a.print(census, lines...)
		}),
	}
}

func (a *app) keysReseal() *cobra.Command {
	var wait bool
	command := &cobra.Command{
		Use:   "reseal",
		Short: "Seal everything with the primary key, in the background (third step)",
		Args:  cobra.NoArgs,
		RunE: doing(func(ctx context.Context) error {
			_, s, v, err := a.openKeyset(ctx)
			if err != nil {
				return err
			}
			defer s.Close()
			f, done, err := a.openFlows(ctx, v)
			if err != nil {
				return err
			}
			defer done()
			id := v.Master().PrimaryID()
			if err := s.Audit(ctx, store.Entry{Actor: cliActor, Action: "reseal requested", Object: reseal.AuditObject(id)}); err != nil {
				return err
			}
			workflowID, err := f.Reseal(ctx, id)
			if err != nil {
				return err
			}
			if !wait {
				return a.print(map[string]any{"workflow_id": workflowID, "key_id": id}, row("started", workflowID))
			}
			result, err := f.ResealResult(ctx)
			if err != nil {
				return err
			}
			return a.print(result, row("key", result.KeyID), row("resealed", result.Resealed), row("left", result.Left),
				row("unreadable", result.Unreadable), row("schedules", result.Schedules), row("links renewed", result.Links))
		}),
	}
	command.Flags().BoolVar(&wait, "wait", false, "wait until it is done and print what it did")
	return command
}

func (a *app) keysDrop() *cobra.Command {
	var out outFile
	var key uint32
	var force bool
	command := &cobra.Command{
		Use:   "drop",
		Short: "Print the keyset without a key that nothing needs any more (last step)",
		Long: "Print the keyset without a key. Refused while a value of the database is sealed with it, and while Temporal\n" +
			"keeps histories from before the resealing, whose payloads it may have sealed: they go with the namespace's\n" +
			"retention. --force-histories gives those payloads up: such workflows cannot be read, and running ones fail.",
		Args: cobra.NoArgs,
		RunE: doing(func(ctx context.Context) error {
			text, s, v, err := a.openKeyset(ctx)
			if err != nil {
				return err
			}
			defer s.Close()
			dropped, err := vault.DropKey(text, key)
			if err != nil {
				return err
			}
			if err := a.unneeded(ctx, s, v, key, force); err != nil {
				return fmt.Errorf("drop key %d: %w", key, err)
			}
			err = s.Audit(ctx, store.Entry{Actor: cliActor, Action: "key dropped", Object: reseal.AuditObject(key), Detail: map[string]any{"force_histories": force}})
			if err != nil {
				return err
			}
			if err := out.hand(a, dropped, key); err != nil {
				return err
			}
			_, _ = fmt.Fprintln(a.problems, "next: give this keyset to every worker and starter, restart them, and destroy the copies of the old one")
			return nil
		}),
	}
	out.flags(command)
	command.Flags().Uint32Var(&key, "key", 0, "id of the key, as `starter keys status` lists it")
	command.Flags().BoolVar(&force, "force-histories", false, "give up the payloads of workflow histories that the key sealed")
	require(command, "key")
	return command
}

// unneeded refuses while something may still be sealed with a key.
func (a *app) unneeded(ctx context.Context, s *store.Store, v *vault.Vault, key uint32, force bool) error {
	census, err := reseal.Count(ctx, s, v.Master())
	if err != nil {
		return err
	}
	if values := census.Of(key).Values; values > 0 {
		return fmt.Errorf("%d values of the database are sealed with it: run `starter keys reseal`", values)
	}
	if force {
		return nil
	}
	resealed, err := s.LastAudit(ctx, reseal.AuditAction, reseal.AuditObject(v.Master().PrimaryID()))
	if errors.Is(err, store.ErrNotFound) {
		return errors.New("the database was not resealed with the primary key: run `starter keys reseal`, or give up workflow payloads with --force-histories")
	}
	if err != nil {
		return err
	}
	f, done, err := a.openFlows(ctx, v)
	if err != nil {
		return err
	}
	defer done()
	running, all, err := f.Executions(ctx, resealed)
	if err != nil || all == 0 {
		return err
	}
	return fmt.Errorf("%d workflow executions, %d of them running, began before the resealing of %s and may hold payloads sealed with it: wait until the namespace's retention has ended them, or give them up with --force-histories",
		all, running, when(resealed))
}

// outFile is where a keyset goes: standard output, or a new file.
type outFile struct{ path string }

func (o *outFile) flags(command *cobra.Command) {
	command.Flags().StringVar(&o.path, "out", "", "write the keyset to this new file (mode 0600) instead of printing it")
}

func (o *outFile) hand(a *app, keyset secret.Text, id uint32) error {
	if o.path == "" {
		return a.print(map[string]any{"key_id": id, "keyset": keyset.Reveal()}, keyset.Reveal())
	}
	if err := writeNew(o.path, []byte(keyset.Reveal()+"\n")); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	return a.print(map[string]any{"key_id": id, "file": o.path}, row("key", strconv.FormatUint(uint64(id), 10)), row("file", o.path))
}
