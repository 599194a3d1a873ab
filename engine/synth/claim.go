package synth

import "time"

// prices of visits by kind, in dollars.
var prices = map[string]float64{"admission": 8400, "delivery": 9200, "emergency": 1250, "problem": 180, "prenatal": 240, "well-child": 165, "check-up": 210, "follow-up": 120}

// charge claims the visit and tells what the payer paid: four fifths.
func (v *visit) charge() {
	price := prices[v.kind()] + 12*float64(len(v.acts))
	if v.died.IsZero() && v.end.After(v.life.end.AddDate(0, 0, -2)) {
		return // not yet
	}
	paid := round(0.8*price, 2)
	at := v.end.AddDate(0, 0, 1)
	if at.After(v.life.end) {
		at = v.end
	}
	insurance := list{object{"sequence", 1, "focal", true, "coverage", reference(v.insured, "")}}
	var diagnosis list
	for i, c := range v.because {
		diagnosis = append(diagnosis, object{"sequence", i + 1, "diagnosisReference", c})
	}
	code := v.t.concept(v.kind())
	typ := hl7("claim-type", "professional", "Professional")
	if classes[v.kind()] != nil {
		typ = hl7("claim-type", "institutional", "Institutional")
	}
	period := object{"start", instant(v.at), "end", instant(v.end)}
	claim := v.add("Claim", at, "", object{
		"status", "active", "type", typ, "use", "claim", "patient", v.subject, "billablePeriod", period, "created", instant(at), "insurer", v.payer,
		"provider", hearthside, "priority", hl7("processpriority", "normal", "Normal"), "diagnosis", diagnosis, "insurance", insurance,
		"item", list{object{"sequence", 1, "productOrService", code, "servicedPeriod", period, "net", money(price), "encounter", references(v.ref)}}, "total", money(price),
	})
	amount := func(code, display string, dollars float64) object {
		return object{"category", hl7("adjudication", code, display), "amount", money(dollars)}
	}
	v.add("ExplanationOfBenefit", at.Add(time.Hour), "", object{
		"status", "active", "type", typ, "use", "claim", "patient", v.subject, "billablePeriod", period, "created", instant(at), "insurer", v.payer,
		"provider", hearthside, "claim", reference(claim, ""), "outcome", "complete", "diagnosis", diagnosis,
		"insurance", list{object{"focal", true, "coverage", reference(v.insured, "")}},
		"item", list{object{"sequence", 1, "productOrService", code, "servicedPeriod", period, "net", money(price), "encounter", references(v.ref),
			"adjudication", list{amount("submitted", "Submitted Amount", price), amount("benefit", "Benefit Amount", paid)}}},
		"total", list{amount("submitted", "Submitted Amount", price), amount("benefit", "Benefit Amount", paid)},
		"payment", object{"amount", money(paid)},
	})
}
