package access_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"callweave/internal/access"
)

func TestRoles(t *testing.T) {
	t.Parallel()
	allowed := map[access.Role][]access.Action{
		access.Admin: {
			access.ReadCalls, access.ReadLinks, access.ReadLedger, access.ReadAudit, access.ChangeLinks, access.StartBackfills,
			access.ExportCalls, access.ReadPeople, access.ReadSettings, access.ChangeSettings,
		},
		access.Observer:       {access.ReadCalls, access.ExportCalls, access.ReadLinks, access.ReadLedger, access.ReadSettings},
		access.Helpdesk:       {access.ReadCalls, access.ReadSettings},
		access.Role("nobody"): nil,
	}
	for role, actions := range allowed {
		may := map[access.Action]bool{}
		for _, action := range actions {
			may[action] = true
		}
		for _, action := range allowed[access.Admin] {
			if got := role.May(action); got != may[action] {
				t.Errorf("%s may %s: got %v", role, action, got)
			}
		}
	}
	if _, err := access.ParseRole("root"); err == nil {
		t.Error("an unknown role was read")
	}
}

func TestQuotaIsPerTokenAndComesBack(t *testing.T) {
	t.Parallel()
	quota, now := access.NewQuota(), time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	busy, idle := uuid.New(), uuid.New()
	for range access.RequestsPerHour {
		if _, ok := quota.Spend(busy, now); !ok {
			t.Fatal("the quota ended early")
		}
	}
	wait, ok := quota.Spend(busy, now)
	if ok || wait <= 0 {
		t.Errorf("request %d was allowed (wait %s)", access.RequestsPerHour+1, wait)
	}
	if _, ok := quota.Spend(idle, now); !ok {
		t.Error("another token pays for the busy one")
	}
	if _, ok := quota.Spend(busy, now.Add(wait)); !ok {
		t.Errorf("nothing came back after %s", wait)
	}
}
