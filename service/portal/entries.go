package portal

import (
	"cmp"
	"strings"

	"github.com/inglehealth/ingle/service/pages"
)

// titled begins an entry about what a CodeableConcept says.
func titled(concept pages.Element, without string) entry {
	m, original := inWords(concept)
	return entry{Title: cmp.Or(m.Name, without), Original: original, Means: m.Means}
}

// add adds a fact if there is anything to say.
func (e *entry) add(name, value string) {
	if value != "" {
		e.Facts = append(e.Facts, fact{name, value})
	}
}

// concepts are several CodeableConcepts in everyday words.
func concepts(list []pages.Element) string {
	var all []string
	for _, c := range list {
		if m, _ := inWords(c); m.Name != "" {
			all = append(all, m.Name)
		}
	}
	return strings.Join(all, ", ")
}

// notes are the texts of Annotations.
func notes(e pages.Element) string {
	var all []string
	for _, n := range e.List("note") {
		if text := n.Text("text"); text != "" {
			all = append(all, text)
		}
	}
	return strings.Join(all, "\n")
}

// states are codes of states in plain words, and what kind of tag they make.
var states = map[string]pages.Tag{
	"active": {Kind: "info", Text: "current"}, "recurrence": {Kind: "warn", Text: "came back"}, "relapse": {Kind: "warn", Text: "came back"},
	"inactive": {Text: "not current"}, "remission": {Kind: "good", Text: "in remission"}, "resolved": {Kind: "good", Text: "over"},
	"completed": {Kind: "good", Text: "done"}, "finished": {Text: "past"}, "in-progress": {Kind: "info", Text: "under way"}, "planned": {Kind: "info", Text: "planned"},
	"on-hold": {Kind: "warn", Text: "on hold"}, "stopped": {Text: "stopped"}, "cancelled": {Text: "cancelled"}, "not-done": {Text: "not done"}, "draft": {Text: "draft"},
	"revoked": {Text: "withdrawn"}, "booked": {Kind: "info", Text: "booked"}, "fulfilled": {Text: "past"}, "noshow": {Text: "missed"}, "proposed": {Text: "proposed"},
	"preliminary": {Kind: "warn", Text: "preliminary"}, "registered": {Kind: "warn", Text: "awaited"}, "partial": {Kind: "warn", Text: "partly there"},
	"amended": {Kind: "info", Text: "changed later"}, "corrected": {Kind: "info", Text: "corrected"}, "superseded": {Text: "replaced"}, "accepted": {Kind: "info", Text: "agreed"},
	"entered-in-error": {Kind: "bad", Text: "entered in error"}, "not-taken": {Text: "not taken"}, "arrived": {Kind: "info", Text: "arrived"},
}

// state is the tag of a code of a state; none for what goes without saying.
func state(code string) pages.Tag { return states[code] }

// wrong says whether a resource was recorded by mistake.
func wrong(e pages.Element) bool {
	const mistake = "entered-in-error"
	return e.Text("status") == mistake || e.Text("verificationStatus", "coding", "code") == mistake
}

func condition(r *record, e pages.Element) entry {
	x := titled(e.At("code"), "A health problem without a name")
	x.Tag = state(e.Text("clinicalStatus", "coding", "code"))
	onset, _ := e.Choice("onset")
	x.When = "since " + whenWords(onset)
	if !onset.Exists() {
		x.When = recorded(e.Text("recordedDate"))
	}
	severity, _ := inWords(e.At("severity"))
	x.add("How bad", severity.Name)
	if over, _ := e.Choice("abatement"); over.Exists() {
		x.add("Over since", whenWords(over))
	}
	switch e.Text("verificationStatus", "coding", "code") {
	case "unconfirmed", "provisional", "differential":
		x.add("How certain", "not yet certain")
	case "refuted":
		x.add("How certain", "it turned out to be something else")
	}
	x.add("Recorded by", r.who(e.At("recorder")))
	x.Text = notes(e)
	return x
}

// whenWords is a date, an age or a period of an onset in words.
func whenWords(e pages.Element) string {
	if text := e.Text(); text != "" {
		return pages.Date(text)
	}
	if text := e.Quantity(); text != "" {
		return "the age of " + text
	}
	return e.Period()
}

func recorded(date string) string {
	if date == "" {
		return ""
	}
	return "recorded " + pages.Date(date)
}

// medicine is what a request or statement is about.
func medicine(r *record, e pages.Element) entry {
	x := titled(e.At("medicationCodeableConcept"), "")
	if x.Title == "" {
		x.Title = cmp.Or(e.Text("medicationReference", "display"), r.display(e.Text("medicationReference", "reference")), "A medicine without a name")
	}
	if m, ok := drugInWords(x.Title); ok {
		x.Title, x.Original, x.Means = m.Name, x.Title, m.Means
	}
	return x
}

func dosage(list []pages.Element) string {
	var all []string
	for _, d := range list {
		if text := cmp.Or(d.Text("text"), d.Text("patientInstruction")); text != "" {
			all = append(all, text)
		}
	}
	return strings.Join(all, "; ")
}

func prescription(r *record, e pages.Element) entry {
	x := medicine(r, e)
	x.Tag = state(e.Text("status"))
	if date := e.Text("authoredOn"); date != "" {
		x.When = "prescribed " + pages.Date(date)
	}
	x.add("How to take it", dosage(e.List("dosageInstruction")))
	x.add("Why", cmp.Or(concepts(e.List("reasonCode")), r.displays(e.List("reasonReference"))))
	x.add("Prescribed by", r.who(e.At("requester")))
	x.Text = notes(e)
	return x
}

func statement(r *record, e pages.Element) entry {
	x := medicine(r, e)
	x.Tag = state(e.Text("status"))
	x.When = cmp.Or(pages.Date(e.Text("effectiveDateTime")), e.At("effectivePeriod").Period())
	x.add("How it is taken", dosage(e.List("dosage")))
	x.Text = notes(e)
	return x
}

func allergy(_ *record, e pages.Element) entry {
	x := titled(e.At("code"), "An allergy without a name")
	x.Tag = state(e.Text("clinicalStatus", "coding", "code"))
	if e.Text("criticality") == "high" {
		x.Tag = pages.Tag{Kind: "bad", Text: "can be dangerous"}
	}
	x.When = recorded(e.Text("recordedDate"))
	var reactions []string
	for _, one := range e.List("reaction") {
		text := concepts(one.List("manifestation"))
		if severity := one.Text("severity"); severity != "" && text != "" {
			text += " (" + severity + ")"
		}
		if text != "" {
			reactions = append(reactions, text)
		}
	}
	x.add("What happened", strings.Join(reactions, "; "))
	if e.Text("type") == "intolerance" {
		x.add("Kind", "not an allergy, but not tolerated well")
	}
	x.Text = notes(e)
	return x
}

func immunization(r *record, e pages.Element) entry {
	x := titled(e.At("vaccineCode"), "A vaccination without a name")
	x.When = cmp.Or(pages.Date(e.Text("occurrenceDateTime")), e.Text("occurrenceString"))
	if e.Text("status") != "completed" {
		x.Tag = state(e.Text("status"))
		x.add("Why not", e.At("statusReason").Concept())
	}
	x.add("Where", r.who(e.At("location")))
	x.add("Given by", r.names(e.List("performer"), "actor"))
	x.add("Lot number", e.Text("lotNumber"))
	x.Text = notes(e)
	return x
}
