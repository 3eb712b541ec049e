package activities

import (
	"context"
	"errors"
	"sync"
	"testing"

	"callweave/internal/provider"
	"callweave/internal/secret"
)

// tokens gives one token after the other.
type tokens struct {
	oneToken

	asked    int
	rejected []secret.Text
}

func (c *tokens) Access(context.Context, provider.AccountRef) (secret.Text, error) {
	c.asked++
	return secret.New("first"), nil
}

func (c *tokens) Rejected(_ context.Context, _ provider.AccountRef, access secret.Text) (secret.Text, error) {
	c.rejected = append(c.rejected, access)
	return secret.New("second"), nil
}

func TestSessionTakesOneTokenUntilItIsRejected(t *testing.T) {
	t.Parallel()
	from := &tokens{}
	session := &session{credentials: from, note: func(context.Context, provider.AccountRef) error { return nil }}
	uses := func(valid string) {
		t.Helper()
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				err := session.with(t.Context(), func(caller provider.Caller) error {
					if caller.Access.Reveal() != valid {
						return &provider.Error{Kind: provider.Unauthorized}
					}
					return nil
				})
				if err != nil {
					t.Errorf("a request with a good token is %v", err)
				}
			})
		}
		group.Wait()
	}
	uses("first")
	if from.asked != 1 || len(from.rejected) != 0 {
		t.Errorf("asked %d times, rejected %d, want one token for all", from.asked, len(from.rejected))
	}
	uses("second")
	if from.asked != 1 || len(from.rejected) != 1 || from.rejected[0].Reveal() != "first" {
		t.Errorf("asked %d times, rejected %d, want one other token for all", from.asked, len(from.rejected))
	}
	err := session.with(t.Context(), func(provider.Caller) error { return &provider.Error{Kind: provider.Unauthorized} })
	if !isUnauthorized(err) || len(from.rejected) != 2 {
		t.Errorf("a token that is rejected again is %v after %d, want no third try", err, len(from.rejected))
	}
	if want := errors.New("busy"); !errors.Is(session.with(t.Context(), func(provider.Caller) error { return want }), want) {
		t.Error("another error is not passed on")
	}
}
