package auth

import (
	"context"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
)

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
	if isStaff(u.Roles) {
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
	if !isStaff(p.session.User.Roles) {
		own, err := p.ownPatients(ctx)
		if err != nil || !slices.Contains(own, fhir.ID(id)) {
			return false, err
		}
	}
	c, err := p.patient(ctx, fhir.ID(id))
	return c != nil, err
}

// ownPatients are the patients that the user is, or may act for.
func (p *progress) ownPatients(ctx context.Context) ([]fhir.ID, error) {
	s, err := p.records(ctx)
	if err != nil {
		return nil, err
	}
	return ownPatients(ctx, s, p.session.User.Links, p.now)
}

// read reads a resource; an element that does not exist when there is none.
func (p *progress) read(ctx context.Context, k fhir.Key) (element, error) {
	s, err := p.records(ctx)
	if err != nil {
		return element{}, err
	}
	return readElement(ctx, s, k)
}

// choosing are the scopes with which pages look for patients and encounters.
var choosing = smart.Scopes{"user/Patient.rs", "user/Encounter.rs", "user/RelatedPerson.rs", "user/Person.rs"}

// records is the session in which they do. Consents and roles hide from who works
// here whom they hide in the records; others find those only for whom they may act.
func (p *progress) records(ctx context.Context) (*records.Session, error) {
	u := p.session.User
	g := access.Grant{Scopes: choosing, User: u.FHIRUser()}
	if isStaff(u.Roles) {
		var err error
		if g.Asker, err = p.whoAsks(ctx, &identity.Access{User: u.ID, Client: p.client.ID, Roles: u.Roles, Links: u.Links}, ""); err != nil {
			return nil, err
		}
	} else {
		g.Asker.Exempt = true
	}
	rules, err := p.Door.Rules(ctx, g)
	s := p.Door.Session(records.Principal{ID: u.ID, Client: p.client.ID, Name: u.Name}, rules)
	if isStaff(u.Roles) {
		p.asks = s
	}
	return s, err
}

// find runs a search and makes choices of what it finds.
func (p *progress) find(ctx context.Context, typ fhir.Type, pairs []search.Pair, choice func(element) Choice) ([]Choice, error) {
	s, err := p.records(ctx)
	if err != nil {
		return nil, err
	}
	found, err := s.Search(ctx, records.SearchRequest{Type: typ, Pairs: pairs, Partial: true})
	if err != nil {
		return nil, err
	}
	var all []Choice
	for _, e := range found.Entries {
		node, err := pages.ParseElement(e.JSON)
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
