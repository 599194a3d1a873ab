package fhir

import (
	"fmt"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
)

// members is the state of one object while its members are read.
type members struct {
	node   uint32
	typ    *definitions.Type
	last   uint32    // last child
	seen   [2]uint64 // by Element.Order: the name stood there
	beside [2]uint64 // the same with an underscore
	nulls  bool      // some child may be without value and extensions
}

// markable is how many elements of a type the sets of members tell apart; no
// type of FHIR comes near it.
const markable = 128

// mark says whether order was in the set, and puts it in.
func mark(set *[2]uint64, order int) bool {
	if order >= markable {
		return false
	}
	w, bit := &set[order>>6&1], uint64(1)<<(order&63)
	was := *w&bit != 0
	*w |= bit
	return was
}

func has(set *[2]uint64, order int) bool { return set[order>>6&1]>>(order&63)&1 != 0 }

// object parses the members of an object into children of node i. beside says
// that it is what a primitive has under its name with an underscore.
func (p *jsonParser) object(i uint32, typ *definitions.Type, depth int, isResource, beside bool) bool {
	if depth > p.limits.MaxDepth {
		return p.tooDeep(i)
	}
	start, spaces := p.pos, p.spaces
	m := members{node: i, typ: typ}
	p.pos++
	count, named := 0, false
	for {
		p.white()
		if p.pos < len(p.src) && p.src[p.pos] == '}' && count == 0 {
			break
		}
		name, at, ok := p.key()
		if !ok {
			return false
		}
		count++
		if isResource && string(name) == "resourceType" {
			if named {
				p.problem(fault.CodeStructure, at, i, "resourceType", "the name resourceType stands here twice")
			}
			named = true
			ok = p.skip(depth)
		} else {
			ok = p.member(&m, name, at, depth)
		}
		if !ok {
			return false
		}
		p.white()
		if p.pos == len(p.src) {
			return p.malformedAt(p.pos, "the object does not end")
		}
		if c := p.src[p.pos]; c == '}' {
			break
		} else if c != ',' {
			return p.malformedAt(p.pos, "a comma or } is missing")
		}
		p.pos++
	}
	p.pos++
	if count == 0 {
		p.problem(fault.CodeStructure, start, i, "", "an empty object says nothing: leave it out")
	}
	if m.nulls {
		p.checkNulls(i)
	}
	nd := &p.tree.nodes[i]
	nd.last = m.last
	if !beside {
		nd.off, nd.len = uint32(start), uint32(p.pos-start)
		nd.flags = flagClean
		if p.spaces == spaces {
			nd.flags |= flagCompact
		}
	}
	return true
}

// member parses the value that name has.
func (p *jsonParser) member(m *members, name []byte, at, depth int) bool {
	beside := len(name) > 0 && name[0] == '_'
	bare := name
	if beside {
		bare = name[1:]
	}
	prop, kind := p.lookup(m.typ, bare)
	if prop == nil || beside && !takesExtensions(prop, kind) {
		p.unknown(m, string(name), at)
		return p.skip(depth)
	}
	order := prop.Element.Order
	set, other := &m.seen, &m.beside
	if beside {
		set, other = other, set
	}
	twice := mark(set, order)
	if twice && p.full() {
		p.more++
		return p.skip(depth)
	}
	var run slots
	if twice || order >= markable || has(other, order) {
		// Rare: the element stood here already, under this name, the other
		// one or that of another type.
		prior := p.priorRun(m, prop.Element)
		if prior != 0 && order >= markable {
			nd := &p.tree.nodes[prior]
			twice = beside && nd.first != 0 || !beside && nd.flags != 0
		}
		if prior != 0 && p.tree.nodes[prior].prop != prop.ID {
			p.problem(fault.CodeStructure, at, m.node, string(name), fmt.Sprintf("%s may have one type only, and %s is there already",
				prop.Element.Name, p.tree.defs.Property(p.tree.nodes[prior].prop).Name))
			return p.skip(depth)
		}
		if twice {
			p.problem(fault.CodeStructure, at, m.node, string(name), "the name "+string(name)+" stands here twice")
			return p.skip(depth)
		}
		run = slots{after: m.last, next: prior}
	} else {
		run = slots{after: m.last}
	}
	if p.src[p.pos] == '[' {
		if !prop.Element.Repeats() {
			p.problem(fault.CodeStructure, p.pos, m.node, string(name), prop.Element.Name+" does not repeat: write one value, not an array")
			return p.skip(depth)
		}
		return p.array(m, &run, prop, kind, beside, depth)
	}
	if prop.Element.Repeats() {
		p.problem(fault.CodeStructure, p.pos, m.node, string(name), prop.Element.Name+" repeats: write an array, also for one value")
		return p.skip(depth)
	}
	if p.src[p.pos] == 'n' {
		p.problem(fault.CodeStructure, p.pos, m.node, string(name), "null says nothing: leave the element out")
		return p.skip(depth)
	}
	m.nulls = m.nulls || beside
	i, ok := p.slot(m, &run, prop)
	return ok && p.value(i, prop, kind, beside, depth)
}

