package identity

import (
	"context"
	"errors"

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

// Belongs says whether the key file is that of a database, without making either of
// them: nil also when the database has none yet.
func (k *KeyFile) Belongs(ctx context.Context, s store.Identity) error {
	if err := k.load(); err != nil {
		return err
	}
	var has keyFileItem
	_, err := (&Service{config: Config{Store: s}}).read(ctx, kindKeyFile, "", &has)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err == nil && has.ID != k.id {
		return k.lost("is another one ("+k.id+")", has.ID)
	}
	return err
}
