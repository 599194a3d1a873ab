package portal

import (
	"net/http"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// record is a visit to the record of one patient.
type record struct {
	*pages.Visit
	id      fhir.ID
	session *records.Session
	patient pages.Element
	own     bool     // the visitor is the patient
	people  []person // all whose records the visitor may open

	acting    []string          // references by which consents name a visitor who is not the patient
	offered   []someone         // whom choices can concern, once they were looked for
	displayed map[string]string // names of resources by reference
	agents    map[string]string // names of users and apps
}

// person is a patient whose record can be opened.
type person struct {
	ID      fhir.ID
	Name    string
	Address string
	Here    bool
}

// maxPeople bounds whose names are shown to choose from.
const maxPeople = 20

// open opens the record that the address names. A nil record and no error mean that
// the answer was given.
func open(v *pages.Visit) (*record, error) {
	r := &record{Visit: v, id: fhir.ID(v.R.PathValue("patient"))}
	all, err := r.mine()
	if err != nil {
		return nil, err
	}
	if !r.id.Valid() || !slices.Contains(all, r.id) {
		return nil, fault.New(fault.Forbidden, fault.CodeForbidden, "", "This record is neither yours nor that of somebody for whom you may act.")
	}
	for _, l := range v.User.Links {
		r.own = r.own || l.Type == "Patient" && l.ID == r.id
	}
	if !r.own {
		if err := r.actors(); err != nil {
			return nil, err
		}
	}
	for _, id := range all[:min(len(all), maxPeople)] {
		p := person{ID: id, Address: v.Path(Path + "/" + string(id)), Here: id == r.id}
		session, patient, err := r.read(id)
		if err != nil {
			return nil, err
		}
		if p.Here {
			r.session, r.patient = session, patient
		}
		if p.Name = patient.At("name").Name(); p.Name == "" {
			p.Name = "Patient " + string(id)
		}
		r.people = append(r.people, p)
	}
	if !r.patient.Exists() {
		return nil, r.show(http.StatusNotFound, "No record yet", "", pages.Narrow, missingTemplate, struct{ ID fhir.ID }{r.id})
	}
	return r, nil
}

// actors finds out how consents name somebody who acts for the patient.
func (r *record) actors() error {
	for _, l := range r.User.Links {
		all, err := r.Door.Actors(r.R.Context(), l.Key())
		if err != nil {
			return err
		}
		for _, one := range all {
			if strings.HasPrefix(one, "RelatedPerson/") || strings.HasPrefix(one, "Patient/") {
				r.acting = append(r.acting, one)
			}
		}
	}
	return nil
}

// mine are the patients whose records the visitor may open.
func (r *record) mine() ([]fhir.ID, error) {
	return r.House.Visitors.Patients(r.R.Context(), r.Tenant, r.Visitor)
}

// read opens the session for a patient and reads who that is; an Element that does not
// exist when there is no record.
func (r *record) read(id fhir.ID) (*records.Session, pages.Element, error) {
	session, err := r.Records(id)
	if err != nil {
		return nil, pages.Element{}, err
	}
	got, err := session.Read(r.R.Context(), fhir.Key{Type: "Patient", ID: id}, records.ReadOptions{})
	switch fault.KindOf(err) {
	case fault.NotFound, fault.Gone:
		if err != nil {
			return session, pages.Element{}, nil
		}
	}
	if err != nil {
		return nil, pages.Element{}, err
	}
	e, err := pages.ParseElement(got.JSON)
	return session, e, err
}

// start leads to the first record of the visitor.
func start(v *pages.Visit) error {
	all, err := v.House.Visitors.Patients(v.R.Context(), v.Tenant, v.Visitor)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return v.Write(http.StatusOK, v.Frame("No record", "", pages.Narrow), noneTemplate, nil)
	}
	return v.See(v.Path(Path + "/" + string(all[0])))
}

var (
	noneTemplate    = pages.Parse(pageFiles, "none.html")
	missingTemplate = pages.Parse(pageFiles, "missing.html", "page/people.html")
)

// at is the address of a page of this record.
func (r *record) at(path string) string { return r.Path(Path + "/" + string(r.id) + path) }

// name is how the patient is called.
func (r *record) name() string {
	for _, p := range r.people {
		if p.Here {
			return p.Name
		}
	}
	return "Patient " + string(r.id)
}

// shown is what the template of every page of a record has.
type shown struct {
	pages.Frame
	People []person
	Own    bool
	Name   string // of the patient
	At     string // address of the record
	Page   any
}

// frame begins a page of the record.
func (r *record) frame(title, place string, density pages.Density) pages.Frame {
	f := r.Frame(title, r.at(place), density)
	if !r.own && r.patient.Exists() {
		f.Banner = &pages.Banner{Kind: "calm", Message: "This is the record of " + r.name() + ", for whom you act."}
	}
	return f
}

// show answers with a page of the record.
func (r *record) show(status int, title, place string, density pages.Density, body pages.Body, page any) error {
	return r.showIn(status, r.frame(title, place, density), body, page)
}

func (r *record) showIn(status int, f pages.Frame, body pages.Body, page any) error {
	return r.Write(status, f, body, shown{Frame: f, People: r.people, Own: r.own, Name: r.name(), At: r.at(""), Page: page})
}

// find searches resources of a type in the record.
func (r *record) find(t fhir.Type, after string, pairs ...search.Pair) ([]pages.Element, string, error) {
	pairs = append([]search.Pair{{Name: "patient", Value: "Patient/" + string(r.id)}}, pairs...)
	got, err := r.session.Search(r.R.Context(), records.SearchRequest{Type: t, Pairs: pairs, After: after})
	if err != nil {
		return nil, "", err
	}
	all, err := elements(got)
	return all, got.Next, err
}

// count counts them.
func (r *record) count(t fhir.Type, pairs ...search.Pair) (int64, error) {
	pairs = append([]search.Pair{{Name: "patient", Value: "Patient/" + string(r.id)}, {Name: "_summary", Value: "count"}}, pairs...)
	got, err := r.session.Search(r.R.Context(), records.SearchRequest{Type: t, Pairs: pairs})
	if err != nil {
		return 0, err
	}
	return max(got.Total, 0), nil
}

// elements are the matches of a search.
func elements(got *records.SearchResult) ([]pages.Element, error) {
	var all []pages.Element
	for _, one := range got.Entries {
		if one.Mode != records.ModeMatch {
			continue
		}
		e, err := pages.ParseElement(one.JSON)
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
}
