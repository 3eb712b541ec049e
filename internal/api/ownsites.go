package api

import (
	"sync"
	"time"

	"github.com/google/uuid"
)

// ownSites remembers for a while that a site is an org's, which seldom changes. What is read
// is read by org and site, whatever is remembered here: for a site that went meanwhile
// nothing is found.
type ownSites struct {
	mu    sync.Mutex
	until map[[2]uuid.UUID]time.Time
}

const (
	rememberSite = time.Minute
	mostOwnSites = 10_000 // of all orgs: then all are looked up anew
)

func (o *ownSites) known(org, site uuid.UUID, now time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return now.Before(o.until[[2]uuid.UUID{org, site}])
}

func (o *ownSites) remember(org, site uuid.UUID, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.until == nil || len(o.until) >= mostOwnSites {
		o.until = map[[2]uuid.UUID]time.Time{}
	}
	o.until[[2]uuid.UUID{org, site}] = now.Add(rememberSite)
}
