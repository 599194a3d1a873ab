package clinic

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// object is a part of a resource that is written.
type object = map[string]any

// form is a kind of entry that can be added to a chart.
type form struct {
	title, words string
	fields       func(*entry) []pages.Field
	// make makes the resource without what every entry has; problems are in the entry.
	make func(*entry) object
}

var forms = map[string]form{"vital": vitalForm, "note": noteForm, "problem": problemForm, "order": orderForm, "task": taskForm}

// entry is what somebody fills in.
type entry struct {
	*chart
	kind     string
	problems []pages.Problem
}

// value is what stands in a field, without space around it.
func (e *entry) value(field string) string { return strings.TrimSpace(e.Form.Get(field)) }

// wrong notes what is wrong with a field.
func (e *entry) wrong(field, message string) {
	e.problems = append(e.problems, pages.Problem{Field: field, Message: message})
}

// required is the value of a field that must have one of up to some characters.
func (e *entry) required(field, message string, most int) string {
	v := e.value(field)
	if v == "" {
		e.wrong(field, message)
	}
	e.bounded(field, v, most)
	return v
}

func (e *entry) bounded(field, v string, most int) {
	if len([]rune(v)) > most {
		e.wrong(field, "Up to "+pages.Number(int64(most))+" characters are possible here.")
	}
}

// chosen is the value of a field if it is one of some; the first for an empty one.
func (e *entry) chosen(field string, from ...string) string {
	v := e.value(field)
	if v == "" {
		return from[0]
	}
	if !slices.Contains(from, v) {
		e.wrong(field, "Choose one of the list.")
	}
	return v
}

// day is the date in a field, "" for none.
func (e *entry) day(field string) string {
	v := e.value(field)
	if v == "" {
		return ""
	}
	if t, err := time.Parse(time.DateOnly, v); err != nil || t.Year() < 1850 || t.Year() > 2200 {
		e.wrong(field, "A date looks like 2026-03-31.")
	}
	return v
}

func concept(text string, codings ...object) object {
	c := object{"text": text}
	if len(codings) > 0 {
		c["coding"] = codings
	}
	return c
}

func coding(system, code, display string) object {
	return object{"system": system, "code": code, "display": display}
}

// author is who enters something.
func (e *entry) author() object {
	r := object{"display": e.UserName()}
	if k := e.User.FHIRUser(); k != (fhir.Key{}) {
		r["reference"] = k.String()
	}
	return r
}

func (e *entry) subject() object { return object{"reference": "Patient/" + string(e.id)} }

// encounter is the encounter in context; nil for none.
func (e *entry) encounter() object {
	if e.Encounter == "" || e.Encounter == noEncounter {
		return nil
	}
	return object{"reference": "Encounter/" + e.Encounter}
}

func (e *entry) now() string { return e.Now.UTC().Format(time.RFC3339) }

var addTemplate = parse("add.html")

// showAdd shows the form of a kind.
func showAdd(h *chart) error { return (&entry{chart: h, kind: h.R.PathValue("kind")}).show() }

func (e *entry) show() error {
	f, ok := forms[e.kind]
	if !ok {
		return noForm
	}
	base, err := e.page("none")
	if err != nil {
		return err
	}
	fr := e.frame(f.title)
	fr.Problems = e.problems
	data := struct {
		page
		Title, Words, Action, Nonce string
		Fields                      []pages.Field
	}{page: base, Title: f.title, Words: f.words, Action: e.Link("/add/" + e.kind), Nonce: e.nonce()}
	for _, field := range f.fields(e) {
		if e.Form != nil {
			field.Value = e.Form.Get(field.ID)
		} else if q := e.Query.Get(field.ID); q != "" {
			field.Value = q
		}
		for i := range field.Choices {
			field.Choices[i].Chosen = field.Choices[i].Value == field.Value
		}
		field.Error = fr.Problem(field.ID)
		data.Fields = append(data.Fields, field)
	}
	return e.write(fr, addTemplate, data)
}

