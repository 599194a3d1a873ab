package terminology

import (
	"slices"
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
)

// Extensions of concepts that R5 makes properties of an expansion.
var asProperty = map[string]struct{ code, uri string }{
	"http://hl7.org/fhir/StructureDefinition/codesystem-label":        {"label", conceptProperties + "label"},
	"http://hl7.org/fhir/StructureDefinition/valueset-label":          {"label", conceptProperties + "label"},
	"http://hl7.org/fhir/StructureDefinition/codesystem-conceptOrder": {"order", conceptProperties + "order"},
	"http://hl7.org/fhir/StructureDefinition/valueset-conceptOrder":   {"order", conceptProperties + "order"},
	"http://hl7.org/fhir/StructureDefinition/itemWeight":              {"weight", conceptProperties + "itemWeight"},
}

// Extensions of concepts that stay extensions in an expansion.
var asExtension = []string{
	"http://hl7.org/fhir/StructureDefinition/rendering-style",
	"http://hl7.org/fhir/StructureDefinition/rendering-xhtml",
	"http://hl7.org/fhir/StructureDefinition/codesystem-alternate",
	"http://hl7.org/fhir/StructureDefinition/valueset-concept-definition",
	"http://hl7.org/fhir/StructureDefinition/valueset-deprecated",
	"http://hl7.org/fhir/StructureDefinition/coding-sctdescid",
}

// sources are the concept's extensions, as the code system, its supplements
// and the value set give them.
func (it *item) sources() [][]definitions.Extension {
	var out [][]definitions.Extension
	if it.sys != nil {
		out = append(out, it.sys.Concepts[it.index].Extensions)
		for _, sup := range it.sys.supplements {
			if i, _, ok := sup.find(it.code); ok {
				out = append(out, sup.Concepts[i].Extensions)
			}
		}
	}
	if it.concept != nil {
		out = append(out, it.concept.Extensions)
	}
	return out
}

// extensions are those of an expansion's concept; the last to speak wins.
func (it *item) extensions() []definitions.Extension {
	var out []definitions.Extension
	for _, list := range it.sources() {
		for _, e := range list {
			if slices.Contains(asExtension, e.URL) {
				put(&out, e)
			}
		}
	}
	if it.concept != nil {
		for _, e := range it.concept.Extensions {
			if e.URL == standardsStatus {
				put(&out, e)
			}
		}
	}
	return out
}

func put(list *[]definitions.Extension, e definitions.Extension) {
	i := slices.IndexFunc(*list, func(o definitions.Extension) bool { return o.URL == e.URL })
	if i < 0 {
		*list = append(*list, e)
	} else {
		(*list)[i] = e
	}
}

// properties are those of an expansion's concept: the ones asked for, and
// those that a user needs unasked: order, label, weight and status.
func (it *item) properties(wanted []string) []definitions.ConceptValue {
	var out []definitions.ConceptValue
	set := func(v definitions.ConceptValue) {
		i := slices.IndexFunc(out, func(o definitions.ConceptValue) bool { return o.Code == v.Code })
		if i < 0 {
			out = append(out, v)
		} else {
			out[i] = v
		}
	}
	for _, list := range it.sources() {
		for _, e := range list {
			if p, ok := asProperty[e.URL]; ok && e.Value != "" {
				typ := "valueString"
				if p.code != "label" {
					typ = "valueDecimal"
				}
				set(definitions.ConceptValue{Code: p.code, Type: typ, Value: e.Value})
			}
		}
	}
	if it.sys == nil {
		return out
	}
	if status := it.sys.status(it.index); status != "" && status != "active" {
		set(definitions.ConceptValue{Code: "status", Type: "valueCode", Value: status})
	}
	for _, name := range wanted {
		if name != "status" {
			out = append(out, it.sys.property(it.index, name)...)
		}
	}
	return out
}

// property are the values of a property of a concept, supplements included.
func (s *system) property(i int32, name string) []definitions.ConceptValue {
	var out []definitions.ConceptValue
	concept := &s.Concepts[i]
	switch name {
	case "definition":
		if concept.Definition != "" {
			out = append(out, definitions.ConceptValue{Code: name, Type: "valueString", Value: concept.Definition})
		}
		return out
	case "inactive":
		return append(out, definitions.ConceptValue{Code: name, Type: "valueBoolean", Value: boolText(s.inactive(i))})
	case "parent", "child":
		ties := s.parents
		if name == "child" {
			ties = s.children
		}
		if ties != nil {
			for _, j := range ties[i] {
				out = append(out, definitions.ConceptValue{Code: name, Type: "valueCode", Value: s.Concepts[j].Code})
			}
		}
		return out
	}
	s.values(i, name, func(p definitions.ConceptValue) bool {
		out = append(out, p)
		return true
	})
	for _, sup := range s.supplements {
		if j, _, ok := sup.find(concept.Code); ok {
			sup.values(j, name, func(p definitions.ConceptValue) bool {
				out = append(out, p)
				return true
			})
		}
	}
	return out
}

func boolText(b bool) string {
	if b {
		return "true"
	}
	return "false"
}

// declare adds the definitions of properties to an expansion.
func (e *expanding) declare(out *Expansion, it *item, list []definitions.ConceptValue) {
	for _, p := range list {
		if !slices.ContainsFunc(out.Properties, func(o definitions.PropertyOf) bool { return o.Code == p.Code }) {
			out.Properties = append(out.Properties, definitions.PropertyOf{Code: p.Code, URI: it.uri(p.Code)})
		}
	}
}

// uri is what defines a property.
func (it *item) uri(code string) string {
	for _, p := range asProperty {
		if p.code == code {
			return p.uri
		}
	}
	if it.sys != nil {
		for _, cs := range append([]*CodeSystem{it.sys.CodeSystem}, it.sys.supplements...) {
			for _, p := range cs.Properties {
				if p.Code == code && p.URI != "" && !(code == "status" && !strings.HasPrefix(p.URI, conceptProperties)) {
					return p.URI
				}
			}
		}
	}
	return conceptProperties + code
}
