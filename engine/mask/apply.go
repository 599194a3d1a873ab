package mask

import (
	"slices"

	"github.com/inglehealth/ingle/spec/fhir"
)

// Apply masks the elements that paths name, in a resource and in those in it, and what
// references tell of them: what is optional is removed, or with keep has no value but the
// reason, as what is mandatory has. Narratives go, which may tell the same, those of
// parts and of what is beside it in a Bundle, too, and what is contained if only what is
// gone referred to it. It says whether paths are about the resource, or
// references in it told of them; that it is REDACTED is then said whatever elements it had,
// so that nothing is told by it.
func Apply(t *fhir.Tree, paths []Path, keep bool) (bool, error) {
	resources := []fhir.Node{t.Root()}
	for n := range t.Root().Descendants() {
		if n.IsResource() {
			resources = append(resources, n)
		}
	}
	containing, concerned := containers(resources), false
	for _, r := range resources {
		for _, p := range paths {
			typeName, elements := p.cut()
			if typeName != r.Type().Name {
				continue
			}
			concerned = true
			if err := hide(r, elements, keep); err != nil {
				return false, err
			}
		}
	}
	told, err := hideReferences(t, paths, keep)
	if err != nil || !told && !concerned {
		return false, err
	}
	if err := hideNarratives(t); err != nil {
		return false, err
	}
	for _, c := range containing {
		c.hideContained()
	}
	return true, redacted(t)
}

// Concerns says whether Apply masks something of a resource, or might have.
func Concerns(t *fhir.Tree, paths []Path) bool {
	about := func(n fhir.Node) bool {
		return n.IsResource() && slices.ContainsFunc(paths, func(p Path) bool { return p.Type() == n.Type().Name })
	}
	if about(t.Root()) {
		return true
	}
	for n := range t.Root().Descendants() {
		if about(n) {
			return true
		}
	}
	return len(telling(t, paths)) > 0
}

// hide masks what elements lead to below n.
func hide(n fhir.Node, elements []string, keep bool) error {
	var found []fhir.Node
	for c := range n.All(elements[0]) {
		found = append(found, c)
	}
	if len(found) == 0 {
		return nil
	}
	if len(elements) == 1 {
		return withhold(n, found, keep)
	}
	for _, c := range found {
		if err := hide(c, elements[1:], keep); err != nil {
			return err
		}
		if c.FirstChild().IsZero() && !c.HasValue() {
			if err := withhold(n, []fhir.Node{c}, keep); err != nil {
				return err
			}
		}
	}
	return nil
}

// withhold masks values of one element of n.
func withhold(n fhir.Node, values []fhir.Node, keep bool) error {
	e := values[0].Element()
	property := values[0].PropertyName()
	for _, v := range values {
		v.Remove()
	}
	least := e.Min
	if keep {
		least = max(least, 1)
	}
	for n.Count(e.Name) < least {
		c, err := n.Add(property)
		if err != nil {
			return err
		}
		if err := absent(c); err != nil {
			return err
		}
	}
	return nil
}

// Reasons of an element without a value.
const (
	absentURL = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
	masked    = "masked"
)

// absent says of an element that is empty why it is, and of what it must have.
func absent(n fhir.Node) error {
	e, err := n.Add("extension")
	if err != nil {
		return err
	}
	if _, err := e.AddText("url", absentURL); err != nil {
		return err
	}
	if _, err := e.AddText("valueCode", masked); err != nil {
		return err
	}
	if n.IsPrimitive() {
		return nil
	}
	return mandatory(n)
}

// mandatory adds the elements that n must have and lacks.
func mandatory(n fhir.Node) error {
	for _, e := range n.Type().Elements {
		name := e.Name
		if e.Choice {
			name += upperFirst(e.Types[0].Type.Name)
		}
		for n.Count(e.Name) < e.Min {
			c, err := n.Add(name)
			if err != nil {
				return err
			}
			if err := absent(c); err != nil {
				return err
			}
		}
	}
	return nil
}

func upperFirst(s string) string {
	if s[0] >= 'a' && s[0] <= 'z' {
		return string(s[0]-'a'+'A') + s[1:]
	}
	return s
}

// The label of what is masked.
const (
	redactedSystem = "http://terminology.hl7.org/CodeSystem/v3-ObservationValue"
	redactedCode   = "REDACTED"
)

func redacted(t *fhir.Tree) error {
	meta, err := t.EnsureMeta()
	if err != nil {
		return err
	}
	for label := range meta.All("security") {
		if label.Child("code").Text() == redactedCode && label.Child("system").Text() == redactedSystem {
			return nil
		}
	}
	label, err := meta.Add("security")
	if err != nil {
		return err
	}
	if _, err := label.AddText("system", redactedSystem); err != nil {
		return err
	}
	_, err = label.AddText("code", redactedCode)
	return err
}
