package console

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"callweave/internal/access"
	"callweave/internal/provider"
	"callweave/internal/store"
	"callweave/internal/vault"
)

// revealLasts is how long a name that was revealed stays so, for who asked.
const revealLasts = 15 * time.Minute

// nobodyKnown stands for who is not known, or was erased.
const nobodyKnown = "Unknown person"

// people opens who was in calls, for one request.
type people struct {
	vault *vault.Vault
	org   uuid.UUID
	keys  map[provider.AccountRef]*vault.Key
}

func (c *Console) newPeople(org uuid.UUID) *people {
	return &people{vault: c.vault, org: org, keys: map[provider.AccountRef]*vault.Key{}}
}

// key returns a link's key; nil where it was destroyed.
func (p *people) key(ctx context.Context, ref provider.AccountRef) (*vault.Key, error) {
	key, opened := p.keys[ref]
	if opened {
		return key, nil
	}
	key, err := p.vault.Key(ctx, vault.LinkScope(ref, p.org))
	if err != nil && !errors.Is(err, vault.ErrDestroyed) {
		return nil, err
	}
	p.keys[ref] = key
	return key, nil
}

// person is somebody as the console shows them.
type person struct {
	Name      string // or the pseudonym
	Email     string // "" under a pseudonym
	Device    string // the device's name; "" under a pseudonym
	Pseudonym bool
	Known     bool
}

// open shows who is sealed: by name, or by pseudonym only.
func (p *people) open(ctx context.Context, ref provider.AccountRef, sealed []byte, byName bool) (person, error) {
	key, err := p.key(ctx, ref)
	if err != nil || key == nil {
		return person{Name: nobodyKnown}, err
	}
	opened, err := key.OpenPerson("person_sealed", sealed)
	if err != nil {
		return person{}, err
	}
	if byName {
		shown := person{Name: opened.Name.Reveal(), Email: opened.Email.Reveal(), Device: opened.Hostname.Reveal(), Known: true}
		if shown.Name == "" {
			shown.Name = shown.Email
		}
		if shown.Name == "" {
			shown.Name, shown.Known = nobodyKnown, false
		}
		return shown, nil
	}
	pseudonym, err := key.Pseudonym(opened)
	if err != nil {
		return person{}, err
	}
	if pseudonym == "" {
		return person{Name: nobodyKnown}, nil
	}
	return person{Name: "Person " + pseudonym, Pseudonym: true, Known: true}, nil
}

// maySeeNames reports whether a role sees names without asking for one.
func maySeeNames(role access.Role) bool { return role.May(access.ReadLinks) }

// peopleSearched bounds how many calls a search for a person looks through.
const peopleSearched = 20_000

// legsOf returns the calls of whoever answers to a text, newest first, and whether there
// were more calls than are looked through. Who may not see names must give a whole name,
// e-mail address or pseudonym: they look for whom they know, they do not leaf through.
func (c *Console) legsOf(ctx context.Context, f store.CallFilter, text string, byName bool) (legs []int64, more bool, err error) {
	f.Limit = peopleSearched
	rows, err := c.store.PeopleSeen(ctx, f)
	if err != nil {
		return nil, false, err
	}
	wanted := strings.ToLower(strings.TrimSpace(text))
	opener := c.newPeople(f.OrgID)
	for _, row := range rows {
		ref := provider.AccountRef{Provider: provider.Name(row.Provider), AccountID: row.AccountID}
		key, err := opener.key(ctx, ref)
		if err != nil {
			return nil, false, err
		}
		if key == nil {
			continue
		}
		opened, err := key.OpenPerson("person_sealed", row.PersonSealed)
		if err != nil {
			return nil, false, err
		}
		pseudonym, err := key.Pseudonym(opened)
		if err != nil {
			return nil, false, err
		}
		if answersTo(opened, pseudonym, wanted, byName) {
			legs = append(legs, row.LegID)
		}
	}
	return legs, len(rows) == peopleSearched, nil
}

func answersTo(p provider.Person, pseudonym, wanted string, partly bool) bool {
	if wanted == "" {
		return false
	}
	if pseudonym != "" && strings.TrimPrefix(wanted, "person ") == strings.ToLower(pseudonym) {
		return true
	}
	for _, known := range []string{p.Name.Reveal(), p.Email.Reveal(), p.Hostname.Reveal()} {
		known = strings.ToLower(known)
		if known == wanted || (partly && known != "" && strings.Contains(known, wanted)) {
			return true
		}
	}
	return false
}

// callObject is what the audit log calls a call.
func callObject(leg int64) string { return "call/" + strconv.FormatInt(leg, 10) }
