package activities

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"callweave/internal/provider"
	"callweave/internal/store"
)

// Of the verdicts on a token only the end of the grant asks for another authorization, and
// spares its revocation.
func TestOnlyTheEndOfAGrantIsItsEnd(t *testing.T) {
	t.Parallel()
	for verdict, test := range map[string]struct {
		text    string
		outcome string // of a revocation; "" to ask again
	}{
		provider.VerdictRevoked:       {textRelink, store.TokenAlreadyDead},
		provider.VerdictExpired:       {textRelink, store.TokenAlreadyDead},
		provider.VerdictAdminRemoved:  {textRelink, store.TokenAlreadyDead},
		provider.VerdictAppDisabled:   {textDisabled, ""}, // Zoom error 4738
		provider.VerdictScopesChanged: {textChanged, ""},  // Zoom error 4711
		provider.VerdictRaced:         {textRaced, ""},    // Zoom error 4740
	} {
		t.Run(verdict, func(t *testing.T) {
			t.Parallel()
			failure := &provider.Error{Kind: provider.Reauthorization, Operation: "refresh token", Status: 400, Verdict: verdict}
			stop, stopped := stopOf(failure)
			if !stopped {
				t.Error("a harvest goes on")
			}
			if problems, told := problemsOf(stop); !told || !cmp.Equal(problems, []string{test.text}) {
				t.Errorf("users read %q, want %q", problems, test.text)
			}
			outcome, _, err := settled(failure)
			if outcome != test.outcome || (err == nil) != (outcome != "") {
				t.Errorf("revocation: %q, %v, want %q", outcome, err, test.outcome)
			}
		})
	}
}
