package fhir

import (
	"iter"
	"unsafe"

	"github.com/inglehealth/ingle/spec/definitions"
)

// Node is a cursor in a Tree: a small comparable value. The zero Node is "no
// node"; every method that reads is safe on it and gives zero values.
type Node struct {
	t *Tree
	i uint32
}

// IsZero says whether there is no node.
func (n Node) IsZero() bool { return n.t == nil }

// Tree returns the tree n is in, nil for no node.
func (n Node) Tree() *Tree { return n.t }

func (n Node) data() *node { return &n.t.nodes[n.i] }

func (n Node) at(i uint32) Node {
	if i == 0 {
		return Node{}
	}
	return Node{n.t, i}
}

// Property returns what the element is in its parent; nil for a root.
func (n Node) Property() *definitions.Property {
	if n.t == nil {
		return nil
	}
	return n.t.defs.Property(n.data().prop)
}

// PropertyID is Property as a number; 0 for a root.
func (n Node) PropertyID() definitions.PropertyID {
	if n.t == nil {
		return 0
	}
	return n.data().prop
}

// Name is the element's name as FHIRPath has it: "value" for valueQuantity. A
// root's is the name of its type.
func (n Node) Name() string {
	if n.t == nil {
		return ""
	}
	if p := n.Property(); p != nil {
		return p.Element.Name
	}
	return n.Type().Name
}

// PropertyName is the element's name in JSON: "valueQuantity". A root's is the
// name of its type.
func (n Node) PropertyName() string {
	if n.t == nil {
		return ""
	}
	if p := n.Property(); p != nil {
		return p.Name
	}
	return n.Type().Name
}

// Type is the content model: the type chosen of a choice, the type of the
// resource for a nested one, the Backbone for a backbone element.
func (n Node) Type() *definitions.Type {
	if n.t == nil {
		return nil
	}
	nd := n.data()
	if nd.typ != 0 {
		return n.t.types[nd.typ]
	}
	return n.t.defs.Property(nd.prop).Type
}

// Element is the definition in the parent; nil for a root.
func (n Node) Element() *definitions.Element {
	if p := n.Property(); p != nil {
		return p.Element
	}
	return nil
}

// Parent returns the node n is in, none for the root.
func (n Node) Parent() Node {
	if n.t == nil {
		return n
	}
	return n.at(n.data().parent)
}

// IsResource says whether n is a resource: a root, contained, or one in a
// Bundle or Parameters.
func (n Node) IsResource() bool {
	return n.t != nil && n.data().typ != 0 && n.Type().Kind == definitions.Resource
}

// IsPrimitive says whether n's type is a primitive one.
func (n Node) IsPrimitive() bool {
	return n.t != nil && n.Type().Kind == definitions.Primitive
}

// FirstChild returns the first child in document order. With NextSibling it
// walks without closures.
func (n Node) FirstChild() Node {
	if n.t == nil {
		return n
	}
	return n.at(n.data().first)
}

// NextSibling returns the node after n in the same parent.
func (n Node) NextSibling() Node {
	if n.t == nil {
		return n
	}
	return n.at(n.data().next)
}

// Children are the child elements in document order. resourceType is not
// one; a primitive's are its id and extensions.
func (n Node) Children() iter.Seq[Node] {
	return func(yield func(Node) bool) {
		for c := n.FirstChild(); c.t != nil; c = c.NextSibling() {
			if !yield(c) {
				return
			}
		}
	}
}

// Child returns the first child element called name.
func (n Node) Child(name string) Node {
	for c := n.FirstChild(); c.t != nil; c = c.NextSibling() {
		if c.Property().Element.Name == name {
			return c
		}
	}
	return Node{}
}

// All are the children called name.
func (n Node) All(name string) iter.Seq[Node] {
	return func(yield func(Node) bool) {
		for c := n.FirstChild(); c.t != nil; c = c.NextSibling() {
			if c.Property().Element.Name == name && !yield(c) {
				return
			}
		}
	}
}

// Find is Child of Child for each name in turn.
func (n Node) Find(path ...string) Node {
	for _, name := range path {
		n = n.Child(name)
	}
	return n
}

// Descendants are all nodes below n, each before its children, in document
// order. The tree must not be relinked while they are walked.
func (n Node) Descendants() iter.Seq[Node] {
	return func(yield func(Node) bool) {
		if n.t == nil {
			return
		}
		nodes := n.t.nodes
		i := nodes[n.i].first
		for i != 0 {
			if !yield(Node{n.t, i}) {
				return
			}
			if f := nodes[i].first; f != 0 {
				i = f
				continue
			}
			for i != n.i && nodes[i].next == 0 {
				i = nodes[i].parent
			}
			if i == n.i {
				return
			}
			i = nodes[i].next
		}
	}
}

// HasValue says whether n is a primitive with a value, not only extensions.
func (n Node) HasValue() bool { return n.t != nil && n.data().flags&flagValue != 0 }

// Text is a primitive's value without escapes: the text of a number as it was
// written, "true" or "false", the XHTML of a narrative; "" for all else. It
// shares the tree's bytes where nothing is escaped.
func (n Node) Text() string {
	if n.t == nil {
		return ""
	}
	nd := n.data()
	if nd.flags&flagValue == 0 || nd.len == 0 {
		return ""
	}
	raw := n.t.raw(nd)
	if nd.flags&flagEscaped != 0 {
		return string(appendUnescaped(make([]byte, 0, len(raw)), raw))
	}
	// Sound because neither buffer is ever overwritten.
	return unsafe.String(&raw[0], len(raw))
}

// Bool says whether n is a boolean that is true.
func (n Node) Bool() bool { return n.Text() == "true" }
