package fhir

import (
	"github.com/inglehealth/ingle/spec/definitions"
)

// AppendJSON appends n as compact JSON: an object for a resource or complex
// value, the bare value for a primitive. What was not edited and was compact
// is copied as it came in.
func (n Node) AppendJSON(dst []byte) []byte {
	if n.t == nil {
		return append(dst, "null"...)
	}
	w := jsonWriter{tree: n.t, dst: dst}
	w.node(n.i)
	return w.dst
}

// AppendJSONIndent is AppendJSON with each property and array item on a line
// of its own, indented by two spaces a level.
func (n Node) AppendJSONIndent(dst []byte) []byte {
	if n.t == nil {
		return append(dst, "null"...)
	}
	w := jsonWriter{tree: n.t, dst: dst, pretty: true}
	w.node(n.i)
	return w.dst
}

type jsonWriter struct {
	tree   *Tree
	dst    []byte
	pretty bool
	depth  int
}

func (w *jsonWriter) node(i uint32) {
	nd := &w.tree.nodes[i]
	const verbatim = flagClean | flagCompact
	switch {
	case nd.flags&flagValue != 0:
		w.value(nd)
	case nd.flags&verbatim == verbatim && !w.pretty:
		w.dst = append(w.dst, w.tree.raw(nd)...)
	case Node{w.tree, i}.IsPrimitive():
		w.dst = append(w.dst, "null"...)
	default:
		w.object(i)
	}
}

func (w *jsonWriter) value(nd *node) {
	if nd.flags&flagString == 0 {
		w.dst = append(w.dst, w.tree.raw(nd)...)
		return
	}
	w.dst = append(w.dst, '"')
	w.dst = append(w.dst, w.tree.raw(nd)...)
	w.dst = append(w.dst, '"')
}

// object writes the node's children; for a primitive these are its id and
// extensions.
func (w *jsonWriter) object(i uint32) {
	w.dst = append(w.dst, '{')
	w.depth++
	first := true
	n := Node{w.tree, i}
	if n.IsResource() {
		w.name("resourceType", "", first)
		w.dst = append(w.dst, '"')
		w.dst = append(w.dst, n.Type().Name...)
		w.dst = append(w.dst, '"')
		first = false
	}
	nodes := w.tree.nodes
	for c := nodes[i].first; c != 0; {
		end := w.runEnd(c)
		if w.run(c, end, first) {
			first = false
		}
		c = end
	}
	w.close('}', first)
}

// runEnd is the first sibling behind c that is of another property.
func (w *jsonWriter) runEnd(c uint32) uint32 {
	nodes := w.tree.nodes
	prop := nodes[c].prop
	for c = nodes[c].next; c != 0 && nodes[c].prop == prop; {
		c = nodes[c].next
	}
	return c
}

// run writes one property, and beside it what a primitive has under the name
// with an underscore. It says whether anything was there to write.
func (w *jsonWriter) run(from, end uint32, first bool) bool {
	p := w.tree.defs.Property(w.tree.nodes[from].prop)
	if p.Type.Kind != definitions.Primitive {
		return w.values(p, "", from, end, first, func(i uint32) bool { return w.holds(i) }, w.node)
	}
	wrote := w.values(p, "", from, end, first, func(i uint32) bool { return w.tree.nodes[i].flags&flagValue != 0 },
		func(i uint32) { w.value(&w.tree.nodes[i]) })
	beside := w.values(p, "_", from, end, first && !wrote, func(i uint32) bool { return w.holdsChild(i) }, w.object)
	return wrote || beside
}

// values writes the nodes from..end that has says have something, null for
// the others where the element repeats.
func (w *jsonWriter) values(p *definitions.Property, prefix string, from, end uint32, first bool, has func(uint32) bool, write func(uint32)) bool {
	nodes := w.tree.nodes
	some := false
	for c := from; c != end; c = nodes[c].next {
		if has(c) {
			some = true
			break
		}
	}
	if !some {
		return false
	}
	w.name(p.Name, prefix, first)
	if !p.Element.Repeats() {
		write(from)
		return true
	}
	w.dst = append(w.dst, '[')
	w.depth++
	// A null holds the place of a primitive that has its value or its
	// extensions under the other name; empty complex values are left out.
	keepPlaces := p.Type.Kind == definitions.Primitive
	separate := false
	for c := from; c != end; c = nodes[c].next {
		there := has(c)
		if !there && !(keepPlaces && (prefix == "" && w.holdsChild(c) || prefix == "_" && nodes[c].flags&flagValue != 0)) {
			continue
		}
		w.item(!separate)
		separate = true
		if there {
			write(c)
		} else {
			w.dst = append(w.dst, "null"...)
		}
	}
	w.close(']', false)
	return true
}

// holds says whether the node has any content to write.
func (w *jsonWriter) holds(i uint32) bool {
	nd := &w.tree.nodes[i]
	return nd.flags&(flagValue|flagClean) != 0 || nd.typ != 0 || w.holdsChild(i)
}

func (w *jsonWriter) holdsChild(i uint32) bool {
	nodes := w.tree.nodes
	for c := nodes[i].first; c != 0; c = nodes[c].next {
		if w.holds(c) {
			return true
		}
	}
	return false
}

func (w *jsonWriter) name(name, prefix string, first bool) {
	w.item(first)
	w.dst = append(w.dst, '"')
	w.dst = append(w.dst, prefix...)
	w.dst = append(w.dst, name...)
	w.dst = append(w.dst, '"', ':')
	if w.pretty {
		w.dst = append(w.dst, ' ')
	}
}

func (w *jsonWriter) item(first bool) {
	if !first {
		w.dst = append(w.dst, ',')
	}
	w.newline()
}

func (w *jsonWriter) close(bracket byte, empty bool) {
	w.depth--
	if !empty {
		w.newline()
	}
	w.dst = append(w.dst, bracket)
}

func (w *jsonWriter) newline() {
	if !w.pretty {
		return
	}
	w.dst = append(w.dst, '\n')
	for range w.depth {
		w.dst = append(w.dst, ' ', ' ')
	}
}
