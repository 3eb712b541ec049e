package zoom

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// FuzzUnits compares what every unit reads in a text with the reference, as bytes and as
// JSON, and holds times and durations to what a calendar has.
func FuzzUnits(f *testing.F) {
	for _, seed := range []string{
		"27.15 kbps", "27.15kbps", "27.15 KBps", "0.03%", "100.0%", "", "-", "12", "12 ms", "-69", "-69 dBm", "-0 ms", "1280*720", "640x360", "1×2", "0*0",
		"1e400", "1.2e2", "NaN", "+Inf ms", "0x10 ms", "1_000", "5.", ".5 s", "1.2.3", "999999999999999999999", "N/A", "9007199254740993", "12\u00a0ms", "3 \u212abps",
		"2026-11-10T10:16:20Z", "2026-11-10 10:16:20", "2026-11-10T10:16:20.5+05:30", "01:02:03", "00:56", "56",
	} {
		f.Add(seed)
	}
	all := references()
	f.Fuzz(func(t *testing.T, text string) {
		for _, r := range all {
			s := &spellings()[r.unit]
			value, ok := s.parse([]byte(text))
			number, known := value.Get()
			if want := r.of(text); !want.agrees(number, known, ok) {
				t.Fatalf("%q as %s is %v (known %t, ok %t), want %+v", text, s.want, number, known, ok, want)
			}
			if known && (float32(number) < float32(s.min) || float32(number) > float32(s.max)) {
				t.Fatalf("%q as %s is %v", text, s.want, number)
			}
			if quick, isUsual := s.parseUsual([]byte(text)); isUsual && (quick != value || !ok) {
				t.Fatalf("%q as %s is %s and %s", text, s.want, quick, value)
			}
			checkQuoted(t, text, func(reader *reader) any { return reader.measure(r.unit) }, value, ok)
		}
		width, height, ok := parseResolution([]byte(text))
		w, wKnown := width.Get()
		h, hKnown := height.Get()
		if wantW, wantH := resolutionOf(text); !wantW.agrees(w, wKnown, ok) || !wantH.agrees(h, hKnown, ok) {
			t.Fatalf("%q is %v by %v (ok %t), want %+v by %+v", text, w, h, ok, wantW, wantH)
		}
		checkTimes(t, text)
		if number, rest, isPlain := plainDecimal([]byte(text)); isPlain {
			if same, sameRest, isNumber := decimal([]byte(text)); !isNumber || same != number || !bytes.Equal(rest, sameRest) {
				t.Fatalf("%q is %v and %v", text, number, same)
			}
		}
	})
}

// checkQuoted reads a text in JSON, which must come to the same.
func checkQuoted(t *testing.T, text string, read func(*reader) any, want any, ok bool) {
	t.Helper()
	if !utf8.ValidString(text) {
		return
	}
	quoted, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	r := newReader(bytes.NewReader(quoted))
	got := read(r)
	if err := r.end(); (err == nil) != ok || ok && got != want {
		t.Fatalf("%s in JSON is %v, %v; want %v, ok %t", quoted, got, err, want, ok)
	}
}

func checkTimes(t *testing.T, text string) {
	t.Helper()
	at, err := parseTime(text)
	if !at.IsZero() {
		again, errAgain := parseTime(at.Format(time.RFC3339Nano))
		if err != nil || errAgain != nil || !again.Equal(at) || at.Location() != time.UTC || at.Year() < 2009 || at.Year() > 2201 {
			t.Fatalf("%q is %s, %v; then %s, %v", text, at, err, again, errAgain)
		}
	}
	if err == nil && at.IsZero() && strings.TrimSpace(text) != "" {
		t.Fatalf("%q is no time and no error", text)
	}
	if d := parseDuration(text); d < 0 || d > 10*365*24*time.Hour {
		t.Fatalf("%q lasts %s", text, d)
	}
}
