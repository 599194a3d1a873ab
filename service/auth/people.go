package auth

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
)

// staff are the roles whose users may choose any patient.
var staff = []identity.Role{identity.Practitioner, identity.Nurse, identity.FrontDesk, identity.PrivacyOfficer}

// maxChoices is how many patients or encounters a page offers.
const maxChoices = 25

// Choice is one of the patients or encounters that a user can choose.
type Choice struct {
	ID     string
	Name   string // of the patient, or what the encounter was
	Detail string // what tells it apart: birth date, identifier; or the period
	Chosen bool
}

// patients are those that the user can choose whose name begins with a text.
func (p *progress) patients(ctx context.Context, name string) ([]Choice, error) {
	u := p.session.User
	if slices.ContainsFunc(staff, u.Has) {
		pairs := []search.Pair{{Name: "_count", Value: "25"}, {Name: "_sort", Value: "family,given"}, {Name: "_elements", Value: "name,birthDate,identifier,gender"}}
		for _, word := range strings.Fields(name) {
			pairs = append(pairs, search.Pair{Name: "name", Value: escape(word)})
		}
		return p.find(ctx, "Patient", pairs, patientChoice)
	}
	keys, err := p.ownPatients(ctx)
	if err != nil {
		return nil, err
	}
	var all []Choice
	for _, id := range keys {
		c, err := p.patient(ctx, id)
		if err != nil {
			return nil, err
		}
		if c != nil {
			all = append(all, *c)
		}
	}
	return all, nil
}

// patient reads one; nil when it is not there.
func (p *progress) patient(ctx context.Context, id fhir.ID) (*Choice, error) {
	node, err := p.read(ctx, fhir.Key{Type: "Patient", ID: id})
	if err != nil || !node.Exists() {
		return nil, err
	}
	c := patientChoice(node)
	return &c, nil
}

// mayChoose says whether the user can choose a patient.
func (p *progress) mayChoose(ctx context.Context, id string) (bool, error) {
	if !fhir.ID(id).Valid() {
		return false, nil
	}
	if !slices.ContainsFunc(staff, p.session.User.Has) {
		own, err := p.ownPatients(ctx)
		if err != nil || !slices.Contains(own, fhir.ID(id)) {
			return false, err
		}
	}
	c, err := p.patient(ctx, fhir.ID(id))
	return c != nil, err
}

// ownPatients are the patients that the user is, or may act for. A RelatedPerson or
// Person that is not active, or whose period is over, acts for nobody.
func (p *progress) ownPatients(ctx context.Context) ([]fhir.ID, error) {
	var all []fhir.ID
	add := func(id fhir.ID) {
		if id.Valid() && !slices.Contains(all, id) {
			all = append(all, id)
		}
	}
	todo := make([]fhir.Key, 0, len(p.session.User.Links))
	for _, l := range p.session.User.Links {
		todo = append(todo, l.Key())
	}
	for n := 0; n < len(todo) && n < maxChoices; n++ {
		switch k := todo[n]; k.Type {
		case "Patient":
			add(k.ID)
		case "RelatedPerson":
			node, err := p.read(ctx, k)
			if err != nil {
				return nil, err
			}
			if id, ok := referred(node.Text("patient", "reference"), "Patient"); ok && node.inForce(p.now) {
				add(id)
			}
		case "Person":
			node, err := p.read(ctx, k)
			if err != nil {
				return nil, err
			}
			if !node.inForce(p.now) {
				continue
			}
			for _, link := range node.List("link") {
				for _, typ := range []fhir.Type{"Patient", "RelatedPerson"} {
					if id, ok := referred(link.Text("target", "reference"), typ); ok {
						todo = append(todo, fhir.Key{Type: typ, ID: id})
					}
				}
			}
		}
	}
	return all, nil
}

// referred reads a relative reference to a type.
func referred(reference string, typ fhir.Type) (fhir.ID, bool) {
	id, ok := strings.CutPrefix(reference, string(typ)+"/")
	return fhir.ID(id), ok && fhir.ID(id).Valid()
}

// choosing are the scopes with which pages look for patients and encounters.
var choosing = smart.Scopes{"user/Patient.rs", "user/Encounter.rs", "user/RelatedPerson.rs", "user/Person.rs"}

// records is the session in which they do.
func (p *progress) records() *records.Session {
	u := p.session.User
	return p.Door.Session(records.Principal{ID: u.ID, Client: p.client.ID, Name: u.Name},
		p.Door.Ownership().Rules(access.Grant{Scopes: choosing, User: u.FHIRUser()}))
}

// read reads a resource; an element that does not exist when there is none.
func (p *progress) read(ctx context.Context, k fhir.Key) (element, error) {
	r, err := p.records().Read(ctx, k, records.ReadOptions{})
	if f, ok := errors.AsType[*fault.Error](err); ok && (f.Kind == fault.NotFound || f.Kind == fault.Gone) {
		return element{}, nil
	}
	if err != nil {
		return element{}, err
	}
	return parseElement(r.JSON)
}

// find runs a search and makes choices of what it finds.
func (p *progress) find(ctx context.Context, typ fhir.Type, pairs []search.Pair, choice func(element) Choice) ([]Choice, error) {
	found, err := p.records().Search(ctx, records.SearchRequest{Type: typ, Pairs: pairs, Partial: true})
	if err != nil {
		return nil, err
	}
	var all []Choice
	for _, e := range found.Entries {
		node, err := parseElement(e.JSON)
		if err != nil {
			return nil, err
		}
		all = append(all, choice(node))
	}
	return all, nil
}

// escape makes a value of what would separate values (R4 §3.1.1.5.7).
func escape(text string) string {
	return strings.NewReplacer(`\`, `\\`, ",", `\,`, "$", `\$`, "|", `\|`).Replace(text)
}
