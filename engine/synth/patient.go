package synth

import (
	"html"
	"strings"
	"time"
)

// demographics are the Patient and who and what stands beside: relatives,
// what the family had, and insurance.
func (l *life) demographics() {
	at := l.start.Add(9 * time.Hour)
	l.addAs("Patient", l.id, at, "us-core-patient", object{
		"text", narrative(html.EscapeString(l.name()) + ", born " + date(l.born)),
		"extension", list{
			l.category("us-core-race", l.origin["race"]),
			l.category("us-core-ethnicity", l.origin["ethnicity"]),
			object{"url", usCore("us-core-birthsex"), "valueCode", strings.ToUpper(l.sex[:1])},
			object{"url", usCore("us-core-sex"), "valueCode", map[string]string{"female": "248152002", "male": "248153007"}[l.sex]},
			l.tribe(),
		},
		"identifier", list{object{"use", "usual", "type", hl7("v2-0203", "MR", "Medical record number"), "system", home + "/mrn", "value", l.mrn}},
		"active", true,
		"name", l.humanNames(),
		"telecom", list{phone("mobile", l.phone), object{"system", "email", "value", l.email, "use", "home"}},
		"gender", l.sex,
		"birthDate", date(l.born),
		"deceasedDateTime", l.deceased(),
		"address", list{l.address()},
		"maritalStatus", l.t.concept("marital-" + l.marital),
		"communication", l.languages(),
		"generalPractitioner", list{l.doctor()},
		"managingOrganization", hearthside,
	})
	l.relate(at)
	l.insure(at)
}

// category is an extension for race or ethnicity.
func (l *life) category(name, code string) object {
	return object{"url", usCore(name), "extension", list{
		object{"url", "ombCategory", "valueCoding", l.t.codings[code]},
		object{"url", "text", "valueString", l.t.displays[code]},
	}}
}

func (l *life) tribe() object {
	if l.origin["origin"] != "Navajo" {
		return nil
	}
	return object{"url", usCore("us-core-tribal-affiliation"), "extension", list{
		object{"url", "tribalAffiliation", "valueCodeableConcept", l.t.concept("navajo")},
		object{"url", "isEnrolled", "valueBoolean", true},
	}}
}

func (l *life) deceased() string {
	if l.died.IsZero() {
		return ""
	}
	return instant(l.died.Add(7 * time.Hour))
}

func (l *life) address() object {
	return object{"use", "home", "line", list{l.street}, "city", l.town, "state", l.state, "postalCode", l.postal, "country", "US",
		"period", object{"start", date(l.start)}}
}

// languages are what the patient speaks; English without a preference when
// nothing else.
func (l *life) languages() list {
	speak := func(code string, preferred bool) object {
		return object{"language", l.t.concept("language-" + code), "preferred", preferred}
	}
	other := l.origin["language"]
	if other == "" {
		return list{speak("en", true)}
	}
	return list{speak(other, true), speak("en", false)}
}

// doctor is who sees the patient.
func (l *life) doctor() object {
	if years(l.born, l.end) < 18 {
		return reference("Practitioner/brandt", "Dr. Lena Brandt")
	}
	return reference("Practitioner/okafor", "Dr. Ngozi Okafor")
}

// relate adds a parent of a child or the spouse, and what relatives had.
func (l *life) relate(at time.Time) {
	who := ""
	switch {
	case years(l.born, l.end) < 18:
		who = "mother"
	case l.marital == "M":
		who = "spouse"
	}
	if who != "" {
		sex := "female"
		if who == "spouse" && l.sex == "female" {
			sex = "male"
		}
		id := l.id + "-" + who
		l.addAs("RelatedPerson", id, at, "us-core-relatedperson", object{
			"active", true, "patient", l.subject, "relationship", list{l.t.concept(who)},
			"name", list{object{"use", "official", "family", l.family, "given", list{l.kin(sex)}}},
			"telecom", list{phone("mobile", l.phone)}, "gender", sex, "address", list{l.address()},
		})
	}
	for _, f := range l.relatives {
		l.add("FamilyMemberHistory", at, "", object{
			"status", "completed", "patient", l.subject, "date", date(at), "relationship", l.t.concept(f.who),
			"condition", list{object{"code", l.t.concept(f.what), "onsetAge", quantity(number{float64(40 + l.r.IntN(25)), 0}, "years", "a")}},
		})
	}
}

// kin is the given name of a relative of the same origin.
func (l *life) kin(sex string) string {
	if sex == "female" {
		return pick(l.r, strings.Fields(l.origin["women"]))
	}
	return pick(l.r, strings.Fields(l.origin["men"]))
}

// insure adds the Coverage.
func (l *life) insure(at time.Time) {
	kind := concept("https://nahdo.org/sopt", "512", "Commercial Managed Care - PPO")
	l.payer = reference("Organization/commonwealth-health", "Commonwealth Health Plan")
	plan, group := "Hearth Silver PPO", "Bellwater Works"
	if years(l.born, l.end) >= 65 {
		l.payer, kind = reference("Organization/medicare", "Medicare"), concept("https://nahdo.org/sopt", "1", "MEDICARE")
		plan, group = "Medicare Part B", "Medicare"
	}
	relationship := hl7("subscriber-relationship", "self", "Self")
	if years(l.born, l.end) < 18 {
		relationship = hl7("subscriber-relationship", "child", "Child")
	}
	member := "M-" + l.mrn
	class := func(code, display, value, name string) object {
		return object{"type", hl7("coverage-class", code, display), "value", value, "name", name}
	}
	l.insured = l.add("Coverage", at, "us-core-coverage", object{
		"identifier", list{object{"type", hl7("v2-0203", "MB", "Member Number"), "system", home + "/member", "value", member}},
		"status", "active", "type", kind, "subscriberId", member, "beneficiary", l.subject, "relationship", relationship,
		"period", object{"start", date(l.start)}, "payor", list{l.payer},
		"class", list{class("group", "Group", "G-"+l.postal, group), class("plan", "Plan", "P-"+group, plan)},
	})
}
