package synth

import (
	"html"
	"strings"
	"time"
)

// planCare adds a plan for an illness with what the patient is to do.
func (v *visit) planCare(a planned) {
	at := v.at.Add(26 * time.Minute)
	var activities list
	var words []string
	for _, key := range strings.Fields(a.detail) {
		activities = append(activities, object{"detail", object{"kind", "ServiceRequest", "code", v.t.concept(key), "status", "in-progress"}})
		words = append(words, v.t.displays[key])
	}
	title := v.t.displays[a.what]
	status := "active"
	if !v.died.IsZero() {
		status = "completed"
	}
	v.add("CarePlan", at, "us-core-careplan", object{
		"text", narrative("<p>" + html.EscapeString(title) + "</p><ul><li>" + strings.Join(words, "</li><li>") + "</li></ul>"),
		"status", status, "intent", "plan", "category", list{concept("http://hl7.org/fhir/us/core/CodeSystem/careplan-category", "assess-plan", "Assessment and Plan of Treatment")},
		"title", title, "subject", v.subject, "encounter", reference(v.ref, ""), "period", object{"start", date(v.day)}, "author", v.doctor(),
		"addresses", v.about(a.illness), "goal", references(v.goals...), "activity", activities,
	})
}

// aim sets a goal: a comparator and value, then words.
func (v *visit) aim(a planned) {
	target, words, _ := strings.Cut(a.detail, " ")
	m := v.t.measures[a.what]
	value := m.quantity(v.value(a.what, v.day))
	if target[0] == '<' {
		value = append(m.quantity(parse(target[1:])), "comparator", "<")
	}
	at := v.at.Add(26 * time.Minute)
	v.goals = append(v.goals, v.add("Goal", at, "us-core-goal", object{
		"lifecycleStatus", "active", "achievementStatus", hl7("goal-achievement", "in-progress", "In Progress"),
		"description", object{"text", words}, "subject", v.subject, "startDate", date(v.day),
		"target", list{object{"measure", m.concept, "detailQuantity", value, "dueDate", date(v.day.AddDate(1, 0, 0))}}, "addresses", v.about(a.illness),
	}))
}

// assemble puts the care team together.
func (v *visit) assemble() {
	v.add("CareTeam", v.end, "us-core-careteam", object{
		"status", "active", "name", "Care team of " + v.name(), "subject", v.subject, "period", object{"start", date(v.day)},
		"participant", list{
			object{"role", list{v.t.concept("physician")}, "member", v.doctor()}, object{"role", list{v.t.concept("nurse")}, "member", nurse},
			object{"role", list{v.t.concept("patient")}, "member", v.subject},
		},
		"managingOrganization", list{hearthside},
	})
}
