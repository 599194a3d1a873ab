package definitions

import (
	"cmp"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/spec/definitions/internal/record"
)

// addParameters puts search parameters on the types of their bases and on
// what derives from them. Codes are unique on a type: the parameter that is
// there first stays, since a guide restates the release's ("name" of
// us-core-patient) and clients mean the release's.
func (d *Definitions) addParameters(records []record.SearchParameter, laid string) {
	slab := make([]SearchParameter, len(records))
	for i, r := range records {
		p := &slab[i]
		*p = SearchParameter{
			URL: r.URL, Version: r.Version, Name: r.Name, Code: r.Code, Type: SearchType(r.Type),
			Base: r.Base, Expression: r.Expression, Targets: r.Targets, Human: r.Human, Package: laid,
		}
		for _, c := range r.Components {
			p.Components = append(p.Components, SearchComponent{Definition: c.Definition, Expression: c.Expression})
		}
	}
	d.place(slab)
}

// WithParameters returns d with further search parameters, as though a package
// loaded on top of it had them. It shares everything else with d.
func (d *Definitions) WithParameters(list []SearchParameter) *Definitions {
	with := *d
	with.base = d
	with.profiles, with.terminology = &profiles{load: func() ([]record.Structure, error) { return nil, nil }}, newTerminology(new(record.Set))
	list = slices.Clone(list)
	for i := range list {
		list[i].Added = true
	}
	with.place(list)
	return &with
}

// place puts the parameters of slab, which it keeps, where they belong.
func (d *Definitions) place(slab []SearchParameter) {
	byURL := make(map[string]*SearchParameter, len(slab))
	byBase := map[string][]*SearchParameter{}
	for i := range slab {
		p := &slab[i]
		if slices.Contains(p.Targets, "Resource") {
			p.Targets = nil
		}
		byURL[p.URL] = p
		for _, base := range p.Base {
			byBase[base] = append(byBase[base], p)
		}
	}
	old := d.params
	d.params = make(map[string][]*SearchParameter, len(d.resources)+2)
	add := func(name string) {
		list := slices.Clip(old[name])
		for t := d.types[name]; t != nil; t = t.Base {
			list = append(list, byBase[t.Name]...)
		}
		if len(list) > len(old[name]) {
			list = slices.Clone(list)
			slices.SortStableFunc(list, func(a, b *SearchParameter) int { return strings.Compare(a.Code, b.Code) })
			list = slices.CompactFunc(list, func(a, b *SearchParameter) bool { return a.Code == b.Code })
		}
		d.params[name] = list
	}
	add("Resource")
	add("DomainResource")
	for _, name := range d.resources {
		add(name)
	}
	d.paramByURL = byURL
}

// LoadedParameters lists the search parameters of packages, laid over the release
// or the release itself, sorted by URL: those, too, that no resource type has.
func (d *Definitions) LoadedParameters() []*SearchParameter {
	var list []*SearchParameter
	for ; d != nil; d = d.base {
		for _, p := range d.paramByURL {
			if p.Package != "" {
				list = append(list, p)
			}
		}
	}
	slices.SortFunc(list, func(a, b *SearchParameter) int {
		return cmp.Or(strings.Compare(a.URL, b.URL), strings.Compare(a.Package, b.Package))
	})
	return list
}
