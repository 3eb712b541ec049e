// Package weave turns what was harvested of an account and what was collected of an
// org's network into call minutes: it loads a batch of meetings and the device data of
// their time, lets package correlate match, join and judge and package insight say why a
// minute was bad, and lands each meeting in one transaction.
package weave

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"callweave/internal/correlate"
	"callweave/internal/insight"
	"callweave/internal/provider"
	"callweave/internal/store"
	"callweave/internal/store/db"
	"callweave/internal/vault"
)

const (
	// maxMeetings and maxMinutes, of media samples, end a call of [Weaver.Weave]: what is left
	// is the next one's. One goes on to the end of the batch in which it has had enough.
	maxMeetings = 1000
	maxMinutes  = 500_000
	// The bounds of a batch: how many meetings, and how far apart those begin that are read
	// together. They bound the memory, since the device data of that whole time is held at
	// once.
	batchMeetings = 100
	maxSpread     = 3 * time.Hour
	// fewMeetings are so few that the leases of their legs' addresses are asked for first.
	fewMeetings = 8
	// minutesTogether is how many call minutes a transaction has when no more meetings are
	// added to it.
	minutesTogether = 5000
)

// Weaver weaves. Safe for concurrent use: two weavers of one meeting end with the same rows.
type Weaver struct {
	store  *store.Store
	vault  *vault.Vault
	models *insight.Models
}

// New builds a weaver. Without models the bucket of every bad minute is unknown.
func New(store *store.Store, vault *vault.Vault, models *insight.Models) *Weaver {
	return &Weaver{store: store, vault: vault, models: models}
}

// Result is what one call did.
type Result struct {
	Meetings    int
	Legs        int // looked at
	LegsMatched int
	Minutes     int
	BadMinutes  int
	Judged      int // meetings whose minutes were judged anew
	Ready       int // meetings still ready to be woven, or to be judged anew
	Waiting     int // meetings whose device data is not complete yet
}

// Weave weaves some hundred of the meetings of an account that are due for an org, the
// earliest first, then those that devices touch which came late, and where none is, judges
// anew what was judged by earlier thresholds. done is called after each meeting, never by two
// at once. A leg that was on no network of the org is not stored for it. A meeting that cannot
// be woven keeps no other from it; its error is returned when the rest is done.
// [store.ErrFenced] where the link is being unlinked.
func (w *Weaver) Weave(ctx context.Context, ref provider.AccountRef, orgID uuid.UUID, done func()) (Result, error) {
	var result Result
	for more := true; more; done() {
		var err error
		if _, more, err = w.store.MarkLate(ctx, orgID); err != nil {
			return result, err
		}
	}
	pending, err := w.store.PendingWeaves(ctx, ref, orgID, maxMeetings)
	if err != nil {
		return result, err
	}
	var failed error
	if len(pending) == 0 { // what is new goes first
		result.Judged, failed = w.rejudge(ctx, ref, orgID, done)
		if errors.Is(failed, store.ErrFenced) || ctx.Err() != nil {
			return result, failed
		}
	}
	if len(pending) > 0 {
		failed = w.weaveAll(ctx, ref, orgID, pending, &result, done)
		if errors.Is(failed, store.ErrFenced) || ctx.Err() != nil {
			return result, failed
		}
	}
	result.Ready, result.Waiting, err = w.store.CountPendingWeaves(ctx, ref, orgID)
	if err != nil {
		return result, errors.Join(failed, err)
	}
	stale, err := w.store.CountStaleVerdicts(ctx, ref, orgID)
	result.Ready += stale
	return result, errors.Join(failed, err)
}

func (r *Result) add(landing *store.WeaveLanding, legs int) {
	r.Meetings++
	r.Legs += legs
	r.LegsMatched += len(landing.Matches)
	r.Minutes += len(landing.Minutes)
	for i := range landing.Minutes {
		if bad := landing.Minutes[i].Bad; bad != nil && *bad {
			r.BadMinutes++
		}
	}
}

