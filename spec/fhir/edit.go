package fhir

import (
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
)

// Set gives the single primitive child called property (its JSON name) the
// value text; for a boolean or a number text is its literal. The child is
// added at its place in definition order when it is absent; another type of
// the same choice is replaced. The id and extensions of a present child stay.
// The error is a *fault.Error (Unprocessable).
func (n Node) Set(property, text string) (Node, error) {
	p, err := n.property(property)
	if err != nil {
		return Node{}, err
	}
	if p.Element.Repeats() {
		return Node{}, n.refuse(property, "repeats: add a value or replace one of its values instead")
	}
	// Checked first, so that a refused value leaves the tree as it was.
	if err := n.checkValue(p, text); err != nil {
		return Node{}, err
	}
	for c := n.FirstChild(); c.t != nil; c = c.NextSibling() {
		q := c.Property()
		if q == p {
			return c, c.SetText(text)
		}
		if q.Element == p.Element {
			c.Remove()
			break
		}
	}
	return n.AddText(property, text)
}

// Add appends a new empty child of a complex type, after those of the same
// element, else at its place in definition order. An element that is left
// empty is not written.
func (n Node) Add(property string) (Node, error) {
	p, err := n.addable(property)
	if err != nil {
		return Node{}, err
	}
	if p.Type.Kind == definitions.Resource {
		return Node{}, n.refuse(property, "is a resource: graft one")
	}
	return n.link(p, node{prop: p.ID}), nil
}

// AddText appends a primitive child with the value text.
func (n Node) AddText(property, text string) (Node, error) {
	p, err := n.addable(property)
	if err != nil {
		return Node{}, err
	}
	if err := n.checkValue(p, text); err != nil {
		return Node{}, err
	}
	c := n.link(p, node{prop: p.ID})
	c.setValue(text)
	return c, nil
}

// SetText replaces the value of a primitive; its id and extensions stay.
func (n Node) SetText(text string) error {
	p := n.Property()
	if p == nil {
		return fault.New(fault.Unprocessable, fault.CodeStructure, n.Path(), "has no value to set")
	}
	if err := n.Parent().checkValue(p, text); err != nil {
		return err
	}
	n.setValue(text)
	n.t.touch(n.i)
	return nil
}

// Remove unlinks n and what is below it. A root is not removed. The node must
// not be used afterwards.
func (n Node) Remove() {
	if n.t == nil || n.data().parent == 0 {
		return
	}
	nodes := n.t.nodes
	parent := nodes[n.i].parent
	var before uint32
	link := &nodes[parent].first
	for *link != n.i {
		before = *link
		link = &nodes[before].next
	}
	*link = nodes[n.i].next
	if nodes[parent].last == n.i {
		nodes[parent].last = before
	}
	nodes[n.i].parent, nodes[n.i].next = 0, 0
	n.t.touch(parent)
}

// RemoveAll removes the children called name (the element's name: "value").
func (n Node) RemoveAll(name string) {
	for c := n.FirstChild(); c.t != nil; {
		next := c.NextSibling()
		if c.Name() == name {
			c.Remove()
		}
		c = next
	}
}

// Count is the number of children called name (the element's name).
func (n Node) Count(name string) int {
	count := 0
	for range n.All(name) {
		count++
	}
	return count
}

func (n Node) setValue(text string) {
	t := n.t
	from := len(t.edit)
	isString := elementPrimitive(n.Property()).isString()
	escaped := false
	if isString {
		t.edit, escaped = appendEscaped(t.edit, text)
	} else {
		t.edit = append(t.edit, text...)
	}
	nd := n.data()
	nd.off, nd.len = uint32(from), uint32(len(t.edit)-from)
	nd.flags = flagValue | flagEdit
	if isString {
		nd.flags |= flagString
	}
	if escaped {
		nd.flags |= flagEscaped
	}
}

func (n Node) property(name string) (*definitions.Property, error) {
	if n.t == nil {
		return nil, fault.New(fault.Unprocessable, fault.CodeStructure, "", "there is no element to hold %q", fault.Shorten(name))
	}
	if p, ok := n.Type().Property(name); ok {
		return p, nil
	}
	return nil, fault.New(fault.Unprocessable, fault.CodeStructure, n.Path(), "%s", unknownElement(n.Type(), name))
}

// addable returns the property when one more child of it may stand in n.
func (n Node) addable(name string) (*definitions.Property, error) {
	p, err := n.property(name)
	if err != nil || p.Element.Repeats() {
		return p, err
	}
	for c := n.FirstChild(); c.t != nil; c = c.NextSibling() {
		if c.Element() == p.Element {
			return nil, n.refuse(name, "is there already and does not repeat")
		}
	}
	return p, nil
}

func (n Node) refuse(property, message string) error {
	return fault.New(fault.Unprocessable, fault.CodeStructure, n.Path()+"."+property, "%s", message)
}

func (n Node) checkValue(p *definitions.Property, text string) error {
	k := elementPrimitive(p)
	if k == notPrimitive {
		return n.refuse(p.Name, p.Type.Name+" is no primitive: it has elements, not a value")
	}
	if wrong := k.check(p.Type, text); wrong != "" {
		return fault.New(fault.Unprocessable, fault.CodeValue, n.Path()+"."+p.Name, "%q %s", fault.Shorten(text), wrong)
	}
	return nil
}

// link puts a new node into n: after the children of the same element, else
// before the first child that the definition has later.
func (n Node) link(p *definitions.Property, nd node) Node {
	t := n.t
	if last := n.data().last; last != 0 && t.defs.Property(t.nodes[last].prop).Element == p.Element {
		return n.linkAfter(last, nd)
	}
	var after uint32
	same := false
	for c := n.data().first; c != 0; c = t.nodes[c].next {
		e := t.defs.Property(t.nodes[c].prop).Element
		if e == p.Element {
			same = true
		} else if same || e.Order > p.Element.Order {
			break
		}
		after = c
	}
	return n.linkAfter(after, nd)
}

// linkAfter puts a new node behind the child after, or first when it is 0.
func (n Node) linkAfter(after uint32, nd node) Node {
	t := n.t
	i := uint32(len(t.nodes))
	t.nodes = append(t.nodes, nd)
	t.join(n.i, after, i)
	t.touch(n.i)
	return Node{t, i}
}

// join makes node i a child of parent, behind the child after or first when
// it is 0.
func (t *Tree) join(parent, after, i uint32) {
	link := &t.nodes[parent].first
	if after != 0 {
		link = &t.nodes[after].next
	}
	t.nodes[i].parent, t.nodes[i].next = parent, *link
	*link = i
	if t.nodes[parent].last == after {
		t.nodes[parent].last = i
	}
}
