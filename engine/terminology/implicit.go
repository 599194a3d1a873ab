package terminology

import (
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
)

// implicit is the value set that a URL stands for by itself (R4, Using SNOMED CT
// with FHIR and Using LOINC with FHIR, Implicit Value Sets): all of a code system
// ("http://snomed.info/sct?fhir_vs", "http://loinc.org/vs"), or a concept and
// what is below it ("?fhir_vs=isa/73211009"). It is nil for any other URL. The
// forms that ask for reference sets, expressions and answer lists, which a
// CodeSystem does not hold, are Invalid.
func implicit(url string) (*ValueSet, error) {
	system, of, ok := strings.Cut(url, "?fhir_vs")
	if !ok {
		if system, of, ok = strings.Cut(url, "/vs"); !ok || !vsSystems[system] || of != "" && of[0] != '/' {
			return nil, nil
		}
	}
	include := definitions.Include{System: system}
	if edition, found := strings.CutPrefix(system, snomed+"/"); found {
		include.System, include.Version = snomed, snomed+"/"+edition
	}
	concept, isA := strings.CutPrefix(of, "=isa/")
	switch {
	case system == "":
		return nil, nil
	case of == "":
	case isA && concept != "":
		include.Filters = []definitions.Filter{{Property: "concept", Op: "is-a", Value: concept}}
	default:
		return nil, refuse(fault.Invalid, fault.CodeNotSupported, "", "not-supported", "",
			"The implicit value set '%s' is not supported: of %s there are all codes (%s) and what is below one (?fhir_vs=isa/code); store a ValueSet for reference sets, expressions and answer lists",
			fault.Shorten(url), fault.Shorten(include.System), fault.Shorten(strings.TrimSuffix(url, of)))
	}
	v := &definitions.ValueSet{Includes: []definitions.Include{include}}
	v.URL = url
	return NewValueSet(v), nil
}

const snomed = "http://snomed.info/sct"

// vsSystems have their implicit value sets below /vs.
var vsSystems = map[string]bool{"http://loinc.org": true, "http://unitsofmeasure.org": true}

// implicit is one value set for each URL.
func (s *scope) implicit(url string) (*ValueSet, error) {
	if v, ok := s.byURL[url]; ok {
		return v, nil
	}
	v, err := implicit(url)
	if err == nil {
		s.byURL[url] = v
	}
	return v, err
}
