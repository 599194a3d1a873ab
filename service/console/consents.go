package console

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

var (
	consentsTemplate = parse("consents.html")
	consentTemplate  = parse("consent.html")
)

// consentsShown is how many consents a page lists.
const consentsShown = "30"

// shownConsent is a Consent in a list.
type shownConsent struct {
	Key           fhir.Key
	Address       string
	Patient, Name string // id and name of the patient
	Status        string
	Scope, Says   string // what it is about, and whether it permits or denies
	When          string
	Updated       time.Time
}

// unclearConsent is one that waits for a review.
type unclearConsent struct {
	records.UnclearConsent
	Address string // of the consent; "" for who does not see it
	Field   pages.Field
}

type consentsPage struct {
	pages.Frame
	Fields   []pages.Field
	Reads    bool // the visitor may read consents
	Asked    bool
	Consents []shownConsent
	Pager    pages.Pager
	Unclear  []unclearConsent
	MoreOpen string // address of further unclear ones
	Permit   []string
	Sealed   []string
	Rules    string // where the defaults are set; "" for who may not
	Review   string
}

// consents finds what patients decided, lists what is unclear about it, and says what
// holds where none decides.
func (v *visit) consents() error { return v.showConsents(nil) }

func (v *visit) showConsents(problems []pages.Problem) error {
	s, err := v.session()
	if err != nil {
		return err
	}
	page := consentsPage{Frame: v.frame("Consents", Path+"/consents", pages.Wide), Reads: v.User.Has(identity.PrivacyOfficer), Review: v.Path(Path + "/consents/review")}
	page.Problems = problems
	if page.Reads {
		if err := v.findConsents(s, &page); err != nil {
			return err
		}
	}
	if err := v.listUnclear(s, &page); err != nil {
		return err
	}
	d, err := s.ConsentDefaults(v.R.Context())
	if err != nil {
		return err
	}
	page.Permit, page.Sealed = d.Permit, d.Sealed
	if v.administers() {
		page.Rules = v.Path("/account/policy")
	}
	return v.Write(pages.StatusOf(page.Problems), page.Frame, consentsTemplate, page)
}

func (v *visit) findConsents(s *records.Session, page *consentsPage) error {
	patient, status := strings.TrimPrefix(strings.TrimSpace(v.Query.Get("patient")), "Patient/"), v.Query.Get("status")
	choose := pages.Field{ID: "status", Label: "Status", Open: true}
	choose.Choices = pages.Choices(status, "", "any", "active", "active", "draft", "draft", "proposed", "proposed", "rejected", "rejected", "inactive", "inactive", "entered-in-error", "entered in error")
	pairs := []search.Pair{{Name: "_sort", Value: "-_lastUpdated"}, {Name: "_count", Value: consentsShown}, {Name: "_include", Value: "Consent:patient"}}
	q := url.Values{}
	for name, value := range map[string]string{"patient": patient, "status": status} {
		if value != "" {
			q.Set(name, value)
			page.Asked = true
		}
	}
	if status != "" {
		pairs = append(pairs, search.Pair{Name: "status", Value: status})
	}
	find := pages.Field{ID: "patient", Label: "Patient (id)", Type: "search", Value: patient, Open: true, Complete: "off"}
	if patient != "" {
		pairs = append(pairs, search.Pair{Name: "patient", Value: "Patient/" + patient})
	}
	found, err := s.Search(v.R.Context(), records.SearchRequest{Type: "Consent", Pairs: pairs, After: v.Query.Get("after")})
	if list := pages.Problems(err); list != nil {
		page.Problems = append(page.Problems, list...)
	} else if err != nil {
		return err
	}
	page.Fields = []pages.Field{find, choose}
	if found == nil {
		return nil
	}
	names := map[string]string{}
	for _, e := range found.Entries {
		if e.Key.Type == "Patient" {
			if p, err := pages.ParseElement(e.JSON); err == nil {
				names[string(e.Key.ID)] = p.At("name").Name()
			}
		}
	}
	for _, e := range found.Entries {
		if e.Key.Type != "Consent" {
			continue
		}
		c, err := pages.ParseElement(e.JSON)
		if err != nil {
			return err
		}
		one := v.shownConsent(e.Resource, c)
		one.Name = names[one.Patient]
		page.Consents = append(page.Consents, one)
	}
	if found.Next != "" {
		q.Set("after", found.Next)
		page.Pager.After = v.Path(Path+"/consents") + "?" + q.Encode()
	}
	return nil
}

