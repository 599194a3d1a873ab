package terminology

import (
	"slices"

	"github.com/inglehealth/ingle/spec/definitions"
)

// name is one name of a concept.
type name struct {
	definitions.Designation
	base       bool        // it is the display of the code system
	listed     bool        // it is the display that a value set gives
	supplement *CodeSystem // that adds it, or nil
}

// preferred marks the display of a code system among designations.
var preferred = definitions.Coding{
	System: "http://terminology.hl7.org/CodeSystem/hl7TermMaintInfra", Code: "preferredForLanguage", Display: "Preferred For Language",
}

// forDisplay says whether a designation may be used as the display: it has no
// use, or one that says so.
func (n *name) forDisplay() bool {
	return n.Use.Code == "" || n.Use.Code == "display" || n.Use.Code == preferred.Code
}

// told is the designation as expansions have it, with the extensions that
// mean something there.
func (n *name) told() definitions.Designation {
	d := n.Designation
	d.Extensions = slices.DeleteFunc(slices.Clone(d.Extensions), func(e definitions.Extension) bool {
		return e.URL != standardsStatus && !slices.Contains(asExtension, e.URL)
	})
	return d
}

// withdrawn is the status of a designation that is not to be used any more,
// "" when it is.
func (n *name) withdrawn() string {
	if v := extensionValue(n.Extensions, standardsStatus); v == "withdrawn" || v == "deprecated" {
		return v
	}
	return ""
}

// names are all names of an item: what the value set calls it, the display of
// the code system, then designations.
func (it *item) names() []name {
	var out []name
	if it.concept != nil && it.concept.Display != "" {
		language := ""
		if it.of != nil {
			language = it.of.Language
		}
		out = append(out, name{Designation: definitions.Designation{Language: language, Value: it.concept.Display}, listed: true})
	}
	if it.sys != nil {
		concept := &it.sys.Concepts[it.index]
		if concept.Display != "" {
			out = append(out, name{Designation: definitions.Designation{Language: it.sys.Language, Use: preferred, Value: concept.Display}, base: true})
		}
		for _, d := range concept.Designations {
			out = append(out, name{Designation: d})
		}
		for _, sup := range it.sys.supplements {
			if i, _, ok := sup.find(concept.Code); ok {
				if d := sup.Concepts[i].Display; d != "" && d != concept.Display {
					out = append(out, name{Designation: definitions.Designation{Language: sup.Language, Use: preferred, Value: d}, supplement: sup})
				}
				for _, d := range sup.Concepts[i].Designations {
					out = append(out, name{Designation: d, supplement: sup})
				}
			}
		}
	}
	if it.concept != nil {
		for _, d := range it.concept.Designations {
			out = append(out, name{Designation: d})
		}
	}
	return out
}

// choose picks the display in the languages wanted: its place in names, -1
// when there is none. A display whose language nobody says will do for any, and
// the first is taken when no language is wanted, or another one will do.
func (l Languages) choose(names []name) int {
	for _, tag := range l.tags {
		i := slices.IndexFunc(names, func(n name) bool { return n.forDisplay() && languageMatches(tag, n.Language) })
		if i < 0 {
			i = slices.IndexFunc(names, func(n name) bool { return n.forDisplay() && n.Language != "" && languageMatches(n.Language, tag) })
		}
		if i >= 0 {
			return i
		}
	}
	if l.strict {
		return slices.IndexFunc(names, func(n name) bool { return (n.base || n.listed) && n.Language == "" })
	}
	return slices.IndexFunc(names, func(n name) bool { return n.base || n.listed })
}