// batch is some meetings of about one time with all that is needed to weave them.
type batch struct {
	ref                provider.AccountRef
	orgID              uuid.UUID
	lateMarks          int64 // of the org, from before its devices were read
	thresholds         correlate.Thresholds
	thresholdsRevision int32
	discard            bool       // identities of guests
	accountKey         *vault.Key // opens what was harvested
	orgKey             *vault.Key // opens what was collected
	linkKey            *vault.Key // seals what is woven
	legs               map[string][]leg
	samples            map[int64][]store.WeaveSample
	devices            devices
	why                explainer

	starts, ends []int64 // of the leg that is being woven
	joined       []correlate.Joined
	roams        []int32

	evidence
}

// leg is a stored leg and the client it was, if it was one of the org's.
type leg struct {
	db.Leg
	leaveAt time.Time
	person  provider.Person
	match   correlate.Match
	matched bool
	err     error // why nobody knows who it is
}

func (w *Weaver) load(ctx context.Context, ref provider.AccountRef, orgID uuid.UUID, pending []db.PendingWeavesRow, spent devices) (*batch, error) {
	org, err := w.store.Org(ctx, orgID)
	if err != nil {
		return nil, err
	}
	link, err := w.store.Link(ctx, ref, orgID)
	if err != nil {
		return nil, err
	}
	b := &batch{
		ref: ref, orgID: orgID, lateMarks: org.LateMarks, discard: link.Link.DiscardGuestInfo,
		thresholds: insight.ThresholdsOf(&org), thresholdsRevision: org.ThresholdsRevision,
		devices: devices{clients: spent.clients[:0], radios: spent.radios[:0]},
	}
	if b.why, err = w.explainer(ctx, orgID); err != nil {
		return nil, err
	}
	if b.accountKey, err = w.vault.Key(ctx, vault.AccountScope(ref)); err != nil {
		return nil, err
	}
	if b.orgKey, err = w.vault.Key(ctx, vault.OrgScope(orgID)); err != nil {
		return nil, err
	}
	if b.linkKey, err = w.vault.Key(ctx, vault.LinkScope(ref, orgID)); err != nil {
		return nil, err
	}
	from, to, err := w.loadLegs(ctx, b, pending)
	if err != nil || len(b.legs) == 0 {
		return b, err
	}
	matched, err := w.matchLegs(ctx, b, from, to)
	if err != nil || len(matched) == 0 {
		return b, err
	}
	return b, w.loadMatched(ctx, b, matched, from, to)
}

// loadLegs reads the legs of the meetings and returns the time they span.
func (w *Weaver) loadLegs(ctx context.Context, b *batch, pending []db.PendingWeavesRow) (from, to time.Time, err error) {
	ids := make([]string, len(pending))
	ends := make(map[string]time.Time, len(pending))
	for i, meeting := range pending {
		ids[i], ends[meeting.MeetingID] = meeting.MeetingID, meeting.EndAt
	}
	rows, err := w.store.WeaveLegs(ctx, b.ref, ids)
	if err != nil {
		return from, to, err
	}
	b.legs = make(map[string][]leg, len(ids))
	for _, row := range rows {
		l := leg{Leg: row, leaveAt: ends[row.MeetingID]}
		if row.LeaveAt != nil {
			l.leaveAt = *row.LeaveAt
		}
		// Times come in whole seconds: a leg of none lasted for a part of one.
		if shortest := row.JoinAt.Add(time.Second); l.leaveAt.Before(shortest) {
			l.leaveAt = shortest
		}
		b.legs[row.MeetingID] = append(b.legs[row.MeetingID], l)
		if from.IsZero() || row.JoinAt.Before(from) {
			from = row.JoinAt
		}
		if l.leaveAt.After(to) {
			to = l.leaveAt
		}
	}
	return from, to, nil
}

// loadMatched reads the media samples of the matched legs and the device samples of
// their clients.
func (w *Weaver) loadMatched(ctx context.Context, b *batch, matched []*leg, from, to time.Time) error {
	ids := make([]int64, len(matched))
	for i, l := range matched {
		ids[i] = l.LegID
	}
	var err error
	if b.samples, err = w.store.WeaveSamples(ctx, ids, from, to); err != nil {
		return err
	}
	if err := w.loadDevices(ctx, b, matched, from.Add(-beyondLeg), to.Add(beyondLeg)); err != nil {
		return fmt.Errorf("load devices of %s: %w", b.orgID, err)
	}
	return w.loadEvidence(ctx, b, from, to)
}

// beyondLeg is how far the first and last minutes of a call reach beyond it.
const beyondLeg = time.Minute
