package fhir

import (
	"slices"
	"strings"
	"unsafe"
)

// NarrativeParts is what a narrative says of its languages and its sources.
type NarrativeParts struct {
	Lang, XMLLang string   // of the whole, by its two attributes; "" where it has none
	Sections      []string // languages of the divs right below it that name one
	Unsourced     []string // texts of which no class says where they come from
}

// narrativeSources are the classes that say so: FHIR Extensions Pack, Rules about
// Narrative. The last one is of an earlier edition.
var narrativeSources = words("boilerplate generated extension additional original")

// ReadNarrative reads the XHTML of a Narrative.div in which CheckNarrative finds nothing
// wrong.
func ReadNarrative(xhtml string) (p NarrativeParts) {
	s := xmlScanner{src: unsafe.Slice(unsafe.StringData(xhtml), len(xhtml))} // only read
	depth, sourced := 0, 0                                                   // sourced is the depth of the outermost element with a source
	for {
		switch tok := s.next(); tok.kind {
		case xmlStart:
			depth++
			lang, xmlLang := "", ""
			for _, a := range s.attrs {
				switch {
				case a.name == "lang" && a.prefix == "":
					lang = a.value
				case a.name == "lang" && a.prefix == "xml":
					xmlLang = a.value
				case a.name == "class" && sourced == 0 && slices.ContainsFunc(strings.Fields(a.value), func(c string) bool { return narrativeSources[c] }):
					sourced = depth
				}
			}
			if depth == 1 {
				p.Lang, p.XMLLang = lang, xmlLang
			}
			if section := lang + xmlLang; depth == 2 && tok.name == "div" && section != "" {
				if lang != "" {
					section = lang
				}
				p.Sections = append(p.Sections, section)
			}
			if tok.empty {
				sourced, depth = left(sourced, depth)
			}
		case xmlEnd:
			sourced, depth = left(sourced, depth)
		case xmlText:
			if sourced == 0 && showsText(tok.text) {
				p.Unsourced = append(p.Unsourced, strings.TrimSpace(string(tok.text)))
			}
		case xmlBad, xmlEOF:
			return p
		}
	}
}

// left are sourced and depth behind the end of an element.
func left(sourced, depth int) (int, int) {
	if sourced == depth {
		sourced = 0
	}
	return sourced, depth - 1
}
