// Package utcday says when the days of quotas and partitions begin: at 00:00 UTC, as Zoom
// counts them (rate limits guide).
package utcday

import "time"

// Of returns the beginning of the day of a moment.
func Of(at time.Time) time.Time { return at.UTC().Truncate(24 * time.Hour) }

// Next returns the beginning of the day after that of a moment: when quotas are whole again.
func Next(at time.Time) time.Time { return Of(at).Add(24 * time.Hour) }
