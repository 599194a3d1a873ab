package fhir

import (
	"bytes"
	"fmt"
	"strings"
	"unsafe"

	"github.com/inglehealth/ingle/spec/fault"
)

const xhtmlNamespace = "http://www.w3.org/1999/xhtml"

// xhtmlElements and xhtmlAttributes are what a narrative may hold: FHIR R4
// §2.4.0, chapters 7 to 11 and 15 of HTML 4.0 without forms, frames, scripts
// and objects.
var (
	xhtmlElements = words(`a abbr acronym address area b bdo big blockquote br caption cite code col colgroup dd
		dfn div dl dt em h1 h2 h3 h4 h5 h6 hr i img kbd li map ol p pre q samp small span strong sub sup table
		tbody td tfoot th thead tr tt ul var`)
	xhtmlAttributes = words(`abbr accesskey align alt axis border cellpadding cellspacing char charoff charset
		cite class clear colspan compact coords dir frame headers height href hreflang hspace id ismap lang
		longdesc name nohref noshade nowrap rel rev rowspan rules scope shape span src start style summary
		tabindex title type usemap valign value vspace width`)
)

// xhtmlNames gives the names above as strings without making them again.
var xhtmlNames = func() map[string]string {
	names := map[string]string{"xmlns": "xmlns"}
	for _, set := range []map[string]bool{xhtmlElements, xhtmlAttributes} {
		for name := range set {
			names[name] = name
		}
	}
	return names
}()

func words(list string) map[string]bool {
	set := map[string]bool{}
	for w := range strings.FieldsSeq(list) {
		set[w] = true
	}
	return set
}

// CheckNarrative says what is wrong with the XHTML of a Narrative.div, "" when
// nothing is: it must be one well-formed div of allowed elements and
// attributes (invariant txt-1). shows says whether there is any text or image
// to see (invariant txt-2). Parsers and edits refuse what is wrong, so a Tree
// never holds it; a div that shows nothing is left to validation, since
// official examples have some.
func CheckNarrative(xhtml string) (wrong string, shows bool) {
	src := unsafe.Slice(unsafe.StringData(xhtml), len(xhtml)) // only read
	if _, wrong := badXML(src); wrong != "" {
		return "the narrative " + wrong, false
	}
	s := xmlScanner{src: src}
	var open []string
	for {
		tok := s.next()
		switch tok.kind {
		case xmlBad:
			return fmt.Sprintf("the narrative is no XHTML: %s (at byte %d of it)", s.wrong, tok.off), false
		case xmlStart:
			if len(open) == 0 && (tok.off != 0 || tok.full != "div") {
				return notOneDiv, false
			}
			if wrong := checkXHTMLTag(tok, s.attrs); wrong != "" {
				return wrong, false
			}
			shows = shows || tok.name == "img"
			if !tok.empty {
				open = append(open, tok.full)
			}
		case xmlEnd:
			if open[len(open)-1] != tok.full {
				return fmt.Sprintf("the narrative is no XHTML: <%s> is closed by </%s>", open[len(open)-1], fault.Shorten(tok.full)), false
			}
			open = open[:len(open)-1]
		case xmlText:
			shows = shows || showsText(tok.text)
		case xmlEOF:
			if s.depth > 0 {
				return fmt.Sprintf("the narrative is no XHTML: <%s> is not closed", open[len(open)-1]), false
			}
			return "", shows
		}
		if tok.kind != xmlText && len(open) == 0 && s.pos != len(src) {
			return notOneDiv, false
		}
	}
}

// showsText says whether text has anything but white space.
func showsText(text []byte) bool {
	text = bytes.TrimSpace(text)
	return len(text) > 0 && (text[0] != '&' || strings.TrimSpace(unescapeXML(string(text))) != "")
}

const notOneDiv = "the narrative must be one div element with nothing around it"

func checkNarrative(xhtml string) string {
	wrong, _ := CheckNarrative(xhtml)
	if wrong == "" && xhtml == "" {
		return notOneDiv
	}
	return wrong
}

func checkXHTMLTag(tok xmlToken, attrs []xmlAttribute) string {
	if tok.full != tok.name || tok.space != xhtmlNamespace {
		return wrongNamespace(tok)
	}
	if !xhtmlElements[tok.name] {
		return fmt.Sprintf("a narrative may not hold <%s>", fault.Shorten(tok.name))
	}
	for _, a := range attrs {
		switch {
		case a.prefix == "" && a.name == "xmlns":
			continue
		case a.prefix == "xml" && (a.name == "lang" || a.name == "space"):
			continue
		case a.prefix == "xmlns":
			continue
		case a.prefix != "" || !xhtmlAttributes[a.name]:
			return fmt.Sprintf("a narrative may not hold the attribute %s on <%s>", fault.Shorten(a.name), tok.name)
		case isActive(a.name, a.value):
			return fmt.Sprintf("the attribute %s on <%s> may not run a program", a.name, tok.name)
		}
	}
	return ""
}

func wrongNamespace(tok xmlToken) string {
	return fmt.Sprintf(`the narrative's <%s> must be of the namespace %s, declared as xmlns="..." on the div`, fault.Shorten(tok.full), xhtmlNamespace)
}

// isActive says whether an attribute's value would make a browser run
// something. White space and control characters, which browsers skip inside a
// scheme, do not hide it.
func isActive(name, value string) bool {
	switch name {
	case "style", "href", "src", "cite", "longdesc", "usemap":
	default:
		return false
	}
	bare := strings.ToLower(strings.Map(func(r rune) rune {
		if r <= ' ' || r == 0x7F || r == 0xA0 {
			return -1
		}
		return r
	}, value))
	switch name {
	case "style":
		return strings.Contains(bare, "javascript:") || strings.Contains(bare, "expression(") ||
			strings.Contains(bare, "@import") || strings.Contains(bare, "behavior:") || strings.Contains(bare, "-moz-binding")
	case "href", "src", "cite", "longdesc", "usemap":
		return strings.HasPrefix(bare, "javascript:") || strings.HasPrefix(bare, "vbscript:") ||
			strings.HasPrefix(bare, "data:") && !strings.HasPrefix(bare, "data:image/")
	}
	return false
}
