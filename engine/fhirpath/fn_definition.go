package fhirpath

import (
	"strconv"
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

// elementDefinition gives for each element what its release says of it, as an
// ElementDefinition without prose. R4 §2.9.1.5.
func elementDefinition(e *evaluation, _ *scope, c *callOp, in, dst []Value) ([]Value, error) {
	d := e.definitions()
	for _, v := range in {
		n, ok := v.Node()
		if !ok {
			continue
		}
		if d == nil {
			return nil, e.failed(c.at, "elementDefinition() needs the definitions of a FHIR release")
		}
		if err := e.step(asking); err != nil {
			return nil, err
		}
		t, err := fhir.NewValue(d, "ElementDefinition")
		if err != nil {
			return nil, e.failed(c.at, "elementDefinition(): %v", err)
		}
		w := definitionWriter{at: t.Root()}
		if n.Element() == nil || n.IsResource() {
			w.root(n.Type())
		} else {
			w.element(n.Element(), n.Parent().Type())
		}
		if w.err != nil {
			return nil, e.failed(c.at, "elementDefinition(): %v", w.err)
		}
		dst = append(dst, NodeValue(t.Root()))
	}
	return dst, nil
}

// definitionWriter fills an ElementDefinition. It keeps the first error.
type definitionWriter struct {
	at  fhir.Node
	err error
}

func (w *definitionWriter) text(property, text string) {
	if w.err == nil && text != "" {
		_, w.err = w.at.AddText(property, text)
	}
}

// within fills an element within the ElementDefinition.
func (w *definitionWriter) within(property string, fill func(*definitionWriter)) {
	if w.err != nil {
		return
	}
	var in definitionWriter
	if in.at, w.err = w.at.Add(property); w.err == nil {
		fill(&in)
		w.err = in.err
	}
}

func (w *definitionWriter) cardinality(path string, least, most int) {
	w.text("id", path)
	w.text("path", path)
	w.text("min", strconv.Itoa(least))
	if most == definitions.Many {
		w.text("max", "*")
	} else {
		w.text("max", strconv.Itoa(most))
	}
}

// root writes the definition of the root of a resource or type.
func (w *definitionWriter) root(t *definitions.Type) {
	w.cardinality(t.Name, 0, definitions.Many)
	w.constraints(t.Invariants)
}

// element writes the definition of an element of type t.
func (w *definitionWriter) element(el *definitions.Element, t *definitions.Type) {
	w.cardinality(t.Name+el.Path[strings.LastIndexByte(el.Path, '.'):], el.Min, el.Max)
	own := el.Types[0].Type
	if own.Kind == definitions.Backbone && own.Name != el.Path {
		w.text("contentReference", "#"+own.Name)
		return
	}
	for _, ref := range el.Types {
		w.within("type", func(w *definitionWriter) {
			if code := ref.Code; ref.Type.Kind == definitions.Backbone {
				w.text("code", ref.Type.Base.Name)
			} else {
				w.text("code", code)
			}
			for _, url := range ref.Profiles {
				w.text("profile", url)
			}
			for _, target := range ref.Targets {
				w.text("targetProfile", baseProfiles+target)
			}
		})
	}
	if el.MaxLength > 0 {
		w.text("maxLength", strconv.Itoa(el.MaxLength))
	}
	w.constraints(el.Invariants)
	if own.Kind == definitions.Backbone {
		w.constraints(own.Invariants)
	}
	w.text("isModifier", strconv.FormatBool(el.Modifier))
	w.text("isSummary", strconv.FormatBool(el.Summary))
	if el.Binding != nil {
		w.within("binding", func(w *definitionWriter) {
			w.text("strength", el.Binding.Strength)
			w.text("valueSet", el.Binding.ValueSet)
		})
	}
}

func (w *definitionWriter) constraints(list []*definitions.Invariant) {
	for _, inv := range list {
		w.within("constraint", func(w *definitionWriter) {
			w.text("key", inv.Key)
			w.text("severity", inv.Severity)
			w.text("human", inv.Human)
			w.text("expression", inv.Expression)
		})
	}
}

// slice gives what belongs to a slice that a profile names: input elements that
// do, and those within other input elements. R4 §2.9.1.5.
func slice(e *evaluation, s *scope, c *callOp, in, dst []Value) ([]Value, error) {
	profile, ok, err := e.text(s, c.args[0], c.at)
	if err != nil || !ok {
		return dst, err
	}
	name, ok, err := e.text(s, c.args[1], c.at)
	if err != nil || !ok {
		return dst, err
	}
	for i, v := range in {
		n, isNode := v.Node()
		if !isNode {
			continue
		}
		if err := e.step(asking + 20*weight(in[i:i+1])); err != nil {
			return nil, err
		}
		var members []fhir.Node
		known := false
		if e.env.Profiles != nil {
			if members, known, err = e.env.Profiles.Slice(e.ctx, n, profile, name); err != nil {
				return nil, err
			}
		}
		if !known {
			return nil, e.failed(c.at, "no slice %s of the profile %s is known", name, profile)
		}
		for _, m := range members {
			dst = append(dst, NodeValue(m))
		}
	}
	return dst, nil
}
