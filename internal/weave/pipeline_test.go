package weave_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"callweave/internal/measure"
	"callweave/internal/vault"
	"callweave/internal/weave"
)

// severalBatches is a network with so many meetings at once that they are read in three
// batches, all queued, and what is woven of them when nothing comes between.
func severalBatches(t *testing.T) (b *bundle, org uuid.UUID, want []string) {
	t.Helper()
	b, org, _ = crowd(t, 230)
	want = b.woven(t)
	b.requeue(t)
	return b, org, want
}

func (b *bundle) requeue(t *testing.T) {
	t.Helper()
	b.exec(t, "update weaves set revision = 0")
}

func (b *bundle) queued(t *testing.T) int {
	t.Helper()
	return b.count(t, "select count(*) from weaves where pending")
}

// atFirst calls something when the first meetings have landed, while the next are read.
func (b *bundle) atFirst(t *testing.T, do func()) (done func()) {
	t.Helper()
	before, called := b.queued(t), false
	return func() {
		if !called && b.queued(t) < before {
			called = true
			do()
		}
	}
}

func TestSeveralBatchesAreWovenAtOnce(t *testing.T) {
	t.Parallel()
	b, org, want := severalBatches(t)
	heard := 0
	result, err := b.weaver.Weave(t.Context(), b.ref, org, func() { heard++ })
	if err != nil || result.Meetings != 230 || result.Legs != 3*230 || result.Ready != 0 {
		t.Errorf("woven %+v, %v; want all 230 meetings", result, err)
	}
	if heard < 230 {
		t.Errorf("done was called %d times for 230 meetings", heard)
	}
	if diff := cmp.Diff(want, b.woven(t)); diff != "" {
		t.Errorf("rows changed (-before +after):\n%.2000s", diff)
	}
}

func TestPoisonInOneBatchKeepsNoOther(t *testing.T) {
	t.Parallel()
	b, org, _ := severalBatches(t)
	b.exec(t, "update legs set person_sealed = 'x' where meeting_id in ('m-0', 'm-99')") // in the first batch and in the last
	result, err := b.weaver.Weave(t.Context(), b.ref, org, func() {})
	if !errors.Is(err, vault.ErrUnsealed) || result.Meetings != 228 || b.queued(t) != 2 {
		t.Errorf("woven %+v, %v, %d are left; want all but two, and %v", result, err, b.queued(t), vault.ErrUnsealed)
	}
}

func TestWeavingThatIsCanceledGoesOnLater(t *testing.T) {
	t.Parallel()
	b, org, want := severalBatches(t)
	ctx, cancel := context.WithCancel(t.Context())
	result, err := b.weaver.Weave(ctx, b.ref, org, b.atFirst(t, cancel))
	if !errors.Is(err, context.Canceled) || result.Meetings == 0 || result.Meetings == 230 {
		t.Errorf("woven %+v, %v; want some meetings and %v", result, err, context.Canceled)
	}
	if left := b.queued(t); left != 230-result.Meetings {
		t.Errorf("%d meetings are queued, %d were reported as woven", left, result.Meetings)
	}
	if rest := b.weave(t, org); rest.Meetings != 230-result.Meetings {
		t.Errorf("then wove %d meetings, %d before", rest.Meetings, result.Meetings)
	}
	if diff := cmp.Diff(want, b.woven(t)); diff != "" {
		t.Errorf("rows changed (-before +after):\n%.2000s", diff)
	}
}

// A batch that cannot be read ends the call, but not before those have landed that could.
func TestWhatWasReadLandsBeforeAFailureOfReading(t *testing.T) {
	t.Parallel()
	b, org, want := severalBatches(t)
	result, err := b.weaver.Weave(t.Context(), b.ref, org, b.atFirst(t, func() { b.exec(t, "alter table client_samples rename to elsewhere") }))
	if err == nil || result.Meetings < 100 || result.Meetings == 230 {
		t.Errorf("woven %+v, %v; want the first batch and an error", result, err)
	}
	b.exec(t, "alter table elsewhere rename to client_samples")
	b.weave(t, org)
	if diff := cmp.Diff(want, b.woven(t)); diff != "" {
		t.Errorf("rows changed (-before +after):\n%.2000s", diff)
	}
}

// Devices that come late and are looked for in call minutes while a batch has been read and
// not landed are in its call minutes in the end.
func TestDevicesThatComeBetweenReadingAndLandingCount(t *testing.T) {
	t.Parallel()
	b, org, late := crowd(t, 230)
	for i := range late.Clients {
		late.Clients[i].RssiDbm = measure.Of(-42)
	}
	want := b.woven(t)
	b.exec(t, "delete from matches")
	b.exec(t, "delete from call_minutes")
	b.exec(t, "delete from weaves")
	b.exec(t, `insert into weaves (org_id, provider, account_id, meeting_id, revision, legs_matched, minutes, read_revision, end_at)
		select $1, provider, account_id, meeting_id, 0, 0, 0, revision, end_at from meetings`, org)
	// The meeting that they are about is read and landed last.
	b.exec(t, "update meetings set start_at = start_at + interval '1 second' where meeting_id = 'm-0'")
	_, err := b.weaver.Weave(t.Context(), b.ref, org, b.atFirst(t, func() {
		if err := b.store.LandDevices(t.Context(), late); err != nil {
			t.Fatal(err)
		}
		b.woke(t)
		if _, _, err := b.store.MarkLate(t.Context(), org); err != nil {
			t.Fatal(err)
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	b.weave(t, org)
	got := b.woven(t)
	b.requeue(t)
	b.weave(t, org)
	if diff := cmp.Diff(b.woven(t), got); diff != "" {
		t.Errorf("not what it would have been (-in time +late):\n%.2000s", diff)
	}
	if cmp.Equal(want, got) {
		t.Error("the late devices change nothing: the test proves nothing")
	}
}

// A panic in a stage of its own is the caller's, who lives on.
func TestPanicIsTheCallers(t *testing.T) {
	t.Parallel()
	b, org, _ := severalBatches(t)
	defer func() {
		if err, _ := recover().(error); err == nil || !strings.Contains(err.Error(), "panic") {
			t.Errorf("recovered %v", err)
		}
	}()
	_, err := weave.New(b.store, nil, nil).Weave(t.Context(), b.ref, org, func() {})
	t.Errorf("weaving without a vault: %v", err)
}
