package fhir

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
	"unsafe"

	"github.com/inglehealth/ingle/spec/fault"
)

// xmlScanner reads XML 1.0 in UTF-8 without document types: with no DTD there
// are no entities to expand and nothing outside the document to fetch.
// Comments and processing instructions are skipped.
type xmlScanner struct {
	src    []byte
	pos    int
	depth  int // elements open
	spaces []xmlNamespace
	attrs  []xmlAttribute // of the last start tag
	names  map[string]string
	wrong  string // why the last token is xmlBad
}

// Bounds that keep hostile input from costing more than its length.
const (
	maxXMLDepth       = 512
	maxXMLAttributes  = 64
	maxXMLNamespaces  = 256  // declared by the elements that are open, all of which a name is looked up among
	maxXMLDeclaration = 256  // bytes
	maxXMLNames       = 4096 // names kept so as not to make a string of each again
)

// intern returns b as a string, the same one for the same name.
func (s *xmlScanner) intern(b []byte) string {
	if name, ok := xhtmlNames[string(b)]; ok {
		return name
	}
	if name, ok := s.names[string(b)]; ok {
		return name
	}
	name := string(b)
	if s.names == nil {
		s.names = map[string]string{}
	}
	if len(s.names) < maxXMLNames {
		s.names[name] = name
	}
	return name
}

const xmlNamespaceURI = "http://www.w3.org/XML/1998/namespace" // of the prefix xml

type xmlNamespace struct {
	prefix, uri string
	depth       int
}

type xmlAttribute struct {
	prefix, name string
	space        string // namespace of the prefix, "" without one
	value        string // with references resolved and white space as XML 1.0 §3.3.3 normalises it
	off          int
}

type xmlKind uint8

const (
	xmlBad xmlKind = iota
	xmlEnd
	xmlStart
	xmlText
	xmlEOF
)

type xmlToken struct {
	kind  xmlKind
	name  string // local name of a start tag
	full  string // name with prefix
	space string // namespace of a start tag
	text  []byte // raw text
	off   int
	empty bool // a start tag that ends itself
	cdata bool
}

// badXML says why src cannot be XML in whatever structure, or "".
func badXML(src []byte) (off int, wrong string) {
	if !utf8.Valid(src) {
		return firstInvalid(src), "is no UTF-8"
	}
	for i, c := range src {
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' {
			return i, fmt.Sprintf("holds the control character U+%04X, which XML does not allow", c)
		}
		if c == 0xEF && (bytes.HasPrefix(src[i:], []byte("\uFFFE")) || bytes.HasPrefix(src[i:], []byte("\uFFFF"))) {
			return i, "holds a code point that is no character"
		}
	}
	return 0, ""
}

func (s *xmlScanner) bad(off int, format string, args ...any) xmlToken {
	s.wrong = fmt.Sprintf(format, args...)
	return xmlToken{kind: xmlBad, off: off}
}

// next reads one token. Behind xmlBad nothing more may be read.
func (s *xmlScanner) next() xmlToken {
	for s.pos < len(s.src) {
		rest := s.src[s.pos:]
		switch {
		case rest[0] != '<':
			return s.text()
		case bytes.HasPrefix(rest, []byte("<!--")):
			end := bytes.Index(rest[4:], []byte("--"))
			if end < 0 || !bytes.HasPrefix(rest[4+end:], []byte("-->")) {
				return s.bad(s.pos, "the comment does not end, or has -- inside")
			}
			s.pos += 4 + end + 3
		case bytes.HasPrefix(rest, []byte("<?")):
			if tok := s.instruction(rest); tok.kind == xmlBad {
				return tok
			}
		case bytes.HasPrefix(rest, []byte("<![CDATA[")):
			end := bytes.Index(rest, []byte("]]>"))
			if end < 0 || s.depth == 0 {
				return s.bad(s.pos, "the CDATA section does not end, or stands outside the root")
			}
			tok := xmlToken{kind: xmlText, text: rest[9:end], off: s.pos, cdata: true}
			s.pos += end + 3
			return tok
		case bytes.HasPrefix(rest, []byte("<!")):
			return s.bad(s.pos, "a document type declaration is not allowed in FHIR")
		case bytes.HasPrefix(rest, []byte("</")):
			return s.endTag()
		default:
			return s.startTag()
		}
	}
	return xmlToken{kind: xmlEOF, off: s.pos}
}

