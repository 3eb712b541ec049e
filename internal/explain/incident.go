package explain

import (
	"cmp"
	"slices"

	"callweave/internal/correlate"
)

// Scope is what the minutes of an incident share.
type Scope string

// The scopes. What is of one client or one meeting only is no incident.
const (
	ScopeRadio Scope = "radio" // one band of an access point
	ScopeAP    Scope = "ap"
	ScopeWAN   Scope = "wan" // a site's way out
	ScopeSite  Scope = "site"
)

// Sign is a bad minute that may be part of an incident.
type Sign struct {
	StartAt int64 // seconds since 1970, of the minute
	Person  string
	Site    string
	AP      string // "" where wired or unknown
	Band    string
	Bucket  correlate.Bucket
	Top     Feature // the most to blame; of no meaning where the bucket is unknown or far_end
}

// Incident is a cause that made the minutes of several people bad.
type Incident struct {
	Scope   Scope
	Site    string
	AP      string
	Band    string
	Feature Feature // the most to blame in most minutes
	People  int
	Minutes int
	FirstAt int64 // seconds since 1970: the start of the first bad minute
	LastAt  int64 // the end of the last one
	Signs   []int // which of those that were given, by time
}

// IncidentRule says which bad minutes make an incident.
type IncidentRule struct {
	Gap    int64 // seconds without a sign after which the next one is of another incident
	People int   // fewest
}

// DefaultIncidentRule bridges five quiet minutes and wants two people: one person's bad
// minutes may be of anything.
func DefaultIncidentRule() IncidentRule { return IncidentRule{Gap: 300, People: 2} }

// kind groups features that tell of one cause: what is measured of a radio together rises
// together.
type kind uint8

const (
	kindAir kind = iota
	kindInterference
	kindCoverage
	kindWAN
	kindSite
)

type share struct {
	scope          Scope
	kind           kind
	site, ap, band string
}

// shared is what a sign may have in common with others.
func (s *Sign) shared() (share, bool) {
	switch {
	case s.Bucket == Wireless && s.AP != "":
		switch s.Top {
		case RadioUtil, APNumClients, RadioBandwidth, RadioChannel, RadioTxPower:
			return share{ScopeRadio, kindAir, s.Site, s.AP, s.Band}, true
		case RadioUtilInterference:
			return share{ScopeRadio, kindInterference, s.Site, s.AP, s.Band}, true
		default:
			return share{ScopeAP, kindCoverage, s.Site, s.AP, ""}, true
		}
	case s.Bucket == SiteWAN && s.Site != "":
		if s.Top == APRTT || s.Top == SiteNumClients {
			return share{ScopeSite, kindSite, s.Site, "", ""}, true
		}
		return share{ScopeWAN, kindWAN, s.Site, "", ""}, true
	}
	return share{}, false
}

// Incidents groups bad minutes that share a cause and are near in time, the earliest
// incident first. The signs may be in any order.
func Incidents(signs []Sign, rule IncidentRule) []Incident {
	groups := map[share][]int{}
	for i := range signs {
		if key, ok := signs[i].shared(); ok {
			groups[key] = append(groups[key], i)
		}
	}
	var out []Incident
	for key, group := range groups {
		slices.SortFunc(group, func(a, b int) int {
			return cmp.Or(cmp.Compare(signs[a].StartAt, signs[b].StartAt), cmp.Compare(signs[a].Person, signs[b].Person), cmp.Compare(a, b))
		})
		for from := 0; from < len(group); {
			to := from + 1
			for to < len(group) && signs[group[to]].StartAt-(signs[group[to-1]].StartAt+60) <= rule.Gap {
				to++
			}
			if incident := incidentOf(key, signs, group[from:to:to]); incident.People >= rule.People {
				out = append(out, incident)
			}
			from = to
		}
	}
	slices.SortFunc(out, func(a, b Incident) int {
		return cmp.Or(cmp.Compare(a.FirstAt, b.FirstAt), cmp.Compare(a.Site, b.Site), cmp.Compare(a.AP, b.AP),
			cmp.Compare(a.Band, b.Band), cmp.Compare(a.Feature, b.Feature))
	})
	return out
}

func incidentOf(key share, signs []Sign, which []int) Incident {
	incident := Incident{
		Scope: key.scope, Site: key.site, AP: key.ap, Band: key.band, Minutes: len(which), Signs: which,
		FirstAt: signs[which[0]].StartAt, LastAt: signs[which[len(which)-1]].StartAt + 60,
	}
	people := map[string]bool{}
	var blamed [NumFeatures]int
	for _, i := range which {
		people[signs[i].Person] = true
		blamed[signs[i].Top]++
	}
	incident.People = len(people)
	for f := range Feature(NumFeatures) {
		if blamed[f] > blamed[incident.Feature] {
			incident.Feature = f
		}
	}
	return incident
}
