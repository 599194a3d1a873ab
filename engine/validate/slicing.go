package validate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/engine/fhirpath"
	"github.com/inglehealth/ingle/engine/terminology"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

// slicing parts the items of a repeating or choice element.
type slicing struct {
	rules   string
	ordered bool
	slices  []*slice
}

// slice is one part with what tells its items from others.
type slice struct {
	name  string
	shape *shape
	tests []test
	// unclear says that no discriminator tells anything of this slice: items
	// that conform to its shape are its.
	unclear bool
}

// test is one discriminator, compiled for a slice.
type test struct {
	path   *fhirpath.Expression // nil for $this
	passes func(r *run, n fhir.Node) bool
	absent bool // the path must give nothing
}

func (c *shaper) slices(e *definitions.ProfileElement, typ *definitions.Type, base *definitions.Element) (*slicing, error) {
	out := &slicing{}
	discriminators := []definitions.Discriminator(nil)
	if e.Slicing != nil {
		out.rules, out.ordered = e.Slicing.Rules, e.Slicing.Ordered
		discriminators = e.Slicing.Discriminators
	}
	if len(discriminators) == 0 && e.Choice {
		discriminators = []definitions.Discriminator{{Type: "type", Path: "$this"}}
	}
	if len(discriminators) == 0 && typ != nil && typ.Is("Extension") {
		discriminators = []definitions.Discriminator{{Type: "value", Path: "url"}}
	}
	for _, part := range e.Slices {
		inner := typ
		if len(part.Types) == 1 && (base == nil || base.Types[0].Type.Kind != definitions.Backbone) {
			inner = c.v.definitions.Type(part.Types[0].Code)
		}
		s, err := c.shape(part, inner, base)
		if err != nil {
			return nil, err
		}
		sl := &slice{name: part.SliceName, shape: s}
		for _, d := range discriminators {
			t, ok, err := c.test(part, d)
			if err != nil {
				return nil, fmt.Errorf("%s: discriminator %s: %w", part.ID, d.Path, err)
			}
			if ok {
				sl.tests = append(sl.tests, t)
			}
		}
		sl.unclear = len(sl.tests) == 0
		out.slices = append(out.slices, sl)
	}
	return out, nil
}

// test compiles a discriminator for a slice; ok is false when the slice says
// nothing of it.
func (c *shaper) test(part *definitions.ProfileElement, d definitions.Discriminator) (t test, ok bool, err error) {
	at, path := c.locate(part, d.Path, d.Type)
	if path != "" && path != "$this" {
		if t.path, err = fhirpath.Compile(path); err != nil {
			return t, false, err
		}
	}
	switch d.Type {
	case "exists":
		if at.element == nil {
			return t, false, nil
		}
		t.absent = at.element.Max == 0
		t.passes = func(*run, fhir.Node) bool { return true }
		return t, t.absent || at.element.Min > 0, nil
	case "type":
		t.passes = c.typeTest(at)
	case "profile":
		t.passes = c.profileTest(at)
	default:
		t.passes, err = c.valueTest(at)
	}
	return t, t.passes != nil, err
}

// located is where a discriminator's path leads in the profile.
type located struct {
	element *definitions.ProfileElement
	url     string // of an extension that is told by its url only
	target  string // canonical of what a reference resolves to
}

// locate walks a discriminator's path from a slice. It stops where a fixed or
// pattern value stands already, and gives the path up to there.
func (c *shaper) locate(e *definitions.ProfileElement, path, kind string) (located, string) {
	if path == "$this" || path == "" {
		return located{element: e}, ""
	}
	at := located{element: e}
	segments := splitPath(path)
	for i, segment := range segments {
		if kind == "value" || kind == "pattern" {
			at.element = sure(at.element, segment)
		}
		if at.element != nil && (at.element.Fixed != "" || at.element.Pattern != "") && kind != "exists" && kind != "type" {
			return at, strings.Join(segments[:i], ".")
		}
		at = c.step(at, segment)
	}
	return at, path
}

// sure is the slice of an element that there must be, and that says of a child what
// the element itself does not; the element when there is none.
func sure(e *definitions.ProfileElement, child string) *definitions.ProfileElement {
	if e == nil || e.Fixed != "" || e.Pattern != "" || telling(e.Child(child)) {
		return e
	}
	for _, s := range e.Slices {
		if s.Min > 0 && (s.Fixed != "" || s.Pattern != "" || telling(s.Child(child))) {
			return s
		}
	}
	return e
}

// telling says whether a value may be told from others by an element, which may be nil.
func telling(e *definitions.ProfileElement) bool {
	return e != nil && (e.Fixed != "" || e.Pattern != "" || e.Binding != nil && e.Binding.Strength == "required" || len(e.Children) > 0 || len(e.Slices) > 0)
}

func splitPath(path string) []string {
	var out []string
	depth, start := 0, 0
	for i := range len(path) {
		switch path[i] {
		case '(':
			depth++
		case ')':
			depth--
		case '.':
			if depth == 0 {
				out = append(out, path[start:i])
				start = i + 1
			}
		}
	}
	return append(out, path[start:])
}