// takesExtensions says whether a name with an underscore has a meaning.
func takesExtensions(prop *definitions.Property, kind primitive) bool {
	if kind == notPrimitive || kind == primitiveXHTML || prop.Element.Attribute {
		return false
	}
	_, ok := prop.Type.Property("extension")
	return ok
}

func (p *jsonParser) unknown(m *members, name string, at int) {
	message := ""
	if name == "resourceType" {
		message = m.typ.Name + " is no resource: it has no resourceType"
	} else if prop, ok := m.typ.Property(trimUnderscore(name)); ok {
		message = name + " has no meaning: " + prop.Name + " takes no extensions there"
	} else if !p.full() {
		message = unknownElement(m.typ, name)
	}
	p.problem(fault.CodeStructure, at, m.node, name, message)
}

func trimUnderscore(name string) string {
	if name != "" && name[0] == '_' {
		return name[1:]
	}
	return name
}

// value parses one value of an element into node i.
func (p *jsonParser) value(i uint32, prop *definitions.Property, kind primitive, beside bool, depth int) bool {
	switch {
	case beside:
		if p.src[p.pos] != '{' {
			return p.wrongType(i, "must be a JSON object with the id or the extensions of "+prop.Name, depth)
		}
		return p.object(i, prop.Type, depth+1, false, true)
	case kind != notPrimitive:
		return p.primitive(i, prop.Type, kind)
	case prop.Type.Kind == definitions.Resource:
		return p.resource(i, prop.Type, depth+1)
	}
	return p.complex(i, prop.Type, depth+1)
}

func (p *jsonParser) complex(i uint32, typ *definitions.Type, depth int) bool {
	if p.src[p.pos] != '{' {
		return p.wrongType(i, "must be a JSON object: it is a "+typ.Name, depth)
	}
	return p.object(i, typ, depth, false, false)
}

// array parses the values of a repeating element.
func (p *jsonParser) array(m *members, run *slots, prop *definitions.Property, kind primitive, beside bool, depth int) bool {
	start := p.pos
	p.pos++
	for count := 0; ; count++ {
		p.white()
		if p.pos == len(p.src) {
			return p.malformedAt(p.pos, "the array does not end")
		}
		if count == 0 && p.src[p.pos] == ']' {
			p.pos++
			p.problem(fault.CodeStructure, start, m.node, prop.Name, "an empty array says nothing: leave it out")
			return true
		}
		i, ok := p.slot(m, run, prop)
		if !ok {
			return false
		}
		if p.src[p.pos] == 'n' && kind != notPrimitive {
			m.nulls = true
			ok = p.literal("null")
		} else {
			m.nulls = m.nulls || beside
			ok = p.value(i, prop, kind, beside, depth)
		}
		if !ok {
			return false
		}
		p.white()
		if p.pos == len(p.src) {
			return p.malformedAt(p.pos, "the array does not end")
		}
		if c := p.src[p.pos]; c == ']' {
			p.pos++
			return true
		} else if c != ',' {
			return p.malformedAt(p.pos, "a comma or ] is missing")
		}
		p.pos++
	}
}

// slots gives the nodes of one element in turn: those that are there, for a
// value whose extensions came first or the other way round, then new ones.
type slots struct {
	after uint32 // the node behind which a new one goes
	next  uint32 // the next node that is there already
}

func (p *jsonParser) slot(m *members, s *slots, prop *definitions.Property) (uint32, bool) {
	nodes := p.tree.nodes
	if i := s.next; i != 0 {
		s.after, s.next = i, nodes[i].next
		if s.next != 0 && nodes[s.next].prop != prop.ID {
			s.next = 0
		}
		return i, true
	}
	i := uint32(len(nodes))
	if len(nodes) > p.limits.MaxNodes {
		p.kind = fault.TooLarge
		p.problem(fault.CodeTooCostly, p.pos, m.node, prop.Name, fmt.Sprintf("there are more than %d elements", p.limits.MaxNodes))
		return 0, false
	}
	nd := node{prop: prop.ID, parent: m.node}
	if s.after == 0 {
		nd.next = nodes[m.node].first
		nodes[m.node].first = i
	} else {
		nd.next = nodes[s.after].next
		nodes[s.after].next = i
	}
	p.tree.nodes = append(p.tree.nodes, nd) // without the local slice, so that only the length is stored
	if s.after == m.last {
		m.last = i
	}
	s.after = i
	return i, true
}

// priorRun is the first child of element e.
func (p *jsonParser) priorRun(m *members, e *definitions.Element) uint32 {
	for c := p.tree.nodes[m.node].first; c != 0; c = p.tree.nodes[c].next {
		if p.tree.defs.Property(p.tree.nodes[c].prop).Element == e {
			return c
		}
	}
	return 0
}

// checkNulls refuses primitives that have neither value nor extensions.
func (p *jsonParser) checkNulls(i uint32) {
	for c := p.tree.nodes[i].first; c != 0; c = p.tree.nodes[c].next {
		nd := &p.tree.nodes[c]
		if nd.flags&flagValue == 0 && nd.first == 0 && (Node{&p.tree, c}).IsPrimitive() {
			p.problem(fault.CodeStructure, p.pos, c, "", "null needs an extension at the same place of the array with the underscore, or a value at that of the other")
		}
	}
}
