package synth

import (
	"fmt"
	"time"
)

var (
	vitalSigns  = list{hl7("observation-category", "vital-signs", "Vital Signs")}
	labCategory = list{hl7("observation-category", "laboratory", "Laboratory")}
)

// vitals are measured at each visit: all of them at check-ups and when
// something is acute.
func (v *visit) vitals() {
	age := years(v.born, v.day)
	whole := v.kind() != "follow-up" || age < 18
	at := v.at.Add(6 * time.Minute)
	if whole {
		v.vital("height", at)
	}
	v.vital("weight", at)
	if whole && age >= 2 {
		v.vital("bmi", at)
	}
	if age >= 3 {
		v.pressure(at)
	}
	v.vital("heart-rate", at)
	if whole {
		v.vital("respiration", at)
		v.vital("temperature", at)
	}
	if kind := v.kind(); kind == "emergency" || kind == "admission" || age > 60 && whole {
		v.saturation(at)
	}
	if age < 20 {
		v.growth(age, at)
	}
	if whole && age >= 13 {
		v.smoking(at)
	}
}

func (v *visit) growth(age float64, at time.Time) {
	if age < 3 {
		v.vital("head", at)
		v.vital("head-percentile", at)
		v.vital("weight-for-length", at)
	}
	if age >= 2 {
		v.vital("bmi-percentile", at)
	}
}

// vital measures one vital sign.
func (v *visit) vital(key string, at time.Time) string {
	m := v.t.measures[key]
	value := v.value(key, v.day)
	v.say("%s %s %s.", m.row["display"], trim(value, m.digits), m.row["unit"])
	return v.add("Observation", at, m.row["profile"], object{
		"status", "final", "category", vitalSigns, "code", m.concept, "subject", v.subject, "encounter", reference(v.ref, ""),
		"effectiveDateTime", instant(at), "issued", instant(at), "performer", list{nurse}, "valueQuantity", m.quantity(value),
	})
}

var nurse = reference("Practitioner/reyes", "Daniel Reyes, RN")

// pressure measures the blood pressure.
func (v *visit) pressure(at time.Time) {
	s, d := v.t.measures["systolic"], v.t.measures["diastolic"]
	high, low := v.value("systolic", v.day), v.value("diastolic", v.day)
	v.say("Blood pressure %s/%s mmHg.", trim(high, 0), trim(low, 0))
	v.add("Observation", at, "us-core-blood-pressure", object{
		"status", "final", "category", vitalSigns, "code", concept("http://loinc.org", "85354-9", "Blood pressure panel with all children optional"),
		"subject", v.subject, "encounter", reference(v.ref, ""), "effectiveDateTime", instant(at), "issued", instant(at), "performer", list{nurse},
		"component", list{object{"code", s.concept, "valueQuantity", s.quantity(high)}, object{"code", d.concept, "valueQuantity", d.quantity(low)}},
	})
}

// saturation is measured by a pulse oximeter, whose code is two codes.
func (v *visit) saturation(at time.Time) {
	m := v.t.measures["oxygen"]
	value := v.value("oxygen", v.day)
	v.say("Oxygen saturation %s %%.", trim(value, 0))
	v.add("Observation", at, "us-core-pulse-oximetry", object{
		"status", "final", "category", vitalSigns, "code", object{"coding", list{
			coding("http://loinc.org", "59408-5", "Oxygen saturation in Arterial blood by Pulse oximetry"),
			coding("http://loinc.org", "2708-6", "Oxygen saturation in Arterial blood"),
		}, "text", "Oxygen saturation"},
		"subject", v.subject, "encounter", reference(v.ref, ""), "effectiveDateTime", instant(at), "issued", instant(at), "performer", list{nurse},
		"valueQuantity", m.quantity(value),
	})
}

func (v *visit) smoking(at time.Time) {
	smoker := v.smoker
	if years(v.born, v.day) < 18 {
		smoker = "never-smoker"
	}
	v.add("Observation", at, "us-core-smokingstatus", object{
		"status", "final", "category", list{hl7("observation-category", "social-history", "Social History")},
		"code", concept("http://loinc.org", "72166-2", "Tobacco smoking status"), "subject", v.subject, "encounter", reference(v.ref, ""),
		"effectiveDateTime", instant(at), "issued", instant(at), "performer", list{nurse}, "valueCodeableConcept", v.t.concept(smoker),
	})
}

// test measures what is no vital sign and done at the clinic.
func (v *visit) test(key string) {
	m := v.t.measures[key]
	if key == "peak-flow" && years(v.born, v.day) < 5 {
		return // too young to blow
	}
	value := v.value(key, v.day)
	at := v.at.Add(14 * time.Minute)
	v.say("%s %s %s.", m.row["display"], trim(value, m.digits), m.row["unit"])
	v.add("Observation", at, "us-core-observation-clinical-result", object{
		"status", "final", "category", list{hl7("observation-category", "procedure", "Procedure")}, "code", m.concept, "subject", v.subject,
		"encounter", reference(v.ref, ""), "effectiveDateTime", instant(at), "issued", instant(at), "performer", list{v.doctor()},
		"valueQuantity", m.quantity(value), "interpretation", m.interpretation(value), "referenceRange", m.reference,
	})
}

func (v *visit) say(format string, args ...any) {
	v.said = append(v.said, fmt.Sprintf(format, args...))
}

// trim writes a value with its digits.
func trim(v float64, digits int) string { return fmt.Sprintf("%.*f", digits, v) }
