package fhir

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
)

const (
	fhirNamespace  = "http://hl7.org/fhir"
	schemaInstance = "http://www.w3.org/2001/XMLSchema-instance"
)

// ParseXML parses exactly one resource in FHIR's XML (FHIR R4 §2.6.1). It is
// as strict as ParseJSON; beyond that, elements must come in the order of
// their definition and a document type declaration is refused. Comments and
// processing instructions are dropped.
//
// The error is a *fault.Error as from ParseJSON. The caller may reuse src. It
// is safe for concurrent use.
func ParseXML(d *definitions.Definitions, src []byte, l Limits) (*Tree, error) {
	l = l.orDefault()
	if len(src) > l.MaxBytes {
		return nil, tooLarge(l.MaxBytes)
	}
	p := xmlParser{limits: l, tree: &Tree{defs: d, nodes: make([]node, 2, 2+len(src)/40), edit: make([]byte, 0, len(src)/2)}}
	p.tree.types = append(p.tree.ownTypes[:0], nil)
	p.tree.places = new(places)
	src = bytes.TrimPrefix(src, []byte("\uFEFF"))
	p.scan.src = src
	if off, wrong := badXML(src); wrong != "" {
		p.malformedAt(off, wrong)
		return nil, p.err()
	}
	p.document()
	p.tree.places.cut(src)
	if err := p.err(); err != nil {
		return nil, err
	}
	return p.tree, nil
}

type xmlParser struct {
	problems
	scan   xmlScanner
	tree   *Tree
	limits Limits
}

func (p *xmlParser) document() {
	tok, ok := p.startTag(rootIndex)
	if !ok {
		return
	}
	if tok.kind != xmlStart {
		p.malformedAt(tok.off, "there is no element")
		return
	}
	p.tree.place(rootIndex, tok.off)
	if !p.resource(rootIndex, nil, tok, 1) {
		return
	}
	if tok, ok = p.startTag(rootIndex); ok && tok.kind != xmlEOF {
		p.malformedAt(tok.off, "there is more behind the end of the root element")
	}
}

// startTag reads up to the next tag or the end. Text before it is refused as
// text in node i.
func (p *xmlParser) startTag(i uint32) (xmlToken, bool) {
	for {
		tok := p.scan.next()
		switch tok.kind {
		case xmlBad:
			return tok, p.malformedAt(tok.off, p.scan.wrong)
		case xmlText:
			if len(bytes.Trim(tok.text, " \t\r\n")) > 0 {
				p.problem(fault.CodeStructure, tok.off, i, "", "text may not stand here: FHIR writes values as value attributes")
			}
		default:
			return tok, true
		}
	}
}

// resource parses an element named for a resource type into node i.
func (p *xmlParser) resource(i uint32, base *definitions.Type, tok xmlToken, depth int) bool {
	typ := p.tree.defs.Type(tok.name)
	switch {
	case tok.space != fhirNamespace:
		p.problem(fault.CodeStructure, tok.off, i, "", fmt.Sprintf("<%s> must be of the namespace %s", fault.Shorten(tok.full), fhirNamespace))
	case typ == nil || typ.Kind != definitions.Resource || typ.Abstract:
		p.problem(fault.CodeStructure, tok.off, i, "", unknownResource(p.tree.defs, tok.name))
	case base != nil && !typ.Is(base.Name):
		p.problem(fault.CodeStructure, tok.off, i, "", "a "+typ.Name+" cannot stand here: "+base.Name+" is needed")
	default:
		p.tree.nodes[i].typ = p.tree.typeIndex(typ)
		return p.element(i, typ, tok, depth)
	}
	return p.skip(tok)
}

// element parses the attributes and children of an element into node i.
func (p *xmlParser) element(i uint32, typ *definitions.Type, tok xmlToken, depth int) bool {
	if depth > p.limits.MaxDepth {
		p.kind = fault.TooLarge
		p.problem(fault.CodeTooCostly, tok.off, i, "", tooDeepMessage(p.limits.MaxDepth))
		return false
	}
	attributes, valued := p.attributes(i, typ)
	if !tok.empty && !p.children(i, typ, tok, depth) {
		return false
	}
	// Attributes are elements to FHIR: they get their place in its order.
	n := Node{p.tree, i}
	for _, a := range attributes {
		p.set(n.link(a.prop, node{prop: a.prop.ID}).i, a.prop, a.value, a.off)
	}
	nd := &p.tree.nodes[i]
	if nd.first == 0 && !valued && nd.typ == 0 {
		p.problem(fault.CodeStructure, tok.off, i, "", "an empty element says nothing: leave it out")
	}
	return true
}

type attributeElement struct {
	prop  *definitions.Property
	value string
	off   int
}

