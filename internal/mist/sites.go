package mist

import (
	"context"
	"iter"

	"github.com/google/uuid"

	"callweave/internal/network"
)

// Sites yields the sites of an org. Their addresses come from the devices: see
// [Source.Sites].
func (c *Client) Sites(ctx context.Context, orgID uuid.UUID) iter.Seq2[network.Site, error] {
	type row struct {
		ID          text `json:"id"`
		Name        text `json:"name"`
		Timezone    text `json:"timezone"`
		CountryCode text `json:"country_code"`
		LatLng      struct {
			Lat num `json:"lat"`
			Lng num `json:"lng"`
		} `json:"latlng"`
	}
	rows := paged[row](ctx, c, "list sites", orgPath(orgID, "sites"), nil)
	return mapped(rows, func(r at[row]) (network.Site, bool) {
		site := network.Site{
			ID: r.row.ID.id(), Name: string(r.row.Name),
			Timezone: string(r.row.Timezone), CountryCode: string(r.row.CountryCode),
			Lat: r.row.LatLng.Lat.measured(), Lng: r.row.LatLng.Lng.measured(),
		}
		return site, site.ID != uuid.Nil
	})
}

func orgPath(id uuid.UUID, rest string) string { return "/api/v1/orgs/" + id.String() + "/" + rest }

func sitePath(id uuid.UUID, rest string) string { return "/api/v1/sites/" + id.String() + "/" + rest }

// mapped converts a sequence, leaving out what convert refuses: rows without the
// identity they would be stored under.
func mapped[A, B any](rows iter.Seq2[A, error], convert func(A) (B, bool)) iter.Seq2[B, error] {
	return func(yield func(B, error) bool) {
		for row, err := range rows {
			var out B
			ok := true
			if err == nil {
				out, ok = convert(row)
			}
			if ok && !yield(out, err) {
				return
			}
		}
	}
}
