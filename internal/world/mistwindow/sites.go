package mistwindow

import (
	"callweave/internal/world"
)

func (w *Window) sites(r *request) (any, error) {
	rows := make([]object, 0, len(r.sites))
	for _, site := range r.sites {
		rows = append(rows, siteRow(site))
	}
	return paged(r, rows)
}

func (w *Window) site(r *request) (any, error) { return siteRow(r.sites[0]), nil }

func siteRow(s *world.Site) object {
	return object{
		"id": s.ID, "org_id": s.Org.ID, "name": s.Name, "timezone": s.Timezone, "country_code": s.CountryCode,
		"latlng": object{"lat": s.Lat, "lng": s.Lng}, "address": nil, "sitegroup_ids": []string{},
	}
}
