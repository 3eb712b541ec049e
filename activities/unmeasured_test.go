package activities

import (
	"testing"
	"time"

	"callweave/internal/provider"
)

func TestUnmeasured(t *testing.T) {
	t.Parallel()
	at := func(minute int) time.Time { return harvestDay.Add(time.Duration(minute) * time.Minute) }
	leg := func(id, device string, from, to, samples int) provider.Leg {
		return provider.Leg{ParticipantID: id, Device: device, JoinAt: at(from), LeaveAt: at(to), Samples: make([]provider.MediaSample, samples)}
	}
	for name, test := range map[string]struct {
		legs []provider.Leg
		want bool
	}{
		"two who talk":                {[]provider.Leg{leg("1", "Mac", 0, 30, 0), leg("2", "Windows", 5, 30, 0)}, true},
		"one of them measured":        {[]provider.Leg{leg("1", "Mac", 0, 30, 0), leg("2", "Windows", 5, 30, 1)}, false},
		"nobody":                      {nil, false},
		"one alone":                   {[]provider.Leg{leg("1", "Mac", 0, 30, 0)}, false},
		"one after the other":         {[]provider.Leg{leg("1", "Mac", 0, 10, 0), leg("2", "Mac", 10, 30, 0)}, false},
		"one who joins again":         {[]provider.Leg{leg("1", "Mac", 0, 10, 0), leg("1", "Mac", 5, 30, 0)}, false},
		"for a moment":                {[]provider.Leg{leg("1", "Mac", 0, 10, 0), leg("2", "Mac", 9, 30, 0)}, false},
		"with a telephone":            {[]provider.Leg{leg("1", "Mac", 0, 30, 0), leg("2", "Phone", 0, 30, 0)}, false},
		"the third makes it a talk":   {[]provider.Leg{leg("1", "Phone", 0, 30, 0), leg("2", "Mac", 0, 30, 0), leg("3", "iOS", 20, 22, 0)}, true},
		"one of whom has not left":    {[]provider.Leg{leg("1", "Mac", 0, 30, 0), {ParticipantID: "2", Device: "Mac", JoinAt: at(0)}}, false},
		"telephones among themselves": {[]provider.Leg{leg("1", "Phone", 0, 30, 0), leg("2", "H.323/SIP", 0, 30, 0)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := unmeasured(test.legs); got != test.want {
				t.Errorf("unmeasured = %v, want %v", got, test.want)
			}
		})
	}
}
