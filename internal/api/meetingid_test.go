package api

import (
	"net/url"
	"testing"
)

// The three forms are of the same 16 bytes, however often they were escaped on the way.
func TestMeetingIDForms(t *testing.T) {
	t.Parallel()
	for want, forms := range map[string][]string{
		"b784d744-9a7c-4fad-9af0-f78858a319b1": {
			"b784d744-9a7c-4fad-9af0-f78858a319b1", "B784D744-9A7C-4FAD-9AF0-F78858A319B1", "b784d7449a7c4fad9af0f78858a319b1",
			"t4TXRJp8T62a8PeIWKMZsQ==", "t4TXRJp8T62a8PeIWKMZsQ", url.QueryEscape("t4TXRJp8T62a8PeIWKMZsQ=="),
			url.QueryEscape(url.QueryEscape("t4TXRJp8T62a8PeIWKMZsQ==")),
		},
		"fbefffbe-ffef-bfff-7fff-eff7feffbf3f": { // bytes that need + and /
			"++//vv/vv/9//+/3/v+/Pw==", "  //vv/vv/9// /3/v /Pw==", "--__vv_vv_9__-_3_v-_Pw", url.PathEscape("++//vv/vv/9//+/3/v+/Pw=="),
			url.PathEscape(url.PathEscape("++//vv/vv/9//+/3/v+/Pw==")),
		},
	} {
		for _, form := range forms {
			if got, ok := parseMeetingID(form); !ok || got.String() != want {
				t.Errorf("%q: got %s, %t; want %s", form, got, ok, want)
			}
		}
	}
	for _, text := range []string{
		"", "91234567890", "1234567890abcdef", "b784d744-9a7c-4fad-9af0-f78858a319b", "b784d7449a7c4fad9af0f78858a319bg",
		"t4TXRJp8T62a8PeIWKMZ", "t4TXRJp8T62a8PeIWKMZs!==", "%zz", "{b784d744-9a7c-4fad-9af0-f78858a319b1}",
	} {
		if got, ok := parseMeetingID(text); ok {
			t.Errorf("%q was read as %s", text, got)
		}
	}
}
