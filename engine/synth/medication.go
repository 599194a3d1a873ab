package synth

import (
	"strconv"
	"time"
)

// prescribe adds a prescription, and what the pharmacy dispensed on it.
func (v *visit) prescribe(a planned) {
	d := v.t.drugs[a.what]
	ends := v.ends(a.act, a.since)
	status := "active"
	if !ends.IsZero() && !ends.After(v.life.end) || !v.died.IsZero() {
		status = "completed"
	}
	at := v.at.Add(25 * time.Minute)
	drug := v.t.concept(a.what)
	dosage := list{object{
		"sequence", 1, "text", d["text"], "timing", object{"repeat", object{"frequency", int(d.number("daily")), "period", 1, "periodUnit", "d"}},
		"doseAndRate", list{object{
			"type", hl7("dose-rate-type", "ordered", "Ordered"), "doseQuantity", object{"value", number{d.number("dose"), 0}, "unit", d["unit"]},
		}},
	}}
	supply := object{"value", number{d.number("supply"), 0}, "unit", d["unit"]}
	v.say("Prescribed: %s.", v.t.displays[a.what])
	order := v.add("MedicationRequest", at, "us-core-medicationrequest", object{
		"status", status, "intent", "order", "category", list{hl7("medicationrequest-category", "community", "Community")}, "reportedBoolean", false,
		"medicationCodeableConcept", drug, "subject", v.subject, "encounter", reference(v.ref, ""), "authoredOn", instant(at), "requester", v.doctor(),
		"reasonReference", v.about(a.illness), "dosageInstruction", dosage,
		"dispenseRequest", object{"numberOfRepeatsAllowed", int(d.number("refills")), "quantity", supply},
	})
	last := v.life.end
	if !ends.IsZero() && ends.Before(last) {
		last = ends
	}
	kind, display := "FF", "First Fill"
	for at := at.Add(6 * time.Hour); at.Before(last); at = at.AddDate(1, 0, 0) {
		v.add("MedicationDispense", at, "us-core-medicationdispense", object{
			"status", "completed", "medicationCodeableConcept", drug, "subject", v.subject, "context", reference(v.ref, ""),
			"performer", list{object{"actor", reference("Organization/hearthside-pharmacy", "Hearthside Pharmacy")}},
			"authorizingPrescription", references(order), "type", hl7("v3-ActCode", kind, display), "quantity", supply,
			"daysSupply", object{"value", number{min(90, max(1, d.number("supply")/(d.number("dose")*d.number("daily")))), 0}, "unit", "days"},
			"whenHandedOver", instant(at), "dosageInstruction", dosage,
		})
		kind, display = "RF", "Refill"
	}
}

// immunize gives the vaccines that are due.
func (v *visit) immunize() {
	months := years(v.born, v.day) * 12
	for _, c := range v.t.vaccines {
		for dose := v.doses[c.key]; dose < len(c.months) && c.months[dose] <= months+0.3; dose++ {
			v.doses[c.key] = dose + 1
			if later(v.born, c.months[dose]/12).Before(v.start) {
				continue // given elsewhere
			}
			v.vaccinate(c.key, dose+1)
			break
		}
	}
	const flu = "influenza"
	if m := v.day.Month(); v.flu && months > 6 && (m >= time.September || m <= time.January) && v.day.Sub(v.given[flu]).Hours() > 200*24 {
		v.vaccinate(flu, 1)
	}
}

func (v *visit) vaccinate(key string, dose int) {
	v.given[key] = v.day
	at := v.at.Add(22 * time.Minute)
	v.say("Vaccinated: %s.", v.t.displays[key])
	v.add("Immunization", at, "us-core-immunization", object{
		"status", "completed", "vaccineCode", v.t.concept(key), "patient", v.subject, "encounter", reference(v.ref, ""),
		"occurrenceDateTime", instant(at), "primarySource", true, "location", mainBuilding,
		"lotNumber", "L" + strconv.Itoa(10000+v.r.IntN(90000)), "performer", list{object{"actor", nurse}},
		"protocolApplied", list{object{"doseNumberPositiveInt", dose}},
	})
}
