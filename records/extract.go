package records

import (
	"context"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

// otherReference is the parameter under which references are indexed that no
// search parameter covers: those in extensions, in contained resources, and in
// elements without a parameter. No client can ask for it. Without it a delete
// would not see who still refers to a resource.
const otherReference = "_reference"

// referenceRules is the version of the rules by which otherReference is found.
// Whoever changes them changes it.
const referenceRules = "+1"

// extract computes the index entries of a resource that has its id.
func (d *Door) extract(ctx context.Context, rel *release, tree *fhir.Tree) ([]search.Entry, error) {
	entries, err := rel.catalog.Extract(ctx, tree)
	if err != nil {
		return nil, err
	}
	self := tree.Key()
	if self.Type == "Bundle" {
		// What a stored Bundle holds refers within the Bundle first.
		return entries, nil
	}
	var covered map[fhir.Key]bool
	for n := range tree.Root().References() {
		key, _, ok := d.local(rel.defs, n.Text())
		if !ok || key == self {
			continue
		}
		if covered == nil {
			covered = coveredBy(entries)
		}
		if covered[key] {
			continue
		}
		covered[key] = true
		entries = append(entries, search.Entry{
			Param:   search.Param{Type: string(self.Type), Code: otherReference, Kind: definitions.SearchReference},
			RefType: string(key.Type), RefID: string(key.ID),
		})
	}
	return entries, nil
}

func coveredBy(entries []search.Entry) map[fhir.Key]bool {
	covered := make(map[fhir.Key]bool, 4)
	for i := range entries {
		if e := &entries[i]; e.RefID != "" {
			covered[fhir.Key{Type: fhir.Type(e.RefType), ID: fhir.ID(e.RefID)}] = true
		}
	}
	return covered
}
