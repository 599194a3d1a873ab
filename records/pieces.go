package records

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/inglehealth/ingle/store"
)

// Piece is a part of a file that lasting work keeps until it is done, where every
// process of the tenant finds it: what is to be imported, and what came of it.
type Piece struct {
	Name string // to find it by
	text []byte
}

// pieceMark begins each piece, so that none is taken for the content of a Binary, nor
// the other way round. Behind it stand random bytes: pieces of the same content are
// two, and go one by one.
const (
	pieceMark  = "ingle-piece-1\n"
	pieceNonce = 16
)

// NewPiece makes a piece. Its name is known before it is kept, so that work can note
// what it is about to keep. The content is copied.
func NewPiece(content []byte) Piece {
	text := make([]byte, 0, len(pieceMark)+pieceNonce+len(content))
	text = append(text, pieceMark...)
	text = text[:len(pieceMark)+pieceNonce]
	_, _ = rand.Read(text[len(pieceMark):]) // crypto/rand.Read never fails
	text = append(text, content...)
	sum := sha256.Sum256(text)
	return Piece{hex.EncodeToString(sum[:]), text}
}

// KeepPiece keeps a piece durably.
func (d *Door) KeepPiece(ctx context.Context, p Piece) error {
	name, _, err := d.store.CreateBlob(ctx, func(yield func([]byte, error) bool) { yield(p.text, nil) })
	if err == nil && name != p.Name {
		err = fmt.Errorf("records: a piece is named %s, not %s", name, p.Name)
	}
	return d.fault(err)
}

// ErrNoPiece says that there is no piece of a name.
var ErrNoPiece = errors.New("records: there is no such piece")

// ReadPiece returns the content of a piece; ErrNoPiece.
func (d *Door) ReadPiece(ctx context.Context, name string) ([]byte, error) {
	text, err := d.blob(ctx, name)
	if err == nil && !bytes.HasPrefix(text, []byte(pieceMark)) || errors.Is(err, store.ErrNotFound) {
		return nil, ErrNoPiece
	}
	if err != nil {
		return nil, d.fault(err)
	}
	return text[len(pieceMark)+pieceNonce:], nil
}

// DropPiece removes a piece. That there is none is no error.
func (d *Door) DropPiece(ctx context.Context, name string) error {
	head, _, err := d.store.ReadBlob(ctx, name, 0, int64(len(pieceMark)))
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return d.fault(err)
	}
	for text, err := range head {
		if err != nil {
			return d.fault(err)
		}
		if string(text) != pieceMark {
			return nil
		}
	}
	if err := d.store.DeleteBlob(ctx, name); err != nil && !errors.Is(err, store.ErrNotFound) {
		return d.fault(err)
	}
	return nil
}
