package measure_test

import (
	"encoding/json"
	"testing"

	"callweave/internal/measure"
)

func TestTheZeroValueIsUnknown(t *testing.T) {
	t.Parallel()
	var v measure.Value
	if v.Known() || v.Above(-1) || v.Or(7) != 7 || v.String() != "unknown" {
		t.Errorf("%v passes for a measurement", v)
	}
	if zero := measure.Of(0); !zero.Known() || !zero.Above(-1) || zero.Or(7) != 0 {
		t.Errorf("a measured zero does not count: %v", zero)
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]measure.Value{"null": {}, "0": measure.Of(0), "-71.5": measure.Of(-71.5)} {
		var got measure.Value
		if err := json.Unmarshal([]byte(text), &got); err != nil || got != want {
			t.Errorf("%s: got %v, %v", text, got, err)
		}
		if back, err := json.Marshal(got); err != nil || string(back) != text {
			t.Errorf("%s came back as %s, %v", text, back, err)
		}
	}
	var v measure.Value
	if err := json.Unmarshal([]byte(`"12 ms"`), &v); err == nil {
		t.Error("a text passed for a number: units are parsed at the edge")
	}
}
