package graphql

import (
	"slices"
	"strings"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
)

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

// findPointing maps each resource type to the types with search parameters that
// name it as a target.
func (s *Schema) findPointing() map[string][]*named {
	found := map[string][]*named{}
	for _, child := range s.resources {
		seen := map[string]bool{}
		for _, p := range s.catalog.Parameters(child.name) {
			for _, target := range p.Targets {
				if _, names := s.points(p, target); names && !seen[target] {
					seen[target] = true
					found[target] = append(found[target], child)
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
	for _, child := range s.pointing()[n.name] {
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
