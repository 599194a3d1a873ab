package clinic

import (
	"encoding/base64"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/inglehealth/ingle/service/pages"
)

var vitalForm = form{title: "Add a vital sign", words: "It is recorded with your name and, if one is in context, the encounter.", fields: vitalFields, make: makeVital}

func vitalFields(e *entry) []pages.Field {
	pairs := []string{pressure.Slug, pressure.Name + " (mmHg, such as 120/80)"}
	for _, v := range vitals {
		pairs = append(pairs, v.Slug, v.Name+" ("+v.Unit+")")
	}
	return []pages.Field{
		{ID: "kind", Label: "What was measured", Choices: pages.Choices("", pairs...), Value: pressure.Slug},
		{ID: "value", Label: "Value", Hint: "A number in the unit above; blood pressure as 120/80.", Mode: "text", Short: true},
		{ID: "when", Label: "When", Hint: "As 2026-03-31 14:05, UTC. Empty: now.", Optional: true, Short: true},
		{ID: "remark", Label: "Remark", Optional: true},
	}
}

// decimal is how a value is written; leading zeros and signs are not.
var decimal = regexp.MustCompile(`^(0|[1-9][0-9]{0,5})([.,][0-9]{1,4})?$`)

func makeVital(e *entry) object {
	kind := e.value("kind")
	v := pressure
	for _, one := range vitals {
		if one.Slug == kind {
			v = one
		}
	}
	if v.Slug != kind {
		e.wrong("kind", "Choose what was measured.")
		return nil
	}
	o := object{
		"resourceType": "Observation", "status": "final", "subject": e.subject(), "performer": []object{e.author()}, "effectiveDateTime": e.moment("when"),
		"category": []object{{"coding": []object{coding("http://terminology.hl7.org/CodeSystem/observation-category", "vital-signs", "Vital Signs")}}},
		"code":     concept(v.Name, coding(loinc, v.Code, v.Display)),
	}
	if encounter := e.encounter(); encounter != nil {
		o["encounter"] = encounter
	}
	if remark := e.value("remark"); remark != "" {
		e.bounded("remark", remark, 1000)
		o["note"] = []object{{"text": remark}}
	}
	texts := []string{e.value("value")}
	if v.Slug == pressure.Slug {
		if texts = strings.Split(texts[0], "/"); len(texts) != 2 {
			e.wrong("value", "Blood pressure has two values, such as 120/80.")
			return nil
		}
	}
	var quantities []object
	for _, text := range texts {
		quantities = append(quantities, e.quantity(strings.TrimSpace(text), v))
	}
	if len(quantities) == 1 {
		o["valueQuantity"] = quantities[0]
		return o
	}
	o["component"] = []object{
		{"code": concept("Systolic blood pressure", coding(loinc, "8480-6", "Systolic blood pressure")), "valueQuantity": quantities[0]},
		{"code": concept("Diastolic blood pressure", coding(loinc, "8462-4", "Diastolic blood pressure")), "valueQuantity": quantities[1]},
	}
	return o
}

func (e *entry) quantity(text string, v vital) object {
	if !decimal.MatchString(text) {
		e.wrong("value", "A value is a number, such as 72 or 36.8.")
		return nil
	}
	text = strings.Replace(text, ",", ".", 1)
	if n, err := strconv.ParseFloat(text, 64); err != nil || n < v.Least || n > v.Most {
		e.wrong("value", v.Name+" is between "+float(v.Least)+" and "+float(v.Most)+" "+v.Unit+". Look at the value and the unit.")
	}
	return object{"value": json.Number(text), "unit": v.Unit, "system": "http://unitsofmeasure.org", "code": v.UCUM}
}

// moment is the time in a field, now for none. It is not in the future.
func (e *entry) moment(field string) string {
	text := e.value(field)
	if text == "" {
		return e.now()
	}
	for _, layout := range []string{"2006-01-02 15:04", "2006-01-02T15:04", time.RFC3339} {
		t, err := time.Parse(layout, text)
		if err != nil {
			continue
		}
		if t.After(e.Now.Add(time.Minute)) || t.Year() < 1850 {
			e.wrong(field, "This has not happened yet. The time is UTC.")
		}
		return t.Format(time.RFC3339)
	}
	if t, err := time.Parse(time.DateOnly, text); err == nil && !t.After(e.Now) {
		return text
	}
	e.wrong(field, "A time looks like 2026-03-31 14:05.")
	return ""
}

