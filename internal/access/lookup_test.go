package access_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/google/uuid"

	"callweave/internal/access"
	"callweave/internal/store/db"
)

// tokens are looked up one statement at a time, each when it is let go on.
type tokens struct {
	began chan int      // how many hashes a statement has
	goOn  chan struct{} // one for each statement
	fail  error

	mu      sync.Mutex
	inForce map[string]uuid.UUID
}

func (f *tokens) TokensByHash(ctx context.Context, hashes func() [][]byte) (rows []db.ApiToken, err error) {
	if f.fail != nil {
		return nil, f.fail // there was no connection
	}
	asked := hashes()
	f.began <- len(asked)
	<-f.goOn
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, hash := range asked {
		if id, known := f.inForce[string(hash)]; known {
			rows = append(rows, db.ApiToken{TokenHash: hash, TokenID: id, Role: "admin"})
		}
	}
	return rows, ctx.Err()
}

func (f *tokens) TouchToken(context.Context, uuid.UUID) error { return nil }

func (f *tokens) revoke(hash string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.inForce, hash)
}

// Whoever comes while tokens are looked up shares the next statement, and what was revoked
// before somebody came does not let them in.
func TestTokensAreLookedUpTogether(t *testing.T) {
	t.Parallel()
	ann, bob := uuid.New(), uuid.New()
	f := &tokens{began: make(chan int), goOn: make(chan struct{}), inForce: map[string]uuid.UUID{"ann": ann, "bob": bob}}
	gate := access.NewGate(f)
	type outcome struct {
		who access.Identity
		err error
	}
	identify := func(ctx context.Context, hash string) chan outcome {
		out := make(chan outcome, 1)
		go func() {
			who, err := gate.Identify(ctx, []byte(hash))
			out <- outcome{who, err}
		}()
		return out
	}
	first := identify(t.Context(), "ann")
	if n := <-f.began; n != 1 {
		t.Fatalf("the first statement has %d hashes", n)
	}
	// These come while it runs: one of them goes away, which keeps nobody else waiting.
	gone, leave := context.WithCancel(t.Context())
	left := identify(gone, "bob")
	leave()
	if o := <-left; !errors.Is(o.err, context.Canceled) {
		t.Errorf("who went away got %v", o.err)
	}
	f.revoke("bob")
	second := []chan outcome{identify(t.Context(), "ann"), identify(t.Context(), "ann"), identify(t.Context(), "bob"), identify(t.Context(), "nobody")}
	f.goOn <- struct{}{}
	if o := <-first; o.err != nil || o.who.TokenID != ann {
		t.Errorf("the first: %+v", o)
	}
	statements := 0
	for answered := 0; answered < len(second); {
		select {
		case <-f.began:
			statements++
			f.goOn <- struct{}{}
		case o := <-second[0]:
			answered++
			if o.err != nil || o.who.TokenID != ann {
				t.Errorf("ann: %+v", o)
			}
			second[0] = nil
		case o := <-second[1]:
			answered++
			if o.err != nil || o.who.TokenID != ann {
				t.Errorf("ann: %+v", o)
			}
			second[1] = nil
		case o := <-second[2]:
			answered++
			if !errors.Is(o.err, access.ErrUnknownToken) {
				t.Errorf("bob, revoked: %+v", o)
			}
			second[2] = nil
		case o := <-second[3]:
			answered++
			if !errors.Is(o.err, access.ErrUnknownToken) {
				t.Errorf("nobody: %+v", o)
			}
			second[3] = nil
		}
	}
	if statements < 1 || statements > len(second) {
		t.Errorf("%d statements for %d", statements, len(second))
	}
}

// Where there is no connection, nobody is let in, and the next is tried anew.
func TestAFailedLookupIsOfThoseWhoWaited(t *testing.T) {
	t.Parallel()
	f := &tokens{began: make(chan int, 1), goOn: make(chan struct{}, 1), inForce: map[string]uuid.UUID{"ann": uuid.New()}}
	f.fail = errors.New("no connection")
	gate := access.NewGate(f)
	if _, err := gate.Identify(t.Context(), []byte("ann")); !errors.Is(err, f.fail) {
		t.Errorf("got %v", err)
	}
	f.fail = nil
	f.goOn <- struct{}{}
	if _, err := gate.Identify(t.Context(), []byte("ann")); err != nil {
		t.Error(err)
	}
}
