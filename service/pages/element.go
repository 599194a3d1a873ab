package pages

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Element is a part of a resource as JSON has it, for what pages show. What is not
// there is an Element that does not exist; asking it gives zero values. Numbers keep
// their digits.
type Element struct{ value any }

// ParseElement reads a resource or a part of one.
func ParseElement(text []byte) (Element, error) {
	var e Element
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	err := d.Decode(&e.value)
	return e, err
}

// Exists says whether there is anything.
func (e Element) Exists() bool { return e.value != nil }

// JSON is the element as encoding/json has it, numbers as json.Number.
func (e Element) JSON() any { return e.value }

// At follows names; of a list, the first.
func (e Element) At(path ...string) Element {
	for _, name := range path {
		if list, ok := e.value.([]any); ok && len(list) > 0 {
			e.value = list[0]
		}
		object, _ := e.value.(map[string]any)
		e.value = object[name]
	}
	return e
}

// Text is the text, number or boolean at a path; "" for none.
func (e Element) Text(path ...string) string {
	switch v := e.At(path...).value.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}

// True says whether there is a boolean at a path that is true; False, false.
func (e Element) True(path ...string) bool { return e.At(path...).value == true }

// False says whether there is a boolean at a path that is false.
func (e Element) False(path ...string) bool { return e.At(path...).value == false }

// Number is the number at a path.
func (e Element) Number(path ...string) (n float64, ok bool) {
	text, ok := e.At(path...).value.(json.Number)
	if !ok {
		return 0, false
	}
	n, err := text.Float64()
	return n, err == nil
}

// List is the list at a path.
func (e Element) List(path ...string) []Element {
	list, _ := e.At(path...).value.([]any)
	all := make([]Element, len(list))
	for i, v := range list {
		all[i] = Element{v}
	}
	return all
}

// Choice is an element of several types, value[x] by the name "value": the one that
// is there, and its type, such as "Quantity".
func (e Element) Choice(name string) (Element, string) {
	object, _ := e.value.(map[string]any)
	for key, v := range object {
		if typ, ok := strings.CutPrefix(key, name); ok && typ != "" && typ[0] >= 'A' && typ[0] <= 'Z' {
			return Element{v}, typ
		}
	}
	return Element{}, ""
}

// Concept is what a CodeableConcept, Coding or CodeableReference says; "" for nothing.
func (e Element) Concept() string {
	if c := e.At("concept"); c.Exists() {
		return c.Concept()
	}
	if text := e.Text("text"); text != "" {
		return text
	}
	for _, c := range e.List("coding") {
		if text := c.Text("display"); text != "" {
			return text
		}
	}
	return cmp.Or(e.Text("display"), e.Text("coding", "code"), e.Text("code"))
}

// Has says whether a CodeableConcept has a code of a system.
func (e Element) Has(system, code string) bool {
	for _, c := range e.List("coding") {
		if c.Text("system") == system && c.Text("code") == code {
			return true
		}
	}
	return false
}

// Quantity is a Quantity in words: "< 5.4 mmol/L".
func (e Element) Quantity() string {
	value := e.Text("value")
	if value == "" {
		return ""
	}
	return joined(e.Text("comparator"), value, Unit(cmp.Or(e.Text("unit"), e.Text("code"))))
}

// unitWords are units of UCUM as people write them.
var unitWords = map[string]string{
	"1": "", "Cel": "°C", "[degF]": "°F", "mm[Hg]": "mmHg", "kg/m2": "kg/m²", "[lb_av]": "lb", "[in_i]": "in", "m2": "m²", "mL/min/{1.73_m2}": "mL/min/1.73 m²",
	"10*3/uL": "thousand/µL", "10*6/uL": "million/µL", "a": "years", "mo": "months", "wk": "weeks", "d": "days", "h": "hours",
}

// Unit is a unit of UCUM as people write it, others as they are but for annotations.
func Unit(code string) string {
	if words, ok := unitWords[code]; ok {
		return words
	}
	for {
		open := strings.IndexByte(code, '{')
		end := strings.IndexByte(code, '}')
		if open < 0 || end < open {
			return strings.TrimSuffix(code, "/")
		}
		code = code[:open] + code[end+1:]
	}
}

// joined are the words that there are.
func joined(words ...string) string {
	return strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), " ")
}

