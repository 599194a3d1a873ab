package sqldb

import (
	"context"
	"errors"

	"github.com/inglehealth/ingle/engine/search"
)

// Prepared is an Index made before the transaction that writes it.
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

// Prepare makes the index of entries from names that have numbers already; nil
// when one has none, which only a transaction can give it.
func (n *Names) Prepare(entries []search.Entry) *Prepared {
	age := n.age.Load()
	index, err := NewIndex(known{n}, entries)
	if err != nil {
		return nil
	}
	return &Prepared{index, age}
}

// Holds says whether all names that p was made with still have their numbers.
// It is asked in a transaction that keeps others from being rolled back.
func (n *Names) Holds(p *Prepared) bool { return p != nil && p.age == n.age.Load() }

// Former returns the index copy of the current version: its row's own, or else
// the one that was packed with its body.
func (s *Reader) Former(ctx context.Context, db DB, c Current) ([]byte, error) {
	if c.RID == 0 || c.Deleted || c.Copy != nil {
		return c.Copy, nil
	}
	var copied []byte
	err := ForEach(ctx, db, s.Dialect.Rebind("SELECT body FROM version WHERE seq = ?"), []any{c.Seq}, func(r Rows) error {
		var body []byte
		err := r.Scan(&body)
		if err == nil {
			_, copied, err = s.UnpackAll(body)
		}
		return err
	})
	return copied, err
}
