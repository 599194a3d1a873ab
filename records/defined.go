package records

import (
	"slices"
	"sync"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
)

// defined are the releases with the search parameters that are stored, and what
// tells one such set from another. It never changes, so that who goes by one of
// them can tell that another one is in force. It is safe for concurrent use.
type defined struct {
	stored   []storedParameter
	releases map[definitions.Release]*release

	printing sync.Mutex
	prints   map[indexKey]*printed
}

func newDefined(stored []storedParameter, releases map[definitions.Release]*release) *defined {
	return &defined{stored: stored, releases: releases, prints: map[indexKey]*printed{}}
}

// with are the releases of d with stored parameters.
func (d *defined) with(stored []storedParameter) *defined {
	if len(stored) == 0 {
		return d
	}
	lists := map[definitions.Release][]definitions.SearchParameter{}
	for _, p := range stored {
		if p.Problem == "" {
			lists[p.Release] = append(lists[p.Release], p.Definition)
		}
	}
	releases := make(map[definitions.Release]*release, len(d.releases))
	for name, rel := range d.releases {
		if len(lists[name]) > 0 {
			rel = rel.with(lists[name])
		}
		releases[name] = rel
	}
	return newDefined(stored, releases)
}

// definedBy are the definitions in force when these parameters are stored.
func (x *indexes) definedBy(stored []storedParameter) *defined {
	if by := x.current(); slices.EqualFunc(by.stored, stored, storedParameter.same) {
		return by
	}
	return x.base.with(stored)
}

// printed are the prints of a type's definitions.
type printed struct {
	of     string
	params func() map[string]string
}

// printsOf is nil for what there are no definitions of.
func (d *defined) printsOf(k indexKey) *printed {
	d.printing.Lock()
	defer d.printing.Unlock()
	if p := d.prints[k]; p != nil {
		return p
	}
	rel := d.releases[k.Release]
	if rel == nil || !rel.defs.IsResource(string(k.Type)) {
		return nil
	}
	contained := rel.contained()
	of := rel.catalog.Print(string(k.Type)) + contained + referenceRules + pointerRules
	if k.Type == subscriptionType {
		of += subscriberRules
	}
	p := &printed{of: of, params: sync.OnceValue(func() map[string]string {
		prints := rel.catalog.Prints(string(k.Type))
		prints[search.OtherReference], prints[containedCode] = referenceRules, contained
		prints[pointerCode] = pointerRules
		if k.Type == subscriptionType {
			prints[search.Subscriber] = subscriberRules
		}
		return prints
	})}
	d.prints[k] = p
	return p
}
