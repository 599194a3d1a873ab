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

// part reads _summary and _elements of an answer with resources of type t, ""
// for several types.
func (c *call) part(t fhir.Type) (part, error) {
	var p part
	if len(c.pairs) == 0 {
		return p, nil
	}
	if v, ok := c.value("_summary"); ok {
		switch v {
		case "true", "text", "data":
			p.summary = search.Summary(v)
		case "false":
		case "count": // of a history: its total only
			if c.endpoint.name != "history" {
				return p, errSummary(v)
			}
		default:
			return p, errSummary(v)
		}
	}
	if v, ok := c.value("_elements"); ok && v != "" {
		d := c.definitions(c.format.release)
		types := []string{string(t)}
		if d.Type(string(t)) == nil {
			types = d.ResourceTypes()
		}
		for name := range strings.SplitSeq(v, ",") {
			element, err := search.Element(d, types, name)
			if err == nil {
				p.elements = append(p.elements, element)
			} else if !c.lenient() {
				return p, fault.New(fault.Invalid, fault.CodeValue, "", "_elements=%s: %s", fault.Shorten(v), err)
			}
		}
	}
	return p, nil
}

// partOf reads _summary and _elements, which were checked before.
func partOf(pairs []search.Pair) part {
	var p part
	for _, pair := range pairs {
		switch {
		case pair.Name == "_summary" && pair.Value != "false":
			p.summary = search.Summary(pair.Value)
		case pair.Name == "_elements" && pair.Value != "":
			p.elements = strings.Split(pair.Value, ",")
		}
	}
	return p
}

func errSummary(v string) error {
	return fault.New(fault.Invalid, fault.CodeValue, "", "_summary=%s is not possible here; it is true, text, data or false.", fault.Shorten(v))
}

// cut returns a copy of the resource with the wanted part only, tagged
// SUBSETTED. Mandatory elements always stay.
func (p part) cut(tree *fhir.Tree) (*fhir.Tree, error) {
	tree = tree.Clone()
	root := tree.Root()
	var keep func(n fhir.Node) bool
	switch {
	case len(p.elements) > 0:
		keep = func(n fhir.Node) bool { return slices.Contains(p.elements, n.Name()) }
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
