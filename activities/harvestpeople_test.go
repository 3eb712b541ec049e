package activities

import (
	"testing"
	"time"
)

// Who is the same in the settling read is not sealed anew: a row that says the same stays
// the same in backups and replicas, too.
func TestReadingAgainSealsNobodyAnew(t *testing.T) {
	t.Parallel()
	b := setupHarvest(t, 1)
	b.pass()
	b.exec("create table before as select leg_id, person_sealed from legs join meetings using (provider, account_id, meeting_id) where state = 'read'")
	b.advance(2 * time.Hour)
	b.pass()
	again := b.number("select count(*) from before join legs using (leg_id) join meetings using (provider, account_id, meeting_id) where revision = 2")
	same := b.number("select count(*) from before b join legs l using (leg_id) where b.person_sealed = l.person_sealed")
	if again == 0 || again != b.number("select count(*) from before") || same != again {
		t.Errorf("of %d legs that were read again %d have the person as it was sealed", again, same)
	}
}
