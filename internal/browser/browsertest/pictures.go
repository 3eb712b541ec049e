package browsertest

import (
	"bytes"
	"context"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// Picture keeps what the whole page looks like where pictures are asked for.
func (b *Tab) Picture(t testing.TB, name string) {
	t.Helper()
	dir := os.Getenv("CALLWEAVE_SCREENSHOTS")
	if dir == "" {
		return
	}
	keep(t, filepath.Join(dir, name+".png"), b.capture(t, page.CaptureScreenshot().WithCaptureBeyondViewport(true)))
}

// View keeps what is seen of the page without scrolling, as small as PNG makes it.
func (b *Tab) View(t testing.TB, path string) {
	t.Helper()
	shown, err := png.Decode(bytes.NewReader(b.capture(t, page.CaptureScreenshot())))
	if err != nil {
		t.Fatal(err)
	}
	var small bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&small, shown); err != nil {
		t.Fatal(err)
	}
	keep(t, path, small.Bytes())
}

func (b *Tab) capture(t testing.TB, how *page.CaptureScreenshotParams) (picture []byte) {
	t.Helper()
	b.Do(t, chromedp.ActionFunc(func(ctx context.Context) (err error) {
		if picture, err = how.Do(ctx); err != nil {
			return fmt.Errorf("take a picture: %w", err)
		}
		return nil
	}))
	return picture
}

func keep(t testing.TB, path string, picture []byte) {
	t.Helper()
	if err := os.WriteFile(path, picture, 0o644); err != nil { //nolint:gosec // whoever runs the test names the place, and nobody's secrets are in it
		t.Fatal(err)
	}
}
