package access

import (
	"context"
	"sync"
	"time"

	"callweave/internal/store/db"
)

// lookupPatience is how long a look at tokens may take, for whoever waits for it.
const lookupPatience = 10 * time.Second

// lookups looks tokens up, many at once where many are asked for at once: while one statement
// runs, those that come are gathered for the next. Nothing is remembered. Each token is looked
// up by a statement that begins after it was asked for, so a token that was revoked by then is
// not let in.
type lookups struct {
	tokens Tokens

	mu      sync.Mutex
	waiting *lookup // not begun; nil where nobody waits
	busy    bool
}

// lookup is one statement.
type lookup struct {
	hashes [][]byte
	done   chan struct{} // closed when the rest is set
	found  map[string]db.ApiToken
	err    error
}

// find returns the token in force of a hash.
func (l *lookups) find(ctx context.Context, hash []byte) (token db.ApiToken, found bool, err error) {
	l.mu.Lock()
	if l.waiting == nil {
		l.waiting = &lookup{done: make(chan struct{})}
	}
	mine := l.waiting
	mine.hashes = append(mine.hashes, hash)
	begin := !l.busy
	l.busy = true
	l.mu.Unlock()
	if begin {
		go l.run(context.WithoutCancel(ctx)) // others wait for it when this one has gone
	}
	select {
	case <-mine.done:
		token, found = mine.found[string(hash)]
		return token, found, mine.err
	case <-ctx.Done():
		return token, false, ctx.Err()
	}
}

// run looks up until nobody waits.
func (l *lookups) run(ctx context.Context) {
	for l.one(ctx) {
	}
}

func (l *lookups) one(ctx context.Context) (more bool) {
	ctx, cancel := context.WithTimeout(ctx, lookupPatience)
	defer cancel()
	var began *lookup
	take := func() [][]byte {
		l.mu.Lock()
		defer l.mu.Unlock()
		began, l.waiting = l.waiting, nil
		return began.hashes
	}
	rows, err := l.tokens.TokensByHash(ctx, take)
	if began == nil { // it failed before it began
		take()
	}
	began.err = err
	began.found = make(map[string]db.ApiToken, len(rows))
	for _, row := range rows {
		began.found[string(row.TokenHash)] = row
	}
	close(began.done)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.busy = l.waiting != nil
	return l.busy
}
