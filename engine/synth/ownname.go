package synth

import (
	"slices"
	"strings"
)

// representation says in which kind of script a name is written (FHIR extension
// iso21090-EN-representation).
const representation = "http://hl7.org/fhir/StructureDefinition/iso21090-EN-representation"

// humanNames are the HumanNames of a person: the official one, and the same in the
// script of the origin where that is another one. Then each says which it is.
func (p *person) humanNames() list {
	official := object{"use", "official", "family", p.family, "given", texts(p.names)}
	script := p.origin["script"]
	if script == "" {
		return list{official}
	}
	given, own := "men", "ownMen"
	if p.sex == "female" {
		given, own = "women", "ownWomen"
	}
	names := p.inOwnScript(given, own, p.names)
	family := p.inOwnScript("families", "ownFamilies", []string{p.family})[0]
	text := strings.Join(append(slices.Clone(names), family), " ")
	if script == "IDE" {
		text = family + strings.Join(names, "")
	}
	return list{
		append(object{"extension", list{object{"url", representation, "valueCode", "ABC"}}}, official...),
		object{"extension", list{object{"url", representation, "valueCode", script}}, "use", "usual", "text", text, "family", family, "given", texts(names)},
	}
}

// inOwnScript are names of a column of the table as another column writes them.
func (p *person) inOwnScript(column, own string, names []string) []string {
	from, to := strings.Fields(p.origin[column]), strings.Fields(p.origin[own])
	all := make([]string, len(names))
	for i, n := range names {
		all[i] = to[slices.Index(from, n)]
	}
	return all
}

func texts(all []string) list {
	var l list
	for _, t := range all {
		l = append(l, t)
	}
	return l
}
