package fhirpath

import (
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

func init() {
	register(function{name: "resolve", eval: func(e *evaluation, _ *scope, c *callOp, in, dst []Value) ([]Value, error) {
		for _, v := range in {
			n, err := e.resolve(v)
			if err != nil {
				return nil, err
			}
			if !n.IsZero() {
				dst = append(dst, NodeValue(n))
			}
		}
		return dst, e.step(len(in))
	}})
}

// reference returns the reference string of a Reference, or of a uri,
// canonical or string itself; from is the element it stands in.
func reference(v Value) (text string, from fhir.Node) {
	if v.kind != KindNode {
		text, _ = v.Text()
		return text, fhir.Node{}
	}
	if v.node.Type().Is("Reference") {
		return v.node.Child("reference").Text(), v.node
	}
	text, _ = v.Text()
	return text, v.node
}

// resolve finds what v refers to: a contained resource, an entry of the same
// Bundle, or what the Resolver gives. The zero node is none.
func (e *evaluation) resolve(v Value) (fhir.Node, error) {
	text, from := reference(v)
	if text == "" {
		return fhir.Node{}, nil
	}
	if from.IsZero() {
		from = e.resource()
	}
	if n, done := within(from, text); done {
		return n, nil
	}
	if e.env.Resolver == nil {
		return fhir.Node{}, nil
	}
	if err := e.step(asking); err != nil {
		return fhir.Node{}, err
	}
	return e.env.Resolver.Resolve(e.ctx, from, text)
}

// within looks for the target in the tree of the reference; done says that it
// can be nowhere else.
func within(from fhir.Node, text string) (n fhir.Node, done bool) {
	if from.IsZero() {
		return fhir.Node{}, false
	}
	container := containerOf(resourceOf(from))
	if id, ok := strings.CutPrefix(text, "#"); ok {
		if id == "" {
			return container, true
		}
		for c := range container.All("contained") {
			if c.Child("id").Text() == id {
				return c, true
			}
		}
		return fhir.Node{}, true
	}
	if url, id, ok := strings.Cut(text, "#"); ok && url == "" {
		return fhir.Node{}, id != ""
	}
	bundle := from.Tree().Root()
	if bundle.Type().Name != "Bundle" {
		return fhir.Node{}, false
	}
	base := ""
	if entry := container.Parent(); entry.Name() == "entry" {
		base = baseOf(entry.Child("fullUrl").Text())
	}
	for entry := range bundle.All("entry") {
		full := entry.Child("fullUrl").Text()
		if full != "" && (full == text || base != "" && full == base+text) {
			return entry.Child("resource"), true
		}
	}
	// Without a fullUrl to go by, the type and id of the resource decide.
	for entry := range bundle.All("entry") {
		r := entry.Child("resource")
		if id, ok := strings.CutPrefix(text, typeName(r)+"/"); ok && id != "" && r.Child("id").Text() == id {
			return r, true
		}
	}
	return fhir.Node{}, false
}

// baseOf is a RESTful URL without its type and id: ".../fhir/" of
// ".../fhir/Patient/1".
func baseOf(full string) string {
	i := strings.LastIndexByte(full, '/')
	if i < 0 {
		return ""
	}
	return full[:strings.LastIndexByte(full[:i], '/')+1]
}

// targetType tells the type of a reference's target without fetching it: from
// the text of the reference, Reference.type, or the resource it is contained
// in. It returns "" when these leave it open.
func (e *evaluation) targetType(v Value, d *definitions.Definitions) string {
	text, from := reference(v)
	if !from.IsZero() && (strings.HasPrefix(text, "#") || strings.HasPrefix(text, "urn:")) {
		if n, _ := within(from, text); !n.IsZero() {
			return n.Type().Name
		}
	}
	if d != nil {
		if name := typeIn(text, d); name != "" {
			return name
		}
	}
	if !from.IsZero() && from.Type().Is("Reference") {
		if name := from.Child("type").Text(); name != "" {
			return strings.TrimPrefix(name, "http://hl7.org/fhir/StructureDefinition/")
		}
	}
	return ""
}

// typeIn finds the resource type in Type/id, URL/Type/id and both with
// /_history/version.
func typeIn(reference string, d *definitions.Definitions) string {
	if i := strings.IndexAny(reference, "?#"); i >= 0 {
		reference = reference[:i]
	}
	if i := strings.Index(reference, "/_history/"); i >= 0 {
		reference = reference[:i]
	}
	i := strings.LastIndexByte(reference, '/')
	if i < 0 {
		return ""
	}
	name := reference[:i]
	name = name[strings.LastIndexByte(name, '/')+1:]
	if d.IsResource(name) {
		return name
	}
	return ""
}

// resolvesOp is x.resolve() is T. The reference itself mostly tells the type,
// so that nothing is fetched; search parameters depend on it.
type resolvesOp struct {
	call *callOp
	spec typeSpec
	at   *Syntax
}

func (o *resolvesOp) truth(e *evaluation, s *scope) (truth, error) {
	in, err := o.call.receive(e, s)
	if err != nil {
		return unknown, err
	}
	v, ok, err := e.one(in, o.at)
	o.call.done(e, in)
	if err != nil || !ok {
		return unknown, err
	}
	d := e.definitions()
	if name := e.targetType(v, d); name != "" && o.spec.namespace != "System" {
		if name == o.spec.name {
			return isTrue, nil
		}
		if d != nil {
			return truthOf(d.Type(name).Is(o.spec.name)), o.spec.known(d, o.at)
		}
		return isFalse, nil
	}
	n, err := e.resolve(v)
	if err != nil || n.IsZero() {
		return unknown, err
	}
	return truthOf(o.spec.has(NodeValue(n), false)), nil
}

func (o *resolvesOp) eval(e *evaluation, s *scope, dst []Value) ([]Value, error) {
	t, err := o.truth(e, s)
	return t.appendTo(dst), err
}

func typeName(n fhir.Node) string {
	if n.IsZero() {
		return "?"
	}
	return n.Type().Name
}
