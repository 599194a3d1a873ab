package auth

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/spec/smart"
)

// duePatient says whether the user has to choose a patient. Whoever has exactly
// one is not asked.
func (p *progress) duePatient() (bool, error) {
	patient := p.request.Context.Patient
	if !asksPatient(p.request.Scopes) {
		return false, nil
	}
	if isStaff(p.session.User.Roles) {
		return patient == "", nil
	}
	if patient != "" {
		ok, err := p.mayChoose(p.r.Context(), patient)
		if err == nil && !ok {
			err = identity.Refuse(identity.AccessDenied, "the app was launched for a patient whose record this user has no access to")
		}
		return false, err
	}
	own, err := p.ownPatients(p.r.Context())
	if err != nil {
		return false, err
	}
	switch len(own) {
	case 0:
		return false, identity.Refuse(identity.AccessDenied, "the app needs a patient's record, and this user has access to none")
	case 1:
		ok, err := p.mayChoose(p.r.Context(), string(own[0]))
		if err != nil {
			return false, err
		}
		if !ok {
			return false, identity.Refuse(identity.AccessDenied, "the record of this user is not on this server")
		}
		p.request.Context.Patient = string(own[0])
		return false, nil // kept when the request is next saved, or found again
	}
	return true, nil
}

func (p *progress) showPatient(message string) error {
	name := p.query.Get("name")
	if len(name) > 200 {
		name = ""
	}
	if name != "" && p.act != nil {
		p.act.Query = url.Values{"name": {name}}.Encode()
	}
	found, err := p.patients(p.r.Context(), name)
	if err != nil {
		return err
	}
	page := PatientPage{
		Form: p.formData("patient", message), Search: name, Patients: found, More: len(found) == maxChoices,
		CanSearch: isStaff(p.session.User.Roles),
	}
	return p.writeForm(statusOf(message), "Choose a patient", patientTemplate, page)
}

func (p *progress) actPatient() error {
	id := p.form.Get("patient")
	ok, err := p.mayChoose(p.r.Context(), id)
	if err != nil {
		return err
	}
	if !ok {
		return p.showPatient("Choose one of the patients.")
	}
	p.request.Context.Patient, p.request.Context.Encounter = id, ""
	return p.save()
}

// dueEncounter says whether the user has to choose a visit. A patient without
// any is launched without.
func (p *progress) dueEncounter() (bool, error) {
	if p.request.Context.Encounter != "" || !asksEncounter(p.request.Scopes) {
		return false, nil
	}
	found, err := p.encounters()
	if err != nil {
		return false, err
	}
	if len(found) == 0 {
		p.request.Scopes = slices.DeleteFunc(slices.Clone(p.request.Scopes), func(s string) bool { return asksEncounter(smart.Scopes{s}) })
		return false, nil
	}
	return true, nil
}

func (p *progress) encounters() ([]Choice, error) {
	return p.find(p.r.Context(), "Encounter", []search.Pair{
		{Name: "patient", Value: "Patient/" + p.request.Context.Patient}, {Name: "_sort", Value: "-date"}, {Name: "_count", Value: "25"},
	}, encounterChoice)
}

func (p *progress) showEncounter(message string) error {
	found, err := p.encounters()
	if err != nil {
		return err
	}
	page := EncounterPage{Form: p.formData("encounter", message), Encounters: found}
	return p.writeForm(statusOf(message), "Choose a visit", encounterTemplate, page)
}

func (p *progress) actEncounter() error {
	found, err := p.encounters()
	if err != nil {
		return err
	}
	id := p.form.Get("encounter")
	if !slices.ContainsFunc(found, func(c Choice) bool { return c.ID == id }) {
		return p.showEncounter("Choose one of the visits.")
	}
	p.request.Context.Encounter = id
	return p.save()
}

// statusOf is the status of a page that is shown again with a message.
func statusOf(message string) int {
	if message != "" {
		return http.StatusUnprocessableEntity
	}
	return http.StatusOK
}
