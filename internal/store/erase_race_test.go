package store

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"callweave/internal/store/db"
)

// erased is what an attempt at an erasure came to.
type erased struct {
	receipt db.Receipt
	done    bool
	rows    int64
}

// An attempt of an activity that was given up goes on beside the next one. What it meets
// when it gets the locks is what it goes by: it finishes nothing twice, and takes
// nothing of a link that was made since.
func TestLateAttemptsOfAnErasureChangeNothing(t *testing.T) {
	t.Parallel()
	for name, attempt := range map[string]func(ctx context.Context, s *Store, receipt uuid.UUID) (erased, error){
		"finish": func(ctx context.Context, s *Store, receipt uuid.UUID) (erased, error) {
			closed, done, err := s.FinishErasure(ctx, receipt)
			return erased{receipt: closed, done: done}, err
		},
		"batch": func(ctx context.Context, s *Store, receipt uuid.UUID) (erased, error) {
			rows, err := s.EraseBatch(ctx, receipt, 10)
			return erased{rows: rows}, err
		},
		"count": func(ctx context.Context, s *Store, receipt uuid.UUID) (erased, error) {
			return erased{}, s.CountErasure(ctx, receipt)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openTest(t)
			x, a := zoomAccount("account-x"), uuid.New()
			seedOrg(t, s, a)
			seedAccount(t, s, x)
			seedLink(t, s, x, a)
			opened, err := s.Fence(t.Context(), x, a, "test", "admin")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.HandOver(t.Context(), opened.ReceiptID, reseal); err != nil {
				t.Fatal(err)
			}
			erase(t.Context(), t, s, opened.ReceiptID, 1000)

			// The late attempt has begun, and waits for the org behind the one that is first.
			holding := begin(t, s)
			if err := lockBoth(t.Context(), db.New(holding), x, a); err != nil {
				t.Fatal(err)
			}
			var late erased
			ended := make(chan error, 1)
			go func() {
				var err error
				late, err = attempt(t.Context(), s, opened.ReceiptID)
				ended <- err
			}()
			untilWaiting(t, s, 1, ended)
			closed, done, err := finishErasure(t.Context(), db.New(holding), opened.ReceiptID)
			if err != nil || !done {
				t.Fatalf("finish = %v, %v, want done", done, err)
			}
			// Somebody links anew before the locks are free.
			if _, err := holding.Exec(t.Context(), `insert into accounts (provider, account_id) values ('zoom', $1)`, x.AccountID); err != nil {
				t.Fatal(err)
			}
			_, err = holding.Exec(t.Context(), `insert into links (provider, account_id, org_id, linked_by_sealed) values ('zoom', $1, $2, '')`, x.AccountID, a)
			if err != nil {
				t.Fatal(err)
			}
			_, err = holding.Exec(t.Context(), `insert into weaves (org_id, provider, account_id, meeting_id, revision, legs_matched, minutes)
				values ($2, 'zoom', $1, 'new', 1, 1, 1)`, x.AccountID, a)
			if err != nil {
				t.Fatal(err)
			}
			if err := holding.Commit(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := <-ended; err != nil {
				t.Fatalf("the late attempt: %v", err)
			}
			if late.rows > 0 {
				t.Errorf("the late attempt erased %d rows of the new link", late.rows)
			}
			if name == "finish" && (!late.done || cmp.Diff(closed, late.receipt) != "") {
				t.Errorf("the late attempt returned %v, and (-closed +returned):\n%s", late.done, cmp.Diff(closed, late.receipt))
			}
			after, err := s.Receipt(t.Context(), opened.ReceiptID)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(closed, after); diff != "" {
				t.Errorf("the closed receipt changed (-closed +after):\n%s", diff)
			}
			for _, table := range []string{"links", "weaves", "accounts"} {
				if number(t, s, `select count(*) from `+table) != 1 {
					t.Errorf("the new link lost its row of %s", table)
				}
			}
			if n := number(t, s, `select count(*) from audit_log where action = 'link erased'`); n != 1 {
				t.Errorf("the audit log has the erasure %d times", n)
			}
		})
	}
}

// Counting holds no locks, so the erasure may have begun, by another attempt, or have
// become smaller, when it is done.
func TestLateCountChangesNothing(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		meanwhile string // $1 is the receipt, $2 another org
		tables    int
	}{
		"of an erasure under way": {`update receipts set rows_before = '{"weaves": 4711}' where receipt_id = $1 and $2::uuid is not null`, 1},
		"of an erasure that leaves the account": {`insert into links (provider, account_id, org_id, linked_by_sealed)
			select provider, account_id, $2, '' from receipts where receipt_id = $1`, 14}, // of link and org
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openTest(t)
			x, a, b := zoomAccount("account-x"), uuid.New(), uuid.New()
			seedOrg(t, s, a)
			seedOrg(t, s, b)
			seedAccount(t, s, x)
			seedLink(t, s, x, a)
			receipt, err := s.Fence(t.Context(), x, a, "test", "admin")
			if err != nil {
				t.Fatal(err)
			}
			holding := begin(t, s)
			if _, err := holding.Exec(t.Context(), `lock table call_minutes`); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- s.CountErasure(t.Context(), receipt.ReceiptID) }()
			untilWaiting(t, s, 1, ended)
			if _, err := holding.Exec(t.Context(), test.meanwhile, receipt.ReceiptID, b); err != nil {
				t.Fatal(err)
			}
			if err := holding.Commit(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := <-ended; err != nil {
				t.Fatal(err)
			}
			if receipt, err = s.Receipt(t.Context(), receipt.ReceiptID); err != nil {
				t.Fatal(err)
			}
			counted := rowsOf(t, receipt.RowsBefore)
			if _, ofAccount := counted["legs"]; ofAccount || len(counted) != test.tables {
				t.Errorf("rows before: %v", counted)
			}
		})
	}
}
