package records

import (
	"context"
	"slices"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fhir"
)

// referenceRules is the version of the rules by which search.OtherReference is found.
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
	covered := cover{entries: entries}
	var others []search.Entry
	for n := range tree.Root().Pointers() {
		key, _, ok := d.local(rel.defs, n.Text())
		if !ok || key == self || !covered.add(key) {
			continue
		}
		others = append(others, search.Entry{
			Param:   search.OtherReferenceOf(string(self.Type)),
			RefType: string(key.Type), RefID: string(key.ID),
		})
	}
	if others == nil {
		return entries, nil
	}
	return slices.Concat(entries, others), nil // without the room that append leaves
}

// cover is what entries refer to, and what was added.
type cover struct {
	entries []search.Entry
	added   []fhir.Key
	keys    map[fhir.Key]bool // instead of added when there are many
}

// add says whether key was not covered yet.
func (c *cover) add(key fhir.Key) bool {
	const few = 64
	if c.keys == nil && len(c.entries)+len(c.added) > few {
		c.keys = make(map[fhir.Key]bool, 2*few)
		for i := range c.entries {
			if e := &c.entries[i]; e.RefID != "" {
				c.keys[fhir.Key{Type: fhir.Type(e.RefType), ID: fhir.ID(e.RefID)}] = true
			}
		}
		for _, k := range c.added {
			c.keys[k] = true
		}
	}
	if c.keys != nil {
		was := c.keys[key]
		c.keys[key] = true
		return !was
	}
	for i := range c.entries {
		if e := &c.entries[i]; e.RefID == string(key.ID) && e.RefType == string(key.Type) {
			return false
		}
	}
	if slices.Contains(c.added, key) {
		return false
	}
	c.added = append(c.added, key)
	return true
}
