package sqldb

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// A delete leaves of a resource's index what a search.Chain may ask of it as it was
// before. These rows stand in the tables of all others, under parameters of their own, by
// which nothing else searches; with resource.outline and resource.idx they are removed
// like others, by the next write or Expunge.

// formerCode is the code of the parameter under which values of code stand that a resource
// had before its delete. No SearchParameter has such a code.
func formerCode(code string) string { return "~" + code }

// counts says of target t of resource r that x asks of it: it is there, or was before.
func (c *compiler) counts(x search.Chain, r, t string) string {
	switch {
	case !x.Former.Counts(c.former):
		return t + ".deleted + 0 = 0"
	case x.Former == search.Together:
		return t + ".version > 0 AND (" + t + ".deleted + 0 = 0 OR " + r + ".deleted + 0 = 1)"
	}
	return t + ".version > 0"
}

// as makes a condition of resources that are there, or with former of deleted ones as well.
// The rows of both have parameters of their own.
func (c *compiler) as(former bool, make func() fragment) fragment {
	was := c.former
	c.former = former
	f := make()
	c.former = was
	return f
}

// indexed says whether what x holds of is looked up in the index alone, which keeps deleted
// resources apart.
func indexed(x search.Expr) bool {
	switch x.(type) {
	case search.TypeIs, search.IDs, search.LastUpdated, search.Has, search.Within, search.Referred, search.Beside, search.Governed, search.Standing:
		return false
	}
	return true
}

// Leave makes of the rows of a resource those that stay after its delete.
func (s *Reader) Leave(ctx context.Context, db DB, n Namer, rows []Row) (Index, error) {
	var x Index
	numbers := map[int64]int64{}
	var params []int64
	for _, r := range rows {
		if !slices.Contains(left, r.Table) {
			continue
		}
		number, ok := numbers[r.Param]
		if !ok {
			name, err := s.Names.Text(ctx, db, r.Param)
			if err != nil {
				return x, err
			}
			code, _, _ := strings.Cut(name, " ")
			switch {
			case strings.HasPrefix(name, formerCode("")):
				number = r.Param
			case r.Table == TokenTable && !search.LeavesToken(code):
				number = Unknown
			default:
				if number, err = n.Number(ParamSpace, formerCode(name)); err != nil {
					return x, err
				}
			}
			numbers[r.Param] = number
			if number != Unknown {
				params = append(params, number)
			}
		}
		if number == Unknown {
			continue
		}
		r.Param = number
		x.Rows = append(x.Rows, r)
	}
	if len(params) == 0 {
		return x, nil
	}
	slices.SortFunc(x.Rows, func(a, b Row) int { return compareRows(&a, &b) })
	slices.Sort(params)
	var err error
	x.Outline, err = n.Number(OutlineSpace, outlineOf(x.Rows, params))
	return x, err
}

// left are the tables of rows that stay: those that consents ask.
var left = []Table{TokenTable, ReferenceTable, DateTable, URITable}

// Reindexed turns entries into the rows of a resource, or of one that is deleted into those
// that stay.
func Reindexed(n Namer, entries []search.Entry, deleted bool) (Index, error) {
	if deleted {
		return newFormer(n, entries)
	}
	return NewIndex(n, entries)
}

// newFormer is NewIndex and Leave of the entries that a resource had before its delete.
func newFormer(n Namer, entries []search.Entry) (Index, error) {
	kept := make([]search.Entry, 0, len(entries))
	for _, e := range entries {
		switch e.Param.Kind {
		case definitions.SearchToken:
			if !search.LeavesToken(e.Param.Code) {
				continue
			}
			fallthrough
		case definitions.SearchReference, definitions.SearchDate, definitions.SearchURI:
			e.Param.Code = formerCode(e.Param.Code)
			e.Text = ""
			kept = append(kept, e)
		}
	}
	return NewIndex(n, kept)
}

// FormerReferrers is store.Resources.FormerReferrers on db.
func (s *Reader) FormerReferrers(ctx context.Context, db DB, key fhir.Key, after store.Position, limit int) ([]store.Positioned, error) {
	t, err := s.Names.Find(ctx, db, TypeSpace, Clean(string(key.Type)))
	if err != nil || t == Unknown {
		return nil, err
	}
	var former []store.Positioned
	var types []int64
	err = ForEach(ctx, db, s.Dialect.Rebind("SELECT DISTINCT r.rid, r.type, r.id FROM reference f"+
		s.Dialect.with("resource", "r", "", "r.rid = f.rid AND r.deleted = 1")+" WHERE f.target = (SELECT k.rid FROM resource k WHERE k.type = ? AND k.id = ?) AND f.rid > ? AND f.rid <> f.target ORDER BY r.rid LIMIT "+strconv.Itoa(limit)),
		[]any{t, Clean(string(key.ID)), int64(after)}, func(r Rows) error {
			var rid, n int64
			var id string
			err := r.Scan(&rid, &n, &id)
			types, former = append(types, n), append(former, store.Positioned{Record: store.Record{Key: fhir.Key{ID: fhir.ID(id)}}, Position: store.Position(rid)})
			return err
		})
	if err != nil {
		return nil, err
	}
	for i, n := range types {
		t, err := s.Names.Text(ctx, db, n)
		if err != nil {
			return nil, err
		}
		former[i].Key.Type = fhir.Type(t)
	}
	return former, nil
}
