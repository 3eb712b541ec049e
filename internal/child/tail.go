package child

import (
	"bytes"
	"io"
	"strings"
	"sync"
)

// tailBytes is how much of the latest output is kept: enough for the reason a server gives before it ends.
const tailBytes = 4096

// Tail passes what is written on to a writer and keeps the end of it, to say why a child failed.
// It is safe for concurrent use.
type Tail struct {
	mu   sync.Mutex
	next io.Writer
	kept []byte
}

// NewTail returns a Tail in front of next, which may be nil.
func NewTail(next io.Writer) *Tail {
	if next == nil {
		next = io.Discard
	}
	return &Tail{next: next}
}

// Write never fails on its own account: a child must not block or die because nobody reads its log.
func (t *Tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, p...)
	if extra := len(t.kept) - tailBytes; extra > 0 {
		t.kept = append(t.kept[:0], t.kept[extra:]...)
	}
	_, _ = t.next.Write(p)
	return len(p), nil
}

// Contains reports whether the kept output holds text.
func (t *Tail) Contains(text string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return bytes.Contains(t.kept, []byte(text))
}

// Last returns at most n of the latest lines, joined by "; ".
func (t *Tail) Last(n int) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := strings.Split(strings.TrimSpace(string(t.kept)), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "; ")
}