// attributes reads the attributes of the last start tag: a primitive's value
// goes into node i, those that are elements are returned. valued says that a
// value stood there, be it a wrong one.
func (p *xmlParser) attributes(i uint32, typ *definitions.Type) (elements []attributeElement, valued bool) {
	for _, a := range p.scan.attrs {
		switch {
		case a.prefix == "xmlns", a.prefix == "" && a.name == "xmlns":
			continue
		case a.space == schemaInstance && i == rootIndex && a.name == "schemaLocation":
			continue
		case a.prefix == "" && a.name == "value" && typ.Kind == definitions.Primitive:
			valued = true
			p.set(i, Node{p.tree, i}.Property(), a.value, a.off)
			continue
		}
		prop, ok := typ.Property(a.name)
		if a.prefix != "" || !ok || !prop.Element.Attribute {
			p.problem(fault.CodeStructure, a.off, i, "", fmt.Sprintf("%s has no attribute %q", typ.Name, fault.Shorten(a.name)))
			continue
		}
		elements = append(elements, attributeElement{prop, a.value, a.off})
	}
	return elements, valued
}

// set gives node i a primitive value.
func (p *xmlParser) set(i uint32, prop *definitions.Property, value string, off int) {
	if wrong := elementPrimitive(prop).check(prop.Type, value); wrong != "" {
		if value != "" {
			wrong = fmt.Sprintf("%q %s", fault.Shorten(value), wrong)
		}
		p.problem(fault.CodeValue, off, i, "", wrong)
		return
	}
	Node{p.tree, i}.setValue(value)
	p.tree.place(i, off)
}

// children parses child elements up to the end tag of tok.
func (p *xmlParser) children(i uint32, typ *definitions.Type, tok xmlToken, depth int) bool {
	var last uint32
	for {
		child, ok := p.startTag(i)
		if !ok {
			return false
		}
		switch child.kind {
		case xmlEOF:
			return p.malformedAt(child.off, "<"+fault.Shorten(tok.full)+"> is not closed")
		case xmlEnd:
			return child.full == tok.full || p.malformedAt(child.off, "<"+fault.Shorten(tok.full)+"> is closed by </"+fault.Shorten(child.full)+">")
		}
		prop := p.child(i, typ, child, last)
		if prop == nil {
			if !p.skip(child) {
				return false
			}
			continue
		}
		if len(p.tree.nodes) > p.limits.MaxNodes {
			p.kind = fault.TooLarge
			p.problem(fault.CodeTooCostly, child.off, i, "", fmt.Sprintf("there are more than %d elements", p.limits.MaxNodes))
			return false
		}
		last = Node{p.tree, i}.linkAfter(last, node{prop: prop.ID}).i
		p.tree.place(last, child.off)
		switch {
		case elementPrimitive(prop) == primitiveXHTML:
			ok = p.narrative(last, prop, child)
		case prop.Type.Kind == definitions.Resource:
			ok = p.container(last, prop.Type, child, depth+1)
		default:
			ok = p.element(last, prop.Type, child, depth+1)
		}
		if !ok {
			return false
		}
	}
}

// child finds what a start tag means in typ, nil when it has no place there.
// last is the child before it.
func (p *xmlParser) child(i uint32, typ *definitions.Type, tok xmlToken, last uint32) *definitions.Property {
	prop, ok := typ.Property(tok.name)
	if !ok || prop.Element.Attribute {
		p.problem(fault.CodeStructure, tok.off, i, fault.Shorten(tok.name), unknownElement(typ, tok.name))
		return nil
	}
	want := fhirNamespace
	if elementPrimitive(prop) == primitiveXHTML {
		want = xhtmlNamespace
	}
	if tok.space != want {
		p.problem(fault.CodeStructure, tok.off, i, "", fmt.Sprintf("<%s> must be of the namespace %s", fault.Shorten(tok.full), want))
		return nil
	}
	if last == 0 {
		return prop
	}
	before := p.tree.defs.Property(p.tree.nodes[last].prop)
	switch e := prop.Element; {
	case before.Element == e && !e.Repeats():
		p.problem(fault.CodeStructure, tok.off, i, e.Name, e.Name+" does not repeat")
		return nil
	case before.Element == e && before != prop:
		p.problem(fault.CodeStructure, tok.off, i, e.Name, e.Name+" may have one type only")
		return nil
	case before.Element.Order > e.Order:
		p.problem(fault.CodeStructure, tok.off, i, e.Name, fmt.Sprintf("%s must come before %s", prop.Name, before.Name))
		return nil
	}
	return prop
}

