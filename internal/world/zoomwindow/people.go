package zoomwindow

import (
	"maps"
	"slices"
	"sync"
)

// people are the names that replies have shown beyond those of the accounts' users:
// guests are known only once somebody looked.
type people struct {
	mu    sync.Mutex
	shown map[string]bool
}

func newPeople() *people { return &people{shown: map[string]bool{}} }

func (p *people) show(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shown[name] = true
}

// PersonalData returns the names and e-mail addresses of every user of every account
// and of every guest shown so far: what must appear in no log, history or dump
// outside sealed columns.
func (w *Window) PersonalData() []string {
	all := map[string]bool{}
	for _, a := range w.accounts {
		for _, p := range slices.Concat(a.Admins, a.People) {
			all[p.DisplayName()], all[p.Email] = true, true
		}
	}
	w.people.mu.Lock()
	defer w.people.mu.Unlock()
	maps.Copy(all, w.people.shown)
	delete(all, "")
	return slices.Sorted(maps.Keys(all))
}
