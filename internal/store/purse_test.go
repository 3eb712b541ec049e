package store

import (
	"errors"
	"testing"
	"time"

	"callweave/internal/provider"
)

func TestPurse(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	ref, _ := linkedAccount(t, s, "a", 10)
	other, _ := linkedAccount(t, s, "b", 10)
	now := time.Date(2026, 11, 20, 23, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	meter, purse := NewMeter(s, clock), s.NewPurse(ref, "heavy", clock)
	spent := func(want int) {
		t.Helper()
		if got, err := s.SpentRequests(t.Context(), ref, now); err != nil || got != want {
			t.Errorf("%d requests are counted, %v; want %d", got, err, want)
		}
	}
	fill := func(n int) {
		t.Helper()
		if err := purse.Fill(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	reserve := func(from *Prepaid, of provider.AccountRef, category string) {
		t.Helper()
		if err := meter.Reserve(from.In(t.Context()), of, category, 1); err != nil {
			t.Fatal(err)
		}
	}

	fill(6)
	spent(6)
	drawn := purse.Draw(4)
	reserve(drawn, ref, "heavy")
	spent(6) // it was counted already
	reserve(drawn, ref, "resource_intensive")
	reserve(drawn, other, "heavy")
	spent(7)
	purse.PutBack(drawn) // three of four
	fill(5)
	spent(7) // it holds five
	fill(6)
	spent(8)
	if more := purse.Draw(9).Left(); more != 6 {
		t.Errorf("%d were drawn of a purse of 6", more)
	}

	// What the day's budget does not hold is not charged in part.
	if err := purse.Fill(t.Context(), 3); provider.KindOf(err) != provider.RateLimited {
		t.Errorf("filling beyond the budget is %v", err)
	}
	spent(8)

	// What was charged on one day is not spent on the next.
	fill(2)
	late := purse.Draw(1)
	now = now.Add(time.Hour)
	reserve(late, ref, "heavy")
	spent(1)
	fill(3)
	spent(4)
	purse.PutBack(late)
	if err := purse.Return(t.Context()); err != nil {
		t.Fatal(err)
	}
	spent(1)
	if total, err := s.TotalRequests(t.Context(), ref); err != nil || total != 1+9 {
		t.Errorf("%d requests are counted ever, %v; want 10", total, err)
	}
	if err := purse.Return(t.Context()); err != nil {
		t.Fatal(err)
	}
	spent(1)

	exec(t, s, "update links set status = 'unlinking'")
	if err := purse.Fill(t.Context(), 1); !errors.Is(err, ErrFenced) {
		t.Errorf("filling behind the fence is %v", err)
	}
}
