package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"callweave/internal/config"
	"callweave/internal/secret"
	"callweave/internal/store"
	"callweave/internal/store/db"
	"callweave/internal/vault"
)

func (a *app) orgAdd() *cobra.Command {
	var t target
	var name, mistURL, tokenFile string
	command := &cobra.Command{
		Use:   "add",
		Short: "Add a network org, or change its name or its access to the network",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, args []string) error {
			if (mistURL == "") != (tokenFile == "") {
				return usagef("want both --mist-url and --mist-token-file, or neither")
			}
			if mistURL == "" {
				return doing(func(ctx context.Context) error { return a.addOrg(ctx, t, name, "", secret.Text{}) })(command, args)
			}
			// Not repeated: an address may hold a password.
			if u, err := url.Parse(mistURL); err != nil || u.Host == "" || u.User != nil || (u.Scheme != "https" && u.Scheme != "http") {
				return usagef("--mist-url: want https://host, without user and password")
			}
			return doing(func(ctx context.Context) error {
				token, err := readToken(tokenFile)
				if err != nil {
					return err
				}
				return a.addOrg(ctx, t, name, mistURL, token)
			})(command, args)
		},
	}
	command.Flags().Var(&t.org, "id", "id of the org in the network")
	command.Flags().StringVar(&name, "name", "", "how people call it")
	command.Flags().StringVar(&mistURL, "mist-url", "", "the network's cloud, e.g. https://api.mist.com; without, what the network knew is imported, and an org that has one keeps it")
	command.Flags().StringVar(&tokenFile, "mist-token-file", "", "file with an API token of the network that may read the org")
	require(command, "id", "name")
	return command
}

func readToken(file string) (secret.Text, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return secret.Text{}, fmt.Errorf("--mist-token-file: %w", err)
	}
	token := secret.New(strings.TrimSpace(string(raw)))
	if token.IsZero() {
		return token, fmt.Errorf("--mist-token-file: %s is empty", file)
	}
	return token, nil
}

// addOrg adds an org. One without a network has a sealed token that is empty, so that all
// can be resealed alike.
func (a *app) addOrg(ctx context.Context, t target, name, mistURL string, token secret.Text) error {
	s, err := a.openStore(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	v, err := a.openVault(ctx, s)
	if err != nil {
		return err
	}
	sealed, err := v.Master().SealText(vault.PurposeNetworkToken, token)
	if err != nil {
		return err
	}
	org := db.UpsertOrgParams{OrgID: t.org.UUID, Name: name, MistUrl: strings.TrimSuffix(mistURL, "/"), MistTokenSealed: sealed}
	if err := s.PutOrg(ctx, org); err != nil {
		return err
	}
	err = s.Audit(ctx, store.Entry{OrgID: &org.OrgID, Actor: cliActor, Action: "org put"})
	if err != nil {
		return err
	}
	return a.print(map[string]any{"org_id": org.OrgID, "name": name, "mist_url": org.MistUrl}, row("org", org.OrgID, name))
}

// orgSet changes for how long what is known of an org is kept, and what makes a minute bad.
func (a *app) orgSet() *cobra.Command {
	var t target
	var thresholds func() (store.ThresholdChange, error)
	var minutes, media, devices int
	command := &cobra.Command{
		Use:   "set",
		Short: "Change for how many days an org's data are kept, or what makes a minute of its calls bad",
		Long: "Change for how many days an org's data are kept, or what makes a minute of its calls bad.\n" +
			"Minutes that are stored are judged anew by the harvests that follow, the newest meetings first.",
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, args []string) error {
			var change store.KeepChange
			for name, setting := range map[string]struct {
				days *int
				into **int
			}{"minutes-days": {&minutes, &change.Minutes}, "media-days": {&media, &change.Media}, "devices-days": {&devices, &change.Devices}} {
				if !command.Flags().Changed(name) {
					continue
				}
				if *setting.days < 0 || *setting.days > config.MaxKeepDays {
					return usagef("--%s: want 1 to %d days, or 0 for what the worker is configured with", name, config.MaxKeepDays)
				}
				*setting.into = setting.days
			}
			limits, err := thresholds()
			if err != nil {
				return err
			}
			if change == (store.KeepChange{}) && limits == (store.ThresholdChange{}) {
				return usagef("want --minutes-days, --media-days, --devices-days, --latency-bad-ms, --jitter-bad-ms or --loss-bad-ratio")
			}
			return doing(func(ctx context.Context) error { return a.setOrg(ctx, t, change, limits) })(command, args)
		},
	}
	command.Flags().Var(&t.org, "id", "id of the org in the network")
	command.Flags().IntVar(&minutes, "minutes-days", 0, "for how many days call minutes and calls are kept; 0: KEEP_MINUTES_DAYS of the worker")
	command.Flags().IntVar(&media, "media-days", 0, "for how many days media samples are kept, by the longest of the orgs linked to an account; 0: KEEP_MEDIA_DAYS")
	command.Flags().IntVar(&devices, "devices-days", 0, "for how many days leases and device samples are kept; 0: KEEP_DEVICES_DAYS")
	thresholds = thresholdFlags(command)
	require(command, "id")
	return command
}

