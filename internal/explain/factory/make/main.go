// Command make trains the factory's model and writes it to the file that its argument
// names. Its worlds have seeds of their own: neither the bench nor any test uses them.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"time"

	"callweave/internal/correlate"
	"callweave/internal/explain"
	"callweave/internal/explainbench"
	"callweave/internal/world"
)

// The seeds of the factory's worlds, and how many days of each are seen.
const (
	firstSeed = 501
	lastSeed  = 508
	days      = 2
	// coarse is how much a minute counts that histories tell of, beside one of polls: what
	// they mean to media is a little less sharp.
	coarse = 0.25
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		slog.ErrorContext(ctx, "make the factory's model", "error", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("%d arguments, want the name of the file to write", len(args))
	}
	rows, weights := &explainbench.Rows{}, []float32(nil)
	for seed := uint64(firstSeed); seed <= lastSeed; seed++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		w, err := world.New(explainbench.Large(seed))
		if err != nil {
			return err
		}
		from := time.Date(2026, 11, 17, 0, 0, 0, 0, time.UTC)
		phase := time.Duration(seed*17%60) * time.Second
		for _, watched := range []struct {
			explainbench.Sampling
			weight float32
		}{{explainbench.Minutely(phase), 1}, {explainbench.TenMinutes(), coarse}} {
			seen := explainbench.Collect(w, w.Orgs[seed%2], from, from.AddDate(0, 0, days), watched.Sampling)
			rows.Append(seen)
			weights = append(weights, slices.Repeat([]float32{watched.weight}, seen.Len())...)
		}
	}
	rows.Weight = weights
	model, err := explain.Train(&rows.Minutes, explain.Options{
		Thresholds: correlate.Thresholds{LatencyMS: 150, JitterMS: 40, LossRatio: 0.02}, Seed: firstSeed, Factory: true,
	})
	if err != nil {
		return err
	}
	encoded, err := model.MarshalBinary()
	if err != nil {
		return err
	}
	slog.InfoContext(ctx, "trained", "rows", model.Trained.Rows, "bad", model.Trained.BadRows, "auc", model.Scores.BadAUC, "bytes", len(encoded))
	if err := os.WriteFile(args[0], encoded, 0o644); err != nil { //nolint:gosec // it is part of the source
		return fmt.Errorf("write the model: %w", err)
	}
	return nil
}
