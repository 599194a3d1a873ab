package terminology

import (
	"slices"
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// coding reads a parameter of type Coding; in a URL it is "system|code".
func (i *Input) coding() definitions.Coding {
	if i.Node.IsZero() {
		system, code, ok := strings.Cut(i.Text, "|")
		if !ok {
			system, code = "", i.Text
		}
		return definitions.Coding{System: system, Code: code}
	}
	return codingOf(i.Node.Child("value"))
}

func codingOf(n fhir.Node) definitions.Coding {
	return definitions.Coding{
		System: n.Child("system").Text(), Version: n.Child("version").Text(), Code: n.Child("code").Text(), Display: n.Child("display").Text(),
	}
}

// codings reads the code that a request is about: as a code with its system,
// a Coding or a CodeableConcept.
func (in Inputs) codings(code, coding, concept, system, version string) ([]definitions.Coding, Form, []byte, error) {
	given := 0
	for _, name := range []string{code, coding, concept} {
		if in.find(name) != nil {
			given++
		}
	}
	if given > 1 {
		return nil, 0, nil, fault.New(fault.Invalid, fault.CodeInvalid, "", "Of %s, %s and %s only one can be given.", code, coding, concept)
	}
	if i := in.find(concept); i != nil {
		value := i.Node.Child("value")
		var list []definitions.Coding
		for c := range value.All("coding") {
			list = append(list, codingOf(c))
		}
		if len(list) == 0 {
			return nil, 0, nil, fault.New(fault.Invalid, fault.CodeRequired, i.path(), "%s has no coding.", concept)
		}
		return list, FormConcept, value.AppendJSON(nil), nil
	}
	if i := in.find(coding); i != nil {
		c := i.coding()
		if c.Code == "" {
			return nil, 0, nil, fault.New(fault.Invalid, fault.CodeRequired, i.path(), "%s has no code.", coding)
		}
		return []definitions.Coding{c}, FormCoding, nil, nil
	}
	c := definitions.Coding{Code: in.text(code), System: in.text(system), Version: in.text(version), Display: in.text("display")}
	if c.Code == "" {
		return nil, 0, nil, fault.New(fault.Invalid, fault.CodeRequired, "", "Say which code: by %s.", strings.Join(slices.DeleteFunc([]string{code, coding, concept}, func(name string) bool { return name == "" }), " or "))
	}
	return []definitions.Coding{c}, FormCode, nil, nil
}
