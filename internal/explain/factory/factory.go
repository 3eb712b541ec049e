// Package factory holds the model for orgs that have too little data for one of their own.
// It was trained on simulated worlds and knows of no org's data.
package factory

import (
	_ "embed"
	"fmt"

	"callweave/internal/explain"
)

//go:generate go run ./make model.bin

//go:embed model.bin
var encoded []byte

// Model returns the factory's model. Its thresholds are the defaults; verdicts by others
// are scaled.
func Model() (*explain.Model, error) {
	model := &explain.Model{}
	if err := model.UnmarshalBinary(encoded); err != nil {
		return nil, fmt.Errorf("factory: %w", err)
	}
	return model, nil
}
