package graphql

import (
	"slices"
	"strings"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
)

// queryFields are Patient, PatientList and PatientConnection of each type.
func (s *Schema) queryFields() []*field {
	var out []*field
	for _, r := range s.resources {
		out = append(out, &field{
			name: r.name, doc: "One resource.", typ: typeRef{of: r}, source: fromRead, child: r,
			arguments: func() []*argument {
				return []*argument{{name: "id", doc: "The logical id.", typ: typeRef{of: s.types["ID"], required: true}}}
			},
		}, s.list(r, func() []*argument { return s.searchArguments(r) }),
			s.connect(r, func() []*argument {
				return append(slices.Clip(s.searchArguments(r)), &argument{name: "_cursor", doc: "A page of an earlier search; it goes without other arguments.", typ: typeRef{of: s.types["String"]}})
			}))
	}
	return out
}

func (s *Schema) list(r *named, arguments func() []*argument) *field {
	return &field{name: r.name + "List", doc: "All resources that match.", typ: typeRef{of: r, list: true}, source: fromList, child: r, arguments: arguments}
}

func (s *Schema) connect(r *named, arguments func() []*argument) *field {
	return &field{
		name: r.name + "Connection", doc: "A page of the resources that match.", typ: typeRef{of: s.types[r.name+"Connection"]},
		source: fromConnection, child: r, arguments: arguments,
	}
}

// connection is the type of a page of a search.
func (s *Schema) connection(r *named) *named {
	t := &named{kind: object, name: r.name + "Connection", doc: "A page of a search."}
	t.make = func() []*field {
		return []*field{
			leaf("count", "How many resources match.", s.types["Int"], func(p *page) any { return p.total }),
			leaf("offset", "How many matches stand before this page.", s.types["Int"], func(p *page) any { return p.offset }),
			leaf("pagesize", "How many matches a page has at most.", s.types["Int"], func(p *page) any { return int64(p.size) }),
			{
				name: "edges", doc: "The matches.", typ: typeRef{of: s.types[r.name+"Edge"], list: true}, source: fromValue,
				get: func(focus any, _ arguments) any { return focus.(*page).edges },
			},
			leaf("first", "Cursor of the first page.", s.types["ID"], func(p *page) any { return p.first }),
			leaf("previous", "Cursor of the page before.", s.types["ID"], func(p *page) any { return p.previous }),
			leaf("next", "Cursor of the page after.", s.types["ID"], func(p *page) any { return p.next }),
			leaf("last", "Cursor of the last page, when this is it.", s.types["ID"], func(p *page) any { return p.last }),
		}
	}
	return t
}

// edge is the type of one match.
func (s *Schema) edge(r *named) *named {
	t := &named{kind: object, name: r.name + "Edge", doc: "A match of a search."}
	t.make = func() []*field {
		return []*field{
			leaf("mode", "Why it is here: match.", s.types["code"], func(*match) any { return "match" }),
			leaf("score", "How well it matches; it is not computed.", s.types["decimal"], func(*match) any { return nil }),
			{
				name: "resource", doc: "The resource.", typ: typeRef{of: r}, source: fromValue,
				get: func(focus any, _ arguments) any { return focus.(*match).tree.Root() },
			},
		}
	}
	return t
}

func leaf[T any](name, doc string, t *named, get func(T) any) *field {
	return &field{name: name, doc: doc, typ: typeRef{of: t}, source: fromValue, get: func(focus any, _ arguments) any { return get(focus.(T)) }}
}

// Arguments of searches that are no search parameters.
const (
	argCount     = "_count"
	argOffset    = "_offset"
	argSort      = "_sort"
	argFilter    = "_filter"
	argFHIRPath  = "fhirpath"
	argReference = "_reference"
	argCursor    = "_cursor"
)

