package validate

import (
	"fmt"
	"strings"

	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// document checks what the text of the specification says of a Bundle that is a
// document: what its Composition refers to is in it, once, and all that is in it has to
// do with the Composition. R4 §3.3.1 Document Content.
func (r *run) document(bundle fhir.Node) {
	d := papers{r: r, at: map[string][]int{}}
	for e := range bundle.All("entry") {
		if resource := e.Child("resource"); !resource.IsZero() {
			d.at[e.Child("fullUrl").Text()] = append(d.at[e.Child("fullUrl").Text()], len(d.resources))
			d.resources = append(d.resources, resource)
		}
	}
	if len(d.resources) == 0 || d.resources[0].Type().Name != "Composition" {
		return // an invariant says so
	}
	composition := d.resources[0]
	for _, name := range []string{"subject", "encounter", "author", "custodian"} {
		d.present(composition, name)
	}
	for attester := range composition.All("attester") {
		d.present(attester, "party")
	}
	for event := range composition.All("event") {
		d.present(event, "detail")
	}
	d.sections(composition)
	d.reached()
}

// papers are the resources of a document, the Composition first.
type papers struct {
	r         *run
	resources []fhir.Node
	at        map[string][]int // by fullUrl
}

func (d *papers) sections(n fhir.Node) {
	for section := range n.All("section") {
		d.present(section, "author")
		d.present(section, "focus")
		d.present(section, "entry")
		d.sections(section)
	}
}

// present checks that the references of an element lead to one entry each.
func (d *papers) present(n fhir.Node, name string) {
	for c := range n.All(name) {
		reference := c.Child("reference").Text()
		if reference == "" || reference[0] == '#' {
			continue
		}
		switch found := d.find(0, reference); len(found) {
		case 0:
			d.r.add(fault.ErrorLevel, fault.CodeNotFound, c, fmt.Sprintf("refers to %s, which is no entry of the document: what a Composition refers to is in it, under the fullUrl that the reference means", fault.Shorten(reference)))
		case 1:
		default:
			d.r.add(fault.ErrorLevel, fault.CodeDuplicate, c, fmt.Sprintf("refers to %s, which %d entries of the document are", fault.Shorten(reference), len(found)))
		}
	}
}

// find gives the entries that a reference within an entry leads to, of a version by
// meta.versionId.
func (d *papers) find(from int, reference string) (found []int) {
	reference, version, _ := strings.Cut(reference, "/_history/")
	reference = d.r.absolute(reference, d.resources[from].Parent().Child("fullUrl").Text())
	for _, i := range d.at[reference] {
		if version == "" || d.resources[i].Child("meta").Child("versionId").Text() == version {
			found = append(found, i)
		}
	}
	return found
}

// reached checks that each entry is the Composition or can be reached from it by
// references; against their direction that is for Provenance.
func (d *papers) reached() {
	to, back := make([][]int, len(d.resources)), make([][]int, len(d.resources))
	for i, resource := range d.resources {
		for n := range resource.Descendants() {
			if n.Name() != "reference" || !n.Parent().Type().Is("Reference") || !n.HasValue() {
				continue
			}
			for _, j := range d.find(i, n.Text()) {
				to[i] = append(to[i], j)
				back[j] = append(back[j], i)
			}
		}
	}
	for _, versions := range d.at {
		for _, i := range versions[1:] {
			back[versions[0]], back[i] = append(back[versions[0]], i), append(back[i], versions[0])
		}
	}
	reached := make([]bool, len(d.resources))
	follow(reached, to)
	linked := make([]bool, len(d.resources))
	follow(linked, to, back)
	for i, resource := range d.resources {
		switch name := resource.Type().Name; {
		case reached[i] || name == "Binary": // which may be a style sheet
		case !linked[i]:
			d.r.add(fault.ErrorLevel, fault.CodeInvalid, resource.Parent(), "has nothing to do with the Composition: no references lead from one to the other, so it does not belong into the document")
		case name != "Provenance":
			d.r.add(fault.Warning, fault.CodeInvalid, resource.Parent(), "is not reached by references from the Composition: only a Provenance refers to what is in a document without being referred to")
		}
	}
}

// follow marks what can be reached from the first, along each of the ways.
func follow(seen []bool, ways ...[][]int) {
	seen[0] = true
	for open := []int{0}; len(open) > 0; {
		at := open[len(open)-1]
		open = open[:len(open)-1]
		for _, way := range ways {
			for _, next := range way[at] {
				if !seen[next] {
					seen[next] = true
					open = append(open, next)
				}
			}
		}
	}
}