func (s *xmlScanner) instruction(rest []byte) xmlToken {
	from, length := s.pos, bytes.Index(rest[2:], []byte("?>"))
	if length < 0 {
		return s.bad(from, "the processing instruction does not end")
	}
	s.pos += 2
	target, prefix, _, ok := s.name()
	content := s.src[s.pos : from+2+length]
	if !ok || prefix != "" || len(content) > 0 && !isXMLSpace(content[0]) {
		return s.bad(from, "the processing instruction has no name")
	}
	if strings.EqualFold(target, "xml") {
		if from != 0 || target != "xml" {
			return s.bad(from, "an XML declaration may only stand at the very beginning")
		}
		if wrong := badDeclaration(content); wrong != "" {
			return s.bad(from, "%s", wrong)
		}
	}
	s.pos = from + 2 + length + 2
	return xmlToken{kind: xmlText}
}

// xmlDeclaration is the production XMLDecl of XML 1.0, behind its name.
var xmlDeclaration = regexp.MustCompile(`^\s+version\s*=\s*(?:"([0-9.]+)"|'([0-9.]+)')` +
	`(?:\s+encoding\s*=\s*(?:"([A-Za-z][\w.-]*)"|'([A-Za-z][\w.-]*)'))?` +
	`(?:\s+standalone\s*=\s*(?:"(?:yes|no)"|'(?:yes|no)'))?\s*$`)

// badDeclaration says what is wrong with an XML declaration, or "".
func badDeclaration(content []byte) string {
	if len(content) > maxXMLDeclaration {
		return fmt.Sprintf("the XML declaration has more than %d bytes", maxXMLDeclaration)
	}
	found := xmlDeclaration.FindSubmatch(content)
	switch {
	case found == nil:
		return `the XML declaration must be written as <?xml version="1.0" encoding="UTF-8"?>`
	case string(found[1])+string(found[2]) != "1.0":
		return "this is not XML 1.0"
	}
	if encoding := string(found[3]) + string(found[4]); encoding != "" && !strings.EqualFold(encoding, "utf-8") {
		return "FHIR is encoded in UTF-8"
	}
	return ""
}

func (s *xmlScanner) text() xmlToken {
	from := s.pos
	end := bytes.IndexByte(s.src[from:], '<')
	if end < 0 {
		end = len(s.src) - from
	}
	text := s.src[from : from+end]
	s.pos = from + end
	if off, wrong := badReference(text); wrong != "" {
		return s.bad(from+off, "%s", wrong)
	}
	if i := bytes.Index(text, []byte("]]>")); i >= 0 {
		return s.bad(from+i, "]]> may not stand in text")
	}
	if s.depth == 0 && len(bytes.Trim(text, " \t\r\n")) > 0 {
		return s.bad(from, "there is text outside the root element")
	}
	return xmlToken{kind: xmlText, text: text, off: from}
}

// badReference finds a reference that is not one of XML's own.
func badReference(text []byte) (off int, wrong string) {
	for i := 0; ; {
		next := bytes.IndexByte(text[i:], '&')
		if next < 0 {
			return 0, ""
		}
		i += next
		_, n := entity(unsafe.String(&text[i], min(len(text)-i, 12)))
		if n == 0 {
			return i, "only &amp; &lt; &gt; &quot; &apos; and numeric references such as &#160; are allowed"
		}
		i += n
	}
}

func isNameStart(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c >= utf8.RuneSelf
}

// name reads a qualified name.
func (s *xmlScanner) name() (full, prefix, local string, ok bool) {
	from, colon := s.pos, -1
	for i := from; ; i++ {
		if i < len(s.src) {
			switch c := s.src[i]; {
			case isNameStart(c), i > from && (c >= '0' && c <= '9' || c == '-' || c == '.'):
				continue
			case c == ':' && colon < 0 && i > from:
				colon = i
				continue
			}
		}
		s.pos = i
		full = s.intern(s.src[from:i])
		if colon < 0 {
			return full, "", full, isName(full)
		}
		prefix, local = full[:colon-from], full[colon+1-from:]
		return full, prefix, local, isName(prefix) && isName(local)
	}
}

func (s *xmlScanner) white() bool {
	from := s.pos
	for s.pos < len(s.src) && isXMLSpace(s.src[s.pos]) {
		s.pos++
	}
	return s.pos > from
}