func (v *visit) shownConsent(r records.Resource, c pages.Element) shownConsent {
	one := shownConsent{
		Key: r.Key, Address: v.Path(Path + "/consents/consent/" + string(r.Key.ID)), Patient: strings.TrimPrefix(c.Text("patient", "reference"), "Patient/"),
		Status: c.Text("status"), Scope: c.At("scope").Concept(), When: pages.Date(c.When("dateTime")), Updated: r.Updated,
	}
	switch c.Text("provision", "type") {
	case "permit":
		one.Says = "permits"
	case "deny":
		one.Says = "denies"
	}
	if n := len(c.List("provision", "provision")); n > 0 {
		one.Says += ", with " + pages.Count(n, "exception")
	}
	return one
}

func (v *visit) listUnclear(s *records.Session, page *consentsPage) error {
	list, next, err := s.UnclearConsents(v.R.Context(), v.Query.Get("unclear"))
	if err != nil {
		return err
	}
	seen, err := v.seen(s, list, page.Reads)
	if err != nil {
		return err
	}
	for _, c := range list {
		id := "comment-" + string(c.Key.ID)
		one := unclearConsent{UnclearConsent: c, Field: pages.Field{ID: "comment", Label: "What you found", Rows: 2, Complete: "off"}}
		one.Field.Error = page.Problem(id)
		if seen[c.Key] {
			one.Address = v.Path(Path + "/consents/consent/" + string(c.Key.ID))
		}
		page.Unclear = append(page.Unclear, one)
	}
	if next != "" {
		page.MoreOpen = v.Path(Path+"/consents") + "?" + url.Values{"unclear": {next}}.Encode()
	}
	return nil
}

// seen says which of some consents the visitor sees: a patient may hide the record from a
// privacy officer, too.
func (v *visit) seen(s *records.Session, list []records.UnclearConsent, reads bool) (map[fhir.Key]bool, error) {
	if !reads || len(list) == 0 {
		return nil, nil
	}
	var ids []string
	for _, c := range list {
		ids = append(ids, string(c.Key.ID))
	}
	found, err := s.Search(v.R.Context(), records.SearchRequest{Type: "Consent", Pairs: []search.Pair{{Name: "_id", Value: strings.Join(ids, ",")}, {Name: "_count", Value: strconv.Itoa(len(ids))}}})
	if err != nil {
		return nil, err
	}
	all := map[fhir.Key]bool{}
	for _, e := range found.Entries {
		all[e.Key] = true
	}
	return all, nil
}

// reviewConsent takes an unclear consent off the list.
func (v *visit) reviewConsent() error {
	id := fhir.ID(v.Form.Get("consent"))
	v.Note(audit.Administer, "review of a consent")
	s, err := v.session()
	if err != nil {
		return err
	}
	err = s.ReviewConsent(v.R.Context(), id, strings.TrimSpace(v.Form.Get("comment")))
	if list := pages.Problems(err); list != nil {
		for i := range list {
			list[i].Field = "comment-" + string(id)
		}
		return v.showConsents(list)
	}
	if err != nil {
		return err
	}
	return v.done(Path+"/consents", "reviewed")
}

// consent shows one consent as it is kept.
func (v *visit) consent() error {
	s, err := v.session()
	if err != nil {
		return err
	}
	key := fhir.Key{Type: "Consent", ID: fhir.ID(v.R.PathValue("id"))}
	if !key.ID.Valid() {
		return fault.New(fault.NotFound, fault.CodeNotFound, "", "There is no such consent.")
	}
	r, err := s.Read(v.R.Context(), key, records.ReadOptions{})
	if err != nil {
		return err
	}
	c, err := pages.ParseElement(r.JSON)
	if err != nil {
		return err
	}
	var source bytes.Buffer
	if err := json.Indent(&source, r.JSON, "", "  "); err != nil {
		return err
	}
	page := struct {
		pages.Frame
		Consent shownConsent
		Version int64
		Source  string
		Back    string
	}{
		Frame: v.frame(key.String(), Path+"/consents", pages.Wide), Consent: v.shownConsent(r, c), Version: r.Version, Source: source.String(), Back: v.Path(Path + "/consents"),
	}
	return v.Write(http.StatusOK, page.Frame, consentTemplate, page)
}