// Value is the value of an Observation or a component, or why there is none, in words.
func (e Element) Value() string {
	v, typ := e.Choice("value")
	switch typ {
	case "Quantity":
		return v.Quantity()
	case "CodeableConcept":
		return v.Concept()
	case "Period":
		return v.Period()
	case "Range":
		return strings.TrimSpace(v.At("low").Quantity() + " to " + v.At("high").Quantity())
	case "Ratio":
		return strings.TrimSpace(v.At("numerator").Quantity() + " : " + v.At("denominator").Quantity())
	case "DateTime":
		return Date(v.Text())
	case "Boolean":
		return map[string]string{"true": "yes", "false": "no"}[v.Text()]
	case "":
		if why := e.At("dataAbsentReason").Concept(); why != "" {
			return "none: " + why
		}
		return ""
	}
	return v.Text()
}

// Period is a Period in words.
func (e Element) Period() string {
	start, end := Date(e.Text("start")), Date(e.Text("end"))
	switch {
	case start == end:
		return start
	case end == "":
		return "since " + start
	case start == "":
		return "until " + end
	}
	return start + " to " + end
}

// Reference is the name of what a Reference is to, and else its literal.
func (e Element) Reference() string {
	return cmp.Or(e.Text("display"), e.Text("reference"), e.Text("identifier", "value"))
}

// Name is the name in use of a HumanName list.
func (e Element) Name() string {
	var best Element
	for _, n := range e.List() {
		if use := n.Text("use"); !best.Exists() || use == "official" || use == "usual" && best.Text("use") != "official" {
			best = n
		}
	}
	return best.HumanName()
}

// OtherNames are those of HumanNames that Name does not give and that are in use: other
// names, and the same in another script.
func (e Element) OtherNames() []string {
	main := e.Name()
	var all []string
	for _, n := range e.List() {
		if text := n.HumanName(); text != "" && text != main && n.Text("use") != "old" && !slices.Contains(all, text) {
			all = append(all, text)
		}
	}
	return all
}

// HumanName is a single HumanName as it is written; "" for none.
func (e Element) HumanName() string {
	if text := e.Text("text"); text != "" {
		return text
	}
	var words []string
	for _, given := range e.List("given") {
		if text := given.Text(); text != "" {
			words = append(words, text)
		}
	}
	family := e.Text("family")
	if strings.IndexFunc(family, eastAsian) == 0 {
		return family + strings.Join(words, "")
	}
	if family != "" {
		words = append(words, family)
	}
	return strings.Join(words, " ")
}

// eastAsian says whether a letter is of a script in which the family name comes first,
// without a space.
func eastAsian(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hangul, unicode.Hiragana, unicode.Katakana)
}

// When is the time of a resource that has it under one of some names, of a Period its
// start, as FHIR writes it; "" for none.
func (e Element) When(names ...string) string {
	for _, name := range names {
		at := e.At(name)
		if text := at.Text(); text != "" {
			return text
		}
		if text := cmp.Or(at.Text("start"), at.Text("end")); text != "" {
			return text
		}
	}
	return ""
}

// layouts are those of FHIR's dates and times.
var layouts = []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", time.DateOnly, "2006-01", "2006"}

// Time is the earliest time that a FHIR date, dateTime or instant can mean.
func Time(text string) (time.Time, bool) {
	for _, layout := range layouts {
		if t, err := time.Parse(layout, text); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// Date is a FHIR date or dateTime for people, as precise as it is, without the time of
// day: "3 May 2024".
func Date(text string) string {
	t, ok := Time(text)
	switch {
	case !ok:
		return text
	case len(text) == 4:
		return text
	case len(text) == 7:
		return t.Format("January 2006")
	}
	return t.Format("2 January 2006")
}

// DateTime is a FHIR dateTime for people, with the time of day and its zone, if it has
// one.
func DateTime(text string) string {
	t, ok := Time(text)
	if !ok || !strings.Contains(text, "T") {
		return Date(text)
	}
	zone := "UTC"
	if _, offset := t.Zone(); offset != 0 {
		zone = t.Format("-07:00")
	}
	return t.Format("2 January 2006, 15:04 ") + zone
}

// Age is how old somebody is who was born on a FHIR date: "3 days", "7 months", "41
// years"; "" when that cannot be said.
func Age(born string, now time.Time) string {
	t, ok := Time(born)
	if !ok || now.Before(t) {
		return ""
	}
	years := now.Year() - t.Year()
	if now.YearDay() < t.YearDay() && (now.Month() != t.Month() || now.Day() < t.Day()) {
		years--
	}
	months := 12*(now.Year()-t.Year()) + int(now.Month()) - int(t.Month())
	if now.Day() < t.Day() {
		months--
	}
	switch {
	case len(born) == 4:
		return "about " + Count(now.Year()-t.Year(), "year")
	case years >= 2:
		return Count(years, "year")
	case months >= 2:
		return Count(months, "month")
	}
	return Count(int(now.Sub(t).Hours()/24), "day")
}
