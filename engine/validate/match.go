package validate

import (
	"strings"

	"github.com/cockroachdb/apd/v3"
	"github.com/go-json-experiment/json"

	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/ucum"
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

// compare orders n against v: numbers, quantities of comparable units, and
// dates of the same precision. It is 0 for what cannot be compared.
func (v *value) compare(n fhir.Node) int {
	if v.node.IsZero() {
		if !n.HasValue() {
			return 0
		}
		a, _, errA := apd.NewFromString(n.Text())
		b, _, errB := apd.NewFromString(v.text)
		switch {
		case errA == nil && errB == nil:
			return a.Cmp(b)
		case len(n.Text()) == len(v.text):
			return strings.Compare(n.Text(), v.text)
		}
		return 0
	}
	a, unitA, okA := quantity(n)
	b, unitB, okB := quantity(v.node)
	if !okA || !okB {
		return 0
	}
	order, err := ucum.Compare(a, unitA, b, unitB)
	if err != nil {
		return 0
	}
	return order
}

func quantity(n fhir.Node) (*apd.Decimal, ucum.Unit, bool) {
	number, _, err := apd.NewFromString(n.Child("value").Text())
	if err != nil {
		return nil, ucum.Unit{}, false
	}
	unit, err := ucum.Parse(n.Child("code").Text())
	return number, unit, err == nil
}
