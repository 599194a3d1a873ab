package patch

import (
	"encoding/xml"
	"fmt"
	"strconv"
	"strings"

	"github.com/inglehealth/ingle/spec/fault"
)

// selector is a path in the part of XPath that RFC 5261 §4.1 allows: child
// steps with predicates, to an element, an attribute, a text, a comment or a
// processing instruction.
type selector struct {
	steps []xmlStep
	attr  *nameTest // last step @name
}

type xmlStep struct {
	kind       xmlKind
	test       nameTest
	predicates []predicate
}

// nameTest matches a qualified name; any is "*".
type nameTest struct {
	any      bool
	free     bool // no prefix and no default namespace: any namespace will do
	name     xml.Name
	prefixed string
}

func (t nameTest) matches(n xml.Name) bool {
	return t.any || t.name.Local == n.Local && (t.free || t.name.Space == n.Space)
}

// predicate is [3], [last()], [@a='x'], [f:use/@value='x'], [.='x'] or a path
// alone, which asks whether it finds something.
type predicate struct {
	position int // from 1; -1 for last()
	path     *selector
	self     bool
	equals   *string
}

type selectorParser struct {
	src   string
	pos   int
	scope *xmlNode // of the patch document, for prefixes
}

func parseSelector(src string, scope *xmlNode) (*selector, error) {
	if len(src) > 4096 {
		return nil, fmt.Errorf("sel is longer than 4096 characters")
	}
	p := &selectorParser{src: src, scope: scope}
	p.accept("/")
	s, err := p.path(0)
	if err != nil {
		return nil, fmt.Errorf("sel %q: %w", fault.Shorten(src), err)
	}
	if p.pos < len(p.src) {
		return nil, fmt.Errorf("sel %q: %q is not expected at position %d", fault.Shorten(src), fault.Shorten(p.src[p.pos:]), p.pos+1)
	}
	return s, nil
}

func (p *selectorParser) accept(s string) bool {
	for p.pos < len(p.src) && (p.src[p.pos] == ' ' || p.src[p.pos] == '\t' || p.src[p.pos] == '\n') {
		p.pos++
	}
	if strings.HasPrefix(p.src[p.pos:], s) {
		p.pos += len(s)
		return true
	}
	return false
}

func (p *selectorParser) path(depth int) (*selector, error) {
	if depth > 8 {
		return nil, fmt.Errorf("predicates are nested too deep")
	}
	s := &selector{}
	for {
		if p.accept("@") {
			t, err := p.name(true)
			s.attr = &t
			return s, err
		}
		step, err := p.step(depth)
		if err != nil {
			return nil, err
		}
		s.steps = append(s.steps, step)
		if !p.accept("/") {
			return s, nil
		}
	}
}

func (p *selectorParser) step(depth int) (xmlStep, error) {
	var s xmlStep
	switch {
	case p.accept("text()"):
		s.kind = xmlText
	case p.accept("comment()"):
		s.kind = xmlComment
	case p.accept("processing-instruction("):
		s.kind, s.test.any = xmlInstruction, true
		if target, ok := p.literal(); ok {
			s.test = nameTest{free: true, name: xml.Name{Local: target}}
		}
		if !p.accept(")") {
			return s, fmt.Errorf(`")" is missing at position %d`, p.pos+1)
		}
	default:
		t, err := p.name(false)
		if err != nil {
			return s, err
		}
		s.test = t
	}
	for p.accept("[") {
		q, err := p.predicate(depth)
		if err != nil {
			return s, err
		}
		if !p.accept("]") {
			return s, fmt.Errorf(`"]" is missing at position %d`, p.pos+1)
		}
		s.predicates = append(s.predicates, q)
	}
	return s, nil
}

