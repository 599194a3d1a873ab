// Package app is a sample SMART app: the risk of cardiovascular disease by the
// PREVENT equations, with where each input comes from and what it does.
package app

import (
	"embed"
	"net/http"
	"strings"

	"github.com/inglehealth/ingle/apps/kit"
	"github.com/inglehealth/ingle/client/smart"
)

//go:embed page
var files embed.FS

// Plan is the app.
func Plan() *kit.Plan {
	m := loadModel()
	return &kit.Plan{
		ID: "risk", Name: "Cardiovascular risk", Version: "1.0", Port: "8095",
		Purpose:    "Estimates the risk of cardiovascular disease in 10 and 30 years by the PREVENT equations (2023), and says where each input comes from, what is missing, and what each does to the risk.",
		Categories: []string{"Heart", "Decision support"},
		Scopes:     smart.Scopes{"patient/Patient.r", "patient/Observation.rs", "patient/Condition.rs", "patient/MedicationRequest.rs"},
		Files:      files,
		Show:       func(v *kit.Visit) error { return show(v, m) },
		Forms:      map[string]func(*kit.Visit) error{"suppose": func(v *kit.Visit) error { return show(v, m) }},
	}
}

// view is what the page shows.
type view struct {
	kit.Frame
	Patient  bool
	Base     string
	Inputs   []*input
	Missing  string // what the model lacks; "" for nothing
	Supposed bool   // something is not of the record
	Before   string // a disease that the model is not for; "" for none
	Risks    []shown
	Parts    []part
	Treated  bool // for blood pressure or by a statin
	Source   string
	Notes    []string
}

// shown is one risk; Value is "" where the model has none.
type shown struct{ Label, Value, Words string }

func show(v *kit.Visit, m *model) error {
	d := view{Patient: v.Patient != "", Base: v.Server(), Source: m.Source}
	if !d.Patient {
		d.Frame = v.Frame("Cardiovascular risk", kit.Person{})
		return v.Write("risk", d)
	}
	if err := v.R.ParseForm(); err != nil {
		return kit.Problem{Status: http.StatusBadRequest, Title: "Not a form", Text: "What was sent is not the form of this page."}
	}
	r, err := read(v.Context(), v.FHIR, v.Patient)
	if err != nil {
		return err
	}
	d.Frame = v.Frame("Cardiovascular risk", r.person)
	d.Inputs = r.inputs(v.Now)
	suppose(d.Inputs, v.R.PostForm)
	for _, i := range d.Inputs {
		d.Supposed = d.Supposed || i.Asked
	}
	if c := r.condition(diseaseCodes); c != nil {
		d.Before = c.Code.String()
	}
	if !r.observations.Allowed {
		d.Notes = append(d.Notes, "The app may not read observations.")
	}
	if r.observations.More || r.conditions.More || r.medications.More {
		d.Notes = append(d.Notes, "The record has more than the app read: the newest 1,000 of each kind count.")
	}
	have, missing := modelled(d.Inputs)
	d.Missing = strings.Join(missing, ", ")
	if d.Missing == "" {
		d.Risks, d.Parts, d.Treated = risks(m, have), explain(m, have), have.Treated || have.Statin
	}
	return v.Write("risk", d)
}

func risks(m *model, v values) []shown {
	var all []shown
	for _, o := range []struct {
		outcome
		label, words string
	}{
		{cvd10, "Cardiovascular disease, 10 years", "heart attack, stroke or heart failure"},
		{ascvd10, "Atherosclerotic disease, 10 years", "heart attack or stroke"},
		{hf10, "Heart failure, 10 years", "needs a body mass index of " + bmiBound.String()},
		{cvd30, "Cardiovascular disease, 30 years", "for ages of " + longAgeBound.String()},
		{ascvd30, "Atherosclerotic disease, 30 years", "for ages of " + longAgeBound.String()},
		{hf30, "Heart failure, 30 years", "for ages of " + longAgeBound.String() + " with a body mass index"},
	} {
		s := shown{Label: o.label, Words: o.words}
		if p, ok := m.risk(o.outcome, v); ok {
			s.Value = percent(p)
		}
		all = append(all, s)
	}
	return all
}
