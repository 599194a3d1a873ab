package mask

import "github.com/inglehealth/ingle/spec/fhir"

// noNarrative is the div of a Narrative that is empty: it must have some text.
const noNarrative = `<div xmlns="http://www.w3.org/1999/xhtml">masked</div>`

// hideNarratives removes the narratives of a resource and of the resources in it, and
// empties those of their parts: a section may have nothing else.
func hideNarratives(t *fhir.Tree) error {
	var narratives []fhir.Node
	for n := range t.Root().Descendants() {
		if n.Type().Is("Narrative") {
			narratives = append(narratives, n)
		}
	}
	for _, n := range narratives {
		part, property := n.Parent(), n.PropertyName()
		n.Remove()
		if part.IsResource() {
			continue
		}
		empty, err := part.Add(property)
		if err != nil {
			return err
		}
		if _, err := empty.AddText("status", "empty"); err != nil {
			return err
		}
		if _, err := empty.AddText("div", noNarrative); err != nil {
			return err
		}
	}
	return nil
}
