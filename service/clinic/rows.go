package clinic

import (
	"cmp"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/service/pages"
)

// joined joins what there is.
func joined(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ", ")
}

// status is a tag for a state; nil for the usual ones.
func status(state string, usual ...string) *pages.Tag {
	if state == "" || slices.Contains(usual, state) {
		return nil
	}
	t := pages.Tag{Text: state}
	switch state {
	case "entered-in-error":
		t = pages.Tag{Kind: "bad", Text: "entered in error"}
	case "preliminary", "registered", "on-hold", "unconfirmed", "provisional":
		t.Kind = "warn"
	}
	return &t
}

// named is the first text that there is.
func named(texts ...string) string { return cmp.Or(append(texts, "without a name")...) }

func allergyRow(_ *chart, a pages.Element) row {
	r := row{What: named(a.At("code").Concept()), When: pages.Date(a.When("onsetDateTime", "recordedDate"))}
	var reactions []string
	for _, one := range a.List("reaction") {
		for _, m := range one.List("manifestation") {
			reactions = append(reactions, strings.TrimSpace(m.Concept()+" "+paren(one.Text("severity"))))
		}
	}
	r.Detail = joined(strings.Join(reactions, ", "), intolerance(a))
	switch {
	case a.Text("criticality") == "high":
		r.Tag = &pages.Tag{Kind: "bad", Text: "high risk"}
	case clinical(a) != "active":
		r.Tag = status(cmp.Or(clinical(a), a.Text("verificationStatus", "coding", "code")))
	default:
		r.Tag = status(a.Text("verificationStatus", "coding", "code"), "confirmed")
	}
	return r
}

func paren(text string) string {
	if text == "" {
		return ""
	}
	return "(" + text + ")"
}

func clinical(e pages.Element) string { return e.Text("clinicalStatus", "coding", "code") }

func problemRow(_ *chart, c pages.Element) row {
	r := row{What: named(c.At("code").Concept()), When: pages.Date(c.When("onsetDateTime", "onsetPeriod", "recordedDate")), Detail: joined(c.At("severity").Concept(), c.Text("onsetString"))}
	if v := c.Text("verificationStatus", "coding", "code"); v != "" && v != "confirmed" {
		r.Tag = status(v)
	} else {
		r.Tag = status(clinical(c), "active")
	}
	return r
}

func medicationRow(h *chart, m pages.Element) row {
	r := row{When: pages.Date(m.When("authoredOn", "effectiveDateTime", "effectivePeriod", "dateAsserted")), Tag: status(m.Text("status"), "active")}
	medication, _ := m.Choice("medication")
	r.What = named(medication.Concept(), medication.Reference())
	if reference := medication.Text("reference"); reference != "" {
		r.What = named(contained(m, reference), h.nameOf(reference), r.What)
	}
	for _, name := range []string{"dosageInstruction", "dosage"} {
		for _, d := range m.List(name) {
			r.Detail = joined(r.Detail, cmp.Or(d.Text("text"), dose(d)))
		}
	}
	return r
}

// dose writes a dosage that has no text.
func dose(d pages.Element) string {
	return joined(d.At("doseAndRate").At("doseQuantity").Quantity(), d.At("timing").At("code").Concept(), d.At("route").Concept())
}

// contained is what a contained Medication is called.
func contained(m pages.Element, reference string) string {
	for _, c := range m.List("contained") {
		if "#"+c.Text("id") == reference {
			return c.At("code").Concept()
		}
	}
	return ""
}

func orderRow(h *chart, o pages.Element) row {
	r := row{When: pages.Date(o.When("authoredOn", "occurrenceDateTime"))}
	if o.Text("resourceType") == "Task" {
		r.What = "Task: " + named(o.Text("description"), o.At("code").Concept())
		r.Detail = joined(due(o), h.whose(o.At("owner")))
		r.Tag = status(o.Text("status"))
		return r
	}
	code, _ := o.Choice("medication")
	r.What = named(o.At("code").Concept(), code.Concept(), code.Reference())
	r.Detail = joined(listed(o, "category"), h.whose(o.At("requester")))
	r.Tag = status(o.Text("status"), "active")
	if p := o.Text("priority"); p != "" && p != "routine" {
		r.Tag = &pages.Tag{Kind: "warn", Text: p}
	}
	return r
}

