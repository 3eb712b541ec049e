package store

import (
	"context"
	"time"

	"github.com/google/uuid"

	"callweave/internal/store/db"
)

// OrgHasSite reports whether a site is one of the org's.
func (s *Store) OrgHasSite(ctx context.Context, org, site uuid.UUID) (bool, error) {
	has, err := s.queries().OrgHasSite(ctx, org, site)
	return has, notFound(err, "site %s", site)
}

// SearchCalls returns one page of the calls that began in an interval, and how many there
// are on all pages.
func (s *Store) SearchCalls(ctx context.Context, search db.SearchCallsParams) ([]db.SearchCallsRow, int64, error) {
	total, err := s.queries().CountCalls(ctx, db.CountCallsParams{
		OrgID: search.OrgID, SiteID: search.SiteID, FromAt: search.FromAt, ToAt: search.ToAt,
		ClientMac: search.ClientMac, Provider: search.Provider,
	})
	if err != nil {
		return nil, 0, notFound(err, "count calls of site %s", search.SiteID)
	}
	rows, err := s.queries().SearchCalls(ctx, search)
	return rows, total, notFound(err, "search calls of site %s", search.SiteID)
}

// SummarizeCalls counts the call minutes of a site in an interval.
func (s *Store) SummarizeCalls(ctx context.Context, summary db.SummarizeCallsParams) (db.SummarizeCallsRow, error) {
	row, err := s.queries().SummarizeCalls(ctx, summary)
	return row, notFound(err, "summarize calls of site %s", summary.SiteID)
}

// SiteMinutes counts the call minutes of every site of an org in [from, to), the worst first.
func (s *Store) SiteMinutes(ctx context.Context, org uuid.UUID, from, to time.Time) ([]db.SiteMinutesRow, error) {
	rows, err := s.queries().SiteMinutes(ctx, from, to, org)
	return rows, notFound(err, "minutes of org %s", org)
}

// WorstCalls returns the calls of an org with the most bad minutes in [from, to).
func (s *Store) WorstCalls(ctx context.Context, org uuid.UUID, from, to time.Time, limit int32) ([]db.WorstCallsRow, error) {
	rows, err := s.queries().WorstCalls(ctx, db.WorstCallsParams{OrgID: org, FromAt: from, ToAt: to, MaxRows: limit})
	return rows, notFound(err, "worst calls of org %s", org)
}
