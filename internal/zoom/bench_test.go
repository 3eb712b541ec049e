package zoom_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"callweave/internal/world"
	"callweave/internal/zoom"
)

// BenchmarkDecodeQoS decodes pages of the quality of service list, as the world's Zoom
// writes them, and beside it only tokenizes the same bytes, all from an io.Reader. They
// take turns, and what counts is the processor's time, of the garbage collector too, so
// that the figures hold on a busy machine. The tokenizers are
//
//   - jsontext, which the decoder is built on, as it comes: it refuses names said twice
//     and texts that are not UTF-8;
//   - jsontext as the decoder uses it, without these checks ("lenient"), which is the
//     fastest there is;
//   - encoding/json.
//
// x-… is the decoder's MB/s divided by the tokenizer's.
func BenchmarkDecodeQoS(b *testing.B) {
	pages, minutes := qosPages(b)
	size := 0
	for _, page := range pages {
		size += len(page)
	}
	var decode, strict, lenient, old time.Duration
	b.ReportAllocs()
	for b.Loop() {
		decode += timed(b, pages, func(page io.Reader) error {
			_, err := zoom.DecodeQoSPage(page)
			return err
		})
		b.StopTimer()
		strict += timed(b, pages, func(page io.Reader) error { return readTokens(page) })
		lenient += timed(b, pages, func(page io.Reader) error {
			return readTokens(page, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
		})
		old += timed(b, pages, readOldTokens)
		b.StartTimer()
	}
	speed := func(d time.Duration) float64 { return float64(size) * float64(b.N) / 1e6 / d.Seconds() }
	b.ReportMetric(speed(decode), "MB/s")
	b.ReportMetric(speed(strict), "jsontext-MB/s")
	b.ReportMetric(speed(decode)/speed(strict), "x-jsontext")
	b.ReportMetric(speed(lenient), "lenient-MB/s")
	b.ReportMetric(speed(decode)/speed(lenient), "x-lenient")
	b.ReportMetric(speed(old), "encoding/json-MB/s")
	b.ReportMetric(speed(decode)/speed(old), "x-encoding/json")
	b.ReportMetric(float64(minutes*b.N)/decode.Seconds(), "minutes/s")
	b.ReportMetric(float64(size)/float64(minutes), "B/minute")
}

func timed(b *testing.B, pages [][]byte, read func(io.Reader) error) time.Duration {
	b.Helper()
	runtime.GC() // what the turn before left behind is not this one's to clean up
	begin := processorTime(b)
	for _, page := range pages {
		if err := read(bytes.NewReader(page)); err != nil {
			b.Fatal(err)
		}
	}
	return processorTime(b) - begin
}

// processorTime is what this process has used until now.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func readTokens(page io.Reader, options ...jsontext.Options) error {
	tokens := jsontext.NewDecoder(page, options...)
	for {
		if _, err := tokens.ReadToken(); err != nil {
			return untilEOF(err)
		}
	}
}

func readOldTokens(page io.Reader) error {
	tokens := json.NewDecoder(page)
	for {
		if _, err := tokens.Token(); err != nil {
			return untilEOF(err)
		}
	}
}

func untilEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// qosPages are the full pages of a day's meetings, of which only those of ten joins with
// 45 minutes each or more are kept.
func qosPages(b *testing.B) (pages [][]byte, minutes int) {
	b.Helper()
	config := world.DemoConfig(7)
	config.PeoplePerOrg, config.MeetingsPerDay = 100, 400
	bundle := setupWorld(b, config)
	for _, m := range bundle.meetings() {
		if len(m.Legs) < 10 || m.EndAt.Sub(m.StartAt) < 40*time.Minute {
			continue
		}
		page := bundle.rawQoS(b, idOf(m))
		n, err := zoom.DecodeQoSPage(bytes.NewReader(page))
		if err != nil {
			b.Fatal(err)
		}
		pages, minutes = append(pages, page), minutes+n
		if len(pages) == 8 {
			break
		}
	}
	if len(pages) == 0 {
		b.Fatal("the world's day has no meeting of ten")
	}
	b.Logf("%d pages, %d minutes of joins", len(pages), minutes)
	return pages, minutes
}

func (b *bundle) rawQoS(t testing.TB, meetingID string) []byte {
	t.Helper()
	target := b.server + "/v2/metrics/meetings/" + url.QueryEscape(url.QueryEscape(meetingID)) + "/participants/qos?type=past&page_size=10"
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+b.caller.Access.Reveal())
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	page, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("status %d, %v", response.StatusCode, err)
	}
	return page
}
