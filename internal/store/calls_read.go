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

// SearchCalls returns one page of the calls of an org, or of a site of it, that began in an
// interval, and how many there are on all pages: these are counted only where one page does
// not tell.
func (s *Store) SearchCalls(ctx context.Context, search db.SearchCallsParams) (rows []db.SearchCallsRow, total int64, err error) {
	if search.MaxRows > 0 {
		rows, err = s.reads().SearchCalls(ctx, search)
		if err != nil || !search.Resumed && len(rows) < int(search.MaxRows) {
			return rows, int64(len(rows)), notFound(err, "search calls of org %s", search.OrgID)
		}
	}
	total, err = s.reads().CountCalls(ctx, db.CountCallsParams{
		OrgID: search.OrgID, SiteID: search.SiteID, FromAt: search.FromAt, ToAt: search.ToAt,
		ClientMac: search.ClientMac, MeetingUuid: search.MeetingUuid, Provider: search.Provider,
	})
	return rows, total, notFound(err, "count calls of org %s", search.OrgID)
}

// CountCallsBy counts the calls that began in an interval by a property: mac, meeting_id,
// site_id or app, the most frequent first.
func (s *Store) CountCallsBy(ctx context.Context, count db.CountCallsByParams) ([]db.CountCallsByRow, error) {
	rows, err := s.reads().CountCallsBy(ctx, count)
	return rows, notFound(err, "count calls of org %s", count.OrgID)
}

// SummarizeCalls counts the call minutes of a site in an interval.
func (s *Store) SummarizeCalls(ctx context.Context, summary db.SummarizeCallsParams) (db.SummarizeCallsRow, error) {
	row, err := s.reads().SummarizeCalls(ctx, summary)
	return row, notFound(err, "summarize calls of site %s", summary.SiteID)
}

// SummarizeSites counts the call minutes of an org in an interval: the first row is of all
// sites, the others of one each, the worst first.
func (s *Store) SummarizeSites(ctx context.Context, summary db.SummarizeSitesParams) ([]db.SummarizeSitesRow, error) {
	rows, err := s.reads().SummarizeSites(ctx, summary)
	return rows, notFound(err, "summarize calls of org %s", summary.OrgID)
}

// MeetingLegs lists the legs of a meeting on the org's network; none where nobody was on it.
func (s *Store) MeetingLegs(ctx context.Context, org, meeting uuid.UUID) ([]db.MeetingLegsRow, error) {
	rows, err := s.reads().MeetingLegs(ctx, org, meeting)
	return rows, notFound(err, "list legs of meeting %s", meeting)
}

// CallMinutes returns one page of the call minutes of an interval, by when they began, and
// how many there are on all pages: these are counted only where one page does not tell.
func (s *Store) CallMinutes(ctx context.Context, asked db.CallMinutesParams) (rows []db.CallMinute, total int64, err error) {
	if asked.MaxRows > 0 {
		rows, err = s.reads().CallMinutes(ctx, asked)
		if err != nil || len(rows) > 0 && len(rows) < int(asked.MaxRows) || len(rows) == 0 && asked.Skip == 0 {
			return rows, int64(asked.Skip) + int64(len(rows)), notFound(err, "read call minutes of org %s", asked.OrgID)
		}
	}
	total, err = s.reads().CountCallMinutes(ctx, db.CountCallMinutesParams{
		OrgID: asked.OrgID, SiteID: asked.SiteID, FromAt: asked.FromAt, ToAt: asked.ToAt, OnlyBad: asked.OnlyBad,
		LegIds: asked.LegIds, ClientMac: asked.ClientMac, ApMac: asked.ApMac, Provider: asked.Provider,
	})
	return rows, total, notFound(err, "count call minutes of org %s", asked.OrgID)
}

// ExportMinutes returns a page of the call minutes of an org within one UTC day, by leg and
// begin, after those of an earlier page.
func (s *Store) ExportMinutes(ctx context.Context, page db.ExportMinutesParams) ([]db.ExportMinutesRow, error) {
	rows, err := s.reads().ExportMinutes(ctx, page)
	return rows, notFound(err, "export call minutes of org %s", page.OrgID)
}

// SiteMinutes counts the call minutes of every site of an org in [from, to), the worst first.
func (s *Store) SiteMinutes(ctx context.Context, org uuid.UUID, from, to time.Time) ([]db.SiteMinutesRow, error) {
	rows, err := s.reads().SiteMinutes(ctx, from, to, org)
	return rows, notFound(err, "minutes of org %s", org)
}

// WorstCalls returns the calls of an org with the most bad minutes in [from, to).
func (s *Store) WorstCalls(ctx context.Context, org uuid.UUID, from, to time.Time, limit int32) ([]db.WorstCallsRow, error) {
	rows, err := s.reads().WorstCalls(ctx, db.WorstCallsParams{OrgID: org, FromAt: from, ToAt: to, MaxRows: limit})
	return rows, notFound(err, "worst calls of org %s", org)
}

// BadMinutesOfCauses returns the bad minutes of an interval whose cause others may share, in
// no order.
func (s *Store) BadMinutesOfCauses(ctx context.Context, asked db.BadMinutesOfCausesParams) ([]db.BadMinutesOfCausesRow, error) {
	rows, err := s.reads().BadMinutesOfCauses(ctx, asked)
	return rows, notFound(err, "read bad minutes of org %s", asked.OrgID)
}
