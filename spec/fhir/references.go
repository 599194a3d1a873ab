package fhir

import (
	"iter"
)

// References are the Reference.reference values in n and below it, those in
// contained and nested resources included, in document order.
func (n Node) References() iter.Seq[Node] { return n.values(Node.isReference) }

func (n Node) isReference() bool { return n.Name() == "reference" && n.Parent().Type().Is("Reference") }

// Pointers are the References in n and below it, and the Attachment.url values,
// which may point to a Binary, in document order.
func (n Node) Pointers() iter.Seq[Node] {
	return n.values(func(c Node) bool {
		return c.isReference() || c.Name() == "url" && c.Parent().Type().Name == "Attachment"
	})
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
