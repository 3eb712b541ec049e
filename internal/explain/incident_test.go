package explain

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestIncidents(t *testing.T) {
	t.Parallel()
	const at = 1_800_000_000
	sign := func(minute int64, person string, top Feature) Sign {
		return Sign{StartAt: at + 60*minute, Person: person, Site: "hq", AP: "ap1", Band: "5", Bucket: top.Bucket(), Top: top}
	}
	elsewhere := sign(1, "dora", RadioUtil)
	elsewhere.AP = "ap2"
	unknown := sign(1, "eve", RadioUtil)
	unknown.Bucket = "unknown"
	wired := sign(2, "fay", WANRTT)
	wired.AP, wired.Band = "", ""
	got := Incidents([]Sign{
		sign(4, "bob", APNumClients), sign(0, "ann", RadioUtil), sign(1, "ann", RadioUtil), // one crowd, two signs of it
		elsewhere, unknown, // alone, and of nothing
		sign(11, "ann", RadioUtil), sign(12, "bob", RadioUtil), // six quiet minutes later
		sign(1, "cyd", RadioUtilInterference),                    // another cause on the same radio, one person
		sign(1, "ann", WANJitter), wired, sign(3, "ann", WANRTT), // the uplink, whatever shows it
		sign(0, "ann", ClientCPU), sign(0, "bob", ClientCPU), // everybody's own
	}, DefaultIncidentRule())
	want := []Incident{
		{Scope: ScopeRadio, Site: "hq", AP: "ap1", Band: "5", Feature: RadioUtil, People: 2, Minutes: 3, FirstAt: at, LastAt: at + 300, Signs: []int{1, 2, 0}},
		{Scope: ScopeWAN, Site: "hq", Feature: WANRTT, People: 2, Minutes: 3, FirstAt: at + 60, LastAt: at + 240, Signs: []int{8, 9, 10}},
		{Scope: ScopeRadio, Site: "hq", AP: "ap1", Band: "5", Feature: RadioUtil, People: 2, Minutes: 2, FirstAt: at + 660, LastAt: at + 780, Signs: []int{5, 6}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("incidents (-want +got):\n%s", diff)
	}
}
