package fhir

import (
	"cmp"
	"slices"

	"github.com/inglehealth/ingle/spec/fault"
)

// XMLHeader is the declaration to put before a document of AppendXML.
const XMLHeader = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"

// AppendXML appends n in FHIR's XML: a resource as an element named for its
// type, another value as an element named for the element it is, elements in
// the order of their definition. The error is a *fault.Error when a string
// holds a code point that XML has no way to write.
func (n Node) AppendXML(dst []byte, pretty bool) ([]byte, error) {
	if n.t == nil {
		return dst, nil
	}
	w := xmlWriter{tree: n.t, dst: dst, pretty: pretty}
	name := n.PropertyName()
	if n.IsResource() {
		name = n.Type().Name
	}
	w.open(n.i, name, ` xmlns="`+fhirNamespace+`"`)
	return w.dst, w.err
}

type xmlWriter struct {
	tree   *Tree
	dst    []byte
	pretty bool
	depth  int
	err    error
}

// open writes node i as an element called name with further attributes.
func (w *xmlWriter) open(i uint32, name, attributes string) {
	n := Node{w.tree, i}
	if n.IsPrimitive() && primitiveOf(n.Type()) == primitiveXHTML {
		w.dst = append(w.dst, n.Text()...)
		return
	}
	w.dst = append(w.dst, '<')
	w.dst = append(w.dst, name...)
	w.dst = append(w.dst, attributes...)
	inner := w.attributes(n)
	if n.HasValue() {
		w.attribute("value", n)
	}
	if len(inner) == 0 {
		w.dst = append(w.dst, '/', '>')
		return
	}
	w.dst = append(w.dst, '>')
	w.depth++
	for _, c := range inner {
		w.newline()
		w.child(c)
	}
	w.depth--
	w.newline()
	w.end(name)
}

func (w *xmlWriter) child(c uint32) {
	n := Node{w.tree, c}
	name := n.PropertyName()
	if !n.IsResource() {
		w.open(c, name, "")
		return
	}
	w.dst = append(w.dst, '<')
	w.dst = append(w.dst, name...)
	w.dst = append(w.dst, '>')
	w.depth++
	w.newline()
	w.open(c, n.Type().Name, "")
	w.depth--
	w.newline()
	w.end(name)
}

// attributes writes the children that are attributes and returns the others
// that have content, in definition order.
func (w *xmlWriter) attributes(n Node) []uint32 {
	var inner []uint32
	sorted, last := true, 0
	json := jsonWriter{tree: w.tree}
	for c := n.FirstChild(); c.t != nil; c = c.NextSibling() {
		e := c.Element()
		if e.Attribute {
			if c.HasValue() {
				w.attribute(e.Name, c)
			}
			continue
		}
		if !json.holds(c.i) {
			continue
		}
		sorted = sorted && e.Order >= last
		last = e.Order
		inner = append(inner, c.i)
	}
	if !sorted {
		slices.SortStableFunc(inner, func(a, b uint32) int {
			return cmp.Compare(Node{w.tree, a}.Element().Order, Node{w.tree, b}.Element().Order)
		})
	}
	return inner
}

func (w *xmlWriter) attribute(name string, n Node) {
	text := n.Text()
	for _, r := range text {
		if !isXMLChar(r) && w.err == nil {
			w.err = fault.New(fault.NotAcceptable, fault.CodeNotSupported, n.Path(), "XML cannot hold the code point %U: ask for JSON", r)
		}
	}
	w.dst = append(w.dst, ' ')
	w.dst = append(w.dst, name...)
	w.dst = append(w.dst, '=', '"')
	w.dst = appendXMLText(w.dst, text, true)
	w.dst = append(w.dst, '"')
}

func (w *xmlWriter) end(name string) {
	w.dst = append(w.dst, '<', '/')
	w.dst = append(w.dst, name...)
	w.dst = append(w.dst, '>')
}

func (w *xmlWriter) newline() {
	if !w.pretty {
		return
	}
	w.dst = append(w.dst, '\n')
	for range w.depth {
		w.dst = append(w.dst, ' ', ' ')
	}
}
