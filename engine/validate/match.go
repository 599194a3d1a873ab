package validate

import (
	"github.com/go-json-experiment/json"

	"github.com/inglehealth/ingle/spec/fhir"
)

func unquote(text string, to *string) error { return json.Unmarshal([]byte(text), to) }

// equals says whether n is exactly the fixed value.
func (v *value) equals(n fhir.Node) bool {
	if v.node.IsZero() {
		return n.HasValue() && n.Text() == v.text
	}
	return within(v.node, n) && within(n, v.node)
}

// matches says whether n holds at least what the pattern has.
func (v *value) matches(n fhir.Node) bool {
	if v.node.IsZero() {
		return n.HasValue() && n.Text() == v.text
	}
	return within(v.node, n)
}

// within says whether all that pattern has is in n; of a repeating element
// some item must match each item of the pattern.
func within(pattern, n fhir.Node) bool {
	if pattern.Type() != n.Type() {
		return false
	}
	if pattern.HasValue() && pattern.Text() != n.Text() {
		return false
	}
	for want := pattern.FirstChild(); !want.IsZero(); want = want.NextSibling() {
		found := false
		for c := range n.All(want.Name()) {
			if within(want, c) {
				found = true
				break
			}
		}
		if !found {
			return false
		}
	}
	return true
}
