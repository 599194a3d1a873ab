package fhir

import (
	"bytes"
	"slices"
	"sync"
	"unsafe"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
)

// ParseJSON parses exactly one resource (FHIR R4 §2.6.2). It is strict: a name
// that is no element, a value of the wrong JSON type or that breaks the rules
// of its primitive type, a duplicate name, an empty object, array or string, a
// null that no extension accounts for, and narrative that breaks the rules of
// XHTML are refused.
//
// The tree keeps src: the caller must not change it afterwards. The error is a
// *fault.Error (Invalid, or TooLarge) of up to 20 issues with path, line and
// column; ErrMalformed is in its chain when src is no JSON. It is safe for
// concurrent use.
func ParseJSON(d *definitions.Definitions, src []byte, l Limits) (*Tree, error) {
	return parseJSON(d, nil, src, l)
}

// ParseValueJSON parses a value of a type given by name ("HumanName",
// "string") or by the path of a backbone element ("Patient.contact").
func ParseValueJSON(d *definitions.Definitions, typeName string, src []byte, l Limits) (*Tree, error) {
	typ := d.Type(typeName)
	if typ == nil {
		return nil, fault.New(fault.Invalid, fault.CodeStructure, typeName, "there is no type %q in %s", fault.Shorten(typeName), d.Release)
	}
	return parseJSON(d, typ, src, l)
}

func parseJSON(d *definitions.Definitions, typ *definitions.Type, src []byte, l Limits) (*Tree, error) {
	l = l.orDefault()
	if len(src) > l.MaxBytes {
		return nil, tooLarge(l.MaxBytes)
	}
	p := jsonParsers.Get().(*jsonParser)
	p.reset(d, src, l)
	p.document(typ)
	t, err := p.finish()
	p.release()
	return t, err
}

// jsonParsers keeps parsers for their arenas and their caches of properties.
var jsonParsers = sync.Pool{New: func() any { return new(jsonParser) }}

// keepNodes bounds the arena that a parser keeps between parses.
const keepNodes = 1 << 15

type jsonParser struct {
	problems
	tree    Tree // under construction: the arena is the parser's own until finish
	src     []byte
	pos     int
	spaces  int // white space seen between tokens, in bytes
	rescans int // bytes read twice to find a resourceType
	limits  Limits
	scratch []byte
	known   [1024]knownProperty
}

// knownProperty remembers what a name means in a type, so that most names are
// not hashed.
type knownProperty struct {
	typ  *definitions.Type
	prop *definitions.Property
	kind primitive
}

func (p *jsonParser) reset(d *definitions.Definitions, src []byte, l Limits) {
	p.problems = problems{}
	p.tree.defs = d
	if guess := len(src) / 32; guess > keepNodes {
		p.tree.nodes = make([]node, 0, guess)
	}
	p.tree.nodes = append(p.tree.nodes[:0], node{}, node{})
	p.tree.types = append(p.tree.types[:0], nil)
	p.src, p.pos, p.spaces, p.rescans, p.limits = src, 0, 0, 0, l
}

func (p *jsonParser) release() {
	p.src, p.tree.src = nil, nil
	if cap(p.tree.nodes) > keepNodes {
		p.tree.nodes = nil
	}
	if cap(p.scratch) > keepNodes {
		p.scratch = nil
	}
	jsonParsers.Put(p)
}

// finish gives the tree an arena of its own size, with a little room for the
// id and meta that a server sets.
func (p *jsonParser) finish() (*Tree, error) {
	if p.any() {
		return nil, p.err()
	}
	const room = 8
	t := &Tree{defs: p.tree.defs, src: p.src}
	t.types = append(t.ownTypes[:0], p.tree.types...)
	if n := len(p.tree.nodes); n > keepNodes {
		t.nodes, p.tree.nodes = p.tree.nodes, nil
	} else {
		// Copying the room along saves clearing all of it first.
		t.nodes = append([]node(nil), slices.Grow(p.tree.nodes, room)[:n+room]...)[:n]
	}
	return t, nil
}

