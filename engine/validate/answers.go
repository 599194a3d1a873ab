package validate

import (
	"context"
	"fmt"
	"strings"

	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// Questionnaires finds the resource with the canonical URL that a
// QuestionnaireResponse names; the zero Node when it is not at hand. It may be
// called concurrently.
type Questionnaires func(ctx context.Context, canonical string) (fhir.Node, error)

// maxAnswerSteps bounds the work on one QuestionnaireResponse.
const maxAnswerSteps = 5_000_000

// answers checks a QuestionnaireResponse against its Questionnaire, if that is
// contained in it or at hand. R4 §4.3 QuestionnaireResponse.
func (r *run) answers(n fhir.Node) {
	canonical := n.Child("questionnaire")
	if !canonical.HasValue() {
		return
	}
	q, err := r.questionnaire(n, canonical.Text())
	switch {
	case err != nil:
		r.add(fault.Warning, fault.CodeProcessing, canonical, fmt.Sprintf("the answers were not checked, since the Questionnaire could not be read: %v", err))
		return
	case q.IsZero() && r.v.defines(canonical.Text()) != "":
		r.add(fault.ErrorLevel, fault.CodeValue, canonical, fmt.Sprintf("refers to a %s; it must be a Questionnaire", r.v.defines(canonical.Text())))
		return
	case q.IsZero():
		r.add(fault.Information, fault.CodeInformation, canonical, fmt.Sprintf("Questionnaire %s is not known, so the answers were not checked", canonical.Text()))
		return
	case !q.Type().Is("Questionnaire"):
		r.add(fault.ErrorLevel, fault.CodeValue, canonical, fmt.Sprintf("refers to a %s; it must be a Questionnaire", q.Type().Name))
		return
	}
	f := form{run: r, response: n}
	switch n.Child("status").Text() {
	case "completed", "amended":
		f.complete = true
	}
	f.items(n, q)
	if f.steps > maxAnswerSteps {
		r.add(fault.Information, fault.CodeTooCostly, n, "there are too many items to check all of them against the Questionnaire")
	}
}

// defines is the type of what has a canonical URL among the definitions; "" for none.
func (v *Validator) defines(canonical string) string {
	switch d := v.definitions; {
	case d.ValueSet(canonical) != nil:
		return "ValueSet"
	case d.CodeSystem(canonical) != nil:
		return "CodeSystem"
	case d.Profile(canonical) != nil || d.TypeOf(canonical) != nil:
		return "StructureDefinition"
	}
	return ""
}

func (r *run) questionnaire(n fhir.Node, canonical string) (fhir.Node, error) {
	if strings.HasPrefix(canonical, "#") {
		return r.local(n, canonical), nil
	}
	if r.questionnaires == nil {
		return fhir.Node{}, nil
	}
	return r.questionnaires(r.ctx, canonical)
}

// form is a QuestionnaireResponse that is compared with its Questionnaire.
type form struct {
	*run
	response fhir.Node
	complete bool                   // what is required must be there
	given    map[string][]fhir.Node // the items of the response by linkId
	steps    int
}

// items compares the items below a part of the response (the response, an
// item or an answer) with those below the Questionnaire or a question.
func (f *form) items(part, questions fhir.Node) {
	order := map[string]int{}
	for q := range questions.All("item") {
		order[q.Child("linkId").Text()] = len(order)
	}
	found := map[string][]fhir.Node{}
	last := 0
	for item := range part.All("item") {
		id := item.Child("linkId")
		at, known := order[id.Text()]
		switch {
		case !known:
			f.wrong(fault.CodeValue, id, "the Questionnaire has no item %q here", fault.Shorten(id.Text()))
			continue
		case at < last:
			f.wrong(fault.CodeStructure, item, "item %q stands too late: items stand in the order of the Questionnaire", fault.Shorten(id.Text()))
		}
		last = max(last, at)
		found[id.Text()] = append(found[id.Text()], item)
	}
	f.steps += len(order)
	for q := range questions.All("item") {
		if f.steps > maxAnswerSteps || f.ctx.Err() != nil {
			return
		}
		f.item(part, q, found[q.Child("linkId").Text()])
	}
}

func (f *form) item(part, q fhir.Node, items []fhir.Node) {
	kind := q.Child("type").Text()
	name := fault.Shorten(q.Child("linkId").Text())
	enabled, known := f.enabled(part, q)
	if known && !enabled {
		for _, item := range items {
			if item.Count("answer")+item.Count("item") > 0 {
				f.wrong(fault.CodeStructure, item, "item %q is answered though it is not enabled", name)
			}
		}
		return
	}
	if len(items) > 1 && (kind != "group" || !q.Child("repeats").Bool()) {
		f.wrong(fault.CodeStructure, items[1], "item %q stands here more than once; %s", name, onceSince(kind))
	}
	var answers []fhir.Node
	content := 0
	for _, item := range items {
		for a := range item.All("answer") {
			answers = append(answers, a)
		}
		content += item.Count("item")
	}
	if f.complete && known && q.Child("required").Bool() && kind != "display" {
		if kind == "group" && content == 0 || kind != "group" && len(answers) == 0 {
			f.wrong(fault.CodeRequired, at(items, part), "item %q is required and has no answer", name)
		}
	}
	switch kind {
	case "group", "display", "question":
		if len(answers) > 0 {
			f.wrong(fault.CodeStructure, answers[0], "item %q is of type %s, which has no answers", name, kind)
		}
		if kind == "group" {
			for _, item := range items {
				f.items(item, q)
			}
		}
		return
	}
	if content > 0 {
		f.wrong(fault.CodeStructure, items[0], "item %q is a question: the items below it stand in its answer", name)
	}
	f.counted(q, at(items, part), answers, known)
	for _, a := range answers {
		f.answer(q, a)
		f.items(a, q)
	}
}

func onceSince(kind string) string {
	if kind == "group" {
		return "the group does not repeat"
	}
	return "a question has one item, with several answers if it repeats"
}

// at is the item that a problem is told of, or what should hold it.
func at(items []fhir.Node, part fhir.Node) fhir.Node {
	if len(items) > 0 {
		return items[0]
	}
	return part
}

// counted checks how many answers a question has.
func (f *form) counted(q, place fhir.Node, answers []fhir.Node, known bool) {
	name := fault.Shorten(q.Child("linkId").Text())
	if len(answers) > 1 && !q.Child("repeats").Bool() {
		f.wrong(fault.CodeStructure, answers[1], "question %q takes one answer", name)
	}
	if limit, ok := number(q, "http://hl7.org/fhir/StructureDefinition/questionnaire-maxOccurs"); ok && len(answers) > limit {
		f.wrong(fault.CodeStructure, place, "question %q takes at most %d answers, and has %d", name, limit, len(answers))
	}
	if limit, ok := number(q, "http://hl7.org/fhir/StructureDefinition/questionnaire-minOccurs"); ok && f.complete && known && len(answers) < limit {
		f.wrong(fault.CodeRequired, place, "question %q takes at least %d answers, and has %d", name, limit, len(answers))
	}
}

func (f *form) wrong(code fault.Code, n fhir.Node, format string, args ...any) {
	f.add(fault.ErrorLevel, code, n, fmt.Sprintf(format, args...))
}
