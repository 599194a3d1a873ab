package synth

import (
	"strconv"
	"time"
)

// answers are how often something bothers, as LOINC lists them.
var answers = []object{
	coding("http://loinc.org", "LA6568-5", "Not at all"), coding("http://loinc.org", "LA6569-3", "Several days"),
	coding("http://loinc.org", "LA6570-1", "More than half the days"), coding("http://loinc.org", "LA6571-9", "Nearly every day"),
}

const phq9 = home + "/fhir/Questionnaire/phq-9"

// ask asks the questions of the PHQ-9. The answers add up to the score.
func (v *visit) ask() {
	score := int(v.value("phq-9", v.day))
	at := v.at.Add(4 * time.Minute)
	var items list
	for i, n := range v.spread(score) {
		q := v.t.questions[i]
		items = append(items, object{"linkId", q["loinc"], "text", q["text"], "answer", list{object{"valueCoding", answers[n]}}})
	}
	items = append(items, object{"linkId", "44261-6", "text", "Total score", "answer", list{object{"valueInteger", score}}})
	form := v.add("QuestionnaireResponse", at, "us-core-questionnaireresponse", object{
		"identifier", object{"system", home + "/questionnaire-response", "value", v.next("QuestionnaireResponse")[len("QuestionnaireResponse/"):]},
		"questionnaire", phq9, "_questionnaire", object{"extension", list{object{
			"url", "http://hl7.org/fhir/StructureDefinition/display", "valueString", "Patient Health Questionnaire (PHQ-9)"}}},
		"status", "completed", "subject", v.subject, "encounter", reference(v.ref, ""), "authored", instant(at), "author", v.subject, "item", items,
	})
	m := v.t.measures["phq-9"]
	v.say("PHQ-9: %s.", strconv.Itoa(score))
	v.add("Observation", at, "us-core-observation-screening-assessment", object{
		"status", "final", "category", list{hl7("observation-category", "survey", "Survey")}, "code", m.concept, "subject", v.subject,
		"encounter", reference(v.ref, ""), "effectiveDateTime", instant(at), "issued", instant(at), "performer", list{v.doctor()},
		"valueQuantity", m.quantity(float64(score)), "interpretation", m.interpretation(float64(score)), "derivedFrom", references(form),
	})
}

// spread distributes a score over the nine questions, the last one last.
func (v *visit) spread(score int) []int {
	out := make([]int, 9)
	for score > 0 {
		i := v.r.IntN(9)
		if i == 8 && score > 1 || out[i] == 3 {
			i = 0
			for i < 8 && out[i] == 3 {
				i++
			}
		}
		out[i]++
		score--
	}
	return out
}
