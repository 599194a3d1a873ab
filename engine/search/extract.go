package search

import (
	"context"
	"slices"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// maxCombinations is the most entries that one focus of a composite parameter
// may give.
const maxCombinations = 1024

// MaxEntries is the most entries that a resource may have.
const MaxEntries = 200_000

// Extract computes the index entries of a resource, in the order in which
// their elements stand in it, without duplicates. It fails only when the
// resource is not of the catalog's definitions, has more than MaxEntries, or in
// one element more combinations than a composite parameter takes, or ctx is
// done.
func (c *Catalog) Extract(ctx context.Context, t *fhir.Tree) ([]Entry, error) {
	return c.extract(ctx, t.Root(), way{})
}

// extract is Extract of a resource, which may be inside another one.
func (c *Catalog) extract(ctx context.Context, root fhir.Node, w way) ([]Entry, error) {
	typeName := root.Type().Name
	if !c.defs.IsResource(typeName) {
		return nil, fault.New(fault.Unprocessable, fault.CodeNotSupported, typeName, "%s is not a resource type of FHIR %s", typeName, c.defs.Release)
	}
	types := c.lookup(typeName)
	scratch, _ := c.scratches.Get().(*[]Entry)
	if scratch == nil {
		scratch = new([]Entry)
	}
	x := extraction{c: c, ctx: ctx, root: root, entries: (*scratch)[:0]}
	x.out = &x.entries
	x.apply(&types.rules, root)
	if root.Parent().IsZero() {
		x.contained()
	}
	if err := x.inside(w); err != nil {
		return nil, err
	}
	x.texts(types)
	entries := slices.Clone(x.entries)
	clear(x.entries) // so that the pool keeps no resource alive
	*scratch = x.entries
	c.scratches.Put(scratch)
	if x.refused != nil {
		return nil, x.refused
	}
	if len(entries) > MaxEntries {
		return nil, fault.New(fault.Unprocessable, fault.CodeTooCostly, typeName,
			"holds more than %d values that can be searched for; split it into several resources", MaxEntries)
	}
	return entries, ctx.Err()
}

// extraction is the state of one Extract.
type extraction struct {
	c         *Catalog
	ctx       context.Context // of the one call to Extract
	root      fhir.Node
	entries   []Entry
	out       *[]Entry // where add puts entries: entries, or a composite's part
	param     Param    // of the entries being made
	elsewhere []string // parts that have entries of another parameter
	refused   error    // why the resource cannot be indexed, or nil
	last      canonicalOf
	pointers  []pointer // to contained resources
	seen      map[string]struct{}
	key       []byte
}

// take makes entries of a node that an expression found.
func (x *extraction) take(s sink, n fhir.Node) {
	switch {
	case s.part > 0:
		x.param, x.elsewhere = Param{Kind: s.param.components[s.part-1].kind}, nil
	case s.param.Kind == definitions.SearchComposite:
		x.composite(s.param, n)
		return
	default:
		x.param, x.elsewhere = s.param.Param, s.param.elsewhere
	}
	x.convert(n)
}

// convert makes entries of a node according to the kind of parameter.
func (x *extraction) convert(n fhir.Node) {
	if n.Type().Name == "Extension" {
		if n = n.Child("value"); n.IsZero() {
			return
		}
	}
	switch x.param.Kind {
	case definitions.SearchToken:
		x.token(n)
	case definitions.SearchString:
		x.text(n)
	case definitions.SearchReference:
		x.reference(n)
	case definitions.SearchURI:
		x.uri(n)
	case definitions.SearchDate:
		x.date(n)
	case definitions.SearchNumber:
		x.number(n)
	case definitions.SearchQuantity:
		x.quantity(n)
	case definitions.SearchSpecial:
		x.position(n)
	}
}

// composite makes the entries of a composite parameter at one focus: every
// combination of one value for each component.
func (x *extraction) composite(p *parameter, focus fhir.Node) {
	if x.refused != nil || len(x.entries) > MaxEntries {
		return // it is refused
	}
	parts := make([][]Entry, len(p.components))
	saved := x.out
	combinations := 1
	for i := range p.components {
		one := &p.components[i]
		x.out = &parts[i]
		x.apply(&one.rules, focus)
		if combinations *= len(parts[i]); combinations == 0 {
			x.out = saved
			return
		}
		combinations = min(combinations, maxCombinations+1)
	}
	x.out = saved
	if combinations > maxCombinations {
		x.refused = fault.New(fault.Unprocessable, fault.CodeTooCostly, focus.Path(),
			"holds more than %d combinations of values for the search parameter %s; give it fewer codings", maxCombinations, p.Code)
		return
	}
	x.param = p.Param
	choice := make([]int, len(parts))
	for {
		entry := Entry{Parts: make([]Entry, len(parts))}
		for i, k := range choice {
			entry.Parts[i] = parts[i][k]
		}
		x.add(entry)
		i := len(choice) - 1
		for ; i >= 0; i-- {
			choice[i]++
			if choice[i] < len(parts[i]) {
				break
			}
			choice[i] = 0
		}
		if i < 0 {
			return
		}
	}
}

// add appends an entry of the current parameter unless it is there already.
func (x *extraction) add(e Entry) {
	e.Param = x.param
	list := *x.out
	if len(list) > MaxEntries || x.out != &x.entries && len(list) > maxCombinations {
		return // it is refused
	}
	if x.out != &x.entries || len(list) < fewEntries {
		for i := range list {
			if list[i].equal(&e) {
				return
			}
		}
		*x.out = append(list, e)
		return
	}
	// Long value sets and bundles: a set of keys instead of comparing all.
	if x.seen == nil {
		x.seen = make(map[string]struct{}, 2*len(list))
		for i := range list {
			x.key = list[i].appendKey(x.key[:0])
			x.seen[string(x.key)] = struct{}{}
		}
	}
	x.key = e.appendKey(x.key[:0])
	if _, ok := x.seen[string(x.key)]; ok {
		return
	}
	x.seen[string(x.key)] = struct{}{}
	if len(list) == cap(list) {
		list = slices.Grow(list, len(list)) // append would grow it by a quarter, and copy it the more often
	}
	*x.out = append(list, e)
}

// fewEntries is up to where comparing with each is quicker than hashing.
const fewEntries = 64
