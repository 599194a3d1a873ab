package graphql

import (
	"slices"
	"strings"

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
		a := &argument{name: name, typ: typeRef{of: s.searchScalar(p.Kind), list: true}, code: p.Code}
		if name != p.Code {
			a.doc = "Search parameter " + p.Code
		}
		out = append(out, a)
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