// container parses an element that holds one resource.
func (p *xmlParser) container(i uint32, base *definitions.Type, tok xmlToken, depth int) bool {
	for _, a := range p.scan.attrs {
		if a.prefix != "xmlns" && a.name != "xmlns" {
			p.problem(fault.CodeStructure, a.off, i, "", fmt.Sprintf("%s has no attribute %q", tok.name, fault.Shorten(a.name)))
		}
	}
	if tok.empty {
		p.problem(fault.CodeStructure, tok.off, i, "", "a resource is missing")
		return true
	}
	for found := 0; ; found++ {
		child, ok := p.startTag(i)
		switch {
		case !ok:
			return false
		case child.kind == xmlStart && found == 0:
			ok = p.resource(i, base, child, depth)
		case child.kind == xmlStart:
			p.problem(fault.CodeStructure, child.off, i, "", "only one resource may stand here")
			ok = p.skip(child)
		case child.kind == xmlEnd && child.full == tok.full:
			if found == 0 {
				p.problem(fault.CodeStructure, tok.off, i, "", "a resource is missing")
			}
			return true
		default:
			return p.malformedAt(child.off, "<"+fault.Shorten(tok.full)+"> is not closed")
		}
		if !ok {
			return false
		}
	}
}

// narrative takes the text of a div as it stands, but for the ends of its lines
// and for prefixes, since a div by itself has but one namespace.
func (p *xmlParser) narrative(i uint32, prop *definitions.Property, tok xmlToken) bool {
	declared := false
	for _, a := range p.scan.attrs {
		declared = declared || a.prefix == "" && a.name == "xmlns"
	}
	w := xhtmlWriter{src: p.scan.src, from: tok.off}
	w.tag(tok, 1)
	if !declared {
		w.text = append(w.text, " xmlns=\""+xhtmlNamespace+"\""...)
	}
	if !p.walk(tok, func(tok xmlToken) {
		switch tok.kind {
		case xmlStart:
			if tok.space != xhtmlNamespace && w.wrong == "" {
				w.wrong, w.off = wrongNamespace(tok), tok.off
			}
			w.tag(tok, 1)
		case xmlEnd:
			w.tag(tok, 2)
		}
	}) {
		return false
	}
	if w.wrong != "" {
		p.problem(fault.CodeValue, w.off, i, "", w.wrong)
		return true
	}
	text := append(w.text, w.src[w.from:p.scan.pos]...)
	text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
	p.set(i, prop, string(bytes.ReplaceAll(text, []byte("\r"), []byte("\n"))), tok.off) // XML 1.0 §2.11
	return true
}

// xhtmlWriter writes XHTML without prefixes. What is not changed is copied from src.
type xhtmlWriter struct {
	src   []byte
	from  int // where in src what is not written yet begins
	text  []byte
	wrong string // what is wrong with the tag at off
	off   int
}

// tag takes the prefix out of a tag, whose name stands skip bytes behind its begin.
func (w *xhtmlWriter) tag(tok xmlToken, skip int) {
	name := tok.full[strings.IndexByte(tok.full, ':')+1:]
	at := tok.off + skip
	w.text = append(w.text, w.src[w.from:at]...)
	w.text = append(w.text, name...)
	w.from = at + len(tok.full)
}

// skip reads up to the end tag of tok.
func (p *xmlParser) skip(tok xmlToken) bool { return p.walk(tok, func(xmlToken) {}) }

// walk reads up to the end tag of tok and passes what it finds to seen.
func (p *xmlParser) walk(tok xmlToken, seen func(xmlToken)) bool {
	if tok.empty {
		return true
	}
	open := []string{tok.full}
	for len(open) > 0 {
		tok := p.scan.next()
		switch tok.kind {
		case xmlBad:
			return p.malformedAt(tok.off, p.scan.wrong)
		case xmlEOF:
			return p.malformedAt(tok.off, "<"+fault.Shorten(open[len(open)-1])+"> is not closed")
		case xmlStart:
			if !tok.empty {
				open = append(open, tok.full)
			}
		case xmlEnd:
			if open[len(open)-1] != tok.full {
				return p.malformedAt(tok.off, "<"+fault.Shorten(open[len(open)-1])+"> is closed by </"+fault.Shorten(tok.full)+">")
			}
			open = open[:len(open)-1]
		}
		seen(tok)
	}
	return true
}

// problem notes what is wrong with the element name of node i, or with the
// node itself when name is "".
func (p *xmlParser) problem(code fault.Code, off int, i uint32, name, message string) {
	if p.full() {
		p.more++
		return
	}
	path := ""
	if p.tree.nodes[rootIndex].typ != 0 {
		path = Node{p.tree, i}.Path()
	}
	if name != "" {
		path += "." + name
	}
	p.add(code, p.scan.src, off, path, message)
}

func (p *xmlParser) malformedAt(off int, message string) bool {
	p.malformed = true
	if p.full() {
		p.issues = p.issues[:maxProblems-1]
		p.more++
	}
	p.add(fault.CodeStructure, p.scan.src, off, "", message)
	return false
}
