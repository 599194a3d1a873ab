package fhir

import (
	"slices"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
)

// Graft puts a deep copy of src, from this tree or another of the same
// release, into n as a new child under the JSON property name, after the
// children of the same element. src's type must be the property's; a resource
// goes where any resource may stand: Graft("resource", other.Root()).
func (n Node) Graft(property string, src Node) (Node, error) {
	p, err := n.addable(property)
	if err != nil {
		return Node{}, err
	}
	if err := n.graftable(p, src); err != nil {
		return Node{}, err
	}
	src = src.apart(n.t)
	c := n.link(p, node{prop: p.ID})
	n.t.fill(c.i, src)
	return c, nil
}

// InsertAt is Graft at a position among the values of a repeating element,
// from 0 to their count.
func (n Node) InsertAt(property string, index int, src Node) (Node, error) {
	p, err := n.addable(property)
	if err != nil {
		return Node{}, err
	}
	if err := n.graftable(p, src); err != nil {
		return Node{}, err
	}
	if index == 0 && n.Child(p.Element.Name).IsZero() {
		return n.Graft(property, src)
	}
	after, ok := n.before(p.Element, index)
	if !ok {
		return Node{}, n.refuse(property, "has no such position")
	}
	src = src.apart(n.t)
	c := n.linkAfter(after, node{prop: p.ID})
	n.t.fill(c.i, src)
	return c, nil
}

// Move puts the value at position from of the repeating element called name
// at position to, as counted once it is taken out.
func (n Node) Move(name string, from, to int) error {
	var e *definitions.Element
	count := 0
	var moved Node
	for c := range n.All(name) {
		if count == from {
			moved, e = c, c.Element()
		}
		count++
	}
	if moved.t == nil || to < 0 || to >= count {
		return n.refuse(name, "has no such position")
	}
	if from == to {
		return nil
	}
	moved.Remove()
	after, _ := n.before(e, to)
	n.t.join(n.i, after, moved.i)
	return nil
}

// Replace puts a deep copy of src in the place of n and returns it. src must
// be of n's type, or of another type of the same choice.
func (n Node) Replace(src Node) (Node, error) {
	parent := n.Parent()
	p := n.Property()
	if p == nil {
		return Node{}, fault.New(fault.Unprocessable, fault.CodeStructure, n.Path(), "a whole resource cannot be replaced in place")
	}
	if p.Element.Choice && src.t != nil {
		if q, ok := parent.Type().Property(p.Element.Name + upperFirst(src.Type().Name)); ok {
			p = q
		}
	}
	if err := parent.graftable(p, src); err != nil {
		return Node{}, err
	}
	src = src.apart(n.t)
	c := parent.linkAfter(n.i, node{prop: p.ID})
	n.t.fill(c.i, src)
	n.Remove()
	return c, nil
}

// before finds the sibling behind which position index of element e lies.
func (n Node) before(e *definitions.Element, index int) (after uint32, ok bool) {
	at := 0
	for c := n.data().first; c != 0; c = n.t.nodes[c].next {
		if n.t.defs.Property(n.t.nodes[c].prop).Element == e {
			if at == index {
				return after, true
			}
			at++
			if at == index {
				return c, true
			}
		}
		after = c
	}
	return after, false
}

func (n Node) graftable(p *definitions.Property, src Node) error {
	if src.t == nil {
		return n.refuse(p.Name, "there is nothing to put here")
	}
	if src.t.defs.Release != n.t.defs.Release {
		return n.refuse(p.Name, "the value is of release "+string(src.t.defs.Release))
	}
	if src.t.defs != n.t.defs {
		for c := range src.Descendants() {
			if _, ok := n.t.sameProperty(c); !ok {
				return n.refuse(p.Name, c.Path()+" is not known to these definitions")
			}
		}
	}
	have := src.Type()
	if p.Type.Kind == definitions.Resource {
		if !src.IsResource() || !have.Is(p.Type.Name) {
			return n.refuse(p.Name, have.Name+" cannot stand here: a resource is needed")
		}
		return nil
	}
	if have.Name == p.Type.Name {
		return nil
	}
	want := elementPrimitive(p)
	if want == notPrimitive || have.Kind != definitions.Primitive {
		return n.refuse(p.Name, have.Name+" cannot stand here: "+p.Type.Name+" is needed")
	}
	if src.HasValue() {
		return n.checkValue(p, src.Text())
	}
	return nil
}

