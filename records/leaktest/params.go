package leaktest

import "strings"

// params are search parameters: type, code, kind and elements, and for references
// the only type that counts.
const params = `
AllergyIntolerance patient reference patient
Appointment status token status
Appointment actor reference participant.actor
Appointment patient reference participant.actor Patient
CarePlan subject reference subject
CareTeam participant reference participant.member
CareTeam subject reference subject
CareTeam status token status
Claim patient reference patient
Claim use token use
Claim encounter reference item.encounter
Composition subject reference subject
Composition entry reference section.entry
Condition clinical-status token clinicalStatus
Condition code token code
Condition encounter reference encounter
Condition onset-date date onsetDateTime
Condition subject reference subject
Condition patient reference subject Patient
Consent status token status
Consent patient reference patient Patient
Device patient reference patient Patient
DiagnosticReport code token code
DiagnosticReport encounter reference encounter
DiagnosticReport result reference result
DiagnosticReport status token status
DiagnosticReport subject reference subject
DocumentReference subject reference subject
DocumentReference status token status
Encounter class token class
Encounter date date period
Encounter part-of reference partOf
Encounter participant reference participant.individual
Encounter patient reference subject Patient
Encounter service-provider reference serviceProvider
Encounter status token status
Encounter subject reference subject
ExplanationOfBenefit patient reference patient
ExplanationOfBenefit claim reference claim
Group member reference member.entity
Immunization patient reference patient
Immunization vaccine-code token vaccineCode
List item reference entry.item
List status token status
List subject reference subject
Medication code token code
MedicationRequest encounter reference encounter
MedicationRequest intent token intent
MedicationRequest medication reference medicationReference
MedicationRequest requester reference requester
MedicationRequest subject reference subject
Observation category token category
Observation code token code
Observation date date effectiveDateTime,effectivePeriod
Observation derived-from reference derivedFrom
Observation encounter reference encounter
Observation identifier token identifier
Observation patient reference subject Patient
Observation performer reference performer
Observation status token status
Observation subject reference subject
Organization name string name
Patient birthdate date birthDate
Patient family string name.family
Patient gender token gender
Patient general-practitioner reference generalPractitioner
Patient identifier token identifier
Patient link reference link.other
Patient organization reference managingOrganization
Practitioner family string name.family
Procedure code token code
Procedure encounter reference encounter
Procedure subject reference subject
Provenance target reference target
Specimen subject reference subject
`

// Params are the search parameters of types that the oracle knows.
func Params() map[string][]Param {
	all := map[string][]Param{}
	for line := range strings.Lines(params) {
		fields := strings.Fields(line)
		if len(fields) < 4 {
			continue
		}
		p := Param{Type: fields[0], Code: fields[1], Kind: fields[2], Paths: strings.Split(fields[3], ",")}
		if len(fields) > 4 {
			p.Target = fields[4]
		}
		all[p.Type] = append(all[p.Type], p)
	}
	for _, t := range KnownTypes() {
		all[t] = append(all[t], Param{Type: t, Code: "_id", Kind: "token"},
			Param{Type: t, Code: "_tag", Kind: "token", Paths: []string{"meta.tag"}},
			Param{Type: t, Code: "_security", Kind: "token", Paths: []string{"meta.security"}})
	}
	return all
}

// Values are some values that a parameter has in resources of a world.
func (p *Param) Values(w *World, most int) (all []string) {
	for v := range w.All(p.Type) {
		if p.Code == "_id" {
			all = append(all, v.ID)
		}
		for _, path := range p.Paths {
			for _, one := range at(v.Body, path) {
				if value := p.value(w, one); value != "" && !strings.ContainsAny(value, ",$\\") {
					all = append(all, value)
				}
			}
		}
		if len(all) > most {
			break
		}
	}
	return all
}

func (p *Param) value(w *World, node any) string {
	switch p.Kind {
	case "token":
		for _, one := range append(at(node, "coding"), node) {
			for _, name := range []string{"code", "value"} {
				if code := text(one, name); code != "" {
					if system := text(one, "system"); system != "" {
						return system + "|" + code
					}
					return code
				}
			}
		}
		s, _ := node.(string)
		return s
	case "string":
		s, _ := node.(string)
		return s
	case "date":
		if s, ok := node.(string); ok {
			return s[:4]
		}
		if s := text(node, "start"); s != "" {
			return s[:4]
		}
	case "reference":
		if to := w.local(text(node, "reference")); p.goesTo(to) {
			return to
		}
	}
	return ""
}
