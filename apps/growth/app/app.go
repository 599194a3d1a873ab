// Package app is a sample SMART app: how a child grows beside the percentiles of
// published references, and how vital signs develop.
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
	r := loadReferences()
	return &kit.Plan{
		ID: "growth", Name: "Growth and vitals", Version: "1.0", Port: "8094",
		Purpose:    "Shows how a child grows beside the percentiles of the WHO and the CDC, and how vital signs develop, for everybody.",
		Categories: []string{"Children", "Vital signs"},
		Scopes:     smart.Scopes{"patient/Patient.r", "patient/Observation.rs"},
		Files:      files,
		Show:       func(v *kit.Visit) error { return show(v, r) },
	}
}

// view is what the page shows.
type view struct {
	kit.Frame
	Patient bool
	Base    string
	Child   bool
	Allowed bool
	Growth  []*growth
	Trends  []*trend
	Notes   []string
}

// grownUp is the age from which nobody is a child here, in years.
const grownUp = 20

func show(v *kit.Visit, r references) error {
	d := view{Patient: v.Patient != "", Base: v.Server()}
	if !d.Patient {
		d.Frame = v.Frame("Growth and vitals", kit.Person{})
		return v.Write("growth", d)
	}
	who, err := kit.ReadPerson(v.Context(), v.FHIR, v.Patient)
	if err != nil {
		return err
	}
	all, err := read(v.Context(), v.FHIR, v.Patient)
	if err != nil {
		return err
	}
	d.Frame, d.Allowed = v.Frame("Growth and vitals", who), all.Allowed
	if all.More {
		d.Notes = append(d.Notes, "The record has more than the newest 3,000 measurements, which are shown.")
	}
	born, known := who.BornAt()
	years := who.Age(v.Now)
	d.Child = known && years >= 0 && years < grownUp
	switch {
	case !known:
		d.Notes = append(d.Notes, "The day of birth is not known: there are no percentiles.")
	case d.Child && who.Sex != "female" && who.Sex != "male":
		d.Notes = append(d.Notes, "The references know girls and boys: for this patient the values are shown without percentiles.")
	}
	if d.Child {
		for _, g := range []*growth{
			r.grow(heights.Name, heights.Unit, height, who.Sex, born, heights.of(all.Rows)),
			r.grow(weights.Name, weights.Unit, weight, who.Sex, born, weights.of(all.Rows)),
			r.grow(bodies.Name, bodies.Unit, bmi, who.Sex, born, bodyMass(all.Rows)),
		} {
			if g != nil {
				d.Growth = append(d.Growth, g)
			}
		}
	}
	d.Trends = trends(all.Rows, !d.Child)
	return v.Write("growth", d)
}

// trends are the vital signs; with weight and body mass index for grown-ups.
func trends(all []kit.Observation, grown bool) []*trend {
	found := []*trend{follow("Blood pressure", systolic.Unit, systolic.of(all), diastolic.of(all))}
	if grown {
		found = append(found, follow(weights.Name, weights.Unit, weights.of(all), nil), follow(bodies.Name, bodies.Unit, bodyMass(all), nil))
	}
	for _, k := range others {
		found = append(found, follow(k.Name, k.Unit, k.of(all), nil))
	}
	kept := found[:0]
	for _, t := range found {
		if t != nil {
			kept = append(kept, t)
		}
	}
	return kept
}
