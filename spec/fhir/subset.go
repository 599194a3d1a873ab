package fhir

import (
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
)

// Subset says which part of a resource a client asked for (FHIR R4
// §3.1.1.5.8 and §3.1.1.5.9). The zero Subset is the whole resource.
type Subset struct {
	// Summary is the parameter _summary: "true", "text" or "data"; "" and
	// "false" mean no summary. ("count" leaves no resource to render.)
	Summary string
	// Elements is the parameter _elements: names of elements ("name",
	// "contact.name"), with or without the resource type before them.
	Elements []string
}

// IsWhole says whether nothing is left out.
func (s Subset) IsWhole() bool {
	return len(s.Elements) == 0 && (s.Summary == "" || s.Summary == "false")
}

// Check refuses what is no summary mode, or no element of the resource type.
func (s Subset) Check(typ *definitions.Type) error {
	switch s.Summary {
	case "", "true", "text", "data", "false":
	default:
		return fault.New(fault.Invalid, fault.CodeValue, "", "_summary=%s is unknown: use true, text, data, count or false", fault.Shorten(s.Summary))
	}
	for _, path := range s.Elements {
		at := typ
		for name := range strings.SplitSeq(strings.TrimPrefix(path, typ.Name+"."), ".") {
			e := at.Element(name)
			if e == nil {
				return fault.New(fault.Invalid, fault.CodeValue, "", "_elements=%s: %s", fault.Shorten(path), unknownElement(at, name))
			}
			at = e.Types[0].Type
		}
	}
	return nil
}

// The tag of an incomplete resource.
const (
	subsettedSystem = "http://terminology.hl7.org/CodeSystem/v3-ObservationValue"
	subsettedCode   = "SUBSETTED"
)

// Subset returns the part of the resource that s names, tagged SUBSETTED, or
// t itself when nothing is to be left out. Mandatory and modifier elements,
// the id and the meta always stay. A Bundle's entries are not looked into:
// each is a resource of its own.
func (t *Tree) Subset(s Subset) (*Tree, error) {
	if s.IsWhole() {
		return t, nil
	}
	c := t.Clone()
	root := c.Root()
	switch {
	case len(s.Elements) > 0:
		c.keepElements(root, s.Elements)
	case s.Summary == "true":
		keepSummary(root)
	case s.Summary == "text":
		root.keep(func(n Node) bool { return n.Name() == "text" || n.Element().Min > 0 })
	case s.Summary == "data":
		root.keep(func(n Node) bool { return n.Name() != "text" || n.Type().Name != "Narrative" })
	}
	return c, c.tagSubsetted()
}

// AppendJSONSubset appends the part of the resource that s names.
func (t *Tree) AppendJSONSubset(dst []byte, s Subset) ([]byte, error) {
	c, err := t.Subset(s)
	if err != nil {
		return dst, err
	}
	return c.Root().AppendJSON(dst), nil
}

// keep removes the children of a resource that wanted does not want.
func (n Node) keep(wanted func(Node) bool) {
	for c := n.FirstChild(); c.t != nil; {
		next := c.NextSibling()
		if name := c.Name(); name != "id" && name != "meta" && !wanted(c) {
			c.Remove()
		}
		c = next
	}
}

func (t *Tree) keepElements(root Node, elements []string) {
	prefix := root.Type().Name + "."
	root.keep(func(n Node) bool {
		if n.Element().Min > 0 || n.Element().Modifier {
			return true
		}
		var inner []string
		for _, path := range elements {
			first, rest, nested := strings.Cut(strings.TrimPrefix(path, prefix), ".")
			if first != n.Name() {
				continue
			}
			if !nested {
				return true
			}
			inner = append(inner, rest)
		}
		if inner != nil {
			t.keepElements(n, inner)
		}
		return inner != nil
	})
}

// keepSummary keeps what the definitions mark as summary, at each level down
// to the values of data types that have no such marks of their own.
func keepSummary(n Node) {
	n.keep(func(c Node) bool {
		e := c.Element()
		if !e.Summary && !e.Modifier && e.Min == 0 {
			return false
		}
		if c.IsResource() {
			return true
		}
		if !c.IsPrimitive() && marksSummary(c.Type()) {
			keepSummary(c)
		}
		return true
	})
}

func marksSummary(t *definitions.Type) bool {
	for _, e := range t.Elements {
		if e.Summary {
			return true
		}
	}
	return false
}

func (t *Tree) tagSubsetted() error {
	meta, err := t.EnsureMeta()
	if err != nil {
		return err
	}
	for tag := range meta.All("tag") {
		if tag.Child("code").Text() == subsettedCode && tag.Child("system").Text() == subsettedSystem {
			return nil
		}
	}
	tag, err := meta.Add("tag")
	if err != nil {
		return err
	}
	if _, err = tag.Set("system", subsettedSystem); err != nil {
		return err
	}
	_, err = tag.Set("code", subsettedCode)
	return err
}
