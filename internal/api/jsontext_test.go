package api

import (
	"encoding/json"
	"math"
	"strconv"
	"testing"

	"github.com/google/uuid"
)

func TestMillionths(t *testing.T) {
	t.Parallel()
	for value, want := range map[float64]string{
		0: "0", 1: "1", -1: "-1", 0.5: "0.5", -2.5: "-2.5", 1.000001: "1.000001", 3e-7: "0", -6e-7: "-0.000001", 12.34567891: "12.345679",
		-0.1: "-0.1", 0.000010: "0.00001", 120.25: "120.25", 1e9: "1000000000", math.Copysign(0, -1): "0",
	} {
		if got := string(toMillionths(value).append(nil)); got != want {
			t.Errorf("%v is written %s, want %s", value, got, want)
		}
	}
	for _, value := range []float64{math.Inf(1), math.Inf(-1), math.MaxFloat64} {
		text := string(toMillionths(value).append(nil))
		if number, err := strconv.ParseFloat(text, 64); err != nil || math.Signbit(number) != math.Signbit(value) {
			t.Errorf("%v is written %s", value, text)
		}
	}
}

func TestJSONTextIsJSON(t *testing.T) {
	t.Parallel()
	id := uuid.MustParse("b784d744-9a7c-4fad-9af0-f78858a319b1")
	var j jsonText
	j.open('{')
	j.str("text", "a \"quoted\" \\ line\nfeed <é> \x00 \xff")
	j.known("unknown", "")
	j.mac("no_mac", nil)
	j.mac("mac", []byte{0xaa, 0, 0, 0, 0, 1})
	j.uuid("id", id)
	j.key("list")
	j.open('[')
	for range 2 {
		j.next()
		j.open('{')
		j.int("int", -7)
		j.bool("bool", true)
		j.close('}')
	}
	j.close(']')
	j.key("empty")
	j.open('[')
	j.close(']')
	j.number("number", toMillionths(-0.25))
	j.close('}')
	var got map[string]any
	if err := json.Unmarshal(j.text, &got); err != nil {
		t.Fatalf("%v: %s", err, j.text)
	}
	want := `{"empty":[],"id":"b784d744-9a7c-4fad-9af0-f78858a319b1","list":[{"bool":true,"int":-7},{"bool":true,"int":-7}],` +
		`"mac":"aa0000000001","number":-0.25,"text":"a \"quoted\" \\ line\nfeed \u003cé\u003e \u0000 ` + "\ufffd" + `"}`
	if text, err := json.Marshal(got); err != nil || string(text) != want {
		t.Errorf("got  %s, %v\nwant %s", text, err, want)
	}
}
