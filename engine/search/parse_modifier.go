package search

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
)

// textModifiers are the modifiers that look for words.
var textModifiers = map[definitions.SearchType]string{
	definitions.SearchString: "text", definitions.SearchToken: "text-advanced", definitions.SearchReference: "text-advanced",
}

// modified gives the function that reads a value with a modifier over texts,
// value sets or hierarchies; nil when the parameter takes no such modifier.
func (p *parser) modified(param found, modifier string) func(raw string) (Expr, error) {
	if !param.indexed() {
		return nil
	}
	if advanced := textModifiers[param.Kind]; advanced == modifier && p.c.advanced() {
		return func(raw string) (Expr, error) { return readWords(param.as, raw) }
	}
	switch param.Kind {
	case definitions.SearchToken:
		switch modifier {
		case "text":
			return func(raw string) (Expr, error) { return readTexts(param.as, raw) }
		case "in", "not-in":
			return func(raw string) (Expr, error) { return p.codesOf(param.as, raw) }
		case "above", "below":
			return func(raw string) (Expr, error) { return p.subsumed(param, modifier, raw) }
		case "of-type":
			if p.c.endsIn(param.Type, param.def.Expression, "Identifier") {
				return func(raw string) (Expr, error) { return readOfType(param.as, raw) }
			}
		}
	case definitions.SearchReference:
		switch modifier {
		case "text":
			return func(raw string) (Expr, error) { return readTexts(param.as, raw) }
		case "above", "below":
			return func(raw string) (Expr, error) { return p.within(param, modifier, raw) }
		}
	case definitions.SearchURI:
		switch modifier {
		case "above", "below", "contains":
			return func(raw string) (Expr, error) { return readSegments(param.as, modifier, raw) }
		}
	}
	return nil
}

// modifierCodes is the code system of modifiers.
const modifierCodes = "http://hl7.org/fhir/search-modifier-code"

// hasAdvanced says whether a release has searches by words in strings (:text)
// and in the texts beside tokens and references (:text-advanced), as R5 does.
func hasAdvanced(d *definitions.Definitions) bool {
	s := d.CodeSystem(modifierCodes)
	if s == nil {
		return false
	}
	for i := range s.Concepts {
		if s.Concepts[i].Code == "text-advanced" {
			return true
		}
	}
	return false
}

// readTexts reads :text.
func readTexts(as Param, raw string) (Expr, error) {
	text, err := plain(raw)
	if err != nil {
		return nil, err
	}
	value := Phrase(text)
	if value == "" {
		return nil, errors.New("it has no letter or digit to look for")
	}
	return Text{as, value}, nil
}

// readOfType reads system|code|value, system and code being of the identifier's
// type (§3.1.1.4.10).
func readOfType(as Param, raw string) (Expr, error) {
	parts := split(raw, '|')
	if len(parts) != 3 || parts[0] == "" || parts[1] == "" || parts[2] == "" {
		return nil, errors.New("modifier :of-type takes system|code|value: the type's system and code, and the identifier's value")
	}
	for i := range parts {
		text, err := plain(parts[i])
		if err != nil {
			return nil, err
		}
		parts[i] = text
	}
	return Token{Param: as.OfType(), System: Bound(parts[0]), Code: Bound(parts[1] + "|" + parts[2])}, nil
}

var errNoTerminology = errors.New("no value sets or code systems are at hand here")

// untold notes an error of the Terminology that says nothing about the value:
// Parse fails with that.
func (p *parser) untold(err error) error {
	f, ok := errors.AsType[*fault.Error](err)
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded),
		ok && (f.Kind == fault.Internal || f.Kind == fault.Unavailable):
		p.failed = err
	}
	return err
}

// codesOf reads :in and :not-in: a value set by its URL or as ValueSet/id.
func (p *parser) codesOf(as Param, raw string) (Expr, error) {
	parts, err := plainParts(raw)
	if err != nil {
		return nil, err
	}
	valueSet := strings.Join(parts, "|")
	if key, _, ok := p.c.local(valueSet); ok && key.Type == "ValueSet" {
		valueSet = key.String()
	}
	if p.o.Terminology == nil {
		return nil, errNoTerminology
	}
	list, err := p.o.Terminology.Codes(valueSet, p.o.Limits.Codes)
	if err != nil {
		return nil, p.untold(err)
	}
	return Codes{as, list}, nil
}

// subsumed reads :above and :below of a token: system|code, or a MIME type.
func (p *parser) subsumed(param found, modifier, raw string) (Expr, error) {
	parts, err := plainParts(raw)
	if err != nil {
		return nil, err
	}
	if len(parts) == 1 && modifier == "below" && p.c.isMIME(param.parameter) {
		return belowMIME(param.as, parts[0]), nil
	}
	if len(parts) != 2 || parts[0] == "" || parts[1] == "" {
		return nil, fmt.Errorf("modifier :%s takes system|code", modifier)
	}
	if p.o.Terminology == nil {
		return nil, errNoTerminology
	}
	family := p.o.Terminology.Below
	if modifier == "above" {
		family = p.o.Terminology.Above
	}
	codes, err := family(parts[0], parts[1], p.o.Limits.Codes)
	if err != nil {
		return nil, p.untold(err)
	}
	codings := make([]Coding, len(codes))
	for i, code := range codes {
		codings[i] = Coding{parts[0], code}
	}
	return Codes{param.as, NewCodeList(codings)}, nil
}

