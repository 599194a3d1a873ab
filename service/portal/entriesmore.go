package portal

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/inglehealth/ingle/service/pages"
)

func visit(r *record, e pages.Element) entry {
	x := titled(e.At("type"), "")
	x.Title = cmp.Or(x.Title, map[string]string{"AMB": "Visit to the clinic", "EMER": "Emergency visit", "IMP": "Stay at the hospital", "VR": "Visit by video or telephone", "HH": "Visit at home"}[e.Text("class", "code")], "Visit")
	x.When = e.At("period").Period()
	if status := e.Text("status"); status != "finished" {
		x.Tag = state(status)
	}
	x.add("Why", cmp.Or(concepts(e.List("reasonCode")), r.displays(e.List("reasonReference"))))
	x.add("With", r.names(e.List("participant"), "individual"))
	x.add("Where", cmp.Or(r.names(e.List("location"), "location"), r.who(e.At("serviceProvider"))))
	return x
}

func appointment(r *record, e pages.Element) entry {
	x := titled(e.At("appointmentType"), "")
	x.Title = cmp.Or(x.Title, e.Text("description"), concepts(e.List("serviceType")), "Appointment")
	x.When, x.Tag = pages.DateTime(e.Text("start")), state(e.Text("status"))
	x.add("With", r.names(e.List("participant"), "actor"))
	x.Text = e.Text("patientInstruction")
	return x
}

func note(r *record, e pages.Element) entry {
	x := titled(e.At("type"), "")
	x.Title = cmp.Or(x.Title, e.Text("description"), e.Text("content", "attachment", "title"), "Document")
	x.When = pages.DateTime(e.Text("date"))
	if status := e.Text("status"); status != "current" {
		x.Tag = state(status)
	}
	x.add("Written by", r.names(e.List("author")))
	x.Link, x.LinkText = r.at("/document/"+e.Text("id")), "Read it"
	return x
}

func report(r *record, e pages.Element) entry {
	x := titled(e.At("code"), "Report")
	x.When = pages.DateTime(e.When("effectiveDateTime", "effectivePeriod", "issued"))
	x.Tag = state(e.Text("status"))
	x.add("By", cmp.Or(r.names(e.List("performer")), r.names(e.List("resultsInterpreter"))))
	if n := len(e.List("result")); n > 0 {
		x.add("Results", pages.Count(n, "value")+", shown under Results")
	}
	x.Text = e.Text("conclusion")
	return x
}

func team(r *record, e pages.Element) entry {
	x := entry{Title: cmp.Or(e.Text("name"), concepts(e.List("category")), "Care team"), Tag: state(e.Text("status")), When: e.At("period").Period()}
	for _, p := range e.List("participant") {
		x.add(capital(cmp.Or(concepts(p.List("role")), "member")), r.who(p.At("member")))
	}
	return x
}

func procedure(r *record, e pages.Element) entry {
	x := titled(e.At("code"), "Procedure")
	x.When = cmp.Or(pages.Date(e.Text("performedDateTime")), e.At("performedPeriod").Period())
	if status := e.Text("status"); status != "completed" {
		x.Tag = state(status)
	}
	x.add("Why", concepts(e.List("reasonCode")))
	x.add("By", r.names(e.List("performer"), "actor"))
	x.add("Outcome", e.At("outcome").Concept())
	x.Text = notes(e)
	return x
}

func plan(r *record, e pages.Element) entry {
	x := entry{Title: cmp.Or(e.Text("title"), concepts(e.List("category")), "Care plan"), Tag: state(e.Text("status")), When: e.At("period").Period(), Text: e.Text("description")}
	x.add("For", r.displays(e.List("addresses")))
	for _, a := range e.List("activity") {
		x.add("To do", cmp.Or(a.Text("detail", "description"), a.At("detail", "code").Concept(), a.At("reference").Reference()))
	}
	x.add("By", r.who(e.At("author")))
	return x
}

