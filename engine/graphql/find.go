package graphql

import (
	"slices"
	"strconv"
	"strings"

	"github.com/inglehealth/ingle/engine/fhirpath"
	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fhir"
)

// ownersAtOnce is for how many resources one search looks for referrers.
const ownersAtOnce = 100

// search makes the searches of one field.
func (x *execution) search(group []pendingSearch) error {
	f := group[0].into.field
	together := f.source == fromList && f.lookup.count < 0 && f.lookup.offset == 0 && f.lookup.reference != ""
	if !together {
		for _, s := range group {
			if err := x.searchOne(s); err != nil {
				return err
			}
		}
		return nil
	}
	for owners := range slices.Chunk(group, ownersAtOnce) {
		if err := x.searchFor(owners); err != nil {
			return err
		}
	}
	return nil
}

// searchOne makes the search of one list or connection.
func (x *execution) searchOne(s pendingSearch) error {
	f, l := s.into.field, s.into.field.lookup
	pairs := slices.Clone(l.pairs)
	if l.reference != "" {
		pairs = append(pairs, search.Pair{Name: l.reference, Value: s.owner.String()})
	}
	if f.source == fromConnection {
		return x.connect(s, pairs)
	}
	found, err := x.all(s.into, pairs, l.count)
	if err != nil {
		return err
	}
	for _, tree := range found {
		if err := x.growNode(s.into, tree.Root(), ""); err != nil {
			return err
		}
	}
	return nil
}

// atOnce is how many matches of a list are asked for in one page.
const atOnce = 1000

// all finds the matches of a list: all, or count of them, -1 meaning all,
// behind its offset. A list that is too long is an error, never cut.
func (x *execution) all(r *result, pairs []search.Pair, count int) ([]*fhir.Tree, error) {
	l := r.field.lookup
	var out []*fhir.Tree
	skip := l.offset
	if count == 0 {
		return nil, nil
	}
	for after := ""; ; {
		size := atOnce
		if count > 0 && l.criterion == nil {
			size = min(size, skip+count-len(out))
		}
		// One more than may be read shows that there are too many.
		size = min(size, x.l.Resources-x.resources+1)
		p, err := x.page(r, append(slices.Clip(pairs), search.Pair{Name: argCount, Value: strconv.Itoa(size)}), after)
		if err != nil {
			return nil, err
		}
		for _, tree := range p.Trees {
			ok, err := x.satisfies(r, tree)
			switch {
			case err != nil:
				return nil, err
			case !ok:
			case skip > 0:
				skip--
			default:
				if out = append(out, tree); len(out) == count {
					return out, nil
				}
			}
		}
		if after = p.Next; after == "" {
			return out, nil
		}
	}
}

// page makes one search.
func (x *execution) page(r *result, pairs []search.Pair, after string) (*Page, error) {
	if x.searched++; x.searched > x.l.Searches {
		return nil, failure(tooCostly(r.field.at, r.place, "the query makes more than %d searches, which is the limit (Searches): a list without _count is searched for many resources at once", x.l.Searches))
	}
	p, err := x.fetch.Search(x.ctx, Search{Type: fhir.Type(r.field.child.name), Pairs: pairs, After: after})
	if err != nil {
		return nil, explain(err, r.field.at, r.place)
	}
	return p, x.count(len(p.Trees), r)
}

// satisfies evaluates the argument fhirpath of a search.
func (x *execution) satisfies(r *result, tree *fhir.Tree) (bool, error) {
	c := r.field.lookup.criterion
	if c == nil {
		return true, nil
	}
	found, err := c.Evaluate(x.ctx, x.env(tree), fhirpath.Collection{fhirpath.NodeValue(tree.Root())})
	if err != nil {
		return false, evaluationFailed(err, r.field.at, r.place)
	}
	return len(found) > 0, nil
}

// connect finds the page of a connection.
func (x *execution) connect(s pendingSearch, pairs []search.Pair) error {
	r, l := s.into, s.into.field.lookup
	if l.count >= 0 {
		pairs = append(pairs, search.Pair{Name: argCount, Value: strconv.Itoa(l.count)})
	}
	asked := pairs
	pl, err := x.d.plan(r.field.sub, r.field.typ.of)
	if err != nil {
		return placed(err, r.place)
	}
	if slices.ContainsFunc(pl.fields, func(f *planned) bool { return f.name == "count" }) {
		asked = append(slices.Clip(pairs), search.Pair{Name: "_total", Value: "accurate"})
	}
	found, err := x.page(r, asked, l.at.After)
	if err != nil {
		return err
	}
	p := &page{size: found.Size, edges: []any{}}
	if found.Total >= 0 {
		p.total = found.Total
	}
	c := l.at
	c.Type, c.Where = r.field.child.name, l.source
	p.links(c, pairs, found.Next, len(found.Trees))
	for _, tree := range found.Trees {
		ok, err := x.satisfies(r, tree)
		if err != nil {
			return err
		}
		if ok {
			p.edges = append(p.edges, &match{tree})
		}
	}
	return x.grow(r, p, r.field.typ.of, "")
}

// searchFor finds what refers to each of several resources in one search, and
// gives each its own.
func (x *execution) searchFor(owners []pendingSearch) error {
	r := owners[0].into
	l := r.field.lookup
	byKey := map[fhir.Key][]*result{}
	var keys []string
	for _, o := range owners {
		if byKey[o.owner] == nil {
			keys = append(keys, o.owner.String())
		}
		byKey[o.owner] = append(byKey[o.owner], o.into)
	}
	found, err := x.all(r, append(slices.Clone(l.pairs), search.Pair{Name: l.reference, Value: strings.Join(keys, ",")}), -1)
	if err != nil {
		return err
	}
	for _, tree := range found {
		pointed, err := x.pointed(tree, l.reference)
		if err != nil {
			return err
		}
		for _, key := range pointed {
			for _, into := range byKey[key] {
				if err := x.growNode(into, tree.Root(), ""); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// pointed are the resources that a search parameter of a resource refers to.
func (x *execution) pointed(tree *fhir.Tree, code string) ([]fhir.Key, error) {
	on, err := x.typeOf(tree.Root())
	if err != nil {
		return nil, err
	}
	entries, err := on.schema.catalog.Extract(x.ctx, tree)
	if err != nil {
		return nil, err
	}
	var keys []fhir.Key
	for _, e := range entries {
		if key := (fhir.Key{Type: fhir.Type(e.RefType), ID: fhir.ID(e.RefID)}); e.Param.Code == code && e.RefID != "" && !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys, nil
}