func due(task pages.Element) string {
	if end := task.Text("restriction", "period", "end"); end != "" {
		return "due " + pages.Date(end)
	}
	return ""
}

func encounterRow(h *chart, e pages.Element) row {
	r := row{When: e.At("period").Period(), What: encounterName(e), Tag: status(e.Text("status"), "finished")}
	var who []string
	for _, p := range e.List("participant") {
		if name := p.At("individual").Text("display"); name != "" {
			who = append(who, name)
		}
	}
	r.Detail = joined(listed(e, "reasonCode"), strings.Join(who, ", "))
	return r
}

func documentRow(h *chart, d pages.Element) row {
	return row{
		When: pages.DateTime(d.When("date")), What: named(d.Text("description"), d.At("type").Concept(), d.Text("content", "attachment", "title"), "Document"),
		Detail: h.authorsOf(d), Tag: status(d.Text("status"), "current"), Address: h.Link("/document/" + d.Text("id")),
	}
}

func reportRow(h *chart, d pages.Element) row {
	return row{
		When: pages.DateTime(d.When("effectiveDateTime", "effectivePeriod", "issued")), What: named(d.At("code").Concept()), Detail: short(d.Text("conclusion"), 160),
		Tag: status(d.Text("status"), "final"), Address: h.Link("/report/" + d.Text("id")),
	}
}

func immunizationRow(_ *chart, i pages.Element) row {
	return row{When: pages.Date(i.When("occurrenceDateTime")), What: named(i.At("vaccineCode").Concept()), Detail: joined(i.Text("lotNumber")), Tag: status(i.Text("status"), "completed")}
}

func procedureRow(_ *chart, p pages.Element) row {
	return row{When: pages.Date(p.When("performedDateTime", "performedPeriod")), What: named(p.At("code").Concept()), Detail: joined(p.At("outcome").Concept()), Tag: status(p.Text("status"), "completed")}
}

func coverageRow(_ *chart, c pages.Element) row {
	payer := ""
	for _, p := range c.List("payor") {
		payer = cmp.Or(payer, p.Reference())
	}
	return row{When: c.At("period").Period(), What: named(payer, c.At("type").Concept()), Detail: joined(c.At("type").Concept(), c.Text("subscriberId")), Tag: status(c.Text("status"), "active")}
}

func claimRow(_ *chart, c pages.Element) row {
	r := row{When: pages.Date(c.When("billablePeriod", "created")), What: named(c.At("type").Concept(), "Claim"), Tag: status(c.Text("status"), "active")}
	money := func(m pages.Element) string { return strings.TrimSpace(m.Text("value") + " " + m.Text("currency")) }
	if c.Text("resourceType") == "ExplanationOfBenefit" {
		r.What = "Explanation of benefit: " + r.What
		for _, t := range c.List("total") {
			r.Detail = joined(r.Detail, strings.TrimSpace(t.At("category").Concept()+" "+money(t.At("amount"))))
		}
		return r
	}
	r.Detail = joined(money(c.At("total")), c.At("insurer").Text("display"))
	return r
}

func planRow(_ *chart, p pages.Element) row {
	return row{When: joined(p.At("period").Period(), pages.Date(p.Text("startDate"))), What: named(p.Text("title"), p.At("description").Concept(), p.Text("description"), listed(p, "category")),
		Tag: status(cmp.Or(p.Text("status"), p.Text("lifecycleStatus")), "active")}
}

func (h *chart) authorsOf(d pages.Element) string {
	var all []string
	for _, a := range d.List("author") {
		all = append(all, h.whose(a))
	}
	return joined(all...)
}

func intolerance(a pages.Element) string {
	if a.Text("type") == "intolerance" {
		return "intolerance"
	}
	return ""
}

func observationRow(h *chart, o pages.Element) row {
	return row{When: whenOf(o), What: named(o.At("code").Concept()), Detail: valueOf(o), Tag: judge(o, h.rangeOf(o))}
}
