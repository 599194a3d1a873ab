package audit

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/inglehealth/ingle/store"
)

// Sealer encrypts the secret keys that the log signs with: the key file.
type Sealer interface {
	Seal(purpose string, secret []byte) ([]byte, error)
	Open(purpose string, sealed []byte) ([]byte, error)
}

// Signer is a key that signs heads, as everybody may see it.
type Signer struct {
	Verifier string    `json:"verifier"` // in the form of package note
	Created  time.Time `json:"created"`
	Retired  time.Time `json:"retired,omitzero"`
}

// signer is a Signer as it is stored.
type signer struct {
	Signer
	Sealed []byte `json:"sealed"` // of a retired one as well: who can open it knows that the key is the log's
}

const sealPurpose = "audit signer "

// readSigners are the stored signers, the present one last.
func readSigners(ctx context.Context, s store.Audit) (list []signer, raw []byte, err error) {
	if raw, err = s.AuditSigners(ctx); err != nil || raw == nil {
		return nil, nil, err
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, nil, fmt.Errorf("audit: the list of signers cannot be read: %w", err)
	}
	return list, raw, nil
}

// Signers are the keys that sign and signed the log, the present one last.
func Signers(ctx context.Context, s store.Audit) ([]Signer, error) {
	list, _, err := readSigners(ctx, s)
	var all []Signer
	for _, one := range list {
		all = append(all, one.Signer)
	}
	return all, err
}

// Authentic are the verifiers of those signers that were made with a key file: who
// can change the database, but does not have the file, cannot add one.
func Authentic(ctx context.Context, s store.Audit, secret Sealer) ([]string, error) {
	list, _, err := readSigners(ctx, s)
	var all []string
	for _, one := range list {
		if key, err := secret.Open(sealPurpose+one.Verifier, one.Sealed); err == nil {
			if _, err := note.NewSigner(string(key)); err == nil {
				all = append(all, one.Verifier)
			}
		}
	}
	return all, err
}

// openSigner is the key that signs now. One is made where there is none, or where
// rotate says so, or the present one cannot be decrypted any more because the key
// file was reset; of several processes one prevails.
func openSigner(ctx context.Context, s store.Audit, secret Sealer, origin string, now time.Time, rotate bool) (note.Signer, error) {
	for range 10 {
		list, raw, err := readSigners(ctx, s)
		if err != nil {
			return nil, err
		}
		if n := len(list); n > 0 && !rotate {
			last := list[n-1]
			if key, err := secret.Open(sealPurpose+last.Verifier, last.Sealed); err == nil {
				return note.NewSigner(string(key))
			}
		}
		private, verifier, err := note.GenerateKey(rand.Reader, originName(origin))
		if err != nil {
			return nil, err
		}
		made := signer{Signer: Signer{Verifier: verifier, Created: now}}
		if made.Sealed, err = secret.Seal(sealPurpose+verifier, []byte(private)); err != nil {
			return nil, err
		}
		if n := len(list); n > 0 {
			list[n-1].Retired = now
		}
		value, err := json.Marshal(append(list, made))
		if err != nil {
			return nil, err
		}
		if err := s.SwapAuditSigners(ctx, raw, value); err == nil {
			return note.NewSigner(private)
		} else if !errors.Is(err, store.ErrVersion) {
			return nil, err
		}
		rotate = false // somebody else just did
	}
	return nil, errors.New("audit: the signers keep changing")
}

// Rotate has a new key sign a log from its next head on, under the name of its origin,
// as in the copy of another tenant's. No Log may be open.
func Rotate(ctx context.Context, s store.Audit, secret Sealer, origin string, now time.Time) error {
	_, err := openSigner(ctx, s, secret, origin, now.UTC(), true)
	return err
}

// originName is the name in signatures: the address of the tenant, without what a
// name may not have.
func originName(base string) string {
	if u, err := url.Parse(base); err == nil && u.Host != "" {
		return u.Host + u.Path
	}
	return "ingle"
}

// head is a signed state of the log.
type head struct {
	tlog.Tree
	note []byte
}

// signHead signs a tree.
func signHead(t tlog.Tree, by note.Signer) ([]byte, error) {
	return note.Sign(&note.Note{Text: string(tlog.FormatTree(t))}, by)
}

// openHead checks a signed head.
func openHead(text []byte, verifiers []string) (head, error) {
	var list []note.Verifier
	for _, v := range verifiers {
		one, err := note.NewVerifier(v)
		if err != nil {
			return head{}, fmt.Errorf("audit: a key: %w", err)
		}
		list = append(list, one)
	}
	text = append(bytes.TrimRight(text, "\r\n"), '\n') // a shell may have cut it off
	n, err := note.Open(text, note.VerifierList(list...))
	if err != nil {
		return head{}, fmt.Errorf("audit: the signature of a checkpoint: %w", err)
	}
	t, err := tlog.ParseTree([]byte(n.Text))
	if err != nil {
		return head{}, fmt.Errorf("audit: a checkpoint: %w", err)
	}
	return head{t, text}, nil
}
