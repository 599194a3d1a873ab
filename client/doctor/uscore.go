package doctor

import (
	_ "embed"
	"slices"
	"strings"
)

//go:embed uscore.tsv
var uscoreTable string

// combination is search parameters that are asked together.
type combination struct {
	typ    string
	params []string
}

func (c combination) name() string { return c.typ + "?" + strings.Join(c.params, "&") }

// uscore is what US Core demands.
var uscore = func() (all []combination) {
	for line := range strings.Lines(uscoreTable) {
		typ, params, ok := strings.Cut(strings.TrimSpace(line), "\t")
		if ok && !strings.HasPrefix(typ, "#") {
			all = append(all, combination{typ, strings.Split(params, "+")})
		}
	}
	return all
}()

// uscoreTypes are the types in their order.
func uscoreTypes() []string {
	var all []string
	for _, c := range uscore {
		if !slices.Contains(all, c.typ) {
			all = append(all, c.typ)
		}
	}
	return all
}

func combinations(typ string) []combination {
	var all []combination
	for _, c := range uscore {
		if c.typ == typ {
			all = append(all, c)
		}
	}
	return all
}

// elements are where a search parameter's value stands in a resource, whatever its
// type; the first that is there counts.
var elements = map[string][]string{
	"_id": {"id"}, "identifier": {"identifier"}, "category": {"category"}, "code": {"code"}, "type": {"type"}, "status": {"status"}, "intent": {"intent"},
	"name": {"name"}, "birthdate": {"birthDate"}, "gender": {"gender"}, "authored": {"authoredOn"}, "specialty": {"specialty"}, "practitioner": {"practitioner"}, "address": {"address"},
	"date": {"effectiveDateTime", "effectivePeriod", "effectiveInstant", "performedDateTime", "performedPeriod", "date", "period"},
}

// value is what to ask a parameter for so that the resource is found; false when the
// resource has no value for it.
func value(r map[string]any, param string) (string, bool) {
	for _, name := range elements[param] {
		if v, ok := ask(r[name], param); ok {
			return v, true
		}
	}
	return "", false
}

// ask makes a search value of an element.
func ask(v any, param string) (string, bool) {
	switch v := v.(type) {
	case string:
		if param == "date" || param == "authored" {
			return day(v)
		}
		return escape(v), v != ""
	case []any:
		for _, one := range v {
			if s, ok := ask(one, param); ok {
				return s, true
			}
		}
	case map[string]any:
		return askObject(v, param)
	}
	return "", false
}

func askObject(o map[string]any, param string) (string, bool) {
	switch {
	case o["coding"] != nil: // CodeableConcept
		return ask(o["coding"], param)
	case text(o, "code") != "": // Coding
		return token(text(o, "system"), text(o, "code"))
	case param == "identifier" && text(o, "value") != "":
		return token(text(o, "system"), text(o, "value"))
	case text(o, "reference") != "":
		return text(o, "reference"), true
	case text(o, "family") != "": // HumanName
		return escape(text(o, "family")), true
	case text(o, "city") != "": // Address
		return escape(text(o, "city")), true
	case text(o, "start") != "": // Period
		return day(text(o, "start"))
	}
	return "", false
}

func token(system, code string) (string, bool) {
	if system == "" {
		return escape(code), true
	}
	return escape(system) + "|" + escape(code), true
}

// day asks for the day of a time or later, which needs no time zone to be found.
func day(t string) (string, bool) {
	if len(t) < len("2026-01-01") {
		return "ge" + t, t != ""
	}
	return "ge" + t[:len("2026")] + "-01-01", true
}

var escaper = strings.NewReplacer(`\`, `\\`, "|", `\|`, ",", `\,`, "$", `\$`)

// escape writes a value as FHIR R4 §3.1.1.3 has it.
func escape(s string) string { return escaper.Replace(s) }
