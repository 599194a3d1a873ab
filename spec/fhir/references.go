package fhir

import (
	"iter"
	"strings"
)

// References are the Reference.reference values in n and below it, those in
// contained and nested resources included, in document order.
func (n Node) References() iter.Seq[Node] { return n.values(Node.isReference) }

func (n Node) isReference() bool { return n.Name() == "reference" && n.Parent().Type().Is("Reference") }

// Pointers are the References in n and below it, the Attachment.url values, which may
// point to a Binary, and those values of type uri or url that do, as in extensions, in
// document order.
func (n Node) Pointers() iter.Seq[Node] {
	return n.values(func(c Node) bool {
		return c.isReference() || c.Name() == "url" && c.Parent().Type().Name == "Attachment" || c.isBinaryLink()
	})
}

// isBinaryLink says whether n is the value of an extension, an answer, an input or the
// like that may be the address of a Binary.
func (n Node) isBinaryLink() bool {
	if n.Name() != "value" {
		return false
	}
	switch n.Type().Name {
	case "uri", "url":
		return strings.Contains(n.Text(), "Binary/")
	}
	return false
}

// ReferredType is the segment of a reference where a resource type stands: before the id,
// or before the question mark of a conditional reference. It is "" when there is none, and
// need not be a type.
func ReferredType(reference string) string {
	reference, _, _ = strings.Cut(reference, "/_history/")
	reference, _, conditional := strings.Cut(reference, "?")
	if !conditional {
		i := strings.LastIndexByte(reference, '/')
		if i < 0 {
			return ""
		}
		reference = reference[:i]
	}
	return reference[strings.LastIndexByte(reference, '/')+1:]
}

// URIs are the values of type uri, url, canonical, oid and uuid in n and below
// it. Reference.reference, a string in R4, is not among them.
func (n Node) URIs() iter.Seq[Node] {
	return n.values(func(c Node) bool { return c.Type().Is("uri") })
}

func (n Node) values(want func(Node) bool) iter.Seq[Node] {
	return func(yield func(Node) bool) {
		for c := range n.Descendants() {
			if c.HasValue() && want(c) && !yield(c) {
				return
			}
		}
	}
}

// RewriteLinks gives rewrite each reference and uri in n and below it, and
// the href and src of narratives, and puts in what it returns with true. FHIR
// R4 §3.1.0.11.2 names these as what a transaction replaces; canonicals it
// leaves alone. A uuid or oid, which it names too, cannot hold the address of a
// resource and stays.
func (n Node) RewriteLinks(rewrite func(link string) (string, bool)) error {
	for c := range n.Descendants() {
		if !c.HasValue() {
			continue
		}
		text, changed := "", false
		switch k := primitiveOf(c.Type()); {
		case k == primitiveXHTML:
			text, changed = rewriteNarrative(c.Text(), rewrite)
		case k == primitiveURI && c.Type().Name != "canonical",
			c.Name() == "reference" && c.Parent().Type().Is("Reference"):
			text, changed = rewrite(c.Text())
		}
		if changed {
			if err := c.SetText(text); err != nil {
				return err
			}
		}
	}
	return nil
}
