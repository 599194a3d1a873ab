package leaktest

import (
	"slices"
	"strings"
)

// owners are the elements that say whose a resource is, by type: its subject, its
// patient, its beneficiary, its participants.
var owners = map[string]string{
	"Account": "subject", "AdverseEvent": "subject", "AllergyIntolerance": "patient", "Appointment": "participant.actor",
	"Basic": "subject", "Binary": "securityContext", "CarePlan": "subject", "CareTeam": "subject", "Claim": "patient",
	"ClinicalImpression": "subject", "Communication": "subject", "Composition": "subject", "Condition": "subject", "Consent": "patient",
	"Coverage": "beneficiary", "Device": "patient", "DiagnosticReport": "subject", "DocumentReference": "subject", "Encounter": "subject",
	"EpisodeOfCare": "patient", "ExplanationOfBenefit": "patient", "FamilyMemberHistory": "patient", "Flag": "subject", "Goal": "subject",
	"ImagingStudy": "subject", "Immunization": "patient", "List": "subject", "Media": "subject", "MedicationAdministration": "subject",
	"MedicationDispense": "subject", "MedicationRequest": "subject", "MedicationStatement": "subject", "Observation": "subject",
	"Procedure": "subject", "QuestionnaireResponse": "subject", "RelatedPerson": "patient", "RiskAssessment": "subject",
	"Schedule": "actor", "ServiceRequest": "subject", "Specimen": "subject", "SupplyDelivery": "patient", "Task": "for",
}

// abouts are the elements by which resources tell about others.
var abouts = map[string]string{"Provenance": "target", "AuditEvent": "entity.what"}

// kinds are the other types: those that are seen where something refers to them, and
// those that are no patient's.
var (
	referredTypes  = []string{"Medication", "Substance", "Slot"}
	directoryTypes = []string{"CodeSystem", "Endpoint", "HealthcareService", "Location", "Organization", "Practitioner", "PractitionerRole", "Questionnaire", "ValueSet"}
	// strayTypes are out of reach of who sees one patient.
	strayTypes = []string{"Group", "Linkage", "Person"}
	// freeTypes are owned types of which a resource may be nobody's.
	freeTypes = []string{"Binary", "Device", "Specimen"}
)

// KnownTypes are all types that the oracle knows, sorted.
func KnownTypes() []string {
	all := slices.Concat([]string{"Patient"}, referredTypes, directoryTypes, strayTypes)
	for t := range owners {
		all = append(all, t)
	}
	for t := range abouts {
		all = append(all, t)
	}
	slices.Sort(all)
	return all
}

// isOwned says whether resources of a type are patients'.
func isOwned(typeName string) bool { return typeName == "Patient" || owners[typeName] != "" }

// kind is the name by which rules of roles mean types.
func kind(typeName string) string {
	switch {
	case isOwned(typeName):
		return "owned"
	case abouts[typeName] != "":
		return "about"
	case slices.Contains(referredTypes, typeName):
		return "referred"
	case slices.Contains(directoryTypes, typeName):
		return "directory"
	}
	return ""
}

// patientsOf are the ids of the patients whose a version is.
func (w *World) patientsOf(v *Version) (ids []string) {
	if v.Type == "Patient" {
		return []string{v.ID}
	}
	if path := owners[v.Type]; path != "" {
		for _, to := range w.referred(v.Body, path) {
			if id, ok := strings.CutPrefix(to, "Patient/"); ok {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// ownerless says whether a version could have an owner and names nobody.
func ownerless(v *Version) bool {
	return slices.Contains(freeTypes, v.Type) && len(at(v.Body, owners[v.Type])) == 0
}
