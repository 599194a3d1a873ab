package fhirpath

import (
	"strings"

	"github.com/inglehealth/ingle/spec/fhir"
)

// The functions that FHIR adds: R4 §2.1.9.1.5 and SQL on FHIR's keys.
func init() {
	register(
		function{name: "extension", min: 1, max: 1, eval: extension},
		function{name: "hasValue", test: func(_ *evaluation, _ *scope, _ *callOp, in []Value) (truth, error) {
			return truthOf(len(in) == 1 && (in[0].kind != KindNode || in[0].node.HasValue())), nil
		}},
		function{name: "getValue", eval: func(_ *evaluation, _ *scope, _ *callOp, in, dst []Value) ([]Value, error) {
			if len(in) == 1 {
				if v := in[0].system(); v.kind != KindNode {
					dst = append(dst, v)
				}
			}
			return dst, nil
		}},
		function{name: "htmlChecks", test: htmlChecks},
		function{name: "checkModifiers", max: -1, eval: checkModifiers},
		function{name: "conformsTo", min: 1, max: 1, test: conformsTo},
		function{name: "elementDefinition", eval: elementDefinition},
		function{name: "slice", min: 2, max: 2, eval: slice},
		function{name: "memberOf", min: 1, max: 1, test: memberOf},
		function{name: "subsumes", min: 1, max: 1, test: func(e *evaluation, s *scope, c *callOp, in []Value) (truth, error) {
			return e.subsumption(s, c, in, "subsumes")
		}},
		function{name: "subsumedBy", min: 1, max: 1, test: func(e *evaluation, s *scope, c *callOp, in []Value) (truth, error) {
			return e.subsumption(s, c, in, "subsumed-by")
		}},
		function{name: "getResourceKey", eval: func(_ *evaluation, _ *scope, _ *callOp, in, dst []Value) ([]Value, error) {
			for _, v := range in {
				if n, ok := v.Node(); ok && n.IsResource() {
					if id := n.Child("id"); id.HasValue() {
						dst = append(dst, String(n.Type().Name+"/"+id.Text()))
					}
				}
			}
			return dst, nil
		}},
		function{name: "getReferenceKey", max: 1, typed: true, eval: referenceKey},
	)
}

// extension is extension.where(url = ...).
func extension(e *evaluation, s *scope, c *callOp, in, dst []Value) ([]Value, error) {
	url, ok, err := e.text(s, c.args[0], c.at)
	if err != nil || !ok {
		return dst, err
	}
	for _, v := range in {
		if v.kind != KindNode {
			continue
		}
		for n := v.node.FirstChild(); !n.IsZero(); n = n.NextSibling() {
			if n.Name() == "extension" && n.Child("url").Text() == url {
				dst = append(dst, NodeValue(n))
			}
		}
	}
	return dst, e.step(len(in))
}

const xhtmlDiv = `<div xmlns="http://www.w3.org/1999/xhtml">`

// htmlChecks says whether a narrative, or a string as its content, is XHTML
// of the allowed elements with something to show.
func htmlChecks(e *evaluation, _ *scope, c *callOp, in []Value) (truth, error) {
	v, ok, err := e.one(in, c.at)
	if err != nil || !ok {
		return unknown, err
	}
	text, ok := v.Text()
	if !ok {
		return isFalse, nil
	}
	if !strings.HasPrefix(text, "<div") {
		text = xhtmlDiv + text + "</div>"
	}
	wrong, shows := fhir.CheckNarrative(text)
	return truthOf(wrong == "" && shows), nil
}

// checkModifiers fails when the input has modifier extensions other than
// those named.
func checkModifiers(e *evaluation, s *scope, c *callOp, in, dst []Value) ([]Value, error) {
	known := map[string]bool{}
	for _, a := range c.args {
		url, _, err := e.text(s, a, c.at)
		if err != nil {
			return nil, err
		}
		known[url] = true
	}
	for _, v := range in {
		if v.kind != KindNode {
			continue
		}
		for x := range v.node.All("modifierExtension") {
			if url := x.Child("url").Text(); !known[url] {
				return nil, e.failed(c.at, "%s has the modifier extension %s, which is not understood", v.node.Path(), url)
			}
		}
	}
	return append(dst, in...), nil
}

// asking is how many steps it takes to ask what the Env leads to.
const asking = 100

const baseProfiles = "http://hl7.org/fhir/StructureDefinition/"

