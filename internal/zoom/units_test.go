package zoom

import (
	"errors"
	"strings"
	"testing"

	"callweave/internal/measure"
)

func readMeasure(json string, u unit) (measure.Value, error) {
	r := newReader(strings.NewReader(json))
	value := r.measure(u)
	return value, r.end()
}

func TestUnits(t *testing.T) {
	t.Parallel()
	of, unknown := measure.Of, measure.Value{}
	tests := []struct {
		unit unit
		json string
		want measure.Value
	}{
		{bitsPerSecond, `"27.15 kbps"`, of(27150)},
		{bitsPerSecond, `"27.15kbps"`, of(27150)},
		{bitsPerSecond, `"1.5 Mbps"`, of(1.5e6)},
		{bitsPerSecond, `"800 bps"`, of(800)},
		{bitsPerSecond, `"12"`, of(12000)},
		{bitsPerSecond, `12.5`, of(12500)},
		{milliseconds, `"126 ms"`, of(126)},
		{milliseconds, `"0ms"`, of(0)},
		{milliseconds, `" 7 ms "`, of(7)},
		{milliseconds, `1.2e2`, of(120)},
		{ratio, `"0.03%"`, of(0.0003)},
		{ratio, `"0.0 %"`, of(0)},
		{ratio, `"100%"`, of(1)},
		{framesPerSecond, `"12 fps"`, of(12)},
		{percent, `"11%"`, of(11)},
		{decibels, `-69`, of(-69)},
		{decibels, `"-69 dBm"`, of(-69)},
		{milliseconds, `""`, unknown},
		{milliseconds, `"-"`, unknown},
		{milliseconds, `"N/A"`, unknown},
		{milliseconds, `null`, unknown},
		{milliseconds, `"\u0031 ms"`, of(1)},
		{milliseconds, `"-0 ms"`, of(0)},
		{milliseconds, `"1.5S"`, of(1500)},
	}
	for _, test := range tests {
		got, err := readMeasure(test.json, test.unit)
		if err != nil || got != test.want {
			t.Errorf("%s as %s is %s, %v; want %s", test.json, spellings()[test.unit].want, got, err, test.want)
		}
	}
}

func TestUnitsRefuse(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		unit unit
		json string
	}{
		{milliseconds, `"12 kbps"`},
		{milliseconds, `"12 us"`},
		{milliseconds, `"-5 ms"`},
		{milliseconds, `"fast"`},
		{milliseconds, `"1,5 ms"`},
		{milliseconds, `"99999999 ms"`},
		{milliseconds, `{}`},
		{milliseconds, `true`},
		{bitsPerSecond, `"3 kB/s"`},
		{bitsPerSecond, `"3 kBps"`},
		{bitsPerSecond, `1e300`},
		{bitsPerSecond, `1e400`},
		{milliseconds, `"NaN"`},
		{milliseconds, `"Inf ms"`},
		{milliseconds, `"0x10 ms"`},
		{percent, `"101%"`},
		{decibels, `87`}, // a percentage
		{ratio, `"250%"`},
		{ratio, `"0.3 ms"`},
		{decibels, `"-69 mW"`},
	} {
		var refused *valueError
		if got, err := readMeasure(test.json, test.unit); !errors.As(err, &refused) {
			t.Errorf("%s as %s is %s, %v; want an error", test.json, spellings()[test.unit].want, got, err)
		}
	}
}

func TestResolution(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][2]measure.Value{
		"1280*720": {measure.Of(1280), measure.Of(720)}, "640x360": {measure.Of(640), measure.Of(360)}, "320 * 180": {measure.Of(320), measure.Of(180)},
		"": {}, "-": {}, "0*0": {}, " 1920×1080 ": {measure.Of(1920), measure.Of(1080)},
	} {
		if w, h, ok := parseResolution([]byte(text)); !ok || w != want[0] || h != want[1] {
			t.Errorf("%q is %s by %s, %t", text, w, h, ok)
		}
	}
	for _, text := range []string{"1280", "1280*", "-1*5", "a*b", "1*2*3", "1280*0", "70000*1"} {
		if _, _, ok := parseResolution([]byte(text)); ok {
			t.Errorf("%q is a resolution", text)
		}
	}
}
