package synth

import "time"

// report orders a panel, takes the specimen, measures and reports.
func (v *visit) report(key string) {
	p := v.t.panels[key]
	ordered, taken, done := v.at.Add(15*time.Minute), v.at.Add(20*time.Minute), v.at.Add(8*time.Hour)
	if limit := v.life.end.Add(23*time.Hour + 30*time.Minute); done.After(limit) {
		done = limit
	}
	order := v.add("ServiceRequest", ordered, "us-core-servicerequest", object{
		"status", "completed", "intent", "order", "category", list{v.t.concept("laboratory-procedure")}, "code", p.concept, "subject", v.subject,
		"encounter", reference(v.ref, ""), "occurrenceDateTime", instant(taken), "authoredOn", instant(ordered), "requester", v.doctor(),
		"reasonCode", v.reasons,
	})
	specimen := v.add("Specimen", taken, "us-core-specimen", object{
		"identifier", list{object{"system", home + "/specimen", "value", v.next("Specimen")[len("Specimen/"):]}},
		"accessionIdentifier", object{"system", home + "/accession", "value", "A-" + v.next("Specimen")[len("Specimen/"):]},
		"status", "available", "type", v.t.concept(p.row["specimen"]), "subject", v.subject, "receivedTime", instant(taken.Add(time.Hour)),
		"collection", object{"collectedDateTime", instant(taken)},
	})
	var results list
	for _, key := range p.measures {
		m := v.t.measures[key]
		value := v.value(key, v.day)
		if len(p.measures) <= 2 {
			v.say("%s %s %s.", m.row["display"], trim(value, m.digits), m.row["unit"])
		}
		results = append(results, reference(v.add("Observation", done, "us-core-observation-lab", object{
			"basedOn", references(order), "status", "final", "category", labCategory, "code", m.concept, "subject", v.subject,
			"encounter", reference(v.ref, ""), "effectiveDateTime", instant(taken), "issued", instant(done), "performer", list{laboratory},
			"valueQuantity", m.quantity(value), "interpretation", m.interpretation(value), "specimen", reference(specimen, ""),
			"referenceRange", m.reference,
		}), m.row["display"]))
	}
	v.add("DiagnosticReport", done, "us-core-diagnosticreport-lab", object{
		"basedOn", references(order), "status", "final", "category", list{hl7("v2-0074", "LAB", "Laboratory")}, "code", p.concept, "subject", v.subject,
		"encounter", reference(v.ref, ""), "effectiveDateTime", instant(taken), "issued", instant(done), "performer", list{laboratory},
		"specimen", references(specimen), "result", results,
	})
}