func conformsTo(e *evaluation, s *scope, c *callOp, in []Value) (truth, error) {
	profile, ok, err := e.text(s, c.args[0], c.at)
	if err != nil || !ok {
		return unknown, err
	}
	v, ok, err := e.one(in, c.at)
	if err != nil || !ok {
		return unknown, err
	}
	n, isNode := v.Node()
	if !isNode {
		return isFalse, nil
	}
	if e.env.Profiles != nil {
		if err := e.step(asking + 20*weight(in)); err != nil {
			return unknown, err
		}
		conforms, ok, err := e.env.Profiles.Conforms(e.ctx, n, profile)
		if err != nil {
			return unknown, err
		}
		if ok {
			return truthOf(conforms), nil
		}
	}
	if name, ok := strings.CutPrefix(profile, baseProfiles); ok {
		if d := e.definitions(); d != nil && d.Type(name) != nil {
			return truthOf(n.Type().Is(name)), nil
		}
	}
	return unknown, e.failed(c.at, "the profile %s is not known", profile)
}

// concepts reads a code, Coding, CodeableConcept, Quantity or string.
func concepts(v Value) ([]Concept, bool) {
	if v.kind != KindNode {
		text, ok := v.Text()
		return []Concept{{Code: text}}, ok
	}
	n := v.node
	switch t := n.Type(); {
	case t.Is("Coding"), t.Is("Quantity"):
		display := n.Child("display").Text()
		if t.Is("Quantity") {
			display = n.Child("unit").Text()
		}
		return []Concept{{System: n.Child("system").Text(), Version: n.Child("version").Text(), Code: n.Child("code").Text(), Display: display}}, true
	case t.Is("CodeableConcept"):
		list := []Concept{}
		for coding := range n.All("coding") {
			c, _ := concepts(NodeValue(coding))
			list = append(list, c...)
		}
		return list, true
	}
	if c := n.Child("concept"); !c.IsZero() {
		// CodeableReference of R5.
		return concepts(NodeValue(c))
	}
	text, ok := v.Text()
	return []Concept{{Code: text}}, ok
}

func memberOf(e *evaluation, s *scope, c *callOp, in []Value) (truth, error) {
	url, ok, err := e.text(s, c.args[0], c.at)
	if err != nil || !ok {
		return unknown, err
	}
	v, ok, err := e.one(in, c.at)
	if err != nil || !ok {
		return unknown, err
	}
	list, ok := concepts(v)
	if !ok {
		return unknown, e.failed(c.at, "memberOf() needs a code, Coding or CodeableConcept, not %s", describe(v))
	}
	if e.env.Terminology == nil {
		return unknown, e.failed(c.at, "memberOf() needs terminology, which this evaluation has none of")
	}
	if err := e.step(asking * (1 + len(list))); err != nil {
		return unknown, err
	}
	member, known, err := e.env.Terminology.MemberOf(e.ctx, url, list)
	if err != nil || !known {
		return unknown, err
	}
	return truthOf(member), nil
}

// subsumption compares input and argument, Codings or CodeableConcepts; want
// is the relation that makes it true, besides equivalence.
func (e *evaluation) subsumption(s *scope, c *callOp, in []Value, want string) (truth, error) {
	a, aok, err := e.one(in, c.at)
	if err != nil {
		return unknown, err
	}
	b, bok, err := e.single(s, c.args[0], c.at)
	if err != nil || !aok || !bok {
		return unknown, err
	}
	if e.env.Terminology == nil {
		return unknown, e.failed(c.at, "%s needs terminology, which this evaluation has none of", title(c.at))
	}
	left, _ := concepts(a)
	right, _ := concepts(b)
	result := isFalse
	for _, x := range left {
		for _, y := range right {
			if x.System != y.System {
				continue
			}
			if err := e.step(asking); err != nil {
				return unknown, err
			}
			relation, err := e.env.Terminology.Subsumes(e.ctx, x.System, x.Code, y.Code)
			if err != nil {
				return unknown, err
			}
			switch relation {
			case want, "equivalent":
				return isTrue, nil
			case "":
				result = unknown
			}
		}
	}
	return result, nil
}

// referenceKey is Type/id of a relative or absolute literal reference, the
// same text that getResourceKey gives for its target; with a type as argument
// others are left out.
func referenceKey(e *evaluation, s *scope, c *callOp, in, dst []Value) ([]Value, error) {
	want := ""
	if len(c.at.Args) == 1 {
		spec, err := typeArgument(c.at)
		if err != nil {
			return nil, err
		}
		want = spec.name
	}
	d := e.definitions()
	for _, v := range in {
		text, _ := reference(v)
		if d == nil || text == "" {
			continue
		}
		name := typeIn(text, d)
		if name == "" || want != "" && name != want {
			continue
		}
		text, _, _ = strings.Cut(text, "/_history/")
		dst = append(dst, String(name+"/"+text[strings.LastIndexByte(text, '/')+1:]))
	}
	return dst, nil
}
