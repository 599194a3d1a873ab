package validate

import (
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// questions checks that each condition of a Questionnaire asks a question that
// is there, and does not stand within the item that it enables: nobody could
// answer that. R4 §4.2 Questionnaire.item.enableWhen.
func (r *run) questions(n fhir.Node) {
	items := map[string]fhir.Node{}
	for d := range n.Descendants() {
		if d.Name() == "linkId" && d.Parent().Name() == "item" {
			items[d.Text()] = d.Parent()
		}
	}
	for d := range n.Descendants() {
		if d.Name() != "enableWhen" {
			continue
		}
		question := d.Child("question")
		asked, ok := items[question.Text()]
		switch {
		case !question.HasValue():
		case !ok:
			r.add(fault.ErrorLevel, fault.CodeValue, question, "there is no item with this linkId")
		case inside(asked, d.Parent()):
			r.add(fault.ErrorLevel, fault.CodeValue, question, "stands within the item that it enables, so it can never be answered")
		}
	}
}
