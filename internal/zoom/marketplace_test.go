package zoom_test

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"callweave/internal/provider"
	"callweave/internal/zoom"
)

// The scopes that the marketplace kit tells people to ask for are ones that features need, and
// enough for all of them, in their granular form and in their classic one.
func TestMarketplaceScopesAreThoseWeNeed(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/marketplace/scopes.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile("(?m)^\\| `([a-z:_]+)` \\| `([a-z:_]+)` \\|").FindAllStringSubmatch(string(text), -1)
	var granular, classic []string
	for _, row := range rows {
		granular, classic = append(granular, row[1]), append(classic, row[2])
	}
	needs := zoom.New(zoom.Config{}).Requirements()
	for form, scopes := range map[string][]string{"granular": granular, "classic": classic} {
		for _, need := range needs {
			if !slices.ContainsFunc(need.AnyOf, func(scope string) bool { return slices.Contains(scopes, scope) }) {
				t.Errorf("%s scopes do not do for %s", form, need.Feature)
			}
		}
		for _, scope := range scopes {
			if !slices.ContainsFunc(needs, func(need provider.Requirement) bool { return slices.Contains(need.AnyOf, scope) }) {
				t.Errorf("nothing needs %s", scope)
			}
		}
	}
}
