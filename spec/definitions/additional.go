package definitions

import (
	_ "embed" // the definitions
	"slices"

	"github.com/inglehealth/ingle/spec/definitions/internal/record"
)

// viewDefinition is the resource type of the SQL on FHIR guide, version 3.0
// (2.1 differs in its URL only), in our words, with its search parameters.
//
//go:embed additional/viewdefinition.json
var viewDefinition []byte

// addTypes adds to a release the resource types that guides define and every
// release can store (the "additional resources" of R6). Types that the release
// has itself stay as they are, and of the data types of a choice those are left
// out that it does not have. It returns the names of the types.
func addTypes(set *record.Set) ([]string, error) {
	add := new(record.Set)
	if err := add.Add(viewDefinition); err != nil {
		return nil, err
	}
	have := make(map[string]bool, len(set.Structures))
	for i := range set.Structures {
		have[set.Structures[i].Type] = true
	}
	var names []string
	for _, s := range add.Structures {
		if have[s.Type] {
			return nil, nil
		}
		names = append(names, s.Type)
		for i := range s.Elements {
			e := &s.Elements[i]
			e.Types = slices.DeleteFunc(e.Types, func(t record.TypeRef) bool { return !have[t.Code] })
		}
	}
	set.Structures = append(slices.Clip(set.Structures), add.Structures...)
	set.Parameters = append(slices.Clip(set.Parameters), add.Parameters...)
	return names, nil
}
