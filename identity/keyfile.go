package identity

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// KeyFile is the file that holds the key by which secrets in the database are
// encrypted: AES-256-GCM. Only its owner may read it. Several Services may share
// one; it is safe for concurrent use.
type KeyFile struct {
	path string

	mu   sync.Mutex
	aead cipher.AEAD
	id   string // tells keys apart without telling them
}

// NewKeyFile names a key file. Open reads it, or makes it where the database has
// never seen one.
func NewKeyFile(path string) *KeyFile { return &KeyFile{path: path} }

const (
	keyFileLabel = "ingle-key-1 "
	keyFileText  = "# Ingle's key file. The private keys and TOTP secrets in the database cannot be read without it: keep a copy, apart from the database's.\n"
)

// load reads the file; fs.ErrNotExist when there is none.
func (k *KeyFile) load() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.aead != nil {
		return nil
	}
	info, err := os.Stat(k.path)
	if errors.Is(err, fs.ErrNotExist) {
		return err
	}
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", ErrKeyFile, err)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%w: %s is no file", ErrKeyFile, k.path)
	case info.Mode().Perm()&0o077 != 0:
		return fmt.Errorf("%w: others than its owner may read or write %s (mode %04o); run chmod 600 %s, and think whether somebody has read it",
			ErrKeyFile, k.path, info.Mode().Perm(), k.path)
	}
	text, err := os.ReadFile(k.path)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrKeyFile, err)
	}
	for line := range strings.Lines(string(text)) {
		encoded, ok := strings.CutPrefix(strings.TrimSpace(line), keyFileLabel)
		if !ok {
			continue
		}
		key, err := base64.RawURLEncoding.DecodeString(encoded)
		if err != nil || len(key) != 32 {
			break
		}
		return k.use(key)
	}
	return fmt.Errorf("%w: %s has no line of %q and a key of 32 bytes: it is damaged, or another program's; put a copy back", ErrKeyFile, k.path, keyFileLabel)
}

func (k *KeyFile) use(key []byte) error {
	block, err := aes.NewCipher(key)
	if err != nil {
		return err
	}
	if k.aead, err = cipher.NewGCM(block); err != nil {
		return err
	}
	sum := sha256.Sum256(append([]byte("id of the key "), key...))
	k.id = base64.RawURLEncoding.EncodeToString(sum[:9])
	return nil
}

// create makes the file and loads it. If another process made it first, that
// one is loaded.
func (k *KeyFile) create() error {
	var key [32]byte
	_, _ = rand.Read(key[:]) // never fails
	text := keyFileText + keyFileLabel + base64.RawURLEncoding.EncodeToString(key[:]) + "\n"
	if err := writeNew(k.path, text); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w: it cannot be made: %w", ErrKeyFile, err)
	}
	return k.load()
}

// writeNew makes a file that is complete when it appears, durably; fs.ErrExist.
func writeNew(path, text string) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".ingle-key-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(f.Name())) }()
	_, err = f.WriteString(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// seal encrypts a secret for a purpose, which open must name.
func (k *KeyFile) seal(purpose string, secret []byte) ([]byte, error) {
	nonce := make([]byte, k.aead.NonceSize())
	_, _ = rand.Read(nonce) // never fails
	return k.aead.Seal(nonce, nonce, secret, []byte(purpose)), nil
}

// open decrypts what seal made.
func (k *KeyFile) open(purpose string, sealed []byte) ([]byte, error) {
	n := k.aead.NonceSize()
	if len(sealed) < n {
		return nil, errors.New("identity: an encrypted secret is cut off")
	}
	secret, err := k.aead.Open(nil, sealed[:n], sealed[n:], []byte(purpose))
	if err != nil {
		return nil, fmt.Errorf("identity: an encrypted secret was not made with the key file %s, or was changed", k.path)
	}
	return secret, nil
}

const kindKeyFile = "key-file"

// keyFileItem says which key file a database belongs to.
type keyFileItem struct {
	ID string `json:"id"`
}

// unlock loads the key file and makes sure that it is the database's. Where the
// database has none yet, it becomes it, and is made when missing.
func (s *Service) unlock(ctx context.Context) error {
	k := s.config.Secret
	return again(func() error {
		var has keyFileItem
		_, err := s.read(ctx, kindKeyFile, "", &has)
		fresh := errors.Is(err, ErrNotFound)
		if err != nil && !fresh {
			return err
		}
		switch err := k.load(); {
		case errors.Is(err, fs.ErrNotExist) && fresh:
			if err := k.create(); err != nil {
				return err
			}
		case errors.Is(err, fs.ErrNotExist):
			return k.lost("is missing", has.ID)
		case err != nil:
			return err
		}
		if !fresh {
			if k.id != has.ID {
				return k.lost("is another one ("+k.id+")", has.ID)
			}
			return nil
		}
		var c changes
		c.put(kindKeyFile, "", 0, keyFileItem{k.id}, time.Time{})
		return s.write(ctx, &c)
	})
}

func (k *KeyFile) lost(what, id string) error {
	return fmt.Errorf("%w: the database was encrypted with the key file %s, but %s %s. Put a copy of the right file there, or name it with --key-file. "+
		"If it is lost for good, so are the signing keys (apps fetch the new ones), the TOTP secrets (their users sign in by recovery code or passkey and set TOTP up again, "+
		"or an administrator removes it) and the client secrets at outside providers; passwords, passkeys and all records are not. Then run ingle key reset", ErrKeyFile, id, k.path, what)
}
