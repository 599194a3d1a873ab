package validate

import (
	"iter"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/inglehealth/ingle/engine/fhirpath"
	"github.com/inglehealth/ingle/engine/pattern"
	"github.com/inglehealth/ingle/engine/terminology"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// answerTypes are the types of value that answer a question of a type (R4
// §4.2.13.3, R5 §2.12.14.3).
var answerTypes = map[string][]string{
	"boolean": {"boolean"}, "decimal": {"decimal"}, "integer": {"integer"}, "date": {"date"}, "dateTime": {"dateTime", "date"}, "time": {"time"},
	"string": {"string"}, "text": {"string"}, "url": {"uri"}, "attachment": {"Attachment"}, "reference": {"Reference"}, "quantity": {"Quantity"},
	"choice": chosen, "open-choice": chosen, "coding": chosen,
}

// chosen are the types of the options of a choice.
var chosen = []string{"Coding", "date", "time", "integer", "string", "Reference"}

// answer checks the value of an answer.
func (f *form) answer(q, answer fhir.Node) {
	value := answer.Child("value")
	kind := q.Child("type").Text()
	if value.IsZero() {
		return
	}
	if types, ok := answerTypes[kind]; ok && !slices.Contains(types, value.Type().Name) {
		f.wrong(fault.CodeValue, value, "is a %s; the answer to %q is %s", value.Type().Name, fault.Shorten(q.Child("linkId").Text()), strings.Join(types, " or "))
		return
	}
	f.chosen(q, value, kind)
	f.length(q, value)
	f.within(q, value)
	switch value.Type().Name {
	case "Quantity":
		for _, set := range texts(q, "http://hl7.org/fhir/StructureDefinition/questionnaire-unitValueSet") {
			f.among(value, set)
		}
	case "Attachment":
		allowed := texts(q, "http://hl7.org/fhir/StructureDefinition/mimeType")
		if kind := value.Child("contentType").Text(); len(allowed) > 0 && !slices.Contains(allowed, kind) {
			f.wrong(fault.CodeValue, value, "is of the content type %q; allowed: %s", fault.Shorten(kind), listed(allowed, false))
		}
	case "Reference":
		allowed := texts(q, "http://hl7.org/fhir/StructureDefinition/questionnaire-referenceResource")
		if name := f.targetType(value); len(allowed) > 0 && name != "" && !slices.Contains(allowed, name) {
			f.wrong(fault.CodeValue, value, "refers to %s; allowed: %s", name, listed(allowed, false))
		}
	}
}

// chosen checks that a value is one of the options or of the codes allowed.
func (f *form) chosen(q, value fhir.Node, kind string) {
	constraint := q.Child("answerConstraint").Text()
	if constraint == "optionsOrType" || value.Type().Is("string") && (kind == "open-choice" || constraint == "optionsOrString") {
		return
	}
	if !q.Child("answerOption").IsZero() {
		for option := range q.All("answerOption") {
			if f.steps++; same(option.Child("value"), value) {
				return
			}
		}
		f.wrong(fault.CodeValue, value, "is none of the options of %q", fault.Shorten(q.Child("linkId").Text()))
		return
	}
	if value.Type().Is("Coding") {
		f.among(value, q.Child("answerValueSet").Text())
	}
}

// among checks that a code, or the unit of a Quantity, is in a value set.
func (f *form) among(value fhir.Node, set string) {
	if set == "" || strings.HasPrefix(set, "#") {
		return
	}
	b := &binding{strength: "required", valueSet: set, set: f.v.terminology.Set(set)}
	if b.set == nil && f.terms == nil {
		return
	}
	if f.member(value, b) == terminology.No {
		f.wrong(fault.CodeInvalidCode, value, "%s is not in the value set %s, from which the answer comes", described(value), set)
	}
}

// same says whether two values are the same option: codes by system and code.
func same(a, b fhir.Node) bool {
	switch {
	case a.Type() != b.Type():
		return false
	case a.Type().Is("Coding"):
		return a.Child("system").Text() == b.Child("system").Text() && a.Child("code").Text() == b.Child("code").Text()
	case a.IsPrimitive():
		return a.Text() == b.Text()
	}
	return a.Equal(b)
}

// maxAnswerStates bounds the regular expressions of questions.
const maxAnswerStates = 20_000

// length checks how long a text is, and its form.
func (f *form) length(q, value fhir.Node) {
	if !value.Type().Is("string") && !value.Type().Is("uri") {
		return
	}
	text := value.Text()
	n := utf8.RuneCountInString(text)
	if limit, err := strconv.Atoi(q.Child("maxLength").Text()); err == nil && n > limit {
		f.wrong(fault.CodeTooLong, value, "is longer than %d characters", limit)
	}
	if limit, ok := number(q, "http://hl7.org/fhir/StructureDefinition/minLength"); ok && n < limit {
		f.wrong(fault.CodeValue, value, "is shorter than %d characters", limit)
	}
	for _, expression := range texts(q, "http://hl7.org/fhir/StructureDefinition/regex") {
		if states, err := pattern.Size(expression); err != nil || states > maxAnswerStates {
			continue
		}
		if form, err := regexp.Compile(`^(?:` + expression + `)$`); err == nil && !form.MatchString(text) {
			f.wrong(fault.CodeValue, value, "does not have the form %s", fault.Shorten(expression))
		}
	}
}

var below = fhirpath.MustCompile("%value < %limit")

// within checks the least and the greatest value that a question allows.
func (f *form) within(q, value fhir.Node) {
	for _, l := range []struct {
		url   string
		least bool
	}{
		{"http://hl7.org/fhir/StructureDefinition/minValue", true},
		{"http://hl7.org/fhir/StructureDefinition/maxValue", false},
		{"http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-minQuantity", true},
		{"http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-maxQuantity", false},
	} {
		for limit := range extensions(q, l.url) {
			word, first, second := "less than the least", value, limit
			if !l.least {
				word, first, second = "greater than the greatest", limit, value
			}
			less, known := f.less(first, second)
			switch {
			case less:
				f.wrong(fault.CodeValue, value, "is %s that is allowed, %s", word, shown(limit))
			case !known && limit.Type().Is("Quantity"):
				f.wrong(fault.CodeValue, value, "cannot be compared with the limit of %s: that takes units of the same kind, with their codes", shown(limit))
			}
		}
	}
}

// less compares two values; known is false where that cannot be told.
func (f *form) less(a, b fhir.Node) (less, known bool) {
	env := *f.env
	env.Variables = map[string]fhirpath.Collection{"value": {fhirpath.NodeValue(a)}, "limit": {fhirpath.NodeValue(b)}}
	found, err := below.Evaluate(f.ctx, &env, nil)
	if err != nil || len(found) != 1 {
		return false, false
	}
	return found[0].Truth()
}

// shown writes a value for a message.
func shown(n fhir.Node) string {
	if n.Type().Is("Quantity") {
		unit := n.Child("code").Text()
		if unit == "" {
			unit = n.Child("unit").Text()
		}
		return fault.Shorten(strings.TrimSpace(n.Child("value").Text() + " " + unit))
	}
	return fault.Shorten(n.Text())
}

// extensions are the values of the extensions of n with a URL.
func extensions(n fhir.Node, url string) iter.Seq[fhir.Node] {
	return func(yield func(fhir.Node) bool) {
		for e := range n.All("extension") {
			if v := e.Child("value"); e.Child("url").Text() == url && !v.IsZero() && !yield(v) {
				return
			}
		}
	}
}

func texts(n fhir.Node, url string) (out []string) {
	for v := range extensions(n, url) {
		out = append(out, v.Text())
	}
	return out
}

func number(n fhir.Node, url string) (int, bool) {
	for v := range extensions(n, url) {
		i, err := strconv.Atoi(v.Text())
		return i, err == nil
	}
	return 0, false
}
