package records

import (
	"context"
	"slices"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// referenceRules is the version of the rules by which search.OtherReference is found.
// Whoever changes them changes it.
const referenceRules = "+1"

// pointerCode stands for the rules, of which pointerRules is the version, by which what is
// under search.OtherReference was added to later, and told apart: no search waits until all
// resources are indexed by them.
const (
	pointerCode  = "_pointers"
	pointerRules = "+2"
)

// subscriberRules is that of search.Subscriber.
const subscriberRules = "+1"

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
	covered, named := cover{entries: entries}, cover{entries: entries}
	if self.Type == "Consent" { // what it attaches is told from what it is about, be it the same
		covered.entries = slices.DeleteFunc(slices.Clone(entries), func(e search.Entry) bool { return e.Param.Code == "data" })
	}
	var others []search.Entry
	for n := range tree.Root().Pointers() {
		key, _, ok := d.pointed(rel.defs, n)
		if !ok || key == self {
			continue
		}
		by, param := &covered, search.OtherReferenceOf(string(self.Type))
		if self.Type == "Consent" && names(n) {
			by, param.Code = &named, search.NamedReference
		}
		if by.add(key) {
			others = append(others, search.Entry{Param: param, RefType: string(key.Type), RefID: string(key.ID)})
		}
	}
	if others == nil {
		return entries, nil
	}
	return slices.Concat(entries, others), nil // without the room that append leaves
}

// names says whether a reference is one by which a Consent says what it is about.
func names(n fhir.Node) bool {
	d := n.Parent().Parent()
	if d.Name() != "data" {
		return false
	}
	for d.Parent().Name() == "provision" {
		d = d.Parent()
	}
	return d.Name() == "provision"
}

// indexed are the entries of a stored resource, or of what the server itself makes of
// it. A Subscription has those of whose it is.
func (d *Door) indexed(ctx context.Context, r store.Record, rel *release, tree *fhir.Tree) ([]search.Entry, error) {
	return d.indexedWith(ctx, d.store, r, rel, tree)
}

// indexedWith is indexed where from knows whose Subscriptions are.
func (d *Door) indexedWith(ctx context.Context, from store.Identity, r store.Record, rel *release, tree *fhir.Tree) ([]search.Entry, error) {
	entries, err := d.extract(ctx, rel, tree)
	if err != nil || r.Key.Type != subscriptionType {
		return entries, err
	}
	by, err := readSubscriber(ctx, from, r.Key.ID)
	if err != nil || r.Updated.Before(by.Since) {
		return entries, err
	}
	return slices.Concat(entries, by.Standing.subscriptionEntries()), nil
}

// subscriptionEntries are the index entries of a Subscription that say whose it is.
func (s Standing) subscriptionEntries() (entries []search.Entry) {
	for _, code := range s.Subscriber().Codes() {
		entries = append(entries, search.Entry{Param: search.SubscriberParam(), Code: code})
	}
	return entries
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
