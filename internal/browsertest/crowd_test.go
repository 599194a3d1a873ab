package browsertest

import (
	"fmt"
	"testing"
	"time"
)

// hostile is what a name or a text may be when somebody means harm.
const hostile = `<script>window.harmed=1</script><img src=x onerror="window.harmed=1">"'>`

// names are names of people, in scripts and lengths that pages must bear.
var names = map[string]map[string]any{
	"script":  {"family": hostile, "given": []string{hostile}},
	"arabic":  {"family": "الخوارزمي", "given": []string{"محمد بن موسى"}},
	"chinese": {"family": "欧阳", "given": []string{"修"}},
	"emoji":   {"family": "👩🏽‍⚕️🔥", "given": []string{"Zoë", "Ω"}},
	"long":    {"family": longest, "given": []string{"Wolfeschlegelsteinhausenbergerdorff"}},
}

const longest = "Aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

type object = map[string]any

// crowd puts in patients whom pages find hard: without data, with names in any
// script, with script in every text, and with 5,000 observations.
func crowd(t testing.TB, s *server) {
	t.Helper()
	put := func(resource object) {
		s.fhir(t, "PUT", "/"+resource["resourceType"].(string)+"/"+resource["id"].(string), resource)
	}
	for id, name := range names {
		put(object{"resourceType": "Patient", "id": "name-" + id, "name": []object{name}, "gender": "female", "birthDate": "1980-02-03"})
	}
	put(object{"resourceType": "Patient", "id": "empty"})
	concept := object{"text": hostile}
	mine := object{"reference": "Patient/name-script", "display": hostile}
	active := func(system string) object {
		return object{"coding": []object{{"system": "http://terminology.hl7.org/CodeSystem/" + system, "code": "active"}}}
	}
	put(object{"resourceType": "Condition", "id": "script-problem", "subject": mine, "code": concept, "note": []object{{"text": hostile}},
		"clinicalStatus": active("condition-clinical")})
	put(object{"resourceType": "AllergyIntolerance", "id": "script-allergy", "patient": mine, "code": concept, "note": []object{{"text": hostile}},
		"clinicalStatus": active("allergyintolerance-clinical"), "reaction": []object{{"manifestation": []object{concept}, "description": hostile}}})
	put(object{"resourceType": "MedicationRequest", "id": "script-medication", "status": "active", "intent": "order", "subject": mine, "medicationCodeableConcept": concept,
		"dosageInstruction": []object{{"text": hostile}}})
	put(object{"resourceType": "Observation", "id": "script-observation", "status": "final", "subject": mine, "code": concept, "valueString": hostile, "effectiveDateTime": "2025-05-01"})
	put(object{"resourceType": "DocumentReference", "id": "script-document", "status": "current", "subject": mine, "type": concept, "description": hostile,
		"content": []object{{"attachment": object{"contentType": "text/html", "title": hostile, "data": "PHNjcmlwdD53aW5kb3cuaGFybWVkPTE8L3NjcmlwdD4="}}}})
	put(object{"resourceType": "Patient", "id": "many", "name": []object{{"family": "Manifold", "given": []string{"Petra"}}}, "gender": "female", "birthDate": "1961-04-05"})
	begin := time.Date(2015, 1, 1, 8, 0, 0, 0, time.UTC)
	for batch := range 10 {
		var entries []object
		for i := range 500 {
			n := batch*500 + i
			code, unit, value := "8867-4", "/min", 60+n%30
			if n%2 == 1 {
				code, unit, value = "2339-0", "mg/dL", 80+n%90
			}
			entries = append(entries, object{"request": object{"method": "PUT", "url": fmt.Sprintf("Observation/many-%d", n)}, "resource": object{
				"resourceType": "Observation", "id": fmt.Sprintf("many-%d", n), "status": "final", "subject": object{"reference": "Patient/many"},
				"category":          []object{{"coding": []object{{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": [...]string{"vital-signs", "laboratory"}[n%2]}}}},
				"code":              object{"coding": []object{{"system": "http://loinc.org", "code": code, "display": [...]string{"Heart rate", "Glucose"}[n%2]}}},
				"effectiveDateTime": begin.Add(time.Duration(n) * 19 * time.Hour).Format(time.RFC3339),
				"valueQuantity":     object{"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit},
			}})
		}
		s.fhir(t, "POST", "", object{"resourceType": "Bundle", "type": "batch", "entry": entries})
	}
}
