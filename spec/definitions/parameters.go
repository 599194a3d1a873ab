package definitions

import (
	"slices"
	"strings"

	"github.com/inglehealth/ingle/spec/definitions/internal/record"
)

// addParameters puts search parameters on the types of their bases and on
// what derives from them. Codes are unique on a type: the parameter that is
// there first stays, since a guide restates the release's ("name" of
// us-core-patient) and clients mean the release's.
func (d *Definitions) addParameters(records []record.SearchParameter) {
	slab := make([]SearchParameter, len(records))
	byURL := make(map[string]*SearchParameter, len(records))
	byBase := map[string][]*SearchParameter{}
	for i, r := range records {
		p := &slab[i]
		*p = SearchParameter{
			URL: r.URL, Version: r.Version, Name: r.Name, Code: r.Code, Type: SearchType(r.Type),
			Base: r.Base, Expression: r.Expression, Targets: r.Targets, Human: r.Human,
		}
		if slices.Contains(p.Targets, "Resource") {
			p.Targets = nil
		}
		for _, c := range r.Components {
			p.Components = append(p.Components, SearchComponent{Definition: c.Definition, Expression: c.Expression})
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
