package auth

import (
	"slices"
	"strings"
	"unicode"

	"github.com/inglehealth/ingle/spec/smart"
)

// namedTypes are the types of a patient's record that users know, in the order
// in which they are offered.
var namedTypes = []string{
	"Patient", "AllergyIntolerance", "Appointment", "CarePlan", "CareTeam", "Condition", "Coverage", "Device", "DiagnosticReport",
	"DocumentReference", "Encounter", "Goal", "Immunization", "MedicationDispense", "MedicationRequest", "Observation", "Procedure",
	"Provenance", "QuestionnaireResponse", "RelatedPerson", "ServiceRequest", "Specimen",
}

var typeNames = map[string]string{
	"Patient": "name, birth date, address and other personal details", "AllergyIntolerance": "allergies", "Appointment": "appointments",
	"CarePlan": "care plans", "CareTeam": "the people who care for the patient", "Condition": "problems and diagnoses",
	"Coverage": "insurance", "Device": "implants and devices", "DiagnosticReport": "test reports", "DocumentReference": "documents and notes",
	"Encounter": "visits and stays", "Goal": "goals", "Immunization": "vaccinations", "MedicationDispense": "medicines given out",
	"MedicationRequest": "prescriptions", "Medication": "medicines", "Observation": "measurements and test results", "Procedure": "operations and procedures",
	"Provenance": "where records came from", "QuestionnaireResponse": "answers to forms", "RelatedPerson": "relatives and contacts",
	"ServiceRequest": "orders and referrals", "Specimen": "samples", "Practitioner": "doctors, nurses and other staff",
	"PractitionerRole": "what staff do where", "Organization": "hospitals, practices and other organizations", "Location": "places",
	smart.Any: "everything in the record",
}

// typeWords says in words what resources of a type are.
func typeWords(t string) string {
	if words, ok := typeNames[t]; ok {
		return words
	}
	var b strings.Builder
	for i, r := range t {
		if i > 0 && unicode.IsUpper(r) {
			b.WriteByte(' ')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String() + " records"
}

// scopeWords says in words what a scope allows.
func scopeWords(s smart.Scope) string {
	var verbs []string
	for _, v := range []struct {
		which smart.Interactions
		word  string
	}{{smart.Read | smart.Search, "see"}, {smart.Create, "add"}, {smart.Update, "change"}, {smart.Delete, "delete"}} {
		if s.Interactions&v.which != 0 {
			verbs = append(verbs, v.word)
		}
	}
	words := typeWords(s.Type)
	if s.Query != "" {
		words += ", only " + queryWords(s)
	}
	text := strings.ToUpper(verbs[0][:1]) + strings.Join(verbs, ", ")[1:]
	if n := strings.LastIndex(text, ", "); n >= 0 {
		text = text[:n] + " and " + text[n+2:]
	}
	whose := " of this patient"
	if s.Level == smart.User {
		whose = " that you have access to"
	}
	return text + " " + words + whose
}

// queryWords says in words what the parameters of a scope leave.
func queryWords(s smart.Scope) string {
	if code, ok := strings.CutPrefix(s.Query, "category="); ok {
		known := categories[s.Type]
		if n := slices.IndexFunc(known, func(c struct{ code, words string }) bool { return c.code == code }); n >= 0 {
			return known[n].words
		}
	}
	return "where " + s.Query
}

// otherWords says in words what a scope that is not about resources is for.
func otherWords(scope string) (string, bool) {
	switch scope {
	case smart.OpenID:
		return "Know that it is you who signs in", true
	case smart.FHIRUser, smart.Profile:
		return "Know who you are in the record system", true
	case smart.Launch:
		return "Know what you were looking at in the record system", true
	case smart.LaunchPatient:
		return "Know which patient you chose", true
	case smart.LaunchEncounter:
		return "Know which visit you chose", true
	case smart.OnlineAccess:
		return "Keep its access as long as you stay signed in here", true
	case smart.OfflineAccess:
		return "Keep its access while you are away, even when you are not using it", true
	}
	if typ, _, ok := smart.LaunchContext(scope); ok {
		return "Know which " + typ + " you were looking at", true
	}
	return "", false
}

// isOfType says whether an element of fhirContext is of a type, in lower case.
func isOfType(i smart.ContextItem, typ string) bool {
	t := i.Type
	if t == "" {
		t, _, _ = strings.Cut(i.Reference, "/")
	}
	return strings.EqualFold(t, typ)
}
