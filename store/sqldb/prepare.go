package sqldb

import (
	"context"
	"errors"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/pack"
)

// Prepared is an Index made before the transaction that writes it, when its
// copy was packed with the body.
type Prepared struct {
	Index
	age int64 // of the names it was made with
}

// errNewName says that an index needs a name that has no number yet.
var errNewName = errors.New("sqldb: a name without a number")

type known struct{ names *Names }

func (k known) Number(space Space, text string) (int64, error) {
	id, ok := k.names.Known(space, text)
	if !ok {
		return 0, errNewName
	}
	return id, nil
}

// Pack is store.Resources.Pack. The index is made from names that have numbers
// already, unless it needs one that only a transaction can give it.
func (n *Names) Pack(p *pack.Packer, json []byte, entries []search.Entry) store.Body {
	body := store.Body{Size: len(json), Index: entries}
	age := n.age.Load()
	var copied []byte
	if index, err := NewIndex(known{n}, entries); err == nil {
		body.Made, copied = &Prepared{index, age}, index.copy(json)
	}
	body.Packed = p.Pack(json, copied)
	return body
}

// Index gives the index of a body that Pack made, and the body with its copy.
// It is called in a transaction that keeps others from being rolled back.
func (n *Names) Index(namer Namer, p *pack.Packer, b *store.Body) (*Index, []byte, error) {
	made, _ := b.Made.(*Prepared)
	if made != nil && made.age == n.age.Load() {
		return &made.Index, b.Packed, nil
	}
	index, err := NewIndex(namer, b.Index)
	if err != nil {
		return nil, nil, err
	}
	packed, err := pack.Detach(b.Packed)
	if err != nil {
		return nil, nil, err
	}
	json, err := p.Unpack(packed)
	return &index, pack.Attach(packed, index.copy(json)), err
}

// copy is the copy of the rows for the body.
func (x *Index) copy(json []byte) []byte {
	return appendRows(make([]byte, 0, 16*len(x.Rows)), x.Rows, json)
}

// Former returns the index rows of the current version c; of a delete, those that stay.
func (s *Reader) Former(ctx context.Context, db DB, c Current) ([]Row, error) {
	if c.Outline == 0 {
		return nil, nil
	}
	if c.Copy == nil && c.Body == nil {
		err := ForEach(ctx, db, s.Dialect.Rebind("SELECT body FROM version WHERE seq = ?"), []any{c.Seq}, func(r Rows) error { return r.Scan(&c.Body) })
		if err != nil {
			return nil, err
		}
	}
	outline, err := s.Names.outline(ctx, db, c.Outline)
	if err != nil {
		return nil, err
	}
	if c.Copy != nil {
		return decodeRows(outline, c.Copy[1:], nil)
	}
	json, copied, err := s.UnpackAll(c.Body)
	if err != nil {
		return nil, err
	}
	return decodeRows(outline, copied, json)
}
