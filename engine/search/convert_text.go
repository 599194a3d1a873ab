package search

import (
	"slices"
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

// text makes string entries (§3.1.1.4.8): of names and addresses every part,
// and all parts in the order in which they are read.
func (x *extraction) text(n fhir.Node) {
	switch t := n.Type(); t.Name {
	case "HumanName":
		x.parts(n, " ", partsOf[t.Name])
	case "Address":
		x.parts(n, ", ", partsOf[t.Name])
	case "CodeableConcept":
		x.children(n, "text")
		for c := n.FirstChild(); !c.IsZero(); c = c.NextSibling() {
			if c.Name() == "coding" {
				x.children(c, "display")
			}
		}
	case "CodeableReference":
		if c := n.Child("concept"); !c.IsZero() {
			x.text(c)
		}
	case "Coding", "Reference":
		x.children(n, "display")
	case "Identifier", "ContactPoint":
		x.children(n, "value")
	case "Annotation":
		x.children(n, "text")
	default:
		if t.Kind == definitions.Primitive {
			x.addText(n.Text())
		}
	}
}

// parts adds the text, each part that is not found under another parameter, and
// the parts together.
func (x *extraction) parts(n fhir.Node, between string, names []string) {
	x.children(n, "text")
	var all []string
	for _, name := range names {
		for c := n.FirstChild(); !c.IsZero(); c = c.NextSibling() {
			if c.Name() == name && c.HasValue() {
				if !slices.Contains(x.elsewhere, name) {
					x.addText(c.Text())
				}
				all = append(all, c.Text())
			}
		}
	}
	if len(all) > 1 {
		x.addText(strings.Join(all, between))
	}
}

func (x *extraction) children(n fhir.Node, name string) {
	for c := n.FirstChild(); !c.IsZero(); c = c.NextSibling() {
		if c.Name() == name && c.HasValue() {
			x.addText(c.Text())
		}
	}
}

func (x *extraction) addText(text string) {
	if text == "" {
		return
	}
	// Only the start of a long text is searched by, so only a start that can
	// make MaxText bytes is normalised: no character vanishes in more than a
	// few, and punctuation is rare.
	x.add(Entry{Norm: cut(Normalize(cut(text, 4*MaxText)), MaxText), Text: Bound(text)})
}
