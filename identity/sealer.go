package identity

import (
	"context"

	"github.com/inglehealth/ingle/store"
)

// Unlock loads the key file and makes sure that it is that of a database, as Open
// does, for others that keep secrets there.
func (k *KeyFile) Unlock(ctx context.Context, s store.Identity) error {
	return (&Service{config: Config{Store: s, Secret: k}}).unlock(ctx)
}

// Read loads the key file, without asking whose it is; fs.ErrNotExist when there is
// none.
func (k *KeyFile) Read() error { return k.load() }

// Seal encrypts a secret for a purpose, which Open must name. The key file must be
// unlocked.
func (k *KeyFile) Seal(purpose string, secret []byte) ([]byte, error) { return k.seal(purpose, secret) }

// Open decrypts what Seal made.
func (k *KeyFile) Open(purpose string, sealed []byte) ([]byte, error) { return k.open(purpose, sealed) }