// searchArguments are the search parameters of a type, a hyphen in their names
// being an underscore, and what else a search takes.
func (s *Schema) searchArguments(r *named) []*argument {
	if known, ok := s.searching.Load(r.name); ok {
		return known.([]*argument)
	}
	text, number := s.types["String"], s.types["Int"]
	var out []*argument
	taken := map[string]bool{argFilter: true}
	for _, p := range s.catalog.Parameters(r.name) {
		name := strings.ReplaceAll(p.Code, "-", "_")
		if p.Problem != "" || taken[name] {
			continue
		}
		taken[name] = true
		out = append(out, &argument{name: name, doc: "Search parameter " + p.Code, typ: typeRef{of: s.searchScalar(p.Kind), list: true}, code: p.Code})
	}
	out = append(out,
		&argument{name: argFHIRPath, doc: "A criterion in FHIRPath that matches must satisfy, too.", typ: typeRef{of: text}},
		&argument{name: argSort, doc: "Search parameters to sort by, with a hyphen before them for descending order.", typ: typeRef{of: text, list: true}},
		&argument{name: argCount, doc: "How many matches to give at most.", typ: typeRef{of: number}},
		&argument{name: argOffset, doc: "How many matches to leave out at the start; not for connections.", typ: typeRef{of: number}})
	if s.filters {
		out = append(out, &argument{name: argFilter, doc: "A filter expression of FHIR.", typ: typeRef{of: text, list: true}, code: argFilter})
	}
	known, _ := s.searching.LoadOrStore(r.name, out)
	return known.([]*argument)
}

func (s *Schema) searchScalar(k definitions.SearchType) *named {
	if k == definitions.SearchString {
		return s.types["String"]
	}
	return s.types[string(k)]
}

// pointing says which types have search parameters that point to a type.
type pointing struct {
	to map[string][]*named // resource type → types with parameters that name it
}

// wide is how many targets a parameter may have before it counts as one that
// points to anything.
const wide = 100

// points says whether a parameter may point to resources of a type, and
// whether it names it among few.
func (s *Schema) points(p search.Parameter, to string) (may, names bool) {
	if p.Kind != definitions.SearchReference || p.Problem != "" {
		return false, false
	}
	if len(p.Targets) == 0 || slices.Contains(p.Targets, "Resource") {
		return true, false
	}
	may = slices.Contains(p.Targets, to)
	return may, may && len(p.Targets) < wide
}

func (s *Schema) findPointing() *pointing {
	found := &pointing{to: map[string][]*named{}}
	for _, child := range s.resources {
		seen := map[string]bool{}
		for _, p := range s.catalog.Parameters(child.name) {
			for _, target := range p.Targets {
				if _, names := s.points(p, target); names && !seen[target] {
					seen[target] = true
					found.to[target] = append(found.to[target], child)
				}
			}
		}
	}
	return found
}

// reverseFields are the lookups of resources that refer to one of type n, as
// introspection lists them: those over parameters that may point to anything
// work as well, but would be most of the schema.
func (s *Schema) reverseFields(n *named) []*field {
	var out []*field
	for _, child := range s.pointing().to[n.name] {
		arguments := func() []*argument { return s.reverseArguments(child) }
		out = append(out, s.list(child, arguments), s.connect(child, arguments))
	}
	return out
}

func (s *Schema) reverseArguments(child *named) []*argument {
	reference := &argument{name: argReference, doc: "The search parameter that points here.", typ: typeRef{of: s.types["String"], required: true}}
	return append([]*argument{reference}, s.searchArguments(child)...)
}

// reverse finds a lookup that introspection does not list; nil when there is
// none.
func (s *Schema) reverse(n *named, name string) *field {
	if n.kind != object || n.fhir == nil || n.fhir.Kind != definitions.Resource {
		return nil
	}
	for suffix, build := range map[string]func(*named, func() []*argument) *field{"List": s.list, "Connection": s.connect} {
		child, ok := strings.CutSuffix(name, suffix)
		if !ok || s.types[child] == nil || !s.defs.IsResource(child) || len(s.pointers(s.types[child], n)) == 0 {
			continue
		}
		return build(s.types[child], func() []*argument { return s.reverseArguments(s.types[child]) })
	}
	return nil
}

// pointers are the names of child's parameters that may point to n.
func (s *Schema) pointers(child, n *named) []string {
	var codes []string
	for _, p := range s.catalog.Parameters(child.name) {
		if may, _ := s.points(p, n.name); may {
			codes = append(codes, strings.ReplaceAll(p.Code, "-", "_"))
		}
	}
	return codes
}
