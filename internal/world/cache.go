package world

import "sync"

// cache keeps the latest used derivations of a world. It changes how fast an answer
// comes, never the answer. Callers that want one key at once derive it once.
type cache[K comparable, V any] struct {
	mu      sync.Mutex
	limit   int
	clock   uint64
	entries map[K]*cached[V]
}

type cached[V any] struct {
	once sync.Once
	used uint64
	v    V
}

func newCache[K comparable, V any](limit int) *cache[K, V] {
	return &cache[K, V]{limit: limit, entries: make(map[K]*cached[V])}
}

// get returns the value of key, derived when it is not kept.
func (c *cache[K, V]) get(key K, derive func() V) V {
	c.mu.Lock()
	c.clock++
	e, ok := c.entries[key]
	if !ok {
		if len(c.entries) >= c.limit {
			c.evict()
		}
		e = &cached[V]{}
		c.entries[key] = e
	}
	e.used = c.clock
	c.mu.Unlock()

	e.once.Do(func() { e.v = derive() })
	return e.v
}

// evict drops the less recently used half, so that its scan is paid once per
// limit/2 insertions.
func (c *cache[K, V]) evict() {
	floor := c.clock - min(c.clock, uint64(c.limit)/2)
	for key, e := range c.entries {
		if e.used < floor {
			delete(c.entries, key)
		}
	}
	for key := range c.entries {
		if len(c.entries) < c.limit {
			return
		}
		delete(c.entries, key)
	}
}
