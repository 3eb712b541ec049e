// Package insight lends package explain the store: it keeps the models of orgs, trains
// them, and has call minutes judged and explained by them.
package insight

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"callweave/internal/explain"
	"callweave/internal/explain/factory"
	"callweave/internal/store"
)

// newestFor is how long an org's newest version is taken for the newest. A model that was
// erased is let go with it.
const newestFor = time.Minute

// maxModels bounds the models that are held, some ten to hundred kilobytes each.
const maxModels = 256

// Models finds the models that explain orgs' minutes. Safe for concurrent use.
type Models struct {
	store   *store.Store
	now     func() time.Time
	factory *explain.Model

	mu     sync.Mutex
	newest map[uuid.UUID]newest
	held   map[modelKey]*explain.Model
}

type newest struct {
	version int
	at      time.Time
}

type modelKey struct {
	org     uuid.UUID
	version int
}

// NewModels builds a finder of models. now is the clock, time.Now where it is nil.
func NewModels(s *store.Store, now func() time.Time) (*Models, error) {
	if now == nil {
		now = time.Now
	}
	fallback, err := factory.Model()
	if err != nil {
		return nil, err
	}
	return &Models{store: s, now: now, factory: fallback, newest: map[uuid.UUID]newest{}, held: map[modelKey]*explain.Model{}}, nil
}

// Newest is the model by which an org's minutes are judged now, and its version: 0 is the
// factory's, of an org that has too little data for its own.
func (m *Models) Newest(ctx context.Context, org uuid.UUID) (*explain.Model, int, error) {
	m.mu.Lock()
	known, ok := m.newest[org]
	m.mu.Unlock()
	if !ok || m.now().Sub(known.at) >= newestFor {
		version, err := m.store.NewestModelVersion(ctx, org)
		if err != nil {
			return nil, 0, err
		}
		if version < known.version {
			m.forget(org) // an unlinking took its models
		}
		known = newest{version: version, at: m.now()}
		m.mu.Lock()
		m.newest[org] = known
		m.mu.Unlock()
	}
	model, err := m.version(ctx, org, known.version)
	if errors.Is(err, store.ErrNotFound) {
		// Erased within this minute.
		m.forget(org)
		return m.factory, 0, nil
	}
	return model, known.version, err
}

// version reads one model. [store.ErrNotFound] where it is gone.
func (m *Models) version(ctx context.Context, org uuid.UUID, version int) (*explain.Model, error) {
	if version == 0 {
		return m.factory, nil
	}
	key := modelKey{org, version}
	m.mu.Lock()
	model, ok := m.held[key]
	m.mu.Unlock()
	if ok {
		return model, nil
	}
	row, err := m.store.Model(ctx, org, version)
	if err != nil {
		return nil, err
	}
	model = &explain.Model{}
	if err := model.UnmarshalBinary(row.Body); err != nil {
		return nil, fmt.Errorf("read model %d of org %s: %w", version, org, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.held) >= maxModels {
		clear(m.held) // they are read again where they are needed
	}
	m.held[key] = model
	return model, nil
}

// forget lets go of an org's models.
func (m *Models) forget(org uuid.UUID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.newest, org)
	for key := range m.held {
		if key.org == org {
			delete(m.held, key)
		}
	}
}
