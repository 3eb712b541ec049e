// Package browsertest opens pages in a real browser for tests: it keeps what they asked the
// network for, has axe-core judge them, and takes pictures.
//
// Where there is no Chromium tests are skipped; with CALLWEAVE_REQUIRE_SERVICES=1, which
// `make test` sets, they fail instead. CALLWEAVE_SCREENSHOTS names a directory for pictures.
package browsertest

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"callweave/internal/browser"
)

//go:embed axe/axe.min.js
var axe string

// still has a page do nothing by itself any more: it must not leave while it is judged.
const still = `for (let last = setTimeout(() => {}); last > 0; last--) clearTimeout(last)`

// patience bounds what a page takes on a busy machine.
const patience = 60 * time.Second

// Look is how a page is looked at.
type Look struct {
	Name   string
	Width  int64
	Height int64
	Dark   bool
}

// Looks are those that every page must bear.
func Looks() []Look {
	return []Look{
		{Name: "light", Width: 1200, Height: 900},
		{Name: "dark", Width: 1200, Height: 900, Dark: true},
		{Name: "narrow", Width: 400, Height: 800},
	}
}

// Tab is an open page with cookies of its own.
type Tab struct {
	ctx context.Context //nolint:containedctx // chromedp keeps the browser in it
	mu  sync.Mutex
	// requested are the URLs that pages asked for; refused is what the browser said about
	// the content security policy and about scripts that failed.
	requested []string
	refused   []string
}

// Open starts a browser for a test.
func Open(t testing.TB) *Tab {
	t.Helper()
	program, err := browser.Find()
	if err != nil {
		if os.Getenv("CALLWEAVE_REQUIRE_SERVICES") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("lang", "en-GB"),
		chromedp.Env("TZ=Europe/Berlin"), chromedp.WSURLReadTimeout(patience), chromedp.UserDataDir(t.TempDir()),
	)
	allocated, endAll := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), options...)
	ctx, end := chromedp.NewContext(allocated)
	t.Cleanup(func() {
		closing, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		_ = chromedp.Cancel(closing) // waits until it has ended: its directory is removed next
		end()
		endAll()
	})
	tab := &Tab{ctx: ctx}
	chromedp.ListenTarget(ctx, tab.listen)
	// The browser lives as long as the context of the first run.
	if err := chromedp.Run(ctx, network.Enable(), log.Enable()); err != nil {
		t.Fatal(err)
	}
	return tab
}

func (b *Tab) listen(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch event := event.(type) {
	case *network.EventRequestWillBeSent:
		b.requested = append(b.requested, event.Request.URL)
	case *log.EventEntryAdded:
		if event.Entry.Source == log.SourceSecurity || event.Entry.Source == log.SourceJavascript {
			b.refused = append(b.refused, event.Entry.Text)
		}
	}
}

// Do runs actions and fails the test where one does not come about in time.
func (b *Tab) Do(t testing.TB, actions ...chromedp.Action) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Run(ctx, actions...); err != nil {
		var where, text string
		looking, cancel := context.WithTimeout(b.ctx, 5*time.Second)
		defer cancel()
		_ = chromedp.Run(looking, chromedp.Location(&where), chromedp.Text("body", &text, chromedp.ByQuery))
		t.Fatalf("%v\nat %s:\n%s", err, where, text)
	}
}

// As changes how pages are looked at. Nothing glides: what is clicked must be where it was
// a moment before.
func (b *Tab) As(t testing.TB, look Look) {
	t.Helper()
	scheme := "light"
	if look.Dark {
		scheme = "dark"
	}
	b.Do(t, chromedp.EmulateViewport(look.Width, look.Height),
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
		}))
}

// Text is what a page shows.
func (b *Tab) Text(t testing.TB) (text string) {
	t.Helper()
	b.Do(t, chromedp.Text("body", &text, chromedp.ByQuery))
	return text
}

// Path is where the browser is, without its query.
func (b *Tab) Path(t testing.TB) string {
	t.Helper()
	var where string
	b.Do(t, chromedp.Location(&where))
	at, err := url.Parse(where)
	if err != nil {
		t.Fatal(err)
	}
	return at.EscapedPath()
}

// OtherOrigins returns what pages asked of anybody but the given origins.
func (b *Tab) OtherOrigins(origins ...string) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var others []string
	for _, asked := range b.requested {
		own := strings.HasPrefix(asked, "data:") || strings.HasPrefix(asked, "about:")
		for _, origin := range origins {
			own = own || strings.HasPrefix(asked, origin+"/")
		}
		if !own {
			others = append(others, asked)
		}
	}
	return others
}

// Refused returns what the browser refused to load or run, and scripts that failed.
func (b *Tab) Refused() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.refused...)
}

// violation is what axe-core found.
type violation struct {
	ID     string `json:"id"`
	Impact string `json:"impact"`
	Help   string `json:"help"`
	Nodes  []struct {
		HTML    string `json:"html"`
		Summary string `json:"failureSummary"`
	} `json:"nodes"`
}

func awaited(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }

// Wrong returns what axe-core finds wrong with the page, by the rules of WCAG 2.2 AA and by
// its own on good practice; and whether the page is wider than the window.
func (b *Tab) Wrong(t testing.TB) []string {
	t.Helper()
	var raw string
	var wider bool
	b.Do(t, chromedp.Evaluate(still, nil), chromedp.Evaluate(axe+"\n;0", nil),
		chromedp.Evaluate(`axe.run(document, {resultTypes: ['violations']}).then((r) => JSON.stringify(r.violations))`, &raw, awaited),
		chromedp.Evaluate(`document.documentElement.scrollWidth > document.documentElement.clientWidth`, &wider))
	var violations []violation
	if err := json.Unmarshal([]byte(raw), &violations); err != nil {
		t.Fatal(err)
	}
	var wrong []string
	for _, v := range violations {
		var text strings.Builder
		fmt.Fprintf(&text, "%s (%s): %s", v.ID, v.Impact, v.Help)
		for _, node := range v.Nodes[:min(3, len(v.Nodes))] {
			fmt.Fprintf(&text, "\n    %s\n    %s", node.HTML, strings.ReplaceAll(node.Summary, "\n", " "))
		}
		wrong = append(wrong, text.String())
	}
	if wider {
		wrong = append(wrong, "the page is wider than the window")
	}
	return wrong
}