var noForm = fault.New(fault.NotFound, fault.CodeNotFound, "", "There is no such form.")

// nonce names an entry, so that a form that is sent twice adds one.
func (e *entry) nonce() string {
	if n := e.Form.Get("entry"); isNonce(n) {
		return n
	}
	return rand.Text()
}

func isNonce(n string) bool {
	return len(n) == 26 && strings.Trim(n, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == ""
}

const entrySystem = "urn:ingle:clinic:entry"

// add takes a form, and writes what it says.
func add(h *chart) error {
	e := &entry{chart: h, kind: h.R.PathValue("kind")}
	f, ok := forms[e.kind]
	if !ok {
		return noForm
	}
	e.Note(audit.Create, "add a "+e.kind)
	if err := h.context(); err != nil {
		return err
	}
	resource := f.make(e)
	if len(e.problems) == 0 {
		err := e.store(resource)
		if err == nil {
			return h.See(h.Link("?done=" + e.kind))
		}
		if errors.Is(err, records.ErrScope) {
			e.wrong("", "Your role does not allow adding this.")
		} else if h.Door.ReadOnly() {
			e.wrong("", readOnly)
		} else {
			e.problems = e.atFields(pages.Problems(err))
		}
		if len(e.problems) == 0 {
			return err
		}
	}
	h.Head.Flags, h.Encounters = nil, nil // they are read again for the page
	return e.show()
}

// atFields puts what the door says at the field that it is about, as far as paths
// tell.
func (e *entry) atFields(problems []pages.Problem) []pages.Problem {
	fields := forms[e.kind].fields(e)
	for i, p := range problems {
		at := ""
		for _, f := range fields {
			for _, part := range elementsOf[f.ID] {
				if strings.Contains(p.Field, part) {
					at = f.ID
				}
			}
		}
		problems[i].Field = at
	}
	return problems
}

// elementsOf are the elements that a field fills.
var elementsOf = map[string][]string{
	"when": {"effective", "onset", "occurrence", "restriction"}, "text": {"content", "code", "medication", "description"}, "value": {"value", "component"},
	"code": {"coding"}, "dose": {"dosage"}, "remark": {"note"}, "severity": {"severity"}, "priority": {"priority"},
}

// store writes an entry, with the Provenance of who made it.
func (e *entry) store(resource object) error {
	nonce := e.nonce()
	resource["identifier"] = []object{{"system": entrySystem, "value": nonce}}
	text, err := json.Marshal(resource)
	if err != nil {
		return err
	}
	t, _ := resource["resourceType"].(string)
	o := records.CreateOptions{IfNoneExist: []search.Pair{{Name: "identifier", Value: entrySystem + "|" + nonce}}}
	if x := web.From(e.R.Context()); x != nil {
		o.ID = x.ID
	}
	o.Provenance = e.provenance()
	_, err = e.session.Create(e.R.Context(), fhir.Type(t), records.Content{JSON: text}, o)
	if errors.Is(err, records.ErrScope) {
		// The role may add the entry and not tell of it.
		o.Provenance = nil
		_, err = e.session.Create(e.R.Context(), fhir.Type(t), records.Content{JSON: slices.Clone(text)}, o)
	}
	return err
}

func (e *entry) provenance() *records.Content {
	text, err := json.Marshal(object{
		"resourceType": "Provenance", "recorded": e.now(), "activity": object{"coding": []object{coding("http://terminology.hl7.org/CodeSystem/v3-DataOperation", "CREATE", "create")}},
		"agent": []object{{"type": object{"coding": []object{coding("http://terminology.hl7.org/CodeSystem/provenance-participant-type", "author", "Author")}}, "who": e.author()}},
	})
	if err != nil {
		return nil // it is made of texts
	}
	return &records.Content{JSON: text}
}
