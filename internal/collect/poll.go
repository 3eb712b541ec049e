package collect

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"callweave/internal/correlate"
	"callweave/internal/network"
	"callweave/internal/store"
	"callweave/internal/vault"
)

// reread is how far before the last poll histories are read again: sessions appear in
// them some time after they ended, and the network's clock may differ from ours.
const reread = 5 * time.Minute

// trackFor is how long a client that is not seen is remembered, so that one that only
// slept goes on with its lease.
const trackFor = time.Hour

// poll is one poll of one org.
type poll struct {
	*Collector
	ctx      context.Context //nolint:containedctx // a poll is one call, its methods are the steps of it
	org      uuid.UUID
	key      *vault.Key
	source   Network
	progress func()
	now      time.Time // of its beginning, by our clock
	cadence  network.Cadence
	last     state
	next     state
	result   Result
}

// run reads the network as it is now, then what it was since the last poll, and lands
// both. The present comes first, so that what happens meanwhile is of the next poll.
func (p *poll) run() error {
	sites, err := p.source.Sites(p.ctx)
	if err != nil {
		return fmt.Errorf("read sites: %w", err)
	}
	p.progress()
	landing := store.DeviceLanding{OrgID: p.org, Sites: siteRows(p.org, sites), Observed: true}
	p.result.Sites = len(sites)
	present, err := p.present(&landing, sites)
	if err != nil {
		return err
	}
	// A poll without a gap searches sessions, wireless and wired clients once.
	p.next.Requests = p.source.Requests() + 3
	if err := p.past(&landing, sites, present); err != nil {
		return err
	}
	sealed, err := p.next.seal(p.key)
	if err != nil {
		return err
	}
	landing.State = &store.DeviceState{PolledAt: p.now, Prior: p.last.PolledAt, Sealed: sealed}
	// What was seen by now speaks for the time up to the snapshots, which the network
	// takes at its own pace.
	landing.SyncedAt = p.now.Add(-p.cadence.Every)
	if p.next.Past != nil {
		landing.Problem = p.next.Past.Text
	}
	return p.land(landing)
}

func (p *poll) land(landing store.DeviceLanding) error {
	if err := p.store.LandDevices(p.ctx, landing); err != nil {
		return err
	}
	p.result.Leases += len(landing.Leases)
	p.result.Samples += len(landing.Clients) + len(landing.Radios) + len(landing.WANs)
	p.progress()
	return nil
}

// present takes snapshots of everything.
func (p *poll) present(landing *store.DeviceLanding, sites []network.Site) (network.Devices, error) {
	tracks := p.last.tracks
	p.next.tracks = make(map[trackKey]network.Track, len(tracks))
	for key, track := range tracks {
		if p.now.Sub(track.Last.ObservedAt) < trackFor {
			p.next.tracks[key] = track
		}
	}
	for _, site := range sites {
		for snapshot, err := range p.source.Clients(p.ctx, site.ID) {
			if class, _ := network.ClassOf(err); class == network.NotFound {
				break // removed since the sites were listed
			}
			if err != nil {
				return network.Devices{}, fmt.Errorf("read clients of site %s: %w", site.ID, err)
			}
			if err := p.client(landing, snapshot); err != nil {
				return network.Devices{}, err
			}
		}
		p.progress()
	}
	devices, err := p.source.Devices(p.ctx)
	if err != nil {
		return devices, fmt.Errorf("read devices: %w", err)
	}
	for _, device := range devices.Named {
		landing.Devices = append(landing.Devices, deviceRow(p.org, device))
	}
	for _, radio := range devices.Radios {
		key := radio.DeviceMAC.String() + "/" + string(radio.Band)
		before := network.RadioSnapshot{ObservedAt: p.last.Radios[key]}
		if sample, ok := p.cadence.Radio(before, radio); ok {
			landing.Radios = append(landing.Radios, radioRow(p.org, sample))
		}
		p.next.Radios[key] = radio.ObservedAt
	}
	for _, wan := range devices.WANs {
		key := wan.DeviceMAC.String() + "/" + wan.Port
		before := network.WANSnapshot{ObservedAt: p.last.WANs[key]}
		if sample, ok := p.cadence.WAN(before, wan); ok && wan.Up {
			landing.WANs = append(landing.WANs, wanRow(p.org, sample))
		}
		p.next.WANs[key] = wan.ObservedAt
	}
	return devices, nil
}

// client advances the track of a client.
func (p *poll) client(landing *store.DeviceLanding, snapshot network.ClientSnapshot) error {
	p.result.Clients++
	key := trackKey{snapshot.MAC, snapshot.Wired}
	step := p.cadence.Client(p.next.tracks[key], snapshot)
	p.next.tracks[key] = step.Track
	leases := []network.Lease{step.Track.Lease}
	if step.Ended != nil {
		leases = append(leases, *step.Ended)
	}
	for _, lease := range leases {
		if err := p.addLease(landing, correlate.SourceSnapshot, lease); err != nil {
			return err
		}
	}
	if step.Sample != nil {
		landing.Clients = append(landing.Clients, clientRow(p.org, *step.Sample))
	}
	return nil
}

func (p *poll) addLease(landing *store.DeviceLanding, source correlate.Source, lease network.Lease) error {
	if !lease.From.Before(lease.To) || lease.SiteID == uuid.Nil {
		return nil
	}
	row, err := leaseRow(p.org, p.key, source, lease)
	if err != nil {
		return err
	}
	landing.Leases = append(landing.Leases, row)
	return nil
}
