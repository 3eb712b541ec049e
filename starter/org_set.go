package main

import (
	"github.com/spf13/cobra"

	"callweave/internal/measure"
	"callweave/internal/store"
)

// thresholdFlags adds the flags of what makes a minute bad, and returns what reads them.
func thresholdFlags(command *cobra.Command) func() (store.ThresholdChange, error) {
	var change store.ThresholdChange
	flags := []struct {
		name, usage string
		most        float64
		into        *measure.Value
	}{
		{"latency-bad-ms", "a greater latency makes a minute bad, in milliseconds", store.MaxThresholdMS, &change.LatencyMS},
		{"jitter-bad-ms", "a greater jitter makes a minute bad, in milliseconds", store.MaxThresholdMS, &change.JitterMS},
		{"loss-bad-ratio", "a greater loss makes a minute bad, as a ratio: 2 % is 0.02", store.MaxThresholdRatio, &change.LossRatio},
	}
	values := make([]float64, len(flags))
	for i, flag := range flags {
		command.Flags().Float64Var(&values[i], flag.name, 0, flag.usage)
	}
	return func() (store.ThresholdChange, error) {
		for i, flag := range flags {
			if !command.Flags().Changed(flag.name) {
				continue
			}
			if !store.ValidThreshold(values[i], flag.most) {
				return change, usagef("--%s: want more than 0 and at most %g", flag.name, flag.most)
			}
			*flag.into = measure.Of(values[i])
		}
		return change, nil
	}
}
