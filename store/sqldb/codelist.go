package sqldb

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/inglehealth/ingle/engine/search"
)

// Long lists of codes, such as value sets, are put into tables code_list and
// listed_code once, and found there by what is in them. The oldest go when all
// together hold more than MaxListed codes.
const (
	inlineCodes = 500 // a list up to this goes into the query
	probedCodes = 20  // and up to this is looked up for each resource
)

// MaxListed is how many codes the tables of lists hold, where Reader.MaxListed
// does not say otherwise.
const MaxListed = 2_000_000

// ListError says that a query needs a list of codes that is not in the tables.
type ListError struct{ List *search.CodeList }

func (e *ListError) Error() string {
	return fmt.Sprintf("sqldb: the list %s of %d codes is not in the tables", e.List.Hash(), len(e.List.Codings()))
}

func (c *compiler) codesLeaf(x search.Codes) leaf {
	l := c.named(x.Param, "token", sql(nothing), bySet)
	codings := x.List.Codings()
	if len(codings) == 0 {
		return l
	}
	if len(codings) > inlineCodes {
		l.condition = sql("(@.code, @.system) IN (SELECT k.code, k.system FROM listed_code k WHERE k.list = ?)", c.list(x.List))
		return l
	}
	if len(codings) <= probedCodes {
		l.reach = byKey
	}
	var ofSystems []fragment
	for len(codings) > 0 {
		n := 1
		for n < len(codings) && codings[n].System == codings[0].System {
			n++
		}
		codes := make([]string, n)
		for i := range codes {
			codes[i] = Clean(codings[i].Code)
		}
		ofSystems = append(ofSystems, all(in("@.code", codes), sql("@.system = ?", c.system(codings[0].System))))
		codings = codings[n:]
	}
	l.condition = either(ofSystems...)
	if len(ofSystems) <= probedCodes {
		l.ranges = spans(ofSystems...)
	}
	return l
}

// list is the number of a list in the tables.
func (c *compiler) list(l *search.CodeList) int64 {
	id, err := listNumber(c.ctx, c.db, c.dialect, l)
	if err == nil && id == Unknown {
		err = &ListError{l}
	}
	c.fail(err)
	c.momentary = true
	c.lists = append(c.lists, l)
	return id
}

func listNumber(ctx context.Context, db DB, d Dialect, l *search.CodeList) (int64, error) {
	id := Unknown
	err := ForEach(ctx, db, d.Rebind("SELECT id FROM code_list WHERE hash = ?"), []any{l.Hash()}, func(r Rows) error { return r.Scan(&id) })
	return id, err
}

// unchanged fails with a *ListError when a list that the query used went while
// it ran. Numbers of lists are not used again.
func (c *compiler) unchanged() error {
	for _, l := range c.lists {
		if id, err := listNumber(c.ctx, c.db, c.dialect, l); err != nil {
			return err
		} else if id == Unknown {
			return &ListError{l}
		}
	}
	return nil
}

// listedAtOnce is how many codes a statement inserts.
const listedAtOnce = 200

// KeepList puts a list into the tables and removes the oldest others when there
// are too many codes. Who keeps the same one at the same time waits.
func (s *Reader) KeepList(ctx context.Context, db Execer, n Namer, l *search.CodeList) error {
	codings := l.Codings()
	made, err := db.Exec(ctx, s.Dialect.Rebind("INSERT INTO code_list (hash, size) VALUES (?, ?) ON CONFLICT (hash) DO NOTHING"), l.Hash(), int64(len(codings)))
	if err != nil || made == 0 {
		return err
	}
	id, err := listNumber(ctx, db, s.Dialect, l)
	if err != nil {
		return err
	}
	for len(codings) > 0 {
		some := codings[:min(len(codings), listedAtOnce)]
		codings = codings[len(some):]
		args := make([]any, 0, 3*len(some))
		for _, c := range some {
			system := NoSystem
			if c.System != "" {
				if system, err = n.Number(SystemSpace, Clean(c.System)); err != nil {
					return err
				}
			}
			args = append(args, id, Clean(c.Code), system)
		}
		text := "INSERT INTO listed_code (list, code, system) VALUES (?, ?, ?)" + strings.Repeat(", (?, ?, ?)", len(some)-1) + " ON CONFLICT DO NOTHING"
		if _, err := db.Exec(ctx, s.Dialect.Rebind(text), args...); err != nil {
			return err
		}
	}
	return s.evictLists(ctx, db, id)
}

// evictLists removes lists older than the one just kept while there are too
// many codes.
func (s *Reader) evictLists(ctx context.Context, db Execer, kept int64) error {
	var old []int64
	most := cmp.Or(s.MaxListed, MaxListed)
	err := ForEach(ctx, db, s.Dialect.Rebind("SELECT l.id FROM code_list l WHERE l.id < ? AND (SELECT sum(m.size) FROM code_list m WHERE m.id >= l.id) > "+
		strconv.Itoa(most)), []any{kept}, func(r Rows) error {
		var id int64
		err := r.Scan(&id)
		old = append(old, id)
		return err
	})
	if err != nil {
		return err
	}
	for _, id := range old {
		for _, text := range []string{"DELETE FROM listed_code WHERE list = ?", "DELETE FROM code_list WHERE id = ?"} {
			if _, err := db.Exec(ctx, s.Dialect.Rebind(text), id); err != nil {
				return err
			}
		}
	}
	return nil
}

// WithLists runs a search, and again when it needs a list that is not in the
// tables: keep puts it there.
func WithLists[T any](run func() (T, error), keep func(*search.CodeList) error) (T, error) {
	for range 8 {
		v, err := run()
		missing, ok := errors.AsType[*ListError](err)
		if !ok {
			return v, err
		}
		if err := keep(missing.List); err != nil {
			return v, err
		}
	}
	return run()
}
