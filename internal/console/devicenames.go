package console

import (
	"context"
	"net"

	"github.com/google/uuid"

	"callweave/internal/macaddr"
	"callweave/internal/store/db"
)

// deviceNames are what people call access points, by hardware address.
type deviceNames map[macaddr.Addr]string

// of is a device's name; its address where it has none, "" for no device.
func (n deviceNames) of(a macaddr.Addr) string {
	if name := n[a]; name != "" {
		return name
	}
	return colons(a)
}

// namesOf reads the names of devices once for each.
func (c *Console) namesOf(ctx context.Context, org uuid.UUID, devices []net.HardwareAddr) (deviceNames, error) {
	seen := map[macaddr.Addr]bool{}
	var asked []net.HardwareAddr
	for _, device := range devices {
		if a := macaddr.FromHardware(device); !a.IsZero() && !seen[a] {
			seen[a], asked = true, append(asked, device)
		}
	}
	return c.store.NamesOfDevices(ctx, org, asked)
}

func accessPointsOf(minutes []db.CallMinute) []net.HardwareAddr {
	devices := make([]net.HardwareAddr, len(minutes))
	for i := range minutes {
		devices[i] = minutes[i].ApMac
	}
	return devices
}
