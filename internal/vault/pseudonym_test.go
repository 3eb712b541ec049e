package vault_test

import (
	"regexp"
	"testing"

	"github.com/google/uuid"

	"callweave/internal/provider"
	"callweave/internal/secret"
	"callweave/internal/vault"
)

func TestPseudonyms(t *testing.T) {
	t.Parallel()
	v, _ := newVault(t)
	ref := provider.AccountRef{Provider: provider.Zoom, AccountID: "account"}
	name := func(scope vault.Scope, p provider.Person) string {
		key, err := v.Key(t.Context(), scope)
		if err != nil {
			t.Fatal(err)
		}
		text, err := key.Pseudonym(p)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	one, other := vault.LinkScope(ref, uuid.New()), vault.LinkScope(ref, uuid.New())
	ann := provider.Person{Name: secret.New("Ann Lee"), Email: secret.New("ann@example.com"), Hostname: secret.New("laptop")}
	got := name(one, ann)
	if !regexp.MustCompile(`^[0-9A-Z]{3}-[0-9A-Z]{3}$`).MatchString(got) {
		t.Errorf("got %q", got)
	}
	if again := name(one, provider.Person{Name: secret.New("Ann"), Email: secret.New("Ann@Example.com")}); again != got {
		t.Errorf("the same address is %s and %s", got, again)
	}
	for what, differs := range map[string]string{
		"another person": name(one, provider.Person{Email: secret.New("bob@example.com")}),
		"another org":    name(other, ann),
		"a name alone":   name(one, provider.Person{Name: secret.New("ann@example.com")}),
	} {
		if differs == got {
			t.Errorf("%s has the same pseudonym", what)
		}
	}
	if text := name(one, provider.Person{}); text != "" {
		t.Errorf("nobody is %q", text)
	}
}
