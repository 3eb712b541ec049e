package zoom

import (
	"encoding/json"
	"errors"
	"math"
	"testing"

	"callweave/internal/measure"
)

func TestUnits(t *testing.T) {
	t.Parallel()
	of, unknown := measure.Of, measure.Value{}
	tests := []struct {
		unit unit
		json string
		want measure.Value
	}{
		{bitsPerSecond(), `"27.15 kbps"`, of(27150)},
		{bitsPerSecond(), `"27.15kbps"`, of(27150)},
		{bitsPerSecond(), `"1.5 Mbps"`, of(1.5e6)},
		{bitsPerSecond(), `"800 bps"`, of(800)},
		{bitsPerSecond(), `"12"`, of(12000)},
		{bitsPerSecond(), `12.5`, of(12500)},
		{milliseconds(), `"126 ms"`, of(126)},
		{milliseconds(), `"0ms"`, of(0)},
		{milliseconds(), `" 7 ms "`, of(7)},
		{milliseconds(), `1.2e2`, of(120)},
		{ratio(), `"0.03%"`, of(0.0003)},
		{ratio(), `"0.0 %"`, of(0)},
		{ratio(), `"100%"`, of(1)},
		{framesPerSecond(), `"12 fps"`, of(12)},
		{percent(), `"11%"`, of(11)},
		{decibels(), `-69`, of(-69)},
		{decibels(), `"-69 dBm"`, of(-69)},
		{milliseconds(), `""`, unknown},
		{milliseconds(), `"-"`, unknown},
		{milliseconds(), `"N/A"`, unknown},
		{milliseconds(), `null`, unknown},
	}
	for _, test := range tests {
		got, err := test.unit.parseJSON([]byte(test.json))
		if err != nil || got != test.want {
			t.Errorf("%s as %s is %s, %v; want %s", test.json, test.unit.want, got, err, test.want)
		}
	}
}

func TestUnitsRefuse(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		unit unit
		json string
	}{
		{milliseconds(), `"12 kbps"`},
		{milliseconds(), `"12 us"`},
		{milliseconds(), `"-5 ms"`},
		{milliseconds(), `"fast"`},
		{milliseconds(), `"1,5 ms"`},
		{milliseconds(), `"99999999 ms"`},
		{milliseconds(), `{}`},
		{milliseconds(), `true`},
		{bitsPerSecond(), `"3 kB/s"`},
		{ratio(), `"250%"`},
		{ratio(), `"0.3 ms"`},
		{decibels(), `"-69 mW"`},
	} {
		var refused *valueError
		if got, err := test.unit.parseJSON([]byte(test.json)); !errors.As(err, &refused) {
			t.Errorf("%s as %s is %s, %v; want an error", test.json, test.unit.want, got, err)
		}
	}
}

func TestResolution(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][2]measure.Value{
		"1280*720": {measure.Of(1280), measure.Of(720)}, "640x360": {measure.Of(640), measure.Of(360)}, "320 * 180": {measure.Of(320), measure.Of(180)},
		"": {}, "-": {},
	} {
		if w, h, err := parseResolution(text); err != nil || w != want[0] || h != want[1] {
			t.Errorf("%q is %s by %s, %v", text, w, h, err)
		}
	}
	for _, text := range []string{"1280", "1280*", "-1*5", "a*b", "1*2*3"} {
		if _, _, err := parseResolution(text); err == nil {
			t.Errorf("%q is a resolution", text)
		}
	}
}

// FuzzUnits holds every unit to its range, and to giving a number only where the text has
// the unit's own suffix or none.
func FuzzUnits(f *testing.F) {
	for _, seed := range []string{`"27.15 kbps"`, `"27.15kbps"`, `"0.03%"`, `""`, `"-"`, `12`, `"12 ms"`, `-69`, `"1280*720"`, `1e400`, `"NaN"`, `"+Inf ms"`, `"\u0031 ms"`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, u := range []unit{milliseconds(), ratio(), bitsPerSecond(), framesPerSecond(), percent(), decibels()} {
			got, err := u.parseJSON(data)
			number, known := got.Get()
			if err != nil && known {
				t.Fatalf("%q as %s is an error and %v", data, u.want, number)
			}
			if known && (math.IsNaN(number) || float32(number) < float32(u.min) || float32(number) > float32(u.max)) {
				t.Fatalf("%q as %s is %v", data, u.want, number)
			}
		}
		var resolution resolutionValue
		if err := json.Unmarshal(data, &resolution); err == nil && resolution.width.Known() != resolution.height.Known() {
			t.Fatalf("%q has a width or a height only", data)
		}
	})
}
