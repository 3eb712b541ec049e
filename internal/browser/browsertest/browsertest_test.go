package browsertest_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"callweave/internal/browser/browsertest"
)

// A judge that finds nothing anywhere would let every page pass.
func TestWhatIsWrongIsFound(t *testing.T) {
	t.Parallel()
	const page = `<!doctype html><html lang="en"><title>Bad</title><main><h1>Bad</h1>
		<p style="color: #bbb; background: #fff">Too faint to read.</p><input id="nameless"><div style="width: 9000px">wide</div>
		<img src="http://127.0.0.1:9/elsewhere.png" alt=""><script>throw new Error("ran")</script></main></html>`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Content-Security-Policy", "script-src 'self'; style-src 'unsafe-inline'; img-src *")
		_, _ = w.Write([]byte(page))
	}))
	t.Cleanup(server.Close)
	tab := browsertest.Open(t)
	tab.Do(t, chromedp.Navigate(server.URL), chromedp.WaitVisible("h1"))
	wrong := strings.Join(tab.Wrong(t), "\n")
	for _, want := range []string{"color-contrast", "label", "wider than the window"} {
		if !strings.Contains(wrong, want) {
			t.Errorf("%s was not found in:\n%s", want, wrong)
		}
	}
	if got := tab.OtherOrigins(server.URL); len(got) != 1 || !strings.Contains(got[0], "elsewhere") {
		t.Errorf("asked of other origins: %q", got)
	}
	if refused := strings.Join(tab.Refused(), "\n"); !strings.Contains(refused, "Content Security Policy") {
		t.Errorf("the refused script was not noted: %q", refused)
	}
}
