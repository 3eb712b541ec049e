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

// trainingMinutes is not sqlc's, which would hold all rows at once. What it selects from is
// the same as in CountTrainingMinutes.
const trainingMinutes = `
select c.*, coalesce(g.data_center, '')
from call_minutes c left join legs g on g.leg_id = c.leg_id
where c.org_id = $1 and c.start_at >= $2 and c.start_at < $3 and c.bad is not null and c.leg_id % $4 = 0
  and exists (select from links l where l.provider = c.provider and l.account_id = c.account_id and l.org_id = c.org_id and l.status <> 'unlinking')
order by c.leg_id, c.start_at`

// TrainingMinute is a call minute and where its leg was served from.
type TrainingMinute struct {
	db.CallMinute
	DataCenter string
}

// TrainingMinutes hands over the measured call minutes of an org in [from, to), by leg and
// start. Of more than about maxRows it takes those of every so manieth leg. Minutes of a link
// that is being unlinked are left out.
//
// The token it returns says which unlinkings there were, for [Store.PutModel].
func (s *Store) TrainingMinutes(ctx context.Context, org uuid.UUID, from, to time.Time, maxRows int, each func(*TrainingMinute)) (token int64, err error) {
	read := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err = pgx.BeginTxFunc(ctx, s.pool, read, func(tx pgx.Tx) error {
		q := db.New(tx)
		if err := q.TakeTime(ctx); err != nil {
			return fmt.Errorf("lift the limit of statements: %w", err)
		}
		if token, err = q.ErasuresOfOrg(ctx, org); err != nil {
			return fmt.Errorf("count unlinkings: %w", err)
		}
		all, err := q.CountTrainingMinutes(ctx, org, from, to)
		if err != nil {
			return fmt.Errorf("count: %w", err)
		}
		every := (all + int64(maxRows) - 1) / int64(maxRows)
		rows, err := tx.Query(ctx, trainingMinutes, org, from, to, max(1, every))
		if err != nil {
			return fmt.Errorf("query: %w", err)
		}
		defer rows.Close()
		for rows.Next() {
			minute, err := pgx.RowToAddrOfStructByPos[TrainingMinute](rows)
			if err != nil {
				return fmt.Errorf("scan: %w", err)
			}
			each(minute)
		}
		return rows.Err()
	})
	return token, notFound(err, "read call minutes of org %s", org)
}

// TrainedModel is a model as it is kept.
type TrainedModel struct {
	OrgID      uuid.UUID
	FromAt     time.Time // of the minutes it learned from
	ToAt       time.Time
	Minutes    int
	BadMinutes int
	Scores     []byte // JSON
	Body       []byte
}

// PutModel keeps a model and returns its version, which no other model of the org ever had.
// [ErrFenced] where an unlinking began since its minutes were read: what the link's minutes
// taught must not outlive them.
func (s *Store) PutModel(ctx context.Context, model TrainedModel, token int64) (version int, err error) {
	err = s.inTx(ctx, func(_ pgx.Tx, q *db.Queries) error {
		next, err := q.NextModelVersion(ctx, model.OrgID)
		if err != nil {
			return fmt.Errorf("number: %w", err)
		}
		now, err := q.ErasuresOfOrg(ctx, model.OrgID)
		if err != nil {
			return fmt.Errorf("count unlinkings: %w", err)
		}
		if now != token {
			return ErrFenced
		}
		version = int(next)
		return q.PutModel(ctx, db.PutModelParams{
			OrgID: model.OrgID, Version: next, FromAt: model.FromAt, ToAt: model.ToAt,
			Minutes: int32(model.Minutes), BadMinutes: int32(model.BadMinutes), Scores: model.Scores, Body: model.Body,
		})
	})
	return version, notFound(err, "keep a model of org %s", model.OrgID)
}

// Model reads one of an org's models; [ErrNotFound] where it is gone, or never was.
func (s *Store) Model(ctx context.Context, org uuid.UUID, version int) (db.Model, error) {
	model, err := s.queries().Model(ctx, org, int32(version))
	return model, notFound(err, "model %d of org %s", version, org)
}

// NewestModelVersion is 0 where an org has no model of its own.
func (s *Store) NewestModelVersion(ctx context.Context, org uuid.UUID) (int, error) {
	version, err := s.queries().NewestModelVersion(ctx, org)
	return int(version), notFound(err, "newest model of org %s", org)
}

// Models lists an org's newest models without their bodies, the newest first.
func (s *Store) Models(ctx context.Context, org uuid.UUID, maxRows int) ([]db.ModelsRow, error) {
	rows, err := s.queries().Models(ctx, org, int32(maxRows))
	return rows, notFound(err, "list models of org %s", org)
}

// DropModels drops the models of an org that were trained before a time, but for the newest.
func (s *Store) DropModels(ctx context.Context, org uuid.UUID, before time.Time) (int64, error) {
	dropped, err := s.queries().DropModels(ctx, org, before)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return 0, fmt.Errorf("drop models of org %s: %w", org, err)
	}
	return dropped, nil
}

// LegMinutes lists the call minutes of some legs in an interval, by leg and start.
func (s *Store) LegMinutes(ctx context.Context, org uuid.UUID, legs []int64, from, to time.Time) ([]db.CallMinute, error) {
	rows, err := s.queries().LegMinutes(ctx, db.LegMinutesParams{OrgID: org, LegIds: legs, FromAt: from, ToAt: to})
	return rows, notFound(err, "list call minutes of legs")
}

// ExplanationBasis tells what minutes of some legs are explained by besides themselves: the
// org's limits, and where the legs were served from, as far as it is known. [ErrNotFound]
// where there is no such org.
func (s *Store) ExplanationBasis(ctx context.Context, org uuid.UUID, legs []int64) (db.ExplanationBasisRow, error) {
	row, err := s.queries().ExplanationBasis(ctx, legs, org)
	return row, notFound(err, "org %s", org)
}
