package fhirapi

import (
	"slices"
	"strings"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// part says which part of a resource is wanted (R4 §3.1.1.5.8 and §3.1.1.5.9).
type part struct {
	summary  search.Summary
	elements []string
}

func (p part) whole() bool { return p.summary == "" && len(p.elements) == 0 }

// part reads _summary and _elements of a read or history, and refuses other
// parameters of a read.
func (c *call) part() (part, error) {
	var p part
	if len(c.pairs) == 0 {
		return p, nil
	}
	if c.endpoint.name != "history" {
		if err := c.only("_summary", "_elements"); err != nil {
			return p, err
		}
	}
	if v, ok := c.value("_summary"); ok {
		switch v {
		case "true", "text", "data":
			p.summary = search.Summary(v)
		case "false":
		default:
			return p, fault.New(fault.Invalid, fault.CodeValue, "", "_summary=%s is not possible here; it is true, text, data or false.", shorten(v))
		}
	}
	if v, ok := c.value("_elements"); ok && v != "" {
		p.elements = strings.Split(v, ",")
		t := c.definitions("").Type(string(c.Type))
		for i, name := range p.elements {
			p.elements[i] = strings.TrimSpace(name)
			if t != nil && t.Element(top(p.elements[i], t.Name)) == nil && !c.lenient() {
				return p, c.errNoElement(name, t)
			}
		}
	}
	return p, nil
}

func (c *call) errNoElement(name string, t *definitions.Type) error {
	names := make([]string, len(t.Elements))
	for i, e := range t.Elements {
		names[i] = e.Name
	}
	if s := suggest(name, names); s != "" {
		return fault.New(fault.Invalid, fault.CodeValue, "", "_elements: %s has no element %q. Did you mean %s?", t.Name, shorten(name), s)
	}
	return fault.New(fault.Invalid, fault.CodeValue, "", "_elements: %s has no element %q.", t.Name, shorten(name))
}

// top is the name of the top-level element that a value of _elements means:
// "name" for "name", "Patient.name" and "name.family".
func top(name, resourceType string) string {
	name = strings.TrimPrefix(name, resourceType+".")
	name, _, _ = strings.Cut(name, ".")
	return strings.TrimSuffix(name, "[x]")
}

// cut returns a copy of the resource with the wanted part only, tagged
// SUBSETTED. Mandatory elements always stay.
func (p part) cut(tree *fhir.Tree) (*fhir.Tree, error) {
	tree = tree.Clone()
	root := tree.Root()
	var keep func(n fhir.Node) bool
	switch {
	case len(p.elements) > 0:
		names := make([]string, len(p.elements))
		for i, name := range p.elements {
			names[i] = top(name, root.Name())
		}
		keep = func(n fhir.Node) bool { return slices.Contains(names, n.Name()) }
	case p.summary == search.SummaryText:
		keep = func(n fhir.Node) bool { return n.Name() == "text" }
	case p.summary == search.SummaryData:
		keep = func(n fhir.Node) bool { return n.Name() != "text" }
	default:
		keep = func(n fhir.Node) bool { return n.Element().Summary }
	}
	removed := false
	for n := root.FirstChild(); !n.IsZero(); {
		next := n.NextSibling()
		if name := n.Name(); name != "id" && name != "meta" && n.Element().Min == 0 && !keep(n) {
			n.Remove()
			removed = true
		}
		n = next
	}
	if p.summary == search.SummaryTrue {
		for n := root.FirstChild(); !n.IsZero(); n = n.NextSibling() {
			removed = cutSummary(n) || removed
		}
	}
	if !removed && p.summary != search.SummaryTrue && p.summary != search.SummaryText {
		return tree, nil
	}
	return tree, tag(root)
}

// cutSummary removes what is not part of the summary below n.
func cutSummary(n fhir.Node) (removed bool) {
	if n.IsResource() || n.Type() == nil || n.Type().Kind == definitions.Primitive || n.Name() == "meta" {
		return false
	}
	for child := n.FirstChild(); !child.IsZero(); {
		next := child.NextSibling()
		if e := child.Element(); e != nil && !e.Summary && e.Min == 0 && child.Name() != "id" {
			child.Remove()
			removed = true
		} else {
			removed = cutSummary(child) || removed
		}
		child = next
	}
	return removed
}

const (
	subsettedSystem = "http://terminology.hl7.org/CodeSystem/v3-ObservationValue"
	subsettedCode   = "SUBSETTED"
)

// tag marks a resource as incomplete, so that nobody writes it back.
func tag(root fhir.Node) error {
	meta := root.Child("meta")
	if meta.IsZero() {
		var err error
		if meta, err = root.Add("meta"); err != nil {
			return err
		}
	}
	for n := range meta.All("tag") {
		if n.Child("code").Text() == subsettedCode && n.Child("system").Text() == subsettedSystem {
			return nil
		}
	}
	coding, err := meta.Add("tag")
	if err != nil {
		return err
	}
	if _, err = coding.Set("system", subsettedSystem); err != nil {
		return err
	}
	_, err = coding.Set("code", subsettedCode)
	return err
}
