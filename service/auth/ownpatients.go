package auth

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// ownPatients are the patients that somebody with some links is, or may act for. A
// RelatedPerson or Person that is not active, or whose period is over, acts for
// nobody.
func ownPatients(ctx context.Context, s *records.Session, links []identity.Link, now time.Time) ([]fhir.ID, error) {
	var all []fhir.ID
	add := func(id fhir.ID) {
		if id.Valid() && !slices.Contains(all, id) {
			all = append(all, id)
		}
	}
	todo := make([]fhir.Key, 0, len(links))
	for _, l := range links {
		todo = append(todo, l.Key())
	}
	for n := 0; n < len(todo) && n < maxChoices; n++ {
		k := todo[n]
		if k.Type == "Patient" {
			add(k.ID)
		}
		if k.Type != "RelatedPerson" && k.Type != "Person" {
			continue
		}
		node, err := readElement(ctx, s, k)
		if err != nil {
			return nil, err
		}
		if !inForce(node, now) {
			continue
		}
		if id, ok := referred(node.Text("patient", "reference"), "Patient"); ok {
			add(id)
		}
		for _, link := range node.List("link") { // of a Person
			for _, typ := range []fhir.Type{"Patient", "RelatedPerson"} {
				if id, ok := referred(link.Text("target", "reference"), typ); ok {
					todo = append(todo, fhir.Key{Type: typ, ID: id})
				}
			}
		}
	}
	return all, nil
}

// acts says whether the user of a token may still act for the patient in its
// context, whom somebody else's record made theirs.
func (t *tenant) acts(ctx context.Context, a *identity.Access) (bool, error) {
	patient := fhir.ID(a.Context.Patient)
	if patient == "" || a.User == "" || isStaff(a.Roles) ||
		slices.ContainsFunc(a.Links, func(l identity.Link) bool { return l.Type == "Patient" && l.ID == patient }) {
		return true, nil
	}
	session := t.Door.Session(records.Principal{ID: a.User, Client: a.Client, Name: a.UserName}, t.relates)
	own, err := ownPatients(ctx, session, a.Links, t.server.config.Clock())
	return slices.Contains(own, patient), err
}

// readElement reads a resource; an element that does not exist when there is none.
func readElement(ctx context.Context, s *records.Session, k fhir.Key) (element, error) {
	r, err := s.Read(ctx, k, records.ReadOptions{})
	if f, ok := errors.AsType[*fault.Error](err); ok && (f.Kind == fault.NotFound || f.Kind == fault.Gone) {
		return element{}, nil
	}
	if err != nil {
		return element{}, err
	}
	return pages.ParseElement(r.JSON)
}

// referred reads a relative reference to a type.
func referred(reference string, typ fhir.Type) (fhir.ID, bool) {
	id, ok := strings.CutPrefix(reference, string(typ)+"/")
	return fhir.ID(id), ok && fhir.ID(id).Valid()
}
