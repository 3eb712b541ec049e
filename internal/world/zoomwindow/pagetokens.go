package zoomwindow

import (
	"sync"
	"time"
)

// pageTokenLife is how long a next_page_token lives, by the dashboard's
// specification.
const pageTokenLife = 15 * time.Minute

// pageToken points into one listing of one account.
type pageToken struct {
	listing   string // account, endpoint and every parameter that shapes the list
	offset    int
	expiresAt time.Time
}

type pageTokens struct {
	mu     sync.Mutex
	now    func() time.Time
	tokens map[string]pageToken
}

func newPageTokens(now func() time.Time) *pageTokens {
	return &pageTokens{now: now, tokens: map[string]pageToken{}}
}

// issue makes a token. It may be used again until it expires: a page whose reply was
// lost can be asked for again.
func (p *pageTokens) issue(listing string, offset int) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	for token, old := range p.tokens {
		if now.After(old.expiresAt) {
			delete(p.tokens, token)
		}
	}
	token := randomText(26)
	p.tokens[token] = pageToken{listing: listing, offset: offset, expiresAt: now.Add(pageTokenLife)}
	return token
}

// offset is where the page of a token begins; false for a token that is unknown,
// expired or of another listing.
func (p *pageTokens) offset(listing, token string) (int, bool) {
	if token == "" {
		return 0, true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	t, ok := p.tokens[token]
	if !ok || t.listing != listing || p.now().After(t.expiresAt) {
		return 0, false
	}
	return t.offset, true
}

func (p *pageTokens) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.tokens)
}

// ExpirePageTokens makes every page token issued so far invalid, as 15 minutes do.
func (w *Window) ExpirePageTokens() { w.pages.clear() }

// page is the envelope of every list.
type page struct {
	NextPageToken string `json:"next_page_token"`
	PageCount     int    `json:"page_count"`
	PageSize      int    `json:"page_size"`
	TotalRecords  int    `json:"total_records"`
}

// cut takes one page out of total rows: rows [from, to).
func (p *pageTokens) cut(listing, token string, size, total int) (from, to int, envelope page, ok bool) {
	from, ok = p.offset(listing, token)
	if !ok {
		return 0, 0, page{}, false
	}
	from = min(from, total)
	to = min(from+size, total)
	envelope = page{PageSize: size, TotalRecords: total, PageCount: (total + size - 1) / size}
	if to < total {
		envelope.NextPageToken = p.issue(listing, to)
	}
	return from, to, envelope, true
}