func (s *xmlScanner) startTag() xmlToken {
	tok := xmlToken{kind: xmlStart, off: s.pos}
	s.pos++
	full, prefix, local, ok := s.name()
	if !ok {
		return s.bad(tok.off, "a tag without a name; write &lt; for the character <")
	}
	tok.full, tok.name = full, local
	if s.depth++; s.depth > maxXMLDepth {
		return s.bad(tok.off, "elements lie more than %d deep inside one another", maxXMLDepth)
	}
	s.attrs = s.attrs[:0]
	for {
		spaced := s.white()
		if s.pos == len(s.src) {
			return s.bad(tok.off, "the tag <%s> does not end", fault.Shorten(full))
		}
		if s.src[s.pos] == '>' {
			s.pos++
			break
		}
		if bytes.HasPrefix(s.src[s.pos:], []byte("/>")) {
			s.pos += 2
			tok.empty = true
			break
		}
		if !spaced {
			return s.bad(s.pos, "a space is missing before the attribute")
		}
		if bad := s.attribute(); bad.kind == xmlBad {
			return bad
		}
	}
	if tok.space, ok = s.namespace(prefix); !ok {
		return s.bad(tok.off, "the namespace prefix %q is not declared", fault.Shorten(prefix))
	}
	for i := range s.attrs {
		a := &s.attrs[i]
		if a.prefix == "" || a.prefix == "xmlns" {
			continue
		}
		if a.space, ok = s.namespace(a.prefix); !ok {
			return s.bad(a.off, "the namespace prefix %q is not declared", fault.Shorten(a.prefix))
		}
	}
	if tok.empty {
		s.close()
	}
	return tok
}

func (s *xmlScanner) attribute() xmlToken {
	off := s.pos
	full, prefix, local, ok := s.name()
	if !ok {
		return s.bad(off, "an attribute's name is missing")
	}
	s.white()
	if s.pos == len(s.src) || s.src[s.pos] != '=' {
		return s.bad(s.pos, "the attribute %s has no value", fault.Shorten(full))
	}
	s.pos++
	s.white()
	if s.pos == len(s.src) || s.src[s.pos] != '"' && s.src[s.pos] != '\'' {
		return s.bad(s.pos, "the value of the attribute %s stands in no quotes", fault.Shorten(full))
	}
	end := bytes.IndexByte(s.src[s.pos+1:], s.src[s.pos])
	if end < 0 {
		return s.bad(s.pos, "the value of the attribute %s does not end", fault.Shorten(full))
	}
	raw := s.src[s.pos+1 : s.pos+1+end]
	if i := bytes.IndexByte(raw, '<'); i >= 0 {
		return s.bad(s.pos+1+i, "< in an attribute must be written &lt;")
	}
	if i, wrong := badReference(raw); wrong != "" {
		return s.bad(s.pos+1+i, "%s", wrong)
	}
	s.pos += end + 2
	value := unescapeXML(normalizeAttribute(raw))
	switch {
	case full == "xmlns":
		s.spaces = append(s.spaces, xmlNamespace{"", value, s.depth})
	case prefix == "xmlns":
		if value == "" || local == "xmlns" || (local == "xml") != (value == xmlNamespaceURI) {
			return s.bad(off, "a namespace prefix cannot be declared so")
		}
		s.spaces = append(s.spaces, xmlNamespace{local, value, s.depth})
	}
	if len(s.spaces) > maxXMLNamespaces {
		return s.bad(off, "more than %d namespaces are declared around this", maxXMLNamespaces)
	}
	if len(s.attrs) == maxXMLAttributes {
		return s.bad(off, "an element has more than %d attributes", maxXMLAttributes)
	}
	for _, a := range s.attrs {
		if a.prefix == prefix && a.name == local {
			return s.bad(off, "the attribute %s stands there twice", fault.Shorten(full))
		}
	}
	s.attrs = append(s.attrs, xmlAttribute{prefix: prefix, name: local, value: value, off: off})
	return xmlToken{kind: xmlText}
}

// normalizeAttribute makes literal white space a space (XML 1.0 §3.3.3);
// white space written as a reference stays.
func normalizeAttribute(raw []byte) string {
	if !bytes.ContainsAny(raw, "\t\r\n") {
		return string(raw)
	}
	raw = bytes.ReplaceAll(raw, []byte("\r\n"), []byte(" ")) // a copy, so src stays as it is
	for i, c := range raw {
		if c < ' ' {
			raw[i] = ' '
		}
	}
	return string(raw)
}

// namespace resolves a prefix, "" being the default namespace.
func (s *xmlScanner) namespace(prefix string) (uri string, ok bool) {
	if prefix == "xml" {
		return xmlNamespaceURI, true
	}
	for i := len(s.spaces) - 1; i >= 0; i-- {
		if s.spaces[i].prefix == prefix {
			return s.spaces[i].uri, true
		}
	}
	return "", prefix == ""
}

func (s *xmlScanner) close() {
	for len(s.spaces) > 0 && s.spaces[len(s.spaces)-1].depth == s.depth {
		s.spaces = s.spaces[:len(s.spaces)-1]
	}
	s.depth--
}

func (s *xmlScanner) endTag() xmlToken {
	tok := xmlToken{kind: xmlEnd, off: s.pos}
	s.pos += 2
	full, _, _, ok := s.name()
	s.white()
	if !ok || s.pos == len(s.src) || s.src[s.pos] != '>' || s.depth == 0 {
		return s.bad(tok.off, "is no end tag")
	}
	s.pos++
	s.close()
	tok.full = full
	return tok
}
