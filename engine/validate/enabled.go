package validate

import "github.com/inglehealth/ingle/spec/fhir"

// enabled says whether the conditions of a question hold; known is false where
// they are expressions, which are not evaluated. R4 §4.2.13.4.
func (f *form) enabled(part, q fhir.Node) (enabled, known bool) {
	for range extensions(q, "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-enableWhenExpression") {
		return false, false
	}
	conditions, hold := 0, 0
	for c := range q.All("enableWhen") {
		conditions++
		if f.holds(part, c) {
			hold++
		}
	}
	if q.Child("enableBehavior").Text() == "any" {
		return hold > 0 || conditions == 0, true
	}
	return hold == conditions, true
}

// holds says whether one condition holds: one answer that satisfies it is
// enough, but for "!=" none may be the same.
func (f *form) holds(part, condition fhir.Node) bool {
	want := condition.Child("answer")
	operator := condition.Child("operator").Text()
	any := false
	for _, item := range f.nearest(part, condition.Child("question").Text()) {
		for answer := range item.All("answer") {
			value := answer.Child("value")
			if value.IsZero() {
				continue
			}
			f.steps++
			switch operator {
			case "exists":
				return want.Bool()
			case "!=":
				if f.equal(value, want) {
					return false
				}
				any = true
			default:
				any = any || f.compare(value, operator, want)
			}
		}
	}
	return any || operator == "exists" && !want.Bool()
}

func (f *form) compare(value fhir.Node, operator string, want fhir.Node) bool {
	less, known := false, false
	switch operator {
	case "=":
		return f.equal(value, want)
	case "<", ">=":
		less, known = f.less(value, want)
	case ">", "<=":
		less, known = f.less(want, value)
	}
	if operator == ">=" || operator == "<=" {
		return known && !less
	}
	return less
}

// equal is same, but numbers and times are compared by what they mean.
func (f *form) equal(a, b fhir.Node) bool {
	if same(a, b) {
		return true
	}
	switch a.Type().Name {
	case "decimal", "date", "dateTime", "time", "Quantity":
		less, known := f.less(a, b)
		more, _ := f.less(b, a)
		return known && !less && !more
	}
	return false
}

// nearest are the items with a linkId in the smallest part of the response
// around part that has any.
func (f *form) nearest(part fhir.Node, linkID string) (found []fhir.Node) {
	if f.given == nil {
		f.given = map[string][]fhir.Node{}
		for n := range f.response.Descendants() {
			if n.Name() == "linkId" {
				f.given[n.Text()] = append(f.given[n.Text()], n.Parent())
			}
		}
	}
	candidates := f.given[linkID]
	for ; !part.IsZero() && len(candidates) > 0; part = part.Parent() {
		for _, item := range candidates {
			if f.steps++; f.steps > maxAnswerSteps {
				return nil
			}
			if inside(item, part) {
				found = append(found, item)
			}
		}
		if len(found) > 0 || part == f.response {
			return found
		}
	}
	return nil
}

func inside(n, around fhir.Node) bool {
	for ; !n.IsZero(); n = n.Parent() {
		if n == around {
			return true
		}
	}
	return false
}
