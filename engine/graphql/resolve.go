package graphql

import (
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/inglehealth/ingle/engine/fhirpath"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// resolve gathers what one field gives, or remembers what must be read for it.
func (x *execution) resolve(r *result, focus any, on *named) error {
	switch r.field.source {
	case fromElement, fromExtensions:
		return x.element(r, focus.(fhir.Node))
	case fromTypename, fromResourceType:
		return x.put(r, quote(on.name), "")
	case fromReference:
		return x.reference(r, focus.(fhir.Node))
	case fromRead:
		return x.byID(r)
	case fromList, fromConnection:
		s := pendingSearch{into: r}
		if n, ok := focus.(fhir.Node); ok {
			s.owner = ownerOf(n)
			if s.owner == (fhir.Key{}) {
				return nil // nothing refers to what is not stored by itself
			}
		}
		x.searches = append(x.searches, s)
		return nil
	case fromValue:
		return x.value(r, r.field.get(focus, r.field.arguments))
	}
	json, err := x.describe(nil, r.field.get(focus, r.field.arguments), r.field, r.place)
	if err != nil {
		return err
	}
	r.items = append(r.items, item{json: json})
	return nil
}

// ownerOf is the key of a resource that stands by itself.
func ownerOf(n fhir.Node) fhir.Key {
	if !n.Parent().IsZero() || n.Child("id").Text() == "" {
		return fhir.Key{}
	}
	return fhir.Key{Type: fhir.Type(n.Type().Name), ID: fhir.ID(n.Child("id").Text())}
}

// element gathers the values of an element, or the ids and extensions of a
// primitive's values.
func (x *execution) element(r *result, parent fhir.Node) error {
	f := r.field
	var nodes []fhir.Node
	for n := parent.FirstChild(); !n.IsZero(); n = n.NextSibling() {
		if n.PropertyName() == f.property.Name {
			nodes = append(nodes, n)
		}
	}
	if f.elements != nil {
		var err error
		if nodes, err = f.elements.apply(x.ctx, x.env(parent.Tree()), nodes); err != nil {
			return evaluationFailed(err, f.at, r.place)
		}
	}
	if f.first && len(nodes) > 1 {
		nodes = nodes[:1]
	}
	for i, n := range nodes {
		suffix, err := x.suffix(r, n, i)
		if err != nil {
			return err
		}
		switch {
		case f.source == fromExtensions && n.FirstChild().IsZero(), f.sub == nil && !n.HasValue():
			// A null keeps the places of a list, as in FHIR's JSON (§2.6.2.2).
			if f.typ.list {
				err = x.put(r, nil, suffix)
			}
		case f.sub == nil:
			err = x.put(r, n.AppendJSON(nil), suffix)
		case f.source == fromExtensions:
			err = x.grow(r, n, f.typ.of, suffix)
		default:
			err = x.growNode(r, n, suffix)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// suffix is what @slice appends for the value at a position.
func (x *execution) suffix(r *result, n fhir.Node, index int) (string, error) {
	f := r.field
	switch {
	case f.byIndex:
		return "." + strconv.Itoa(index), nil
	case f.slice == nil:
		return "", nil
	}
	found, err := f.slice.Evaluate(x.ctx, x.env(n.Tree()), fhirpath.Collection{fhirpath.NodeValue(n)})
	if err != nil {
		return "", evaluationFailed(err, f.at, r.place)
	}
	texts := make([]string, len(found))
	for i, v := range found {
		texts[i] = v.String()
		if n, ok := v.Node(); ok {
			texts[i] = n.Text()
		}
	}
	return "." + strings.Join(texts, ","), nil
}

// within finds contained resources and entries of the same Bundle.
var within = fhirpath.MustCompile("resolve()")

// reference resolves a Reference in its own tree, or leaves it to be read.
func (x *execution) reference(r *result, n fhir.Node) error {
	f := r.field
	text := n.Child("reference").Text()
	if typ := targetType(text); len(f.only) > 0 && typ != "" && n.Tree().Definitions().IsResource(typ) && !f.wants(typ) {
		return nil
	}
	found, err := within.Evaluate(x.ctx, nil, fhirpath.Collection{fhirpath.NodeValue(n)})
	if err != nil {
		return evaluationFailed(err, f.at, r.place)
	}
	for _, v := range found {
		if target, ok := v.Node(); ok {
			return x.target(r, target)
		}
	}
	x.reads = append(x.reads, pendingRead{into: r, reference: text, from: n})
	return nil
}

// target adds the resource that a reference points to, if it is of a type
// that is wanted.
func (x *execution) target(r *result, n fhir.Node) error {
	if !r.field.wants(n.Type().Name) {
		return nil
	}
	return x.growNode(r, n, "")
}

func (p *planned) wants(typ string) bool {
	if len(p.only) == 0 {
		return true
	}
	for _, t := range p.only {
		if t == typ {
			return true
		}
	}
	return false
}

// targetType is the type in a literal reference Type/id, perhaps with a server
// before it and a version behind; "" when there is none to see.
func targetType(reference string) string {
	reference, _, _ = strings.Cut(reference, "/_history/")
	parts := strings.Split(reference, "/")
	if len(parts) < 2 {
		return ""
	}
	return parts[len(parts)-2]
}

func (x *execution) byID(r *result) error {
	f := r.field
	id := f.arguments.text("id")
	if !fhir.ID(id).Valid() {
		return failure(invalid(f.at, r.place, fault.CodeValue, "%q is not an id: an id has 1 to 64 characters of A-Z, a-z, 0-9, '-' and '.'", fault.Shorten(id)))
	}
	x.reads = append(x.reads, pendingRead{into: r, reference: f.child.name + "/" + id})
	return nil
}

// value adds what a field of a connection gives.
func (x *execution) value(r *result, v any) error {
	switch v := v.(type) {
	case fhir.Node:
		return x.growNode(r, v, "")
	case []any:
		for _, item := range v {
			if err := x.grow(r, item, r.field.typ.of, ""); err != nil {
				return err
			}
		}
		return nil
	case string:
		return x.put(r, quote(v), "")
	case int64:
		return x.put(r, strconv.AppendInt(nil, v, 10), "")
	}
	return x.put(r, nil, "")
}

// describe writes a value of introspection. It has nothing to read and nothing
// to flatten, so it is written at once.
func (x *execution) describe(dst []byte, v any, f *planned, p *place) ([]byte, error) {
	if err := x.charge(len(f.key), p); err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...), nil
	case bool:
		return strconv.AppendBool(dst, v), nil
	case []any:
		dst = append(dst, '[')
		for i, item := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			var err error
			if dst, err = x.describe(dst, item, f, p); err != nil {
				return nil, err
			}
		}
		return append(dst, ']'), nil
	case string:
		if f.sub == nil {
			return appendQuoted(dst, v), x.charge(len(v), p)
		}
	}
	if err := x.ctx.Err(); err != nil {
		return nil, err
	}
	pl, err := x.d.plan(f.sub, f.typ.of)
	if err != nil {
		return nil, placed(err, p)
	}
	dst = append(dst, '{')
	for i, below := range pl.fields {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendQuoted(dst, below.key), ':')
		if below.source == fromTypename {
			dst = appendQuoted(dst, f.typ.of.name)
			continue
		}
		if dst, err = x.describe(dst, below.get(v, below.arguments), below, p); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}

func quote(text string) []byte { return appendQuoted(nil, text) }

func appendQuoted(dst []byte, text string) []byte {
	dst, err := jsontext.AppendQuote(dst, text)
	if err != nil {
		// What is not UTF-8 was replaced, which is the best there is.
		return dst
	}
	return dst
}
