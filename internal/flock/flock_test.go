package flock_test

import (
	"errors"
	"path/filepath"
	"testing"

	"callweave/internal/flock"
)

func TestAcquire(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	first, err := flock.Acquire(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := flock.Acquire(path); !errors.Is(err, flock.ErrHeld) {
		t.Errorf("second Acquire = %v, want ErrHeld", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := flock.Acquire(path)
	if err != nil {
		t.Fatalf("Acquire after Close: %v", err)
	}
	_ = again.Close()
}

func TestAcquireNamesMissingDirectory(t *testing.T) {
	t.Parallel()
	if _, err := flock.Acquire(filepath.Join(t.TempDir(), "none", "lock")); err == nil || errors.Is(err, flock.ErrHeld) {
		t.Errorf("Acquire in a missing directory = %v", err)
	}
}
