package collect

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"callweave/internal/macaddr"
	"callweave/internal/network"
)

// place is a site where a client was, and when; the zero times where only the site is known.
type place struct {
	site     uuid.UUID
	from, to time.Time
}

// places are where clients were within the past that is read.
type places map[macaddr.Addr]whereabouts

type whereabouts []place

func (p places) add(mac macaddr.Addr, at place) { p[mac] = append(p[mac], at) }

// sites are those where the client was, each once.
func (w whereabouts) sites() []uuid.UUID {
	var sites []uuid.UUID
	for _, at := range w {
		if !slices.Contains(sites, at.site) {
			sites = append(sites, at.site)
		}
	}
	return sites
}

// elsewhere reports whether the client was at another site, too, in the time of a sample
// from a site's history. Such a sample names no place and would be taken for both.
func (w whereabouts) elsewhere(site uuid.UUID, sample network.ClientSample) bool {
	return slices.ContainsFunc(w, func(at place) bool {
		return at.site != site && at.from.Before(sample.To) && at.to.After(sample.From)
	})
}
