package sqldb

import (
	"context"
	"maps"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	tracing "github.com/inglehealth/ingle/watch/span"
)

// Space separates the kinds of names in table name.
type Space int64

// The spaces of table name, but for units, which have a table of their own.
const (
	TypeSpace      Space = 1 // resource types: "Patient"
	ParamSpace     Space = 2 // search parameters: "birthdate Patient"
	OriginSpace    Space = 3 // how a version came to be: "PUT R4"
	SystemSpace    Space = 4 // systems of tokens and quantities
	OutlineSpace   Space = 5 // outlines of index rows: see outlineOf
	UnitSpace      Space = 6 // units of quantities: see unitName
	PhraseSpace    Space = 7 // texts of tokens and references: see PhraseHash
	PassageSpace   Space = 8 // passages of all text
	NarrativeSpace Space = 9 // passages of narratives
)

// few says whether a space has but few names, all of which are kept in
// memory.
func (s Space) few() bool { return s <= OriginSpace }

// Numbers in a system column that are no name's.
const (
	NoSystem        int64 = 0
	CanonicalSystem int64 = -1 // of a quantity's canonical unit
	URLReference    int64 = -2 // of a reference by URL inside a composite
	// Unknown matches no row: what a query says of a name that nothing uses.
	Unknown int64 = -9
)

// paramName is how a search parameter is named. The code comes first so that
// a system-wide search finds the parameter of every type.
func paramName(resourceType, code string) string { return Clean(code) + " " + Clean(resourceType) }

// unitName is how a unit is named: with the lengths of its parts, so that no
// two units have the same name.
func unitName(system int64, code, text string) string {
	code = Clean(code)
	return strconv.FormatInt(system, 10) + " " + strconv.Itoa(len(code)) + " " + code + Clean(text)
}

// Stored is where a name stands: its table, and the columns by which it is
// found.
func (s Space) Stored(text string) (table string, columns []string, values []any) {
	if s.IsPhrase() {
		return "phrase", phraseColumns, []any{s.PhraseHash(text)}
	}
	if s != UnitSpace {
		return "name", nameColumns, []any{int64(s), text}
	}
	system, rest, _ := strings.Cut(text, " ")
	length, rest, _ := strings.Cut(rest, " ")
	number, _ := strconv.ParseInt(system, 10, 64)
	n, _ := strconv.Atoi(length)
	return "unit", unitColumns, []any{number, rest[:n], rest[n:]}
}

var (
	nameColumns   = []string{"space", "text"}
	unitColumns   = []string{"system", "code", "text"}
	phraseColumns = []string{"hash"}
)

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

// maxMany bounds the names kept in memory of spaces where clients choose them.
const maxMany = 50_000

// Names caches table name. It is safe for concurrent use.
type Names struct {
	// Make, if set, gives a type or parameter that a query names its number,
	// so that the query need not be looked up again and again while no
	// resource has it. It is set before the first use.
	Make func(space Space, text string) (int64, error)

	dialect Dialect
	mu      sync.RWMutex
	numbers map[name]int64
	texts   map[int64]string // but of systems and units
	many    int
	age     atomic.Int64 // how often names were forgotten

	// Types, parameters and systems that have no number, where one process makes all
	// names: Add makes an end of them. made counts the names added.
	none map[name]struct{}
	made int64

	// The parameters of each code, and the types under "", in rising order; all of them
	// once they are loaded, where one process makes all names.
	listings map[string][]int64
	loaded   atomic.Bool
}

// NewNames returns an empty cache.
func NewNames(d Dialect) *Names {
	return &Names{dialect: d, numbers: map[name]int64{}, texts: map[int64]string{}, none: map[name]struct{}{}, listings: map[string][]int64{}}
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
	if space.IsPhrase() && (space != PhraseSpace || len(text) > cachedPhrase) {
		return // few come again
	}
	text = strings.Clone(text) // the body it is a part of may be long
	n.mu.Lock()
	defer n.mu.Unlock()
	n.made++
	clear(n.none)
	if !space.few() {
		if n.many >= maxMany {
			n.purge()
		}
		n.many++
	}
	if space.few() || space == OutlineSpace {
		n.texts[id] = text
	}
	n.numbers[name{space, text}] = id
	n.list(name{space, text}, id, true)
}

