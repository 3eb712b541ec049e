// Package reseal brings what the master keyset sealed in the database from older keys to
// the primary one, and says how much is still sealed with which key.
//
// A data key is resealed, not replaced: what it sealed stays as it is.
package reseal

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"callweave/internal/store"
	"callweave/internal/store/db"
	"callweave/internal/vault"
)

// Store is where sealed values are.
type Store interface {
	CountSealed(ctx context.Context) ([]db.CountSealedRow, error)
	SealedValues(ctx context.Context, place, after string, limit int) ([]db.SealedValuesRow, error)
	ReplaceSealed(ctx context.Context, place store.SealedPlace, id string, sealed, resealed []byte) (bool, error)
}

// Use is what one key seals.
type Use struct {
	KeyID    uint32           `json:"key_id"`
	Primary  bool             `json:"primary"`
	InKeyset bool             `json:"in_keyset"` // false: its values cannot be read
	Values   int64            `json:"values"`
	Places   map[string]int64 `json:"places"` // table.column → values
}

// Census is what is sealed with which key.
type Census struct {
	Keys     []Use `json:"keys"`     // the keyset's own first, in its order
	Unmarked int64 `json:"unmarked"` // values that name no key: they cannot be read
}

// Of returns what a key seals.
func (c Census) Of(id uint32) Use {
	for _, use := range c.Keys {
		if use.KeyID == id {
			return use
		}
	}
	return Use{KeyID: id}
}

// Left is how many values are sealed with keys of the keyset that are not its primary one.
func (c Census) Left() int64 {
	var left int64
	for _, use := range c.Keys {
		if use.InKeyset && !use.Primary {
			left += use.Values
		}
	}
	return left
}

// Count counts what is sealed with which key.
func Count(ctx context.Context, s Store, master *vault.Master) (Census, error) {
	rows, err := s.CountSealed(ctx)
	if err != nil {
		return Census{}, err
	}
	uses := map[uint32]*Use{}
	var order []uint32
	for _, key := range master.Keys() {
		uses[key.ID] = &Use{KeyID: key.ID, Primary: key.Primary, InKeyset: true, Places: map[string]int64{}}
		order = append(order, key.ID)
	}
	var census Census
	for _, row := range rows {
		id, marked := vault.SealedBy(row.Prefix)
		if !marked {
			census.Unmarked += row.Values
			continue
		}
		if uses[id] == nil {
			uses[id] = &Use{KeyID: id, Places: map[string]int64{}}
		}
		uses[id].Values += row.Values
		uses[id].Places[row.Place] += row.Values
	}
	for _, id := range slices.Sorted(maps.Keys(uses)) {
		if !uses[id].InKeyset {
			order = append(order, id)
		}
	}
	for _, id := range order {
		census.Keys = append(census.Keys, *uses[id])
	}
	return census, nil
}

// Cursor is how far a pass has come; the zero value is its beginning.
type Cursor struct {
	Place int    `json:"place"` // of store.SealedPlaces
	After string `json:"after,omitempty"`
}

// Progress is what one batch did.
type Progress struct {
	Next       Cursor `json:"next"`
	Done       bool   `json:"done"` // the pass has seen every value
	Resealed   int    `json:"resealed"`
	Unreadable int    `json:"unreadable"` // values that do not open with any key of the keyset
}

// Batch looks at up to limit values after a cursor and reseals those that are not sealed
// with the primary key. A value that somebody writes meanwhile stays as written. It may be
// repeated and stopped at any point.
func Batch(ctx context.Context, s Store, master *vault.Master, at Cursor, limit int) (Progress, error) {
	progress := Progress{Next: at}
	places := store.SealedPlaces()
	for seen := 0; seen < limit; {
		if progress.Next.Place >= len(places) {
			progress.Done = true
			return progress, nil
		}
		place := places[progress.Next.Place]
		values, err := s.SealedValues(ctx, place.Name, progress.Next.After, limit-seen)
		if err != nil {
			return progress, err
		}
		for _, value := range values {
			if err := progress.one(ctx, s, master, place, value); err != nil {
				return progress, fmt.Errorf("reseal %s: %w", place.Name, err)
			}
			progress.Next.After = value.ID
		}
		if seen += len(values); seen < limit {
			progress.Next = Cursor{Place: progress.Next.Place + 1}
		}
	}
	return progress, nil
}

func (p *Progress) one(ctx context.Context, s Store, master *vault.Master, place store.SealedPlace, value db.SealedValuesRow) error {
	if id, marked := vault.SealedBy(value.Value); marked && id == master.PrimaryID() {
		return nil
	}
	var resealed []byte
	var err error
	if place.Purpose == vault.PurposeDataKey {
		resealed, err = master.ResealDataKey(vault.Scope(value.ID), value.Value)
	} else {
		resealed, err = master.Reseal(place.Purpose, value.Value)
	}
	if errors.Is(err, vault.ErrUnsealed) {
		p.Unreadable++
		return nil
	}
	if err != nil {
		return err
	}
	replaced, err := s.ReplaceSealed(ctx, place, value.ID, value.Value, resealed)
	if replaced {
		p.Resealed++
	}
	return err
}

// AuditAction is the action of the audit log's line after which the database is sealed
// with one key, whose name is the line's object.
const AuditAction = "keys resealed"

// AuditObject names a key in the audit log.
func AuditObject(id uint32) string { return fmt.Sprintf("key/%d", id) }
