package store

import (
	"context"
	"strconv"
	"time"

	"github.com/google/uuid"

	"callweave/internal/provider"
	"callweave/internal/store/db"
)

// longestCall bounds how long before an interval a call that reaches into it can have begun.
const longestCall = 24 * time.Hour

// minutesAround is how far a call's minutes may lie outside of it: providers round.
const minutesAround = 5 * time.Minute

// CredentialState says what an account allows, and since when; [ErrNotFound] where it has no
// credentials.
func (s *Store) CredentialState(ctx context.Context, ref provider.AccountRef) (db.CredentialStateRow, error) {
	row, err := s.queries().CredentialState(ctx, string(ref.Provider), ref.AccountID)
	return row, notFound(err, "credentials of %s", ref)
}

// OrgFreshness says up to when the data of an org is complete.
func (s *Store) OrgFreshness(ctx context.Context, org uuid.UUID) (db.OrgFreshnessRow, error) {
	row, err := s.queries().OrgFreshness(ctx, org)
	return row, notFound(err, "freshness of org %s", org)
}

// CallFilter narrows which calls are looked for. Zero fields do not narrow.
type CallFilter struct {
	OrgID    uuid.UUID
	From, To time.Time // the call went on in [From, To)
	LegIDs   []int64
	SiteID   *uuid.UUID
	Client   []byte // hardware address
	Meeting  string // its number, or its id as either side writes it
	Limit    int32
}

// CallsSeen lists calls with how their minutes were, newest first.
func (s *Store) CallsSeen(ctx context.Context, f CallFilter) ([]db.CallsSeenRow, error) {
	number, err := strconv.ParseInt(f.Meeting, 10, 64)
	if err != nil {
		number = -1 // no meeting's
	}
	rows, err := s.reads().CallsSeen(ctx, db.CallsSeenParams{
		OrgID: f.OrgID, FromAt: f.From, ToAt: f.To, JoinedSince: f.From.Add(-longestCall), LegIds: f.LegIDs, SiteID: f.SiteID,
		ClientMac: f.Client, Meeting: f.Meeting, MeetingNumber: number, MaxRows: f.Limit,
	})
	return rows, notFound(err, "calls of org %s", f.OrgID)
}

// WorstLegs returns the legs with the most bad minutes, the worst first.
func (s *Store) WorstLegs(ctx context.Context, f CallFilter) ([]int64, error) {
	legs, err := s.reads().WorstLegs(ctx, db.WorstLegsParams{OrgID: f.OrgID, FromAt: f.From, ToAt: f.To, SiteID: f.SiteID, MaxRows: f.Limit})
	return legs, notFound(err, "worst calls of org %s", f.OrgID)
}

// PeopleSeen lists who was in the calls of an interval, sealed, newest first.
func (s *Store) PeopleSeen(ctx context.Context, f CallFilter) ([]db.PeopleSeenRow, error) {
	rows, err := s.reads().PeopleSeen(ctx, db.PeopleSeenParams{
		OrgID: f.OrgID, FromAt: f.From, ToAt: f.To, JoinedSince: f.From.Add(-longestCall), MaxRows: f.Limit,
	})
	return rows, notFound(err, "people in calls of org %s", f.OrgID)
}

// CallOfLeg returns a call of an org; [ErrNotFound] where it has no such one.
func (s *Store) CallOfLeg(ctx context.Context, org uuid.UUID, leg int64) (db.CallOfLegRow, error) {
	row, err := s.queries().CallOfLeg(ctx, org, leg)
	return row, notFound(err, "call %d of org %s", leg, org)
}

// MinutesOfLeg returns the minutes of a call, in order.
func (s *Store) MinutesOfLeg(ctx context.Context, call db.Match) ([]db.CallMinute, error) {
	rows, err := s.queries().MinutesOfLeg(ctx, db.MinutesOfLegParams{
		OrgID: call.OrgID, LegID: call.LegID, FromAt: call.JoinAt.Add(-minutesAround), ToAt: call.LeaveAt.Add(minutesAround),
	})
	return rows, notFound(err, "minutes of call %d", call.LegID)
}

// SiteOfOrg returns a site of an org; [ErrNotFound] where it has no such one.
func (s *Store) SiteOfOrg(ctx context.Context, org, site uuid.UUID) (db.Site, error) {
	row, err := s.queries().SiteOfOrg(ctx, org, site)
	return row, notFound(err, "site %s of org %s", site, org)
}

// CausesOverTime counts a site's minutes in [from, to) by slots of time that begin with
// from; slots without minutes are absent.
func (s *Store) CausesOverTime(ctx context.Context, org, site uuid.UUID, from, to time.Time, slot time.Duration) ([]db.CausesOverTimeRow, error) {
	rows, err := s.queries().CausesOverTime(ctx, db.CausesOverTimeParams{
		SlotSeconds: slot.Seconds(), OriginAt: from, OrgID: org, SiteID: site, FromAt: from, ToAt: to,
	})
	return rows, notFound(err, "causes at site %s", site)
}

// WorstAccessPoints returns the access points of a site with the most bad minutes.
func (s *Store) WorstAccessPoints(ctx context.Context, org, site uuid.UUID, from, to time.Time, limit int32) ([]db.WorstAccessPointsRow, error) {
	rows, err := s.queries().WorstAccessPoints(ctx, db.WorstAccessPointsParams{OrgID: org, SiteID: site, FromAt: from, ToAt: to, MaxRows: limit})
	return rows, notFound(err, "access points of site %s", site)
}

// ActionRevealed is noted in the audit log before somebody is shown a name.
const ActionRevealed = "person revealed"

// Revealed reports whether an actor was shown the name behind an object since a time.
func (s *Store) Revealed(ctx context.Context, org uuid.UUID, actor, object string, since time.Time) (bool, error) {
	shown, err := s.queries().Revealed(ctx, db.RevealedParams{Object: object, OrgID: org, Actor: actor, Since: since})
	return shown, notFound(err, "find %q in the audit log", ActionRevealed)
}
