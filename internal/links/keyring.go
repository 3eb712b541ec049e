package links

import (
	"crypto/sha256"
	"sync"
	"time"

	"callweave/internal/vault"
)

const (
	// keyLife is how long an opened key stays in memory. The sealed one is read anew for
	// every list, so a key that was destroyed is out of use at once all the same.
	keyLife = time.Minute
	// keysKept bounds how many are.
	keysKept = 256
)

// keyring remembers opened keys by their sealed form: opening them is half of what a list
// costs. Safe for concurrent use.
type keyring struct {
	vault *vault.Vault

	mu     sync.Mutex
	opened map[[sha256.Size]byte]openedKey
}

type openedKey struct {
	key *vault.Key
	at  time.Time
}

func newKeyring(v *vault.Vault) *keyring {
	return &keyring{vault: v, opened: map[[sha256.Size]byte]openedKey{}}
}

// open returns the key of a scope from its sealed form.
func (k *keyring) open(scope vault.Scope, sealed []byte) (*vault.Key, error) {
	name := sha256.Sum256(append([]byte(scope+"\x00"), sealed...))
	now := time.Now()
	k.mu.Lock()
	found, ok := k.opened[name]
	k.mu.Unlock()
	if ok && now.Sub(found.at) < keyLife {
		return found.key, nil
	}
	key, err := k.vault.OpenKey(scope, sealed)
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.forget(now)
	k.opened[name] = openedKey{key, now}
	return key, nil
}

// forget drops what is too old, and everything where that is not enough.
func (k *keyring) forget(now time.Time) {
	for name, opened := range k.opened {
		if now.Sub(opened.at) >= keyLife {
			delete(k.opened, name)
		}
	}
	if len(k.opened) >= keysKept {
		clear(k.opened)
	}
}
