package activities

import (
	"context"
	"slices"

	"callweave/internal/provider"
	"callweave/internal/store"
)

// meetingToRead is a meeting whose reading has begun: what it costs at least is charged,
// as far as the budget holds it.
type meetingToRead struct {
	store.DueMeeting

	prepaid *store.Prepaid
	takes   int64 // seats
}

// readCoster is a service that says what reading a meeting of so many joins costs at least.
type readCoster interface {
	ReadCost(joins int) (category string, requests int)
}

// readCost is 0 where nobody knows, and for what runs: it is the first to go without.
func (b *readBatch) readCost(joins int) (category string, requests int) {
	if service, ok := b.session.service.(readCoster); ok && b.live == nil {
		return service.ReadCost(joins)
	}
	return "", 0
}

func (b *readBatch) newPurse() *store.Purse {
	category, _ := b.readCost(0)
	return b.harvest.store.NewPurse(b.ref, category, b.harvest.config.Now)
}

// begin charges what reading some meetings costs, in one statement, and leaves out those
// that only a backfill asked for that has been paused since. Where the day's budget does
// not hold all, every request is charged by itself.
func (b *readBatch) begin(ctx context.Context, group []store.DueMeeting, purse *store.Purse) ([]meetingToRead, error) {
	group, err := b.wanted(ctx, group)
	if err != nil || len(group) == 0 {
		return nil, err
	}
	costs, all := make([]int, len(group)), 0
	for i, meeting := range group {
		_, costs[i] = b.readCost(meeting.ParticipantCount)
		all += costs[i]
	}
	if err := purse.Fill(ctx, all); err != nil && provider.KindOf(err) != provider.RateLimited {
		return nil, err
	}
	begun := make([]meetingToRead, len(group))
	for i, meeting := range group {
		begun[i] = meetingToRead{
			DueMeeting: meeting, prepaid: purse.Draw(costs[i]),
			takes: min(seats, int64(max(1, meeting.ParticipantCount))),
		}
	}
	return begun, nil
}

// wanted leaves out the meetings of backfills that have been paused or canceled.
func (b *readBatch) wanted(ctx context.Context, group []store.DueMeeting) ([]store.DueMeeting, error) {
	var past []string
	for _, meeting := range group {
		if meeting.Backfill {
			past = append(past, meeting.ID)
		}
	}
	if len(past) == 0 {
		return group, nil
	}
	wanted, err := b.harvest.store.MeetingsWanted(ctx, b.ref, past)
	return slices.DeleteFunc(slices.Clone(group), func(meeting store.DueMeeting) bool {
		return meeting.Backfill && !slices.Contains(wanted, meeting.ID)
	}), err
}
