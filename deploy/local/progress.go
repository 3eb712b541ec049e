package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// progress tells the person in front of the terminal what is being waited for.
type progress struct {
	out   io.Writer
	began time.Time
	live  bool // a terminal: the line of a running step counts its seconds
	mu    sync.Mutex
}

func newProgress(out io.Writer) *progress {
	p := &progress{out: out, began: time.Now()}
	if file, ok := out.(*os.File); ok {
		if info, err := file.Stat(); err == nil {
			p.live = info.Mode()&os.ModeCharDevice != 0
		}
	}
	return p
}

// step runs work and shows what it is, how long it has been at it, and what came of it:
// work returns a few words for the end of the line.
func (p *progress) step(what string, work func() (string, error)) error {
	began := time.Now()
	stop := make(chan struct{})
	var ticking sync.WaitGroup
	if p.live {
		ticking.Go(func() {
			tick := time.NewTicker(time.Second)
			defer tick.Stop()
			for {
				p.printf("\r  … %-46s %4.0f s", what, time.Since(began).Seconds())
				select {
				case <-stop:
					return
				case <-tick.C:
				}
			}
		})
	}
	came, err := work()
	close(stop)
	ticking.Wait()
	start := ""
	if p.live {
		start = "\r\033[K"
	}
	if err != nil {
		p.printf("%s  ✗ %s\n", start, what)
		return err
	}
	p.printf("%s  ✓ %-46s %5.1f s  %s\n", start, what, time.Since(began).Seconds(), came)
	return nil
}

// Write passes on what a build or an installer prints, indented under its step.
func (p *progress) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.live {
		if _, err := io.WriteString(p.out, "\r\033[K"); err != nil {
			return 0, err
		}
	}
	return p.out.Write(text)
}

func (p *progress) printf(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.out, format, args...)
}

func (p *progress) heading(text string) { p.printf("\n%s\n", text) }