// name reads a qualified name. "f" means FHIR's namespace and "h" XHTML's
// unless the patch declares them otherwise.
func (p *selectorParser) name(attribute bool) (nameTest, error) {
	if p.accept("*") {
		return nameTest{any: true}, nil
	}
	start := p.pos
	for p.pos < len(p.src) && (strings.IndexByte("-_.:", p.src[p.pos]) >= 0 || isAlphanumeric(p.src[p.pos])) {
		p.pos++
	}
	text := p.src[start:p.pos]
	if text == "" {
		return nameTest{}, fmt.Errorf("a name is expected at position %d", start+1)
	}
	prefix, local, prefixed := strings.Cut(text, ":")
	if !prefixed {
		t := nameTest{name: xml.Name{Local: text}, prefixed: text}
		if !attribute {
			if ns, ok := p.scope.namespace(""); ok {
				t.name.Space = ns
			} else {
				t.free = true
			}
		}
		return t, nil
	}
	ns, ok := p.scope.namespace(prefix)
	switch {
	case ok:
	case prefix == "f" || prefix == "fhir":
		ns = fhirNamespace
	case prefix == "h" || prefix == "html" || prefix == "xhtml":
		ns = xhtmlNamespace
	case prefix == "xml":
		ns = "http://www.w3.org/XML/1998/namespace"
	default:
		return nameTest{}, fmt.Errorf("the prefix %q is not declared", fault.Shorten(prefix))
	}
	return nameTest{name: xml.Name{Space: ns, Local: local}, prefixed: text}, nil
}

func (p *selectorParser) predicate(depth int) (predicate, error) {
	var q predicate
	if p.accept("last()") {
		q.position = -1
		return q, nil
	}
	start := p.pos
	for p.pos < len(p.src) && p.src[p.pos] >= '0' && p.src[p.pos] <= '9' {
		p.pos++
	}
	if p.pos > start {
		n, err := strconv.Atoi(p.src[start:p.pos])
		if err != nil || n == 0 {
			return q, fmt.Errorf("%q is not a position; they count from 1", fault.Shorten(p.src[start:p.pos]))
		}
		q.position = n
		return q, nil
	}
	if p.accept(".") {
		q.self = true
	} else {
		path, err := p.path(depth + 1)
		if err != nil {
			return q, err
		}
		q.path = path
	}
	if p.accept("=") {
		p.accept("")
		s, ok := p.literal()
		if !ok {
			return q, fmt.Errorf("a text in quotes is expected at position %d", p.pos+1)
		}
		q.equals = &s
	} else if q.self {
		return q, fmt.Errorf(`"=" is expected at position %d`, p.pos+1)
	}
	return q, nil
}

func (p *selectorParser) literal() (string, bool) {
	for _, quote := range []string{"'", `"`} {
		if p.accept(quote) {
			if n := strings.Index(p.src[p.pos:], quote); n >= 0 {
				s := p.src[p.pos : p.pos+n]
				p.pos += n + 1
				return s, true
			}
			return "", false
		}
	}
	return "", false
}

func isAlphanumeric(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c >= 0x80
}

// find returns the nodes that the steps lead to from n, in document order.
func (s *selector) find(n *xmlNode) []*xmlNode {
	at := []*xmlNode{n}
	for _, step := range s.steps {
		var next []*xmlNode
		for _, n := range at {
			next = append(next, step.from(n)...)
		}
		at = next
	}
	return at
}

func (s xmlStep) from(n *xmlNode) []*xmlNode {
	var found []*xmlNode
	for _, c := range n.children {
		if c.kind == s.kind && (s.kind == xmlText || s.kind == xmlComment || s.test.matches(c.name)) {
			found = append(found, c)
		}
	}
	for _, q := range s.predicates {
		switch {
		case q.position == -1 && len(found) > 0:
			found = found[len(found)-1:]
		case q.position > len(found):
			found = nil
		case q.position > 0:
			found = found[q.position-1 : q.position]
		case q.position == 0:
			var kept []*xmlNode
			for _, c := range found {
				if q.holds(c) {
					kept = append(kept, c)
				}
			}
			found = kept
		}
	}
	return found
}

func (q predicate) holds(n *xmlNode) bool {
	if q.self {
		return n.value() == *q.equals
	}
	for _, c := range q.path.find(n) {
		if q.path.attr == nil {
			if q.equals == nil || c.value() == *q.equals {
				return true
			}
			continue
		}
		for _, a := range c.attrs {
			if q.path.attr.matches(a.Name) && (q.equals == nil || a.Value == *q.equals) {
				return true
			}
		}
	}
	return false
}
