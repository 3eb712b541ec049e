package store

import (
	"context"
	"fmt"
	"net"

	"github.com/google/uuid"

	"callweave/internal/macaddr"
	"callweave/internal/store/db"
)

// putNetworkDevices keeps the names of a landing's devices. Of a device that is there twice
// the last one counts: an upsert may touch a row but once.
func putNetworkDevices(ctx context.Context, q *db.Queries, landing DeviceLanding) error {
	last := make(map[macaddr.Addr]int, len(landing.Devices))
	for i, device := range landing.Devices {
		last[macaddr.FromHardware(device.Mac)] = i
	}
	params := db.PutNetworkDevicesParams{OrgID: landing.OrgID}
	for i, device := range landing.Devices {
		if last[macaddr.FromHardware(device.Mac)] != i {
			continue
		}
		params.Macs, params.SiteIds = append(params.Macs, device.Mac), append(params.SiteIds, device.SiteID)
		params.Kinds, params.Names = append(params.Kinds, device.Kind), append(params.Names, device.Name)
	}
	if len(params.Macs) == 0 {
		return nil
	}
	if err := q.PutNetworkDevices(ctx, params); err != nil {
		return fmt.Errorf("put names of devices: %w", err)
	}
	return nil
}

// NetworkDevices lists the access points, gateways and switches of an org that have a name.
func (s *Store) NetworkDevices(ctx context.Context, org uuid.UUID) ([]db.NetworkDevice, error) {
	rows, err := s.queries().NetworkDevices(ctx, org)
	return rows, notFound(err, "list devices of %s", org)
}

// NamesOfDevices returns what people call some devices of an org; those without a name are
// left out.
func (s *Store) NamesOfDevices(ctx context.Context, org uuid.UUID, macs []net.HardwareAddr) (map[macaddr.Addr]string, error) {
	names := make(map[macaddr.Addr]string, len(macs))
	if len(macs) == 0 {
		return names, nil
	}
	rows, err := s.queries().NamesOfDevices(ctx, org, macs)
	for _, row := range rows {
		names[macaddr.FromHardware(row.Mac)] = row.Name
	}
	return names, notFound(err, "read names of devices of %s", org)
}

// GatewaysOfSite returns what people call the gateways of a site.
func (s *Store) GatewaysOfSite(ctx context.Context, org, site uuid.UUID) ([]string, error) {
	names, err := s.queries().GatewaysOfSite(ctx, org, site)
	return names, notFound(err, "read gateways of site %s", site)
}
