package access

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
)

func TestTheTypesThatBelongToSeveralPatientsAreThoseWhoseOwnersRepeat(t *testing.T) {
	for _, release := range []definitions.Release{definitions.R4, definitions.R4B} {
		defs := definitions.MustBuiltIn(release)
		c, err := search.NewCatalog(defs, "https://ehr.example/fhir")
		if err != nil {
			t.Fatal(err)
		}
		o := NewOwnership([]*search.Catalog{c}, nil)
		for _, name := range defs.ResourceTypes() {
			if classes[name] != owned || name == patientType {
				continue
			}
			repeats := name == binaryType // it belongs to whom it refers to
			for _, p := range o.params(name, ownerCodes(name)) {
				if sp := defs.SearchParameter(name, p.Code); sp != nil {
					repeats = repeats || repeatsIn(defs, name, sp.Expression)
				}
			}
			if repeats != slices.Contains(severally, name) {
				t.Errorf("%s: of %s several patients may own one: %v", release, name, repeats)
			}
		}
	}
}

// repeatsIn says whether an element of a type that an expression names may repeat.
func repeatsIn(defs *definitions.Definitions, typeName, expression string) bool {
	for _, path := range regexp.MustCompile(`\b`+typeName+`(\.[a-z][A-Za-z]*)+`).FindAllString(expression, -1) {
		at := defs.Type(typeName)
		for _, name := range strings.Split(path, ".")[1:] {
			p, ok := at.Property(name)
			if !ok {
				break
			}
			if at.Element(name).Repeats() {
				return true
			}
			at = p.Type
		}
	}
	return false
}
