package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"callweave/internal/store/db"
)

// ErrOvertaken says that another collector landed a poll in between: this one's is
// dropped, nothing is lost.
var ErrOvertaken = errors.New("another collector has landed a newer poll")

// DeviceLanding is one poll of an org's network, or a piece of its past.
type DeviceLanding struct {
	OrgID   uuid.UUID
	Sites   []db.Site
	Devices []db.NetworkDevice // those that have a name
	Leases  []db.Lease
	Clients []db.ClientSample
	Radios  []db.RadioSample
	WANs    []db.WanSample
	// SyncedAt is the moment up to which the device data is complete with this landing;
	// zero for a piece of the past that completes nothing by itself.
	SyncedAt time.Time
	// Problem is what is wrong though the data is complete, for the org's administrators;
	// "" for nothing. It counts with SyncedAt only.
	Problem string
	State   *DeviceState // nil leaves it as it is
	// Observed says that the public addresses of sites are those that the network sees them
	// under at SyncedAt, which were others before, and not what somebody says they always were.
	Observed bool
}

// DeviceState is what the next poll must know of this one.
type DeviceState struct {
	PolledAt time.Time
	Prior    time.Time // when the poll was that this one continues; zero for none
	Sealed   []byte
}

// LandDevices stores all of a landing or nothing. Repeating it changes nothing: leases
// and samples have natural keys, a lease that is there is extended. [ErrOvertaken] where
// the state has moved on, [ErrFenced] where the org has no link that goes on.
func (s *Store) LandDevices(ctx context.Context, landing DeviceLanding) error {
	if err := s.ensureDevicePartitions(ctx, landing); err != nil {
		return err
	}
	err := s.inTx(ctx, func(tx pgx.Tx, q *db.Queries) error {
		// Fences lock the org before the link. A landing that says how far the devices are
		// complete changes the org's row in the end; others must know what counted as complete
		// when they were stored, to tell what is late.
		lock := q.ShareOrg
		if !landing.SyncedAt.IsZero() {
			lock = q.LockOrg
		}
		if _, err := lock(ctx, landing.OrgID); err != nil {
			return notFound(err, "lock org")
		}
		if err := requireOrg(ctx, q, landing.OrgID); err != nil {
			return err
		}
		if err := putDeviceState(ctx, q, landing.OrgID, landing.State); err != nil {
			return err
		}
		if err := putSites(ctx, q, landing); err != nil {
			return err
		}
		if err := putNetworkDevices(ctx, q, landing); err != nil {
			return err
		}
		if err := upsertLeases(ctx, tx, landing.Leases); err != nil {
			return err
		}
		if err := upsertSamples(ctx, tx, landing); err != nil {
			return err
		}
		if landing.SyncedAt.IsZero() {
			return nil
		}
		return q.SetDevicesSynced(ctx, landing.SyncedAt, landing.Problem, landing.OrgID)
	})
	if err != nil {
		return fmt.Errorf("land devices of %s: %w", landing.OrgID, err)
	}
	return nil
}

func putDeviceState(ctx context.Context, q *db.Queries, org uuid.UUID, state *DeviceState) error {
	if state == nil {
		return nil
	}
	params := db.PutDeviceStateParams{OrgID: org, PolledAt: state.PolledAt, StateSealed: state.Sealed}
	if !state.Prior.IsZero() {
		params.Prior = &state.Prior
	}
	put, err := q.PutDeviceState(ctx, params)
	if err != nil {
		return fmt.Errorf("put state: %w", err)
	}
	if put == 0 {
		return ErrOvertaken
	}
	return nil
}

// DeviceState returns the org's last poll; [ErrNotFound] where there was none.
func (s *Store) DeviceState(ctx context.Context, org uuid.UUID) (db.DeviceState, error) {
	row, err := s.queries().DeviceState(ctx, org)
	return row, notFound(err, "device state of %s", org)
}

// SetDevicesError shows why the collection of an org's devices went wrong. message is
// for its administrators: what to do, no secrets.
func (s *Store) SetDevicesError(ctx context.Context, org uuid.UUID, message string) error {
	if err := s.queries().SetDevicesError(ctx, message, org); err != nil {
		return fmt.Errorf("set devices error of %s: %w", org, err)
	}
	return nil
}

// Sites lists the sites of an org.
func (s *Store) Sites(ctx context.Context, org uuid.UUID) ([]db.Site, error) {
	rows, err := s.queries().Sites(ctx, org)
	return rows, notFound(err, "list sites of %s", org)
}

// ForgetDeviceState lets the next poll begin anew.
func (s *Store) ForgetDeviceState(ctx context.Context, org uuid.UUID) error {
	if err := s.queries().ForgetDeviceState(ctx, org); err != nil {
		return fmt.Errorf("forget device state of %s: %w", org, err)
	}
	return nil
}
