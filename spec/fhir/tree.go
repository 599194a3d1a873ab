package fhir

import (
	"slices"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
)

// Tree is one resource, or one value of a data type, as nodes in one slice
// over the bytes it was read from. It is not safe for concurrent mutation; it
// is safe for concurrent reading.
type Tree struct {
	defs *definitions.Definitions
	// nodes holds the arena: nodes[0] is unused so that 0 means none, nodes[1] is the root.
	nodes []node
	// src is what was parsed; it is never written.
	src []byte
	// made says that nobody sent src, so that no place in it can be told.
	made bool
	// places are where nodes stood in XML; nil for what was read from JSON or made.
	places *places
	// edit holds the text of edits. It only grows, so strings over it stay true.
	edit []byte
	// types are the types of nodes that their property does not tell: the
	// root and nested resources. types[0] is nil.
	types    []*definitions.Type
	ownTypes [4]*definitions.Type // what types holds unless there are many
}

// node is one element. It holds no pointers, so the garbage collector never
// looks into an arena.
type node struct {
	prop   definitions.PropertyID // 0 for the root
	off    uint32                 // start of its text
	len    uint32                 // length of its text
	first  uint32                 // first child
	last   uint32                 // last child
	next   uint32                 // next sibling
	parent uint32
	typ    uint16 // index in Tree.types; 0 when the property tells the type
	flags  flag
}

type flag uint8

const (
	flagEdit    flag = 1 << iota // the text lies in Tree.edit, not in Tree.src
	flagValue                    // a primitive that has a value; off and len are it, JSON escapes included
	flagString                   // the value is a JSON string; off and len are what stands between the quotes
	flagEscaped                  // the text has JSON escapes
	flagClean                    // an object whose text is its content: nothing in it was edited
	flagCompact                  // an object whose text has no white space between tokens
	flagPlaced                   // Tree.places tells where it stood
)

const rootIndex = 1

// New makes an empty resource. The error is a *fault.Error when resourceType
// is not a concrete resource type of d.
func New(d *definitions.Definitions, resourceType string) (*Tree, error) {
	if !d.IsResource(resourceType) {
		return nil, fault.New(fault.Invalid, fault.CodeStructure, resourceType, "%s", unknownResource(d, resourceType))
	}
	return newTree(d, d.Type(resourceType)), nil
}

// NewValue makes an empty value of a complex type given by name ("HumanName")
// or by the path of a backbone element.
func NewValue(d *definitions.Definitions, typeName string) (*Tree, error) {
	typ := d.Type(typeName)
	if typ == nil {
		return nil, fault.New(fault.Invalid, fault.CodeStructure, typeName, "there is no type %q in %s", typeName, d.Release)
	}
	return newTree(d, typ), nil
}

func newTree(d *definitions.Definitions, typ *definitions.Type) *Tree {
	t := &Tree{defs: d, nodes: make([]node, 2, 16), types: []*definitions.Type{nil, typ}}
	t.nodes[rootIndex].typ = 1
	return t
}

// Definitions returns the release the tree was read with.
func (t *Tree) Definitions() *definitions.Definitions { return t.defs }

// Len is the number of nodes: a measure of the memory and work that goes with
// the tree.
func (t *Tree) Len() int { return len(t.nodes) }

// Root returns the resource.
func (t *Tree) Root() Node { return Node{t, rootIndex} }

// Clone returns a tree of the same content that can be edited on its own. It
// shares the bytes, which are never overwritten.
func (t *Tree) Clone() *Tree {
	return &Tree{
		defs:   t.defs,
		nodes:  slices.Clone(t.nodes),
		src:    t.src,
		made:   t.made,
		places: t.places,
		edit:   slices.Clip(t.edit),
		types:  slices.Clip(t.types),
	}
}

// typeIndex finds or adds typ in t.types.
func (t *Tree) typeIndex(typ *definitions.Type) uint16 {
	for i := len(t.types) - 1; i > 0; i-- {
		if t.types[i] == typ {
			return uint16(i)
		}
	}
	t.types = append(t.types, typ)
	return uint16(len(t.types) - 1)
}

// raw is the text of a node as it stands in its buffer.
func (t *Tree) raw(nd *node) []byte {
	if nd.flags&flagEdit != 0 {
		return t.edit[nd.off : nd.off+nd.len]
	}
	return t.src[nd.off : nd.off+nd.len]
}

// touch says that the content of the node and of all around it differs from
// their text from now on.
func (t *Tree) touch(i uint32) {
	for ; i != 0; i = t.nodes[i].parent {
		t.nodes[i].flags &^= flagClean
	}
}
