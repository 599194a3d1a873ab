package terminology

import "github.com/inglehealth/ingle/spec/definitions"

// ValueSet is a value set made ready for questions. It is immutable.
type ValueSet struct {
	*definitions.ValueSet
	includes, excludes []include
	parameters         map[string]string // of its expansion, that it states itself
}

// include is ValueSet.compose.include or exclude.
type include struct {
	*definitions.Include
	of      *ValueSet
	number  int
	exclude bool
	byCode  map[string]int // place of the code in Concepts
}

// NewValueSet makes a value set ready. The definition must not be changed
// afterwards.
func NewValueSet(v *definitions.ValueSet) *ValueSet {
	out := &ValueSet{ValueSet: v}
	for i := range v.ComposeExtensions {
		if e := &v.ComposeExtensions[i]; e.URL == expansionParameter {
			if out.parameters == nil {
				out.parameters = map[string]string{}
			}
			out.parameters[e.Part("name")] = e.Part("value")
		}
	}
	out.includes, out.excludes = out.ready(v.Includes, false), out.ready(v.Excludes, true)
	return out
}

func (v *ValueSet) ready(list []definitions.Include, exclude bool) []include {
	out := make([]include, len(list))
	for n := range list {
		out[n] = include{Include: &list[n], of: v, number: n, exclude: exclude}
		if concepts := list[n].Concepts; len(concepts) > 0 {
			out[n].byCode = make(map[string]int, len(concepts))
			for i := range concepts {
				out[n].byCode[concepts[i].Code] = i
			}
		}
	}
	return out
}

// canonical is the URL with the version, as messages have it.
func (v *ValueSet) canonical() string {
	if v.URL == "" {
		return "(unidentified)"
	}
	return canonical(v.URL, v.Version)
}

// contained is the value set in the resource that a reference "#id" names.
func (v *ValueSet) contained(reference string) *ValueSet {
	for i := range v.Contained {
		if v.Contained[i].URL == reference {
			return NewValueSet(&v.Contained[i])
		}
	}
	return nil
}

const expansionParameter = "http://hl7.org/fhir/StructureDefinition/valueset-expansion-parameter"
