package insight

import (
	"errors"
	"time"

	"github.com/google/uuid"

	"callweave/internal/correlate"
	"callweave/internal/explain"
	"callweave/internal/macaddr"
	"callweave/internal/store/db"
)

// ErrTooMany is of more bad minutes than are searched for incidents at once.
var ErrTooMany = errors.New("too many bad minutes")

// MaxSigns is how many bad minutes are searched for incidents at once.
const MaxSigns = 200_000

// Incident is a cause that several people's bad minutes share.
type Incident struct {
	Scope   string // radio, ap, wan or site
	SiteID  uuid.UUID
	AP      macaddr.Addr // zero where the scope is wider
	Band    string       // of a radio
	Bucket  string
	Feature string // the most to blame in most of the minutes
	People  int    // network clients
	Minutes int
	FirstAt time.Time
	LastAt  time.Time // the end of the last bad minute
	Signs   []int     // the rows that it was made of, by time
}

// Incidents groups bad minutes that share a cause and are near in time, the latest incident
// first. [ErrTooMany] beyond [MaxSigns].
func Incidents(rows []db.BadMinutesOfCausesRow) ([]Incident, error) {
	if len(rows) > MaxSigns {
		return nil, ErrTooMany
	}
	features := make(map[string]explain.Feature, explain.NumFeatures)
	for f := range explain.Feature(explain.NumFeatures) {
		features[f.String()] = f
	}
	signs, rowOf := make([]explain.Sign, 0, len(rows)), make([]int, 0, len(rows))
	for i := range rows {
		r := &rows[i]
		top, known := features[r.TopFeature]
		if !known {
			continue // nothing was blamed
		}
		sign := explain.Sign{
			StartAt: r.StartAt.Unix(), Person: r.ClientMac.String(), Site: r.SiteID.String(),
			Band: r.Band, Bucket: correlate.Bucket(r.Bucket), Top: top,
		}
		if r.ApMac != nil {
			sign.AP = r.ApMac.String()
		}
		signs, rowOf = append(signs, sign), append(rowOf, i)
	}
	found := explain.Incidents(signs, explain.DefaultIncidentRule())
	out := make([]Incident, len(found))
	for i := range found {
		f := &found[len(found)-1-i]
		out[i] = Incident{
			Scope: string(f.Scope), Band: f.Band, Bucket: string(f.Feature.Bucket()), Feature: f.Feature.String(),
			People: f.People, Minutes: f.Minutes, FirstAt: time.Unix(f.FirstAt, 0).UTC(), LastAt: time.Unix(f.LastAt, 0).UTC(),
		}
		out[i].Signs = make([]int, len(f.Signs))
		for k, sign := range f.Signs {
			out[i].Signs[k] = rowOf[sign]
		}
		out[i].SiteID, _ = uuid.Parse(f.Site) // it was one
		out[i].AP, _ = macaddr.Parse(f.AP)    // it was one, or none
	}
	return out, nil
}