// belowMIME finds a MIME type with any parameters, or all of image
// (§3.1.1.4.10.1).
func belowMIME(as Param, code string) Expr {
	start := func(begin string) Token { return Token{Param: as, Code: Bound(begin), AnySystem: true, Start: true} }
	if !strings.Contains(code, "/") {
		return start(code + "/")
	}
	return Or{Token{Param: as, Code: Bound(code), AnySystem: true}, start(code + ";"), start(code + " ;")}
}

// mimeTypes is the value set that elements for MIME types are bound to.
const mimeTypes = "http://hl7.org/fhir/ValueSet/mimetypes"

// isMIME says whether the values of a token parameter are MIME types.
func (c *Catalog) isMIME(p *parameter) bool {
	for _, alternative := range splitUnion(p.def.Expression) {
		paths, err := parsePaths(c.defs, alternative)
		if err != nil {
			return false
		}
		for _, one := range paths {
			last := len(one.steps) - 1
			if last < 0 || one.steps[last].kind != stepChild || one.root == "" {
				return false
			}
			name := one.steps[last].name
			one.steps = one.steps[:last]
			for _, t := range c.endTypes(one) {
				e := c.defs.Type(t).Element(name)
				if e == nil || e.Binding == nil || e.Binding.ValueSet != mimeTypes && !strings.HasPrefix(e.Binding.ValueSet, mimeTypes+"|") {
					return false
				}
			}
		}
	}
	return true
}

// SegmentEnds are the characters at which a URL parts in segments; the last one
// parts a canonical from its version.
const SegmentEnds = "/?#|"

// maxSegments bounds the segments of a URL for :above.
const maxSegments = 64

// readSegments reads :above, :below and :contains of a uri (§3.1.1.4.9).
func readSegments(as Param, modifier, raw string) (Expr, error) {
	parts, err := plainParts(raw)
	if err != nil {
		return nil, err
	}
	value := strings.Join(parts, "|")
	if modifier == "contains" {
		return URI{as, Bound(value), URIContains}, nil
	}
	scheme := strings.Index(value, "://")
	if scheme < 0 {
		return nil, fmt.Errorf("modifier :%s is for URLs, which have segments; this is none", modifier)
	}
	if modifier == "below" {
		return URI{as, Bound(strings.TrimRight(value, "/")), URIBelow}, nil
	}
	above := Or{URI{Param: as, Value: Bound(value)}}
	for i := len(value) - 1; i > scheme+2; i-- {
		if strings.IndexByte(SegmentEnds, value[i]) < 0 {
			continue
		}
		if len(above) > 2*maxSegments {
			return nil, fmt.Errorf("it has more than %d segments; this server goes up at most so many", maxSegments)
		}
		above = append(above, URI{Param: as, Value: Bound(value[:i])})
		if value[i] == '/' && i < len(value)-1 {
			above = append(above, URI{Param: as, Value: Bound(value[:i+1])})
		}
	}
	return above, nil
}

// modifiersOf lists the modifiers that a parameter takes here.
func (c *Catalog) modifiersOf(p *parameter) string {
	text := ":text"
	if c.advanced() {
		text = ":text, :text-advanced"
	}
	switch {
	case p.Code == codeID:
		return ":missing, :not"
	case p.Kind == definitions.SearchString:
		if c.advanced() {
			return ":missing, :exact, :contains, :text"
		}
		return ":missing, :exact, :contains"
	case p.Kind == definitions.SearchToken:
		if c.endsIn(p.Type, p.def.Expression, "Identifier") {
			return ":missing, :not, " + text + ", :in, :not-in, :above, :below, :of-type"
		}
		return ":missing, :not, " + text + ", :in, :not-in, :above, :below"
	case p.Kind == definitions.SearchReference:
		return ":missing, :identifier, " + text + ", :above, :below and the name of a resource type"
	case p.Kind == definitions.SearchURI:
		return ":missing, :above, :below, :contains"
	}
	return ":missing"
}

// relative reads a uri that is relative to this server, as in
// _profile=StructureDefinition/lipid (§3.1.1.4.1): also as an absolute one.
func (p *parser) relative(as Param, raw string) (Expr, bool) {
	text, err := plain(raw)
	if err != nil || p.c.base == "" || strings.HasPrefix(text, p.c.base) {
		return nil, false
	}
	if _, _, ok := p.c.local(text); !ok {
		return nil, false
	}
	return Or{URI{Param: as, Value: Bound(text)}, URI{Param: as, Value: Bound(p.c.base + text)}}, true
}