var noteForm = form{title: "Add a note", words: "It becomes a document of the chart.", fields: noteFields, make: makeNote}

// noteTypes are kinds of notes, by their LOINC codes.
var noteTypes = []string{"11506-3", "Progress note", "34109-9", "Note", "51847-2", "Assessment and plan", "34746-8", "Nurse note", "34748-4", "Telephone note"}

func noteFields(*entry) []pages.Field {
	return []pages.Field{
		{ID: "type", Label: "Kind", Choices: pages.Choices("", noteTypes...), Value: noteTypes[0]},
		{ID: "text", Label: "Text", Rows: 10},
	}
}

func makeNote(e *entry) object {
	kind, name := e.value("type"), ""
	for i := 0; i < len(noteTypes); i += 2 {
		if noteTypes[i] == kind {
			name = noteTypes[i+1]
		}
	}
	if name == "" {
		e.wrong("type", "Choose what kind of note it is.")
	}
	text := e.required("text", "Write the note.", 50_000)
	o := object{
		"resourceType": "DocumentReference", "status": "current", "subject": e.subject(), "date": e.now(), "author": []object{e.author()},
		"type":     concept(name, coding(loinc, kind, name)),
		"category": []object{{"coding": []object{coding("http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category", "clinical-note", "Clinical Note")}}},
		"content":  []object{{"attachment": object{"contentType": "text/plain; charset=utf-8", "data": base64.StdEncoding.EncodeToString([]byte(text)), "title": name, "creation": e.now()}}},
	}
	if encounter := e.encounter(); encounter != nil {
		o["context"] = object{"encounter": []object{encounter}}
	}
	return o
}

var problemForm = form{title: "Add a problem", words: "It is put on the problem list as active and confirmed.", fields: problemFields, make: makeProblem}

const snomed = "http://snomed.info/sct"

var severities = []string{"", "Not said", "255604002", "Mild", "6736007", "Moderate", "24484000", "Severe"}

func problemFields(*entry) []pages.Field {
	return []pages.Field{
		{ID: "text", Label: "Problem", Hint: "In words, such as Asthma."},
		{ID: "code", Label: "SNOMED CT code", Hint: "Digits only. It lets other programs know what is meant.", Optional: true, Short: true, Mode: "numeric"},
		{ID: "when", Label: "Since", Hint: "As 2026-03-31.", Type: "date", Optional: true, Short: true},
		{ID: "severity", Label: "Severity", Choices: pages.Choices("", severities...), Optional: true},
		{ID: "remark", Label: "Remark", Optional: true},
	}
}

var digits = regexp.MustCompile(`^[0-9]{6,18}$`)

func makeProblem(e *entry) object {
	text := e.required("text", "Say what the problem is.", 500)
	code := concept(text)
	if c := e.value("code"); c != "" {
		if !digits.MatchString(c) {
			e.wrong("code", "A code of SNOMED CT has 6 to 18 digits.")
		}
		code = concept(text, object{"system": snomed, "code": c})
	}
	state := func(system, code, display string) object {
		return object{"coding": []object{coding("http://terminology.hl7.org/CodeSystem/"+system, code, display)}}
	}
	o := object{
		"resourceType": "Condition", "subject": e.subject(), "code": code, "recordedDate": e.now(), "recorder": e.author(),
		"clinicalStatus": state("condition-clinical", "active", "Active"), "verificationStatus": state("condition-ver-status", "confirmed", "Confirmed"),
		"category": []object{state("condition-category", "problem-list-item", "Problem List Item")},
	}
	if since := e.day("when"); since != "" {
		if since > e.Now.UTC().Add(14*time.Hour).Format(time.DateOnly) {
			e.wrong("when", "This has not happened yet.")
		}
		o["onsetDateTime"] = since
	}
	if s := e.value("severity"); s != "" {
		for i := 2; i < len(severities); i += 2 {
			if severities[i] == s {
				o["severity"] = concept(severities[i+1], coding(snomed, s, severities[i+1]))
			}
		}
		if o["severity"] == nil {
			e.wrong("severity", "Choose one of the list.")
		}
	}
	e.remark(o)
	if encounter := e.encounter(); encounter != nil {
		o["encounter"] = encounter
	}
	return o
}