func (a *app) setOrg(ctx context.Context, t target, change store.KeepChange, limits store.ThresholdChange) error {
	s, err := a.openStore(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	set := map[string]any{}
	if change != (store.KeepChange{}) {
		if err := s.SetOrgKeep(ctx, t.org.UUID, change); err != nil {
			return err
		}
		set = map[string]any{"minutes_days": change.Minutes, "media_days": change.Media, "devices_days": change.Devices}
		if err := s.Audit(ctx, store.Entry{OrgID: &t.org.UUID, Actor: cliActor, Action: "org set", Detail: set}); err != nil {
			return err
		}
	}
	if limits != (store.ThresholdChange{}) {
		if _, err := s.SetThresholds(ctx, t.org.UUID, limits, cliActor); err != nil {
			return err
		}
		set["latency_bad_ms"], set["jitter_bad_ms"], set["loss_bad_ratio"] = limits.LatencyMS, limits.JitterMS, limits.LossRatio
	}
	return a.print(map[string]any{"org_id": t.org.UUID, "set": set}, row("set", t.org.UUID))
}

// shownOrg is an org as it is printed.
type shownOrg struct {
	OrgID           uuid.UUID  `json:"org_id"`
	Name            string     `json:"name"`
	MistURL         string     `json:"mist_url"`
	DevicesSyncedAt *time.Time `json:"devices_synced_at"`
	DevicesError    *string    `json:"devices_error"`
	// For how many days data are kept; null is as the worker is configured.
	MinutesDays *int32 `json:"minutes_days"`
	MediaDays   *int32 `json:"media_days"`
	DevicesDays *int32 `json:"devices_days"`
	// What is greater makes a minute bad.
	LatencyBadMS float32 `json:"latency_bad_ms"`
	JitterBadMS  float32 `json:"jitter_bad_ms"`
	LossBadRatio float32 `json:"loss_bad_ratio"`
}

func (a *app) orgList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the network orgs, up to when their device data is complete, and what is wrong with it",
		Args:  cobra.NoArgs,
		RunE: doing(func(ctx context.Context) error {
			s, err := a.openStore(ctx)
			if err != nil {
				return err
			}
			defer s.Close()
			orgs, err := s.Orgs(ctx)
			if err != nil {
				return err
			}
			list := make([]shownOrg, 0, len(orgs))
			lines := []string{row("ORG", "NAME", "DEVICES SYNCED", "DEVICES ERROR")}
			for _, org := range orgs {
				list = append(list, shownOrg{
					OrgID: org.OrgID, Name: org.Name, MistURL: org.MistUrl, DevicesSyncedAt: org.DevicesSyncedAt, DevicesError: org.DevicesError,
					LatencyBadMS: org.LatencyBadMs, JitterBadMS: org.JitterBadMs, LossBadRatio: org.LossBadRatio,
					MinutesDays: org.KeepMinutesDays, MediaDays: org.KeepMediaDays, DevicesDays: org.KeepDevicesDays,
				})
				lines = append(lines, row(org.OrgID, org.Name, org.DevicesSyncedAt, org.DevicesError))
			}
			return a.print(list, lines...)
		}),
	}
}
