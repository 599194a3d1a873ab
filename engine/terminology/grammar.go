package terminology

import (
	"regexp"

	"github.com/inglehealth/ingle/spec/ucum"
)

// languageTags is the system of languages, whose codes have no case (BCP 47 §2.1.1).
const languageTags = "urn:ietf:bcp:47"

// grammars are the systems whose codes are told by their form.
var grammars = map[string]func(string) Answer{
	languageTags: form(`(?i)^[a-z]{2,8}(-[a-z0-9]{1,8})*$|^x(-[a-z0-9]{1,8})+$`),
	// FHIR also uses the short names of its own formats: every example of
	// CapabilityStatement.format does.
	"urn:ietf:bcp:13":                form(`^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*(\s*;.*)?$|^(xml|json|ttl|html)$`),
	"urn:iso:std:iso:4217":           form(`^[A-Z]{3}$`),
	"urn:iso:std:iso:3166":           form(`^([A-Z]{2}|[A-Z]{3}|[0-9]{3})$`),
	"urn:iso:std:iso:3166:-2":        form(`^[A-Z]{2}-[A-Z0-9]{1,3}$`),
	"http://unitsofmeasure.org":      unit,
	"urn:ietf:rfc:3986":              form(`^\S+$`),
	"http://www.iana.org/time-zones": form(`^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$`),
}

func form(expression string) func(string) Answer {
	re := regexp.MustCompile(expression)
	return func(code string) Answer {
		if re.MatchString(code) {
			return Yes
		}
		return No
	}
}

func unit(code string) Answer {
	if code == "" {
		return No
	}
	if _, err := ucum.Parse(code); err != nil {
		return No
	}
	return Yes
}
