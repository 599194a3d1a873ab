package patch

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

const (
	fhirNamespace  = "http://hl7.org/fhir"
	xhtmlNamespace = "http://www.w3.org/1999/xhtml"
)

// xmlNode is an element, a text, a comment or a processing instruction.
type xmlNode struct {
	kind     xmlKind
	name     xml.Name // of an element; Local is a processing instruction's target
	attrs    []xml.Attr
	text     string // of the other kinds
	children []*xmlNode
	parent   *xmlNode
	prefixes map[string]string // declarations on this element: prefix ("" for the default) to namespace
	emptied  bool              // something was removed from it
}

type xmlKind uint8

const (
	xmlElement xmlKind = iota
	xmlText
	xmlComment
	xmlInstruction
)

// readXML reads a document and returns a node that holds what is in it.
func readXML(text []byte) (*xmlNode, error) {
	d := xml.NewDecoder(bytes.NewReader(text))
	doc := &xmlNode{}
	at, depth := doc, 0
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			if depth > 0 {
				return nil, errors.New("the document ends within an element")
			}
			return doc, nil
		}
		if err != nil {
			return nil, err
		}
		switch x := token.(type) {
		case xml.StartElement:
			if depth++; depth > maxXMLDepth {
				return nil, fmt.Errorf("nested deeper than %d", maxXMLDepth)
			}
			n := &xmlNode{name: x.Name}
			n.take(x.Attr)
			at.append(n)
			at = n
		case xml.EndElement:
			depth--
			at = at.parent
		case xml.CharData:
			if at != doc {
				at.append(&xmlNode{kind: xmlText, text: string(x)})
			}
		case xml.Comment:
			at.append(&xmlNode{kind: xmlComment, text: string(x)})
		case xml.ProcInst:
			if x.Target != "xml" {
				at.append(&xmlNode{kind: xmlInstruction, name: xml.Name{Local: x.Target}, text: string(x.Inst)})
			}
		case xml.Directive:
			return nil, errors.New("a document type declaration is not allowed")
		}
	}
}

// take sorts attributes from namespace declarations.
func (n *xmlNode) take(attrs []xml.Attr) {
	for _, a := range attrs {
		switch {
		case a.Name.Space == "xmlns":
			n.declare(a.Name.Local, a.Value)
		case a.Name.Space == "" && a.Name.Local == "xmlns":
			n.declare("", a.Value)
		default:
			n.attrs = append(n.attrs, a)
		}
	}
}

func (n *xmlNode) declare(prefix, namespace string) {
	if n.prefixes == nil {
		n.prefixes = map[string]string{}
	}
	n.prefixes[prefix] = namespace
}

// namespace looks a prefix up from n outwards.
func (n *xmlNode) namespace(prefix string) (string, bool) {
	for ; n != nil; n = n.parent {
		if ns, ok := n.prefixes[prefix]; ok {
			return ns, true
		}
	}
	return "", false
}

func (n *xmlNode) append(c *xmlNode) {
	c.parent = n
	n.children = append(n.children, c)
}

// elements are the child elements.
func (n *xmlNode) elements() []*xmlNode {
	var out []*xmlNode
	for _, c := range n.children {
		if c.kind == xmlElement {
			out = append(out, c)
		}
	}
	return out
}

func (n *xmlNode) attr(name xml.Name) int {
	for i, a := range n.attrs {
		if a.Name == name {
			return i
		}
	}
	return -1
}

// value is the string value of a node: its text and that of what is in it.
func (n *xmlNode) value() string {
	if n.kind != xmlElement {
		return n.text
	}
	var b strings.Builder
	for _, c := range n.children {
		if c.kind == xmlElement || c.kind == xmlText {
			b.WriteString(c.value())
		}
	}
	return b.String()
}

// prune drops FHIR elements that removals left without anything, since FHIR
// has no empty ones.
func (n *xmlNode) prune() {
	n.children = slices.DeleteFunc(n.children, func(c *xmlNode) bool {
		if c.kind != xmlElement || c.name.Space != fhirNamespace {
			return false
		}
		c.prune()
		gone := c.emptied && n.parent != nil && len(c.attrs) == 0 && !slices.ContainsFunc(c.children, func(g *xmlNode) bool { return !g.blank() })
		n.emptied = n.emptied || gone
		return gone
	})
}

func (n *xmlNode) blank() bool { return n.kind == xmlText && strings.TrimSpace(n.text) == "" }

func (n *xmlNode) size() int {
	size := 1
	for _, c := range n.children {
		size += c.size()
	}
	return size
}

func (n *xmlNode) clone() *xmlNode {
	c := &xmlNode{kind: n.kind, name: n.name, attrs: append([]xml.Attr(nil), n.attrs...), text: n.text, prefixes: n.prefixes}
	for _, child := range n.children {
		c.append(child.clone())
	}
	return c
}

// write writes n; outer is the default namespace in force. Namespaces are
// declared as default ones, which is how FHIR writes them.
func (n *xmlNode) write(b *bytes.Buffer, outer string) {
	switch n.kind {
	case xmlText:
		b.WriteString(textEscaper.Replace(n.text))
		return
	case xmlComment:
		b.WriteString("<!--" + n.text + "-->")
		return
	case xmlInstruction:
		b.WriteString("<?" + n.name.Local + " " + n.text + "?>")
		return
	}
	b.WriteString("<" + n.name.Local)
	if n.name.Space != outer {
		b.WriteString(` xmlns="`)
		escape(b, n.name.Space)
		b.WriteByte('"')
	}
	for i, a := range n.attrs {
		name := a.Name.Local
		switch a.Name.Space {
		case "":
		case "http://www.w3.org/XML/1998/namespace", "xml":
			name = "xml:" + name
		default:
			fmt.Fprintf(b, ` xmlns:n%d="`, i)
			escape(b, a.Name.Space)
			b.WriteByte('"')
			name = fmt.Sprintf("n%d:%s", i, name)
		}
		b.WriteString(" " + name + `="`)
		escape(b, a.Value)
		b.WriteByte('"')
	}
	if len(n.children) == 0 {
		b.WriteString("/>")
		return
	}
	b.WriteByte('>')
	for _, c := range n.children {
		c.write(b, n.name.Space)
	}
	b.WriteString("</" + n.name.Local + ">")
}

var textEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\r", "&#xD;")

func escape(b *bytes.Buffer, s string) {
	_ = xml.EscapeText(b, []byte(s)) // a bytes.Buffer does not fail
}