// apart returns n, or a copy of it when it lies in t itself, where copying
// would walk what it makes.
func (n Node) apart(t *Tree) Node {
	if n.t == t {
		return n.CopyTree().Root()
	}
	return n
}

// CopyTree returns the resource or value n as a tree of its own. It shares the
// bytes.
func (n Node) CopyTree() *Tree {
	c := &Tree{
		defs:  n.t.defs,
		nodes: make([]node, 2, 32),
		src:   n.t.src,
		made:  n.t.made,
		edit:  slices.Clip(n.t.edit),
		types: []*definitions.Type{nil, n.Type()},
	}
	c.nodes[rootIndex] = *n.data()
	root := &c.nodes[rootIndex]
	root.prop, root.typ, root.parent, root.next, root.first, root.last = 0, 1, 0, 0, 0, 0
	c.copyChildren(rootIndex, n, func(nd *node) {})
	c.places = n.t.places.of(n)
	return c
}

// fill makes node i a copy of src's content.
func (t *Tree) fill(i uint32, src Node) {
	from := *src.data()
	to := &t.nodes[i]
	if src.IsResource() {
		to.typ = t.typeIndex(t.defs.Type(src.Type().Name))
	}
	if from.flags&flagClean != 0 {
		// The text is copied once and everything below points into the copy.
		text := src.t.raw(&from)
		base := uint32(len(t.edit))
		t.edit = append(t.edit, text...)
		to = &t.nodes[i]
		to.off, to.len, to.flags = base, from.len, from.flags|flagEdit
		t.copyChildren(i, src, func(nd *node) {
			nd.off = nd.off - from.off + base
			nd.flags |= flagEdit
		})
		return
	}
	to.flags = 0
	if from.flags&flagValue != 0 {
		if want := elementPrimitive(Node{t, i}.Property()); want.isString() == (from.flags&flagString != 0) {
			base := uint32(len(t.edit))
			t.edit = append(t.edit, src.t.raw(&from)...)
			to.off, to.len, to.flags = base, from.len, from.flags|flagEdit
		} else {
			Node{t, i}.setValue(src.Text())
		}
	}
	for c := src.data().first; c != 0; {
		child := Node{src.t, c}
		next := src.t.nodes[c].next
		k := uint32(len(t.nodes))
		prop, _ := t.sameProperty(child)
		t.nodes = append(t.nodes, node{prop: prop})
		t.join(i, t.nodes[i].last, k)
		t.fill(k, child)
		c = next
	}
}

// sameProperty is the number in t's definitions of what n is in its parent.
func (t *Tree) sameProperty(n Node) (definitions.PropertyID, bool) {
	p := n.Property()
	if n.t.defs == t.defs {
		return p.ID, true
	}
	if typ := t.defs.Type(n.Parent().Type().Name); typ != nil {
		if q, ok := typ.Property(p.Name); ok {
			return q.ID, true
		}
	}
	return 0, false
}

// copyChildren copies what is below src under node i of t and lets adapt
// change each copy.
func (t *Tree) copyChildren(i uint32, src Node, adapt func(*node)) {
	for c := src.data().first; c != 0; {
		child := Node{src.t, c}
		nd := src.t.nodes[c]
		next := nd.next
		nd.first, nd.last = 0, 0
		if nd.typ != 0 {
			nd.typ = t.typeIndex(t.defs.Type(child.Type().Name))
		}
		if src.t.defs != t.defs {
			nd.prop, _ = t.sameProperty(child)
		}
		adapt(&nd)
		k := uint32(len(t.nodes))
		t.nodes = append(t.nodes, nd)
		t.join(i, t.nodes[i].last, k)
		t.copyChildren(k, child, adapt)
		c = next
	}
}