func goal(_ *record, e pages.Element) entry {
	x := entry{Title: cmp.Or(e.At("description").Concept(), "Goal"), Tag: state(e.Text("lifecycleStatus"))}
	if date := e.Text("startDate"); date != "" {
		x.When = "since " + pages.Date(date)
	}
	for _, t := range e.List("target") {
		m, _ := inWords(t.At("measure"))
		detail := cmp.Or(t.At("detailQuantity").Quantity(), t.At("detailCodeableConcept").Concept(), t.Text("detailString"))
		x.add("Target", strings.TrimSpace(m.Name+" "+detail))
		x.add("By", pages.Date(t.Text("dueDate")))
	}
	x.add("So far", e.At("achievementStatus").Concept())
	x.Text = notes(e)
	return x
}

func order(r *record, e pages.Element) entry {
	x := titled(e.At("code"), "Order")
	x.When, x.Tag = pages.Date(e.Text("authoredOn")), state(e.Text("status"))
	x.add("Why", concepts(e.List("reasonCode")))
	x.add("Ordered by", r.who(e.At("requester")))
	x.Text = notes(e)
	return x
}

func device(_ *record, e pages.Element) entry {
	x := titled(e.At("type"), "")
	x.Title, x.Tag = cmp.Or(x.Title, e.Text("deviceName", "name"), "Device"), state(e.Text("status"))
	x.add("Made by", e.Text("manufacturer"))
	x.add("Model", e.Text("modelNumber"))
	x.add("Serial number", e.Text("serialNumber"))
	return x
}

func answers(_ *record, e pages.Element) entry {
	x := entry{Title: "Questionnaire", When: pages.DateTime(e.Text("authored")), Tag: state(e.Text("status"))}
	var walk func([]pages.Element)
	walk = func(items []pages.Element) {
		for _, i := range items {
			if len(x.Facts) >= 100 {
				return
			}
			for _, a := range i.List("answer") {
				x.add(cmp.Or(i.Text("text"), i.Text("linkId")), a.Value())
				walk(a.List("item"))
			}
			walk(i.List("item"))
		}
	}
	walk(e.List("item"))
	return x
}

func relative(_ *record, e pages.Element) entry {
	x := entry{Title: cmp.Or(e.At("relationship").Concept(), e.Text("name"), "A relative"), When: recorded(e.Text("date"))}
	for _, c := range e.List("condition") {
		m, _ := inWords(c.At("code"))
		x.add("Had", m.Name)
	}
	return x
}

func related(_ *record, e pages.Element) entry {
	x := entry{Title: cmp.Or(e.At("name").Name(), "Somebody without a name"), When: e.At("period").Period()}
	if e.False("active") {
		x.Tag = pages.Tag{Text: "not any more"}
	}
	x.add("Relationship", concepts(e.List("relationship")))
	x.add("Telephone", e.Text("telecom", "value"))
	return x
}

func coverage(r *record, e pages.Element) entry {
	x := entry{Title: cmp.Or(r.names(e.List("payor")), e.At("type").Concept(), "Insurance"), When: e.At("period").Period(), Tag: state(e.Text("status"))}
	x.add("Member number", e.Text("subscriberId"))
	x.add("Relationship to who is insured", strings.ToLower(e.At("relationship").Concept()))
	return x
}

// bills are the kinds of claims (code system claim-type), sums what is added up in them
// (adjudication).
var (
	bills = map[string]string{
		"professional": "Bill of a doctor or clinic", "institutional": "Bill of a hospital", "pharmacy": "Bill of a pharmacy",
		"oral": "Bill of a dentist", "vision": "Bill for glasses or contact lenses",
	}
	sums = map[string]string{
		"submitted": "Asked for", "benefit": "The insurance pays", "copay": "Your copayment", "deductible": "Your deductible",
		"eligible": "Of it insured", "tax": "Tax",
	}
)

// called is what a code is in plain words, or else what it is called.
func called(words map[string]string, e pages.Element) string {
	return cmp.Or(words[e.Text("coding", "code")], e.Concept())
}

func benefit(r *record, e pages.Element) entry {
	x := entry{Title: cmp.Or(called(bills, e.At("type")), "Bill"), When: cmp.Or(e.At("billablePeriod").Period(), pages.Date(e.Text("created"))), Tag: state(e.Text("status"))}
	for _, t := range e.List("total") {
		x.add(cmp.Or(called(sums, t.At("category")), "Total"), fmt.Sprintf("%s %s", t.Text("amount", "value"), t.Text("amount", "currency")))
	}
	x.add("Insurance", r.who(e.At("insurer")))
	return x
}
