// Package app is the chart, a sample SMART app: it shows a patient's name,
// conditions and latest vital signs, and what it was allowed.
package app

import (
	"embed"

	"github.com/inglehealth/ingle/apps/kit"
	"github.com/inglehealth/ingle/client/smart"
)

//go:embed page
var files embed.FS

// Plan is the app.
func Plan() *kit.Plan {
	return &kit.Plan{
		ID: "chart", Name: "Chart", Version: "1.0", Port: "8090",
		Purpose:    "Shows a patient's conditions and latest vital signs, and what the app was allowed.",
		Categories: []string{"Charts", "For developers"},
		Scopes:     smart.Scopes{"patient/Patient.r", "patient/Condition.rs", "patient/Observation.rs"},
		Files:      files,
		Show:       show,
	}
}

// view is what the page shows.
type view struct {
	kit.Frame
	Base, Client string
	Patient      bool
	Conditions   kit.List[condition]
	Vitals       kit.List[kit.Observation]
	Token        *smart.Token
	Expires      string
	Context      []fact
}

// fact is a line of the launch context.
type fact struct{ Name, Value string }

func show(v *kit.Visit) error {
	d := view{Base: v.Server(), Client: v.Client(), Patient: v.Patient != ""}
	var who kit.Person
	var err error
	if d.Patient {
		if who, err = kit.ReadPerson(v.Context(), v.FHIR, v.Patient); err != nil {
			return err
		}
		if d.Conditions, err = conditions(v.Context(), v.FHIR, v.Patient); err != nil {
			return err
		}
		if d.Vitals, err = vitals(v.Context(), v.FHIR, v.Patient); err != nil {
			return err
		}
	}
	d.Frame = v.Frame("Chart", who)
	d.Token = v.Token()
	d.Expires = "when the server says so"
	if !d.Token.Expires.IsZero() {
		d.Expires = d.Token.Expires.UTC().Format("15:04:05 UTC")
	}
	d.Context = facts(d.Token)
	return v.Write("chart", d)
}

// facts are what the launch told, by its names.
func facts(t *smart.Token) []fact {
	c := t.Context
	all := []fact{{"patient", c.Patient}, {"encounter", c.Encounter}, {"intent", c.Intent}, {"tenant", c.Tenant}, {"smart_style_url", c.Style}}
	if c.Banner != nil {
		all = append(all, fact{"need_patient_banner", map[bool]string{true: "true", false: "false"}[*c.Banner]})
	}
	for _, item := range c.Items {
		all = append(all, fact{"fhirContext", kit.Sentence(", ", item.Type, item.Reference, item.Canonical, string(item.Identifier), item.Role)})
	}
	if t.Identity != nil {
		all = append(all, fact{"fhirUser", t.Identity.FHIRUser}, fact{"sub", t.Identity.Subject})
	}
	var told []fact
	for _, f := range all {
		if f.Value != "" {
			told = append(told, f)
		}
	}
	return told
}