func (c *shaper) step(at located, segment string) located {
	e := at.element
	if at.target != "" && e == nil {
		e = c.v.element(at.target)
	}
	if e == nil {
		return located{}
	}
	name, args, call := strings.Cut(segment, "(")
	args = strings.Trim(strings.TrimSuffix(args, ")"), `'"`)
	switch {
	case call && name == "resolve":
		if len(e.Types) > 0 && len(e.Types[0].TargetProfiles) > 0 {
			return located{target: e.Types[0].TargetProfiles[0]}
		}
		return located{}
	case call && (name == "ofType" || name == "as"):
		for _, s := range e.Slices {
			if len(s.Types) == 1 && s.Types[0].Code == args {
				return located{element: s}
			}
		}
		return located{element: e}
	case call && name == "extension":
		if ext := e.Child("extension"); ext != nil {
			for _, s := range ext.Slices {
				if s.SliceName == args || extensionURL(s) == args {
					return located{element: s}
				}
			}
		}
		return located{}
	}
	if child := e.Child(name); child != nil {
		if name == "url" && child.Fixed == "" {
			return located{element: child, url: extensionURL(e)}
		}
		return located{element: child}
	}
	if name == "url" {
		return located{url: extensionURL(e)}
	}
	for _, t := range e.Types {
		for _, url := range t.Profiles {
			if e := c.v.element(url); e != nil && e.Child(name) != nil {
				return located{element: e.Child(name)}
			}
		}
	}
	return located{}
}

// element is what a profile says: of its root, or of the element that its canonical
// names after #. nil when it is not known.
func (v *Validator) element(canonical string) *definitions.ProfileElement {
	canonical, id, part := strings.Cut(canonical, "#")
	p := v.definitions.Profile(canonical)
	if p == nil {
		return nil
	}
	e, err := p.Root()
	if part {
		e, err = p.Element(id)
	}
	if err != nil {
		return nil
	}
	return e
}

// extensionURL is the url of the extension that a slice stands for.
func extensionURL(e *definitions.ProfileElement) string {
	if url := e.Child("url"); url != nil && url.Fixed != "" {
		var s string
		if unquote(url.Fixed, &s) == nil {
			return s
		}
	}
	if len(e.Types) == 1 && len(e.Types[0].Profiles) == 1 {
		url, _, _ := strings.Cut(e.Types[0].Profiles[0], "|")
		return url
	}
	return ""
}

func (c *shaper) typeTest(at located) func(*run, fhir.Node) bool {
	if at.target != "" {
		name := c.v.typeOfProfile(at.target)
		if name == "" {
			return nil
		}
		return func(_ *run, n fhir.Node) bool { return n.Type().Is(name) }
	}
	if at.element == nil || len(at.element.Types) == 0 {
		return nil
	}
	types := at.element.Types
	return func(_ *run, n fhir.Node) bool {
		return slices.ContainsFunc(types, func(t definitions.ProfileType) bool { return n.Type().Name == t.Code })
	}
}

func (c *shaper) profileTest(at located) func(*run, fhir.Node) bool {
	var urls []string
	if at.target != "" {
		urls = []string{at.target}
	} else if at.element != nil {
		for _, t := range at.element.Types {
			urls = append(urls, t.Profiles...)
		}
	}
	if len(urls) == 0 {
		return nil
	}
	return func(r *run, n fhir.Node) bool {
		return slices.ContainsFunc(urls, func(url string) bool { return r.conforms(n, url) })
	}
}

// valueTest tells items by a fixed or pattern value, by a required value set,
// or by what stands below.
func (c *shaper) valueTest(at located) (func(*run, fhir.Node) bool, error) {
	e := at.element
	if e == nil || at.url != "" {
		if at.url == "" {
			return nil, nil
		}
		return func(_ *run, n fhir.Node) bool { return n.Text() == at.url }, nil
	}
	switch {
	case e.Fixed != "":
		v, err := c.value(e.Fixed, e.ValueType)
		return func(_ *run, n fhir.Node) bool { return v.equals(n) }, err
	case e.Pattern != "":
		v, err := c.value(e.Pattern, e.ValueType)
		return func(_ *run, n fhir.Node) bool { return v.matches(n) }, err
	case e.Binding != nil && e.Binding.ValueSet != "" && e.Binding.Strength == "required":
		b := c.v.binding(e.Binding)
		return func(r *run, n fhir.Node) bool { return r.member(n, b) == terminology.Yes }, nil
	}
	if len(e.Children) == 0 {
		for _, s := range e.Slices {
			if s.Min > 0 && telling(s) {
				return c.valueTest(located{element: s})
			}
		}
		return nil, nil
	}
	var typ *definitions.Type
	if len(e.Types) == 1 {
		typ = c.v.definitions.Type(e.Types[0].Code)
	}
	inner := shaper{v: c.v, profile: c.profile}
	s, err := inner.shape(e, typ, nil)
	if err != nil {
		return nil, err
	}
	s.min, s.max = definitions.Unstated, definitions.Unstated
	if s.trivial() {
		return nil, nil
	}
	return func(r *run, n fhir.Node) bool { return r.fits(n, s) }, nil
}

// holds says whether an item belongs to the slice.
func (s *slice) holds(r *run, n fhir.Node) bool {
	if s.unclear {
		return r.fits(n, s.shape)
	}
	for i := range s.tests {
		t := &s.tests[i]
		if t.path == nil {
			if t.absent || !t.passes(r, n) {
				return false
			}
			continue
		}
		found, err := t.path.AppendNode(r.ctx, r.env, n, nil)
		if err != nil {
			return false
		}
		if t.absent {
			if len(found) > 0 {
				return false
			}
			continue
		}
		if !slices.ContainsFunc(found, func(v fhirpath.Value) bool {
			c, ok := v.Node()
			return ok && t.passes(r, c)
		}) {
			return false
		}
	}
	return true
}