// remark adds what stands in the field of that name.
func (e *entry) remark(o object) {
	if remark := e.value("remark"); remark != "" {
		e.bounded("remark", remark, 2000)
		o["note"] = []object{{"text": remark}}
	}
}

var orderForm = form{title: "Add an order", words: "It is an active order in your name.", fields: orderFields, make: makeOrder}

// orderKinds are what is ordered, by SNOMED CT.
var orderKinds = []string{"laboratory", "Laboratory test", "imaging", "Imaging", "procedure", "Procedure", "referral", "Referral", "medication", "Medication"}

var orderCategories = map[string]object{
	"laboratory": coding(snomed, "108252007", "Laboratory procedure"), "imaging": coding(snomed, "363679005", "Imaging"),
	"procedure": coding(snomed, "387713003", "Surgical procedure"), "referral": coding(snomed, "3457005", "Patient referral"),
}

func priorities() []pages.Choice {
	return pages.Choices("", "routine", "Routine", "urgent", "Urgent", "asap", "As soon as possible", "stat", "At once")
}

func orderFields(*entry) []pages.Field {
	return []pages.Field{
		{ID: "kind", Label: "What is ordered", Choices: pages.Choices("", orderKinds...), Value: "laboratory"},
		{ID: "text", Label: "In words", Hint: "Such as Hemoglobin A1c, or Amoxicillin 500 mg capsule."},
		{ID: "dose", Label: "Dose", Hint: "Of a medication, such as one capsule three times a day.", Optional: true},
		{ID: "priority", Label: "Priority", Choices: priorities(), Value: "routine"},
		{ID: "when", Label: "For the day", Hint: "As 2026-03-31.", Type: "date", Optional: true, Short: true},
		{ID: "remark", Label: "Remark", Optional: true},
	}
}

func makeOrder(e *entry) object {
	kind := e.value("kind")
	text := e.required("text", "Say what is ordered.", 500)
	o := object{"status": "active", "intent": "order", "subject": e.subject(), "authoredOn": e.now(), "requester": e.author(), "priority": e.chosen("priority", "routine", "urgent", "asap", "stat")}
	if encounter := e.encounter(); encounter != nil {
		o["encounter"] = encounter
	}
	e.remark(o)
	day := e.day("when")
	if kind == "medication" {
		o["resourceType"], o["medicationCodeableConcept"] = "MedicationRequest", concept(text)
		dosage := object{"text": e.required("dose", "Say how a medication is taken.", 500)}
		if day != "" {
			dosage["timing"] = object{"event": []string{day}}
		}
		o["dosageInstruction"] = []object{dosage}
		return o
	}
	category, ok := orderCategories[kind]
	if !ok {
		e.wrong("kind", "Choose what is ordered.")
	}
	if e.value("dose") != "" {
		e.wrong("dose", "Only medications have a dose.")
	}
	o["resourceType"], o["code"], o["category"] = "ServiceRequest", concept(text), []object{{"coding": []object{category}}}
	if day != "" {
		o["occurrenceDateTime"] = day
	}
	return o
}

var taskForm = form{title: "Add a task", words: "Something to be done about this patient.", fields: taskFields, make: makeTask}

func taskFields(*entry) []pages.Field {
	return []pages.Field{
		{ID: "text", Label: "What is to be done"},
		{ID: "owner", Label: "By whom", Choices: pages.Choices("", "anybody", "Whoever takes it", "me", "Me"), Value: "anybody"},
		{ID: "priority", Label: "Priority", Choices: priorities(), Value: "routine"},
		{ID: "when", Label: "Until", Hint: "As 2026-03-31.", Type: "date", Optional: true, Short: true},
		{ID: "remark", Label: "Remark", Optional: true},
	}
}

func makeTask(e *entry) object {
	o := object{
		"resourceType": "Task", "status": "requested", "intent": "order", "for": e.subject(), "authoredOn": e.now(), "requester": e.author(),
		"description": e.required("text", "Say what is to be done.", 1000), "priority": e.chosen("priority", "routine", "urgent", "asap", "stat"),
	}
	if e.chosen("owner", "anybody", "me") == "me" {
		o["owner"] = e.author()
	}
	if until := e.day("when"); until != "" {
		o["restriction"] = object{"period": object{"end": until}}
	}
	if encounter := e.encounter(); encounter != nil {
		o["encounter"] = encounter
	}
	e.remark(o)
	return o
}
