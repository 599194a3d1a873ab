package label

import (
	"slices"
	"strings"
	"sync"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

// Labeler labels resources by rules. It is safe for concurrent use.
type Labeler struct {
	rules    []Rule
	codes    map[Coding][]int    // rules by code
	prefixes map[string][]prefix // by system
	phrases  phrases
	subject  func(typeName string) bool
	places   sync.Map // *definitions.Definitions to []place
}

type prefix struct {
	text string
	rule int
}

// New makes a Labeler of rules. sets has the codes of the value sets that they name,
// by URL; one that is missing has none. subject says of which types resources are
// labelled; others lose the labels they had.
func New(r Rules, sets map[string][]Coding, subject func(typeName string) bool) *Labeler {
	l := &Labeler{rules: r.Rules, codes: map[Coding][]int{}, prefixes: map[string][]prefix{}, subject: subject}
	for i := range r.Rules {
		rule := &r.Rules[i]
		for system, codes := range rule.Codes {
			for _, c := range codes {
				if before, ok := strings.CutSuffix(c, "*"); ok {
					l.prefixes[system] = append(l.prefixes[system], prefix{before, i})
				} else {
					l.add(Coding{system, c}, i)
				}
			}
		}
		for _, url := range rule.ValueSets {
			for _, c := range sets[url] {
				l.add(c, i)
			}
		}
		for _, w := range rule.Words {
			l.phrases.add(w, i)
		}
	}
	return l
}

func (l *Labeler) add(c Coding, rule int) { l.codes[c] = append(l.codes[c], rule) }

// Apply replaces the labels that a Labeler gave a resource by those that the rules
// give it now, and says whether there were or are any. What others wrote stays, and is
// not repeated.
func (l *Labeler) Apply(t *fhir.Tree) (bool, error) {
	had := unlabel(t)
	if !l.subject(string(t.Type())) {
		return had, nil
	}
	found := l.find(t)
	if found == nil {
		return had, nil
	}
	slices.Sort(found)
	return true, l.write(t, slices.Compact(found))
}

// find are the rules that a resource meets, perhaps repeated.
func (l *Labeler) find(t *fhir.Tree) (found []int) {
	places := l.placesOf(t.Definitions())
	meet := func(rule int) { found = append(found, rule) }
	for n := range t.Root().Descendants() {
		switch places[n.PropertyID()] {
		case nowhere:
		case inCode:
			l.coding(n, meet)
		case inConceptText:
			if n.Parent().Child("coding").IsZero() {
				l.phrases.find(n.Text(), meet)
			}
		case inText:
			l.phrases.find(n.Text(), meet)
		case inSectionText:
			l.phrases.find(n.Child("div").Text(), meet)
		case inData:
			l.phrases.find(attached(n), meet)
		}
	}
	return found
}

// coding looks at a Coding, given its code.
func (l *Labeler) coding(code fhir.Node, meet func(rule int)) {
	c := Coding{code.Parent().Child("system").Text(), code.Text()}
	for _, rule := range l.codes[c] {
		meet(rule)
	}
	for _, p := range l.prefixes[c.System] {
		if strings.HasPrefix(c.Code, p.text) {
			meet(p.rule)
		}
	}
}

// place is what an element is to a Labeler.
type place uint8

const (
	nowhere       place = iota
	inCode              // Coding.code
	inConceptText       // CodeableConcept.text, which counts without a coding
	inText
	inSectionText // a Narrative that is what a document says
	inData        // Attachment.data
)

// texts are the elements whose texts are looked at.
var texts = []string{
	"Annotation.text", "Attachment.title", "DocumentReference.description", "DocumentManifest.description", "Composition.title",
	"Composition.section.title", "DiagnosticReport.conclusion", "ClinicalImpression.description", "ClinicalImpression.summary",
}

// placesOf are the places of elements by the numbers of their properties.
func (l *Labeler) placesOf(d *definitions.Definitions) []place {
	if known, ok := l.places.Load(d); ok {
		return known.([]place)
	}
	places := make([]place, d.Properties())
	put := func(path string, at place) {
		if p := propertyOf(d, path); p != nil {
			places[p.ID] = at
		}
	}
	put("Coding.code", inCode)
	put("CodeableConcept.text", inConceptText)
	put("Composition.section.text", inSectionText)
	put("Attachment.data", inData)
	for _, path := range texts {
		put(path, inText)
	}
	l.places.Store(d, places)
	return places
}

// propertyOf is the property at the end of a path, nil when a release has none.
func propertyOf(d *definitions.Definitions, path string) *definitions.Property {
	name, rest, _ := strings.Cut(path, ".")
	at := d.Type(name)
	var p *definitions.Property
	for name := range strings.SplitSeq(rest, ".") {
		if at == nil {
			return nil
		}
		p, _ = at.Property(name)
		if p == nil {
			return nil
		}
		at = p.Type
	}
	return p
}
