package synth

import "time"

// diagnose adds a problem to the list, or what was acute to the visit.
func (v *visit) diagnose(a planned) {
	profile, category := "us-core-condition-problems-health-concerns", hl7("condition-category", "problem-list-item", "Problem List Item")
	ends := v.ends(a.act, a.since)
	if !ends.IsZero() && years(a.since, ends) < 0.2 {
		profile, category = "us-core-condition-encounter-diagnosis", hl7("condition-category", "encounter-diagnosis", "Encounter Diagnosis")
	}
	status, abated := hl7("condition-clinical", "active", "Active"), ""
	if !ends.IsZero() && !ends.After(v.life.end) {
		status, abated = hl7("condition-clinical", "resolved", "Resolved"), date(ends)
	}
	at := v.at.Add(20 * time.Minute)
	code := v.t.concept(a.what)
	v.say("Assessment: %s.", v.t.displays[a.what])
	ref := v.add("Condition", at, profile, object{
		"extension", list{object{"url", "http://hl7.org/fhir/StructureDefinition/condition-assertedDate", "valueDateTime", date(v.day)}},
		"clinicalStatus", status, "verificationStatus", hl7("condition-ver-status", "confirmed", "Confirmed"), "category", list{category},
		"code", code, "subject", v.subject, "encounter", reference(v.ref, ""), "onsetDateTime", date(a.since), "abatementDateTime", abated,
		"recordedDate", instant(at), "recorder", v.doctor(), "asserter", v.doctor(),
	})
	v.conditions[a.illness] = ref
	v.reasons, v.because = append(v.reasons, code), append(v.because, reference(ref, v.t.displays[a.what]))
}

// about is a reason for what is done about an illness.
func (v *visit) about(illness string) list {
	if ref := v.conditions[illness]; ref != "" {
		return references(ref)
	}
	return nil
}

// allergies are asked for at the first visit.
func (v *visit) allergies() {
	at := v.at.Add(10 * time.Minute)
	fields := object{
		"clinicalStatus", hl7("allergyintolerance-clinical", "active", "Active"),
		"verificationStatus", hl7("allergyintolerance-verification", "confirmed", "Confirmed"),
	}
	if v.allergy == "" {
		v.add("AllergyIntolerance", at, "us-core-allergyintolerance", append(fields, "code", v.t.concept("no-allergy"), "patient", v.subject,
			"recordedDate", instant(at), "recorder", v.doctor()))
		return
	}
	for _, r := range v.t.allergies {
		if r["key"] != v.allergy {
			continue
		}
		severity := "moderate"
		if r["criticality"] == "high" {
			severity = "severe"
		}
		v.say("Allergic to: %s.", v.t.displays[v.allergy])
		v.add("AllergyIntolerance", at, "us-core-allergyintolerance", append(fields,
			"type", "allergy", "category", list{r["category"]}, "criticality", r["criticality"], "code", v.t.concept(v.allergy), "patient", v.subject,
			"recordedDate", instant(at), "recorder", v.doctor(), "reaction", list{object{"manifestation", v.t.all(r["reactions"]), "severity", severity}}))
	}
}
