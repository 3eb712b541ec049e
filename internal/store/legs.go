package store

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/jackc/pgx/v5"

	"callweave/internal/provider"
	"callweave/internal/store/db"
)

// LegPersons lists who the stored legs of meetings are; none of those that were never read.
func (s *Store) LegPersons(ctx context.Context, ref provider.AccountRef, meetingIDs ...string) ([]db.LegPersonsRow, error) {
	rows, err := s.queries().LegPersons(ctx, string(ref.Provider), ref.AccountID, meetingIDs)
	if err != nil {
		return nil, fmt.Errorf("read legs of meetings of %s: %w", ref, err)
	}
	return rows, nil
}

// landLegs writes the legs and their samples, and fills in the ids of the legs. What is
// new goes straight into its table.
func landLegs(ctx context.Context, tx pgx.Tx, q *db.Queries, ref provider.AccountRef, landings []lockedLanding) error {
	var fresh, known []*lockedLanding
	for i := range landings {
		if l := &landings[i]; l.meeting.Revision == 0 && eachLegOnce(l.Legs) {
			fresh = append(fresh, l)
		} else {
			known = append(known, l)
		}
	}
	for _, l := range known {
		if l.replaces() {
			if err := q.DropMeasuredOfLegs(ctx, string(ref.Provider), ref.AccountID, l.MeetingID); err != nil {
				return fmt.Errorf("drop what was provisional: %w", err)
			}
		}
	}
	if err := copyLegs(ctx, q, ref, fresh); err != nil {
		return fmt.Errorf("copy legs: %w", err)
	}
	if err := upsertLegs(ctx, q, ref, known); err != nil {
		return fmt.Errorf("put legs: %w", err)
	}
	table := newMediaTable()
	if err := table.copyInto(ctx, tx, "media_samples", mediaRowsOf(fresh)); err != nil {
		return err
	}
	return table.mergeLandings(ctx, tx, q, known)
}

// eachLegOnce reports whether no two legs are one, as precise as the database is.
func eachLegOnce(legs []LegLanding) bool {
	type key struct {
		participantID string
		joinMicros    int64
	}
	once := make(map[key]bool, len(legs))
	for i := range legs {
		once[key{legs[i].ParticipantID, legs[i].JoinAt.UnixMicro()}] = true
	}
	return len(once) == len(legs)
}

// copyLegs writes the legs of meetings that have none.
func copyLegs(ctx context.Context, q *db.Queries, ref provider.AccountRef, landings []*lockedLanding) error {
	total := 0
	for _, l := range landings {
		total += len(l.Legs)
	}
	if total == 0 {
		return nil
	}
	ids, err := q.NewLegIDs(ctx, int32(total))
	if err != nil {
		return err
	}
	params := make([]db.CopyLegsParams, 0, total)
	for _, l := range landings {
		l.legIDs, ids = ids[:len(l.Legs)], ids[len(l.Legs):]
		for i := range l.Legs {
			p := legParams(ref, l.MeetingID, &l.Legs[i])
			params = append(params, db.CopyLegsParams{
				LegID: l.legIDs[i], Provider: p.Provider, AccountID: p.AccountID, MeetingID: p.MeetingID,
				ParticipantID: p.ParticipantID, JoinAt: p.JoinAt, LeaveAt: p.LeaveAt,
				UserID: p.UserID, Guest: p.Guest, PersonSealed: p.PersonSealed, Role: p.Role,
				Device: p.Device, ClientVersion: p.ClientVersion, NetworkType: p.NetworkType, DataCenter: p.DataCenter, Location: p.Location,
				PublicIp: p.PublicIp, PrivateIps: p.PrivateIps, Mac: p.Mac,
				AudioQuality: p.AudioQuality, VideoQuality: p.VideoQuality, ScreenQuality: p.ScreenQuality,
			})
		}
	}
	_, err = q.CopyLegs(ctx, params)
	return err
}

// upsertLegs writes legs that may be there already.
func upsertLegs(ctx context.Context, q *db.Queries, ref provider.AccountRef, landings []*lockedLanding) error {
	var (
		params []db.UpsertLegParams
		ids    []*int64
	)
	for _, l := range landings {
		l.legIDs = make([]int64, len(l.Legs))
		for i := range l.Legs {
			params, ids = append(params, legParams(ref, l.MeetingID, &l.Legs[i])), append(ids, &l.legIDs[i])
		}
	}
	var failed error
	q.UpsertLeg(ctx, params).QueryRow(func(i int, id int64, err error) {
		*ids[i] = id
		if failed == nil {
			failed = err
		}
	})
	return failed
}

func legParams(ref provider.AccountRef, meetingID string, leg *LegLanding) db.UpsertLegParams {
	params := db.UpsertLegParams{
		Provider: string(ref.Provider), AccountID: ref.AccountID, MeetingID: meetingID,
		ParticipantID: leg.ParticipantID, JoinAt: leg.JoinAt,
		UserID: leg.Person.UserID, Guest: leg.Guest, PersonSealed: leg.PersonSealed, Redacted: leg.Redacted, Role: leg.Role,
		Device: leg.Device, ClientVersion: leg.ClientVersion, NetworkType: leg.NetworkType, DataCenter: leg.DataCenter, Location: leg.Location,
		PrivateIps: leg.PrivateIPs, Mac: leg.MAC.Hardware(),
		AudioQuality: leg.AudioQuality, VideoQuality: leg.VideoQuality, ScreenQuality: leg.ScreenQuality,
	}
	if params.PrivateIps == nil {
		params.PrivateIps = []netip.Addr{}
	}
	if !leg.LeaveAt.IsZero() {
		params.LeaveAt = &leg.LeaveAt
	}
	if leg.PublicIP.IsValid() {
		params.PublicIp = &leg.PublicIP
	}
	return params
}
