package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestThresholdsOfAnOrg(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.addOrg(t)
	var shown map[string]any
	b.json(t, &shown, "org", "set", "--id", b.org.String(), "--latency-bad-ms", "120", "--loss-bad-ratio", "0.5")
	want := map[string]any{"org_id": b.org.String(), "set": map[string]any{"latency_bad_ms": 120.0, "jitter_bad_ms": nil, "loss_bad_ratio": 0.5}}
	if diff := cmp.Diff(want, shown); diff != "" {
		t.Error("(-want +got):", diff)
	}
	var list []shownOrg
	b.json(t, &list, "org", "list")
	if len(list) != 1 || list[0].LatencyBadMS != 120 || list[0].JitterBadMS != 40 || list[0].LossBadRatio != 0.5 {
		t.Errorf("list: %+v", list)
	}
	for _, wrong := range [][]string{
		{}, {"--latency-bad-ms", "0"}, {"--jitter-bad-ms", "x"}, {"--jitter-bad-ms", "NaN"}, {"--loss-bad-ratio", "2"}, {"--loss-bad-ratio", "-0.1"},
	} {
		if code, _, problems := b.run(t, append([]string{"org", "set", "--id", b.org.String()}, wrong...)...); code != 2 {
			t.Errorf("%v: exit %d, %s", wrong, code, problems)
		}
	}
	if code, _, problems := b.run(t, "org", "set", "--id", someID, "--latency-bad-ms", "120"); code != 1 {
		t.Errorf("an org that is not there: exit %d, %s", code, problems)
	}
}

func TestRemoveOrg(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.addOrg(t)
	b.link(t)
	if code, _, problems := b.run(t, "org", "remove", "--id", b.org.String()); code != 1 || !strings.Contains(problems, "unlink it first") {
		t.Errorf("while it is linked: exit %d, %s", code, problems)
	}
	if _, err := b.conn(t).Exec(t.Context(), "delete from links"); err != nil {
		t.Fatal(err)
	}
	var removed struct{ Removed bool }
	b.json(t, &removed, "org", "remove", "--id", b.org.String())
	var list []shownOrg
	if b.json(t, &list, "org", "list"); !removed.Removed || len(list) != 0 {
		t.Errorf("removed %v, listed %+v", removed.Removed, list)
	}
}
