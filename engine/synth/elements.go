package synth

import "encoding/base64"

// The data types of FHIR that many resources share.

func coding(system, code, display string) object {
	return object{"system", system, "code", code, "display", display}
}

func concept(system, code, display string) object {
	return object{"coding", list{coding(system, code, display)}, "text", display}
}

// hl7 is a CodeableConcept of one of HL7's own code systems.
func hl7(system, code, display string) object {
	return concept("http://terminology.hl7.org/CodeSystem/"+system, code, display)
}

func reference(target, display string) object {
	return object{"reference", target, "display", display}
}

func references(targets ...string) list {
	l := make(list, len(targets))
	for i, t := range targets {
		l[i] = reference(t, "")
	}
	return l
}

func quantity(value number, unit, code string) object {
	return object{"value", value, "unit", unit, "system", "http://unitsofmeasure.org", "code", code}
}

func money(dollars float64) object {
	return object{"value", number{dollars, 2}, "currency", "USD"}
}

func narrative(html string) object {
	return object{"status", "generated", "div", `<div xmlns="http://www.w3.org/1999/xhtml">` + html + `</div>`}
}

func phone(use, value string) object {
	return object{"system", "phone", "value", value, "use", use}
}

func attachment(title, text, created string) object {
	return object{"contentType", "text/plain; charset=utf-8", "language", "en-US", "data", base64.StdEncoding.EncodeToString([]byte(text)),
		"title", title, "creation", created}
}

// usCore is the canonical URL of a profile or extension of US Core.
func usCore(name string) string { return "http://hl7.org/fhir/us/core/StructureDefinition/" + name }
