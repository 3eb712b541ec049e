// Package activities does the I/O that workflows decide about: one file per
// collaborator, structs with injected dependencies, every activity idempotent and
// registered under its explicit name from workflows/names.go, so that renaming a method
// cannot break a history.
package activities

import (
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/worker"

	"callweave/workflows"
)

// Set is all that a worker hosts. A nil member registers nothing.
type Set struct {
	Devices *Devices
	Weaver  *Weaver
	Links   *Links
}

// Register registers every activity of the set under its name. The registry's worker
// should be built with worker.Options.DisableRegistrationAliasing, so that no second,
// implicit name exists.
func Register(registry worker.ActivityRegistry, set Set) {
	if set.Links != nil {
		registerAll(registry, map[string]any{
			workflows.ExchangeCodeActivity: set.Links.ExchangeCode,
		})
	}
	if set.Devices != nil {
		registerAll(registry, map[string]any{workflows.CollectDevicesActivity: set.Devices.CollectDevices})
	}
	if set.Weaver != nil {
		registerAll(registry, map[string]any{workflows.WeaveActivity: set.Weaver.Weave})
	}
}

func registerAll(registry worker.ActivityRegistry, byName map[string]any) {
	for name, function := range byName {
		registry.RegisterActivityWithOptions(function, activity.RegisterOptions{Name: name})
	}
}