// document parses the whole input; typ is nil when it is a resource whose
// type the input names.
func (p *jsonParser) document(typ *definitions.Type) {
	p.white()
	if p.pos == len(p.src) {
		p.malformedAt(p.pos, "the body is empty")
		return
	}
	if bytes.HasPrefix(p.src[p.pos:], []byte("\uFEFF")) {
		p.malformedAt(p.pos, "the body begins with a byte order mark, which JSON does not have: leave it out")
		return
	}
	var ok bool
	switch {
	case typ == nil, typ.Kind == definitions.Resource:
		ok = p.resource(rootIndex, typ, 1)
	case typ.Kind == definitions.Primitive:
		p.tree.types = append(p.tree.types, typ)
		p.tree.nodes[rootIndex].typ = 1
		ok = p.primitive(rootIndex, typ, primitiveOf(typ))
	default:
		p.tree.types = append(p.tree.types, typ)
		p.tree.nodes[rootIndex].typ = 1
		ok = p.complex(rootIndex, typ, 1)
	}
	if !ok {
		return
	}
	if p.white(); p.pos < len(p.src) {
		p.malformedAt(p.pos, "there is more behind the end of the JSON value")
	}
}

// resource parses an object that names its own type; base is what it must be,
// nil for any.
func (p *jsonParser) resource(i uint32, base *definitions.Type, depth int) bool {
	start := p.pos
	if p.src[p.pos] != '{' {
		return p.wrongType(i, "a resource is a JSON object", depth)
	}
	name, ok := p.resourceType()
	if !ok {
		if ok = p.skip(depth); ok {
			p.problem(fault.CodeRequired, start, i, "", "the resource does not say its type: give resourceType, best as the first member")
		}
		return ok
	}
	typ := p.tree.defs.Type(string(name))
	if typ == nil || typ.Kind != definitions.Resource || typ.Abstract {
		p.problem(fault.CodeStructure, start, i, "", unknownResource(p.tree.defs, string(name)))
		return p.skip(depth)
	}
	if base != nil && !typ.Is(base.Name) {
		p.problem(fault.CodeStructure, start, i, "", "a "+typ.Name+" cannot stand here: "+base.Name+" is needed")
		return p.skip(depth)
	}
	p.tree.nodes[i].typ = p.tree.typeIndex(typ)
	return p.object(i, typ, depth, true, false)
}

// lookup finds what a JSON name, without underscore, means in typ.
func (p *jsonParser) lookup(typ *definitions.Type, name []byte) (*definitions.Property, primitive) {
	if len(name) == 0 {
		return nil, notPrimitive
	}
	h := uintptr(unsafe.Pointer(typ))>>5 ^ uintptr(len(name))*0x9E5 ^ uintptr(name[0])*0x1F ^ uintptr(name[len(name)-1])*0x3B5 ^ uintptr(name[len(name)/2])*0x71
	k := &p.known[h%uintptr(len(p.known))]
	if k.typ == typ && k.prop.Name == string(name) {
		return k.prop, k.kind
	}
	prop, ok := typ.PropertyOf(name)
	if !ok {
		return nil, notPrimitive
	}
	*k = knownProperty{typ, prop, elementPrimitive(prop)}
	return prop, k.kind
}

// problem notes what is wrong with the element name of node i, or with the
// node itself when name is "".
func (p *jsonParser) problem(code fault.Code, off int, i uint32, name, message string) {
	if p.full() {
		p.more++
		return
	}
	path := ""
	if p.tree.nodes[rootIndex].typ != 0 {
		path = Node{&p.tree, i}.Path()
	}
	if name != "" {
		path += "." + fault.Shorten(name)
	}
	p.add(code, p.src, off, path, message)
}

func (p *jsonParser) malformedAt(off int, message string) bool {
	p.malformed = true
	if p.full() {
		p.issues = p.issues[:maxProblems-1]
		p.more++
	}
	p.add(fault.CodeStructure, p.src, off, "", message)
	return false
}

func (p *jsonParser) tooDeep(i uint32) bool {
	p.kind = fault.TooLarge
	p.problem(fault.CodeTooCostly, p.pos, i, "", tooDeepMessage(p.limits.MaxDepth))
	return false
}