func (n *Names) purge() {
	maps.DeleteFunc(n.numbers, func(k name, id int64) bool {
		if k.space == OutlineSpace {
			delete(n.texts, id)
		}
		return !k.space.few()
	})
	n.many = 0
}

// Forget removes names whose transaction was rolled back.
func (n *Names) Forget(space Space, text string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	k := name{space, text}
	if id, ok := n.numbers[k]; ok {
		n.age.Add(1)
		if space.few() || space == OutlineSpace {
			delete(n.texts, id)
		}
		delete(n.numbers, k)
		n.list(k, id, false)
	}
}

// ForgetUsed removes phrases and units from the cache: those that nothing uses
// any more may have gone.
func (n *Names) ForgetUsed() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.age.Add(1)
	maps.DeleteFunc(n.numbers, func(k name, _ int64) bool { return k.space == PhraseSpace || k.space == UnitSpace })
}

// Find returns the number of a name, Unknown when there is none.
func (n *Names) Find(ctx context.Context, db DB, space Space, text string) (int64, error) {
	id, known, made := n.look(space, text)
	if known {
		return id, nil
	}
	id = Unknown
	age := n.age.Load()
	table, columns, values := space.Stored(text)
	err := ForEach(ctx, db, n.dialect.Rebind("SELECT id FROM "+table+" WHERE "+strings.Join(columns, " = ? AND ")+" = ?"), values, func(r Rows) error {
		return r.Scan(&id)
	})
	switch {
	case err != nil:
	case id != Unknown && space.IsPhrase() && n.age.Load() != age: // it may have gone
	case id != Unknown:
		n.Add(space, text, id)
	case n.Make == nil && (space.few() || space == SystemSpace):
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
	if n.made == made && len(n.none) < maxMany {
		k.text = strings.Clone(k.text)
		n.none[k] = struct{}{}
	}
}

// Ask is Find for a name that queries ask for again and again: a type or parameter
// of the definitions, a system of labels.
func (n *Names) Ask(ctx context.Context, db DB, space Space, text string) (int64, error) {
	id, err := n.Find(ctx, db, space, text)
	if err != nil || id != Unknown || n.Make == nil {
		return id, err
	}
	return n.Make(space, text)
}

// Text returns the name of a type, a parameter or an origin.
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

// knownOutline is outline of what is in memory.
func (n *Names) knownOutline(id int64) (string, bool) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	text, ok := n.texts[id]
	return text, ok || id == 0
}

// outline returns the outline of a number, "" for 0. One that is not there is an error.
func (n *Names) outline(ctx context.Context, db DB, id int64) (string, error) {
	n.mu.RLock()
	text, ok := n.texts[id]
	n.mu.RUnlock()
	if ok || id == 0 {
		return text, nil
	}
	err := ForEach(ctx, db, n.dialect.Rebind("SELECT text FROM name WHERE id = ?"), []any{id}, func(r Rows) error {
		ok = true
		return r.Scan(&text)
	})
	if err == nil && !ok {
		err = errCorrupt
	}
	if err == nil {
		n.Add(OutlineSpace, text, id)
	}
	return text, err
}

// Load reads all types, parameters and origins.
func (n *Names) Load(ctx context.Context, db DB) error {
	return ForEach(ctx, db, n.dialect.Rebind("SELECT id, space, text FROM name WHERE space <= ?"), []any{int64(OriginSpace)}, func(r Rows) error {
		var id, space int64
		var text string
		if err := r.Scan(&id, &space, &text); err != nil {
			return err
		}
		n.Add(Space(space), text, id)
		return nil
	})
}

// ForEach runs sql and calls f for every row.
func ForEach(ctx context.Context, db DB, sql string, args []any, f func(Rows) error) error {
	ctx, s := tracing.Start(ctx, "statement")
	defer s.End()
	s.Text("db.query.text", sql)
	rows, err := db.Query(ctx, sql, args...)
	if err != nil {
		s.Fail("failed")
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
