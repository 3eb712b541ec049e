package main

import (
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"callweave/internal/access"
	"callweave/internal/provider"
)

// The flags below read their values themselves, so that a wrong one is wrong usage.

type uuidFlag struct{ uuid.UUID }

func (f *uuidFlag) Type() string { return "UUID" }
func (f *uuidFlag) String() string {
	if f.UUID == uuid.Nil {
		return ""
	}
	return f.UUID.String()
}

func (f *uuidFlag) Set(text string) error {
	id, err := uuid.Parse(text)
	if err != nil {
		return errors.New("want a UUID like 441a1214-6928-442a-8e92-e1d34b8ec6a6")
	}
	f.UUID = id
	return nil
}

type timeFlag struct{ time.Time }

func (f *timeFlag) Type() string   { return "time" }
func (f *timeFlag) String() string { return when(f.Time) }
func (f *timeFlag) Set(text string) error {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			f.Time = t.UTC()
			return nil
		}
	}
	return errors.New("want a time like 2026-11-01T00:00:00Z or a day like 2026-11-01")
}

type roleFlag struct{ access.Role }

func (f *roleFlag) Type() string   { return "role" }
func (f *roleFlag) String() string { return string(f.Role) }
func (f *roleFlag) Set(text string) (err error) {
	f.Role, err = access.ParseRole(text)
	return err
}

type providerFlag struct{ provider.Name }

func (f *providerFlag) Type() string   { return "provider" }
func (f *providerFlag) String() string { return string(f.Name) }
func (f *providerFlag) Set(text string) (err error) {
	f.Name, err = provider.ParseName(text)
	return err
}

// target is whom most commands are about.
type target struct {
	org      uuidFlag
	provider providerFlag
	account  string
}

func (t *target) ref() provider.AccountRef {
	return provider.AccountRef{Provider: t.provider.Name, AccountID: t.account}
}

func (t *target) orgFlag(command *cobra.Command) {
	command.Flags().Var(&t.org, "org", "id of the network org")
}

func (t *target) accountFlags(command *cobra.Command) {
	t.provider.Name = provider.Zoom
	command.Flags().Var(&t.provider, "provider", "zoom or teams")
	command.Flags().StringVar(&t.account, "account", "", "id of the provider account")
}
