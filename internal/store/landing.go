package store

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/jackc/pgx/v5"

	"callweave/internal/provider"
	"callweave/internal/store/db"
)

// MeetingLanding is one read of one meeting.
type MeetingLanding struct {
	provider.AccountRef
	MeetingID   string
	Legs        []LegLanding
	First       bool          // nobody asked for what earlier reads know: there are none
	ReadAt      time.Time     // when the provider was asked
	SettleAfter time.Duration // how long after its end a meeting's data is complete
	Unmeasured  bool          // people talked and no sample of anybody came
	Live        bool          // the meeting ran: what came is provisional
}

// LegLanding is a leg with its samples. Of its person only the user id and what is sealed
// is kept.
type LegLanding struct {
	provider.Leg
	PersonSealed []byte
	Redacted     bool // what identifies them is taken away, from what earlier reads stored, too
}

// CauseNoSamples is why a meeting is quarantined that people were in and no quality is known
// of. It is asked for once more after unmeasuredAgain: the provider may be late.
const (
	CauseNoSamples  = "no_samples"
	unmeasuredAgain = time.Hour
)

// ErrReadBefore says that a meeting taken for new was read meanwhile: what is known of its
// people is to be asked for, and then it can be landed.
var ErrReadBefore = errors.New("meeting was read before")

// LandMeeting writes a read of a meeting in one transaction and makes it a revision
// newer. Landing the same read again changes no leg and no sample; a read that lacks what
// an earlier one had loses nothing but what is redacted. A meeting read before its data was complete is due
// once more, SettleAfter its end. It is to be woven for every link that goes on. [ErrFenced] where no link of the account goes on,
// [ErrNotFound] where the meeting was never seen, [ErrReadBefore] where it is landed as new and is not.
//
// What is provisional of the meeting is replaced: joins and samples that the read lacks are gone, and what is equal is
// not written. A Live read is provisional; it is dropped where a past list has shown the meeting meanwhile.
//
// One that is Unmeasured though its data should be complete is quarantined, and nothing of it lost, be it provisional.
func (s *Store) LandMeeting(ctx context.Context, landing MeetingLanding) error {
	var span days
	for i := range landing.Legs {
		for j := range landing.Legs[i].Samples {
			span.add(landing.Legs[i].Samples[j].StartAt)
		}
	}
	// Not in the transaction: others would wait for its lock as long as the COPY takes.
	if err := s.ensureDays(ctx, "media_samples", span); err != nil {
		return err
	}
	err := s.inTx(ctx, func(tx pgx.Tx, q *db.Queries) error { return landMeeting(ctx, tx, q, landing) })
	if err != nil {
		return fmt.Errorf("land meeting of %s: %w", landing.AccountRef, err)
	}
	return nil
}

func landMeeting(ctx context.Context, tx pgx.Tx, q *db.Queries, landing MeetingLanding) error {
	if err := requireLinks(ctx, q, landing.AccountRef); err != nil {
		return err
	}
	meeting, err := q.LockMeeting(ctx, string(landing.Provider), landing.AccountID, landing.MeetingID)
	if err != nil {
		return notFound(err, "lock meeting")
	}
	if landing.First && meeting.Revision > 0 {
		return ErrReadBefore
	}
	if landing.Live && meeting.ListKind != string(provider.ListLive) {
		return nil
	}
	ids, err := landLegs(ctx, tx, q, landing, meeting)
	if err != nil {
		return err
	}
	read := db.MeetingReadParams{
		State: MeetingSettled, Now: landing.ReadAt, Provisional: landing.Live || meeting.Provisional && landing.Unmeasured,
		Provider: string(landing.Provider), AccountID: landing.AccountID, MeetingID: landing.MeetingID,
	}
	settlesAt, again := meeting.EndAt.Add(landing.SettleAfter), landing.ReadAt.Add(unmeasuredAgain)
	switch unseenAt := landing.ReadAt.Add(liveMemory); {
	case landing.Live:
		read.State, read.DueAt = MeetingLive, &unseenAt
	case landing.ReadAt.Before(settlesAt):
		read.State, read.DueAt = MeetingReadOnce, &settlesAt
	case landing.Unmeasured:
		measured, err := q.HaveSamples(ctx, ids)
		if err != nil {
			return fmt.Errorf("look for samples: %w", err)
		}
		if measured && !read.Provisional { // by an earlier read of its record
			break
		}
		cause := CauseNoSamples
		read.State, read.Cause, read.Attempts = MeetingQuarantined, &cause, meeting.Attempts+1
		if meeting.Attempts == 0 {
			read.DueAt = &again
		}
	}
	if err := q.MeetingRead(ctx, read); err != nil {
		return fmt.Errorf("note read: %w", err)
	}
	return q.QueueWeaves(ctx, string(landing.Provider), landing.AccountID, landing.MeetingID)
}

// landLegs writes the legs and their samples, and returns the ids of the legs in the same
// order.
func landLegs(ctx context.Context, tx pgx.Tx, q *db.Queries, landing MeetingLanding, meeting db.LockMeetingRow) ([]int64, error) {
	replaces := meeting.Provisional && !landing.Live && !landing.Unmeasured
	if replaces {
		if err := q.DropMeasuredOfLegs(ctx, string(landing.Provider), landing.AccountID, landing.MeetingID); err != nil {
			return nil, fmt.Errorf("drop what was provisional: %w", err)
		}
	}
	ids, err := upsertLegs(ctx, q, landing)
	if err != nil {
		return nil, fmt.Errorf("put legs: %w", err)
	}
	table, rows := newMediaTable(), mediaRows(landing.Legs, ids)
	switch {
	case meeting.Revision == 0: // nothing is stored of it
		err = table.copyInto(ctx, tx, "media_samples", rows)
	case replaces:
		err = table.replaceLegs(ctx, tx, q, landing, meeting, ids)
	default:
		err = table.mergeMedia(ctx, tx, rows)
	}
	return ids, err
}

// upsertLegs writes the legs and returns their ids, in the same order.
func upsertLegs(ctx context.Context, q *db.Queries, landing MeetingLanding) ([]int64, error) {
	params := make([]db.UpsertLegParams, len(landing.Legs))
	for i := range landing.Legs {
		params[i] = legParams(landing.AccountRef, landing.MeetingID, &landing.Legs[i])
	}
	ids := make([]int64, len(params))
	var failed error
	q.UpsertLeg(ctx, params).QueryRow(func(i int, id int64, err error) {
		ids[i] = id
		if failed == nil {
			failed = err
		}
	})
	return ids, failed
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
