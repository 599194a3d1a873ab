package portal

import (
	"net/http"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/service/pages"
)

var sharingTemplate = pages.Parse(pageFiles, "sharing.html", "page/people.html")

// sharing lists the choices that hold, and those that do not any more.
func (r *record) sharing() error {
	all, next, err := r.choices(r.Query.Get("after"))
	if err != nil {
		return err
	}
	page := struct {
		Hold, Over []choice
		New        string
		Pager      pages.Pager
	}{New: r.at("/sharing/new"), Pager: r.pager("/sharing", next, nil)}
	for _, c := range all {
		if c.Holds() {
			page.Hold = append(page.Hold, c)
		} else {
			page.Over = append(page.Over, c)
		}
	}
	f := r.frame("Sharing choices", "/sharing", pages.Narrow)
	f.Notice = map[string]string{"saved": "Saved. It holds from now on, everywhere.", "ended": "Ended. It does not count any more."}[r.Query.Get("done")]
	return r.showIn(http.StatusOK, f, sharingTemplate, page)
}

// choices is a page of the patient's consents about privacy, the newest first.
func (r *record) choices(after string) ([]choice, string, error) {
	found, next, err := r.find("Consent", after, search.Pair{Name: "_sort", Value: "-date"}, search.Pair{Name: "_count", Value: "50"})
	if err != nil {
		return nil, "", err
	}
	names, err := r.knownNames()
	if err != nil {
		return nil, "", err
	}
	var all []choice
	for _, e := range found {
		if scope := e.Text("scope", "coding", "code"); wrong(e) || scope == "adr" || scope == "treatment" {
			continue
		}
		c := readChoice(e, r.clients())
		r.tell(&c, names)
		if !c.Plain {
			c.What = "It says more than this page can tell: " + strings.ToLower(c.What[:1]) + c.What[1:]
		}
		all = append(all, c)
	}
	return all, next, nil
}

// denials are the choices that hold and hide something from an app.
func (r *record) denials(client string) ([]choice, error) {
	all, _, err := r.choices("")
	return slices.DeleteFunc(all, func(c choice) bool { return !c.Holds() || !c.Hide || c.Who != appPrefix+client }), err
}

// knownNames are the names of those whom the form offers.
func (r *record) knownNames() (map[string]string, error) {
	all, err := r.whom()
	names := map[string]string{}
	for _, g := range all {
		for _, c := range g.Choices {
			names[c.Value] = c.Name
		}
	}
	return names, err
}

// someone is a group of those whom a choice can concern.
type someone struct {
	Name    string
	Choices []pages.Choice
}

// maxVisits bounds the visits that are looked through for people.
const maxVisits = "25"

// whom are those whom a choice can concern: apps that may use the record, the clinic,
// people who care for the patient or were at visits, and family.
func (r *record) whom() ([]someone, error) {
	if r.offered != nil {
		return r.offered, nil
	}
	apps := someone{Name: "Apps"}
	granted, err := r.grantedApps()
	if err != nil {
		return nil, err
	}
	for _, a := range granted {
		apps.Choices = append(apps.Choices, pages.Choice{Value: appPrefix + a.ID, Name: a.Name})
	}
	people, family := someone{Name: "Clinics and people who work there"}, someone{Name: "Family and close people"}
	add := func(to *someone, e pages.Element) {
		ref := e.Text("reference")
		if typ, _, _ := strings.Cut(ref, "/"); !slices.Contains([]string{"Practitioner", "PractitionerRole", "Organization", "RelatedPerson"}, typ) ||
			slices.ContainsFunc(to.Choices, func(c pages.Choice) bool { return c.Value == ref }) {
			return
		}
		if name := r.displays([]pages.Element{e}); name != "" {
			to.Choices = append(to.Choices, pages.Choice{Value: ref, Name: name})
		}
	}
	add(&people, r.patient.At("managingOrganization"))
	for _, e := range r.patient.List("generalPractitioner") {
		add(&people, e)
	}
	visits, _, err := r.find("Encounter", "", search.Pair{Name: "_sort", Value: "-date"}, search.Pair{Name: "_count", Value: maxVisits})
	if err != nil {
		return nil, err
	}
	for _, v := range visits {
		for _, p := range v.List("participant") {
			add(&people, p.At("individual"))
		}
		add(&people, v.At("serviceProvider"))
	}
	relatives, _, err := r.find("RelatedPerson", "", search.Pair{Name: "_count", Value: maxVisits})
	if err != nil {
		return nil, err
	}
	for _, e := range relatives {
		if name := e.At("name").Name(); name != "" {
			family.Choices = append(family.Choices, pages.Choice{Value: "RelatedPerson/" + e.Text("id"), Name: name})
		}
	}
	r.offered = []someone{apps, people, family}
	r.offered = slices.DeleteFunc(r.offered, func(s someone) bool { return len(s.Choices) == 0 })
	return r.offered, nil
}
