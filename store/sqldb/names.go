package sqldb

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
)

// Space separates the kinds of names in table name.
type Space int64

// The spaces of table name.
const (
	TypeSpace   Space = 1 // resource types: "Patient"
	ParamSpace  Space = 2 // search parameters: "birthdate Patient"
	SystemSpace Space = 3 // systems of tokens and quantities
)

// Numbers in a system column that are no name's.
const (
	NoSystem        int64 = 0
	CanonicalSystem int64 = -1 // of a quantity's canonical row
	URLReference    int64 = -2 // of a reference by URL inside a composite
	// Unknown matches no row: what a query says of a name that nothing uses.
	Unknown int64 = -9
)

// paramName is how a search parameter is named. The code comes first so that
// a system-wide search finds the parameter of every type.
func paramName(resourceType, code string) string { return Clean(code) + " " + Clean(resourceType) }

// Clean makes text storable by both databases: PostgreSQL refuses NUL and
// what is not UTF-8. Entries and queries go through it alike.
func Clean(s string) string {
	for i := range len(s) {
		if s[i] == 0 || s[i] >= 0x80 {
			return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
		}
	}
	return s
}

type name struct {
	space Space
	text  string
}

// maxSystems bounds the systems kept in memory: clients choose them.
const maxSystems = 50_000

// Names caches table name. It is safe for concurrent use.
type Names struct {
	// Make, if set, gives a type or parameter that a query names its number,
	// so that the query need not be looked up again and again while no
	// resource has it. It is set before the first use.
	Make func(space Space, text string) (int64, error)

	dialect Dialect
	mu      sync.RWMutex
	numbers map[name]int64
	texts   map[int64]string
	systems int
	age     atomic.Int64 // how often names were forgotten

	// Types and parameters that have no number, where one process makes all
	// names: Add makes an end of them. made counts the names added.
	none map[name]struct{}
	made int64
}

// NewNames returns an empty cache.
func NewNames(d Dialect) *Names {
	return &Names{dialect: d, numbers: map[name]int64{}, texts: map[int64]string{}, none: map[name]struct{}{}}
}

// Known returns the number of a name in the cache.
func (n *Names) Known(space Space, text string) (int64, bool) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	id, ok := n.numbers[name{space, text}]
	return id, ok
}

// Add puts a committed name, or one that the running transaction made, into
// the cache.
func (n *Names) Add(space Space, text string, id int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.made++
	clear(n.none)
	if space == SystemSpace {
		if n.systems >= maxSystems {
			for k := range n.numbers {
				if k.space == SystemSpace {
					delete(n.numbers, k)
				}
			}
			n.systems = 0
		}
		n.systems++
	} else {
		n.texts[id] = text
	}
	n.numbers[name{space, text}] = id
}

// Forget removes names whose transaction was rolled back.
func (n *Names) Forget(space Space, text string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	k := name{space, text}
	if id, ok := n.numbers[k]; ok {
		n.age.Add(1)
		delete(n.texts, id)
		delete(n.numbers, k)
	}
}

// Find returns the number of a name, Unknown when there is none.
func (n *Names) Find(ctx context.Context, db DB, space Space, text string) (int64, error) {
	id, known, made := n.look(space, text)
	if known {
		return id, nil
	}
	id = Unknown
	err := ForEach(ctx, db, n.dialect.Rebind("SELECT id FROM name WHERE space = ? AND text = ?"), []any{int64(space), text}, func(r Rows) error {
		return r.Scan(&id)
	})
	switch {
	case err != nil:
	case id != Unknown:
		n.Add(space, text, id)
	case n.Make == nil && space != SystemSpace:
		n.miss(name{space, text}, made)
	}
	return id, err
}

// look returns what the cache knows of a name, which may be Unknown, and how
// many names were made so far.
func (n *Names) look(space Space, text string) (id int64, known bool, made int64) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	k := name{space, text}
	if id, known = n.numbers[k]; known {
		return id, true, n.made
	}
	_, known = n.none[k]
	return Unknown, known, n.made
}

// miss notes that a name had no number when made names were made.
func (n *Names) miss(k name, made int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.made == made && len(n.none) < maxSystems {
		n.none[k] = struct{}{}
	}
}

// Ask is Find for a type or parameter of the definitions that a query names.
func (n *Names) Ask(ctx context.Context, db DB, space Space, text string) (int64, error) {
	id, err := n.Find(ctx, db, space, text)
	if err != nil || id != Unknown || n.Make == nil {
		return id, err
	}
	return n.Make(space, text)
}

// Text returns the name of a type or parameter.
func (n *Names) Text(ctx context.Context, db DB, id int64) (string, error) {
	n.mu.RLock()
	text, ok := n.texts[id]
	n.mu.RUnlock()
	if ok {
		return text, nil
	}
	if err := n.Load(ctx, db); err != nil {
		return "", err
	}
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.texts[id], nil
}

// Load reads all types and parameters.
func (n *Names) Load(ctx context.Context, db DB) error {
	return ForEach(ctx, db, n.dialect.Rebind("SELECT id, space, text FROM name WHERE space < ?"), []any{int64(SystemSpace)}, func(r Rows) error {
		var id, space int64
		var text string
		if err := r.Scan(&id, &space, &text); err != nil {
			return err
		}
		n.Add(Space(space), text, id)
		return nil
	})
}

// params returns the numbers of the parameters that a query's Param names:
// one, or for type Resource those of every type.
func (n *Names) params(ctx context.Context, db DB, resourceType, code string) ([]int64, error) {
	if resourceType != "Resource" {
		id, err := n.Ask(ctx, db, ParamSpace, paramName(resourceType, code))
		return []int64{id}, err
	}
	var ids []int64
	from := Clean(code) + " "
	err := ForEach(ctx, db, n.dialect.Rebind("SELECT id FROM name WHERE space = ? AND text >= ? AND text < ? ORDER BY id"),
		[]any{int64(ParamSpace), from, from[:len(from)-1] + "!"}, func(r Rows) error {
			var id int64
			ids = append(ids, 0)
			err := r.Scan(&id)
			ids[len(ids)-1] = id
			return err
		})
	if len(ids) == 0 {
		ids = []int64{Unknown}
	}
	return ids, err
}

// ForEach runs sql and calls f for every row.
func ForEach(ctx context.Context, db DB, sql string, args []any, f func(Rows) error) error {
	rows, err := db.Query(ctx, sql, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// types returns the numbers of all resource types that occur.
func (n *Names) types(ctx context.Context, db DB) ([]int64, error) {
	var ids []int64
	err := ForEach(ctx, db, n.dialect.Rebind("SELECT id FROM name WHERE space = ? ORDER BY id"), []any{int64(TypeSpace)}, func(r Rows) error {
		var id int64
		err := r.Scan(&id)
		ids = append(ids, id)
		return err
	})
	return ids, err
}
