package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Bounds of what is searched.
const (
	maxPatients = 5
	page        = "50"
)

// bundle is what is read of a searchset.
type bundle struct {
	ResourceType string `json:"resourceType"`
	Type         string `json:"type"`
	Total        *int   `json:"total"`
	Link         []struct {
		Relation string `json:"relation"`
		URL      string `json:"url"`
	} `json:"link"`
	Entry []struct {
		FullURL  string         `json:"fullUrl"`
		Resource map[string]any `json:"resource"`
		Search   struct {
			Mode string `json:"mode"`
		} `json:"search"`
	} `json:"entry"`
}

// matches are the resources that match, without those that are included and outcomes.
func (b *bundle) matches() []map[string]any {
	var all []map[string]any
	for _, e := range b.Entry {
		if e.Resource != nil && e.Search.Mode != "include" && e.Search.Mode != "outcome" {
			all = append(all, e.Resource)
		}
	}
	return all
}

func (b *bundle) ids() []string {
	var all []string
	for _, r := range b.matches() {
		all = append(all, text(r, "resourceType")+"/"+text(r, "id"))
	}
	slices.Sort(all)
	return all
}

func (b *bundle) next() string {
	for _, l := range b.Link {
		if l.Relation == "next" {
			return l.URL
		}
	}
	return ""
}

// searches asks US Core's searches for what the records of a few patients have.
func (e *examination) searches(ctx context.Context) {
	if e.o.Token == nil && !e.open {
		e.skip("US Core's searches", "they need an access token (--token, or --client and --key)")
		return
	}
	if _, err := e.token(ctx); err != nil {
		e.check(false, Fail, "The server gives a token", "RFC 6749 §5", err.Error(), "See that the client is registered with this key and these scopes.")
		return
	}
	patients := e.patients(ctx)
	if len(patients) == 0 {
		return
	}
	for _, typ := range uscoreTypes() {
		e.searchesOf(ctx, typ, patients)
	}
	e.unknown(ctx, patients[0])
}

// patients are the resources of those whose records are searched.
func (e *examination) patients(ctx context.Context) []map[string]any {
	var found []map[string]any
	if len(e.o.Patients) == 0 {
		b, a := e.search(ctx, "Patient", url.Values{"_count": {page}})
		if !e.check(b != nil, Fail, "Patients are found", uscoreSection, a.words(), "Name one with --patient if the token is for one patient.") {
			return nil
		}
		found = b.matches()
	}
	for _, id := range e.o.Patients {
		a := e.authorized(ctx, http.MethodGet, e.base+"/Patient/"+url.PathEscape(id), "")
		if o := a.object(); e.check(a.status == http.StatusOK && o != nil, Fail, "Patient/"+id+" is read", "", a.words(), "") {
			found = append(found, o)
		}
	}
	if len(found) == 0 {
		e.skip("US Core's searches", "no patient is shown")
	}
	return found[:min(len(found), maxPatients)]
}

// searchesOf asks all combinations of a type. Values come from the first patient whose
// record has them.
func (e *examination) searchesOf(ctx context.Context, typ string, patients []map[string]any) {
	samples := e.samples(ctx, typ, patients)
	if samples == nil {
		return
	}
	if len(samples) == 0 {
		e.skip(typ, "no patient that was looked at has one")
		return
	}
	asked := false
	for _, c := range combinations(typ) {
		query, sample := c.ask(samples)
		if query == nil {
			e.skip(c.name(), "nothing that was looked at has values for it")
			continue
		}
		b, a := e.search(ctx, typ, query)
		if !e.check(b != nil, Fail, c.name(), uscoreSection, a.words(), "US Core demands this search.") {
			continue
		}
		want := typ + "/" + text(sample.resource, "id")
		e.check(slices.Contains(b.ids(), want) || b.next() != "", Fail, c.name()+" finds what has these values", uscoreSection, fmt.Sprintf("%s: %d found", query.Encode(), len(b.ids())),
			"It lacks "+want+", from which the values were taken.")
		if wrong := b.others(typ); wrong != "" {
			e.check(false, Fail, c.name()+" finds "+typ+" alone", uscoreSection, wrong, "")
		}
		if !asked {
			asked = true
			e.sameByPost(ctx, typ, query, b)
			e.pages(ctx, typ, b)
			e.provenance(ctx, typ, query)
		}
	}
}

// others names a match that is of another type.
func (b *bundle) others(typ string) string {
	for _, r := range b.matches() {
		if got := text(r, "resourceType"); got != typ {
			return got
		}
	}
	return ""
}

// sample is a resource and the patient whose it is.
type sample struct {
	patient  string
	resource map[string]any
}

// samples are resources of a type to take values from; nil when they could not be
// asked for, which is noted.
func (e *examination) samples(ctx context.Context, typ string, patients []map[string]any) []sample {
	all := []sample{}
	if typ == "Patient" {
		for _, p := range patients {
			all = append(all, sample{text(p, "id"), p})
		}
		return all
	}
	if !slices.ContainsFunc(combinations(typ), func(c combination) bool { return slices.Contains(c.params, "patient") }) {
		b, a := e.search(ctx, typ, url.Values{"_count": {page}})
		if b == nil {
			if a.status == http.StatusForbidden {
				e.skip(typ, "searching it is not allowed")
				return nil
			}
			e.check(false, Warn, typ+" is searched without criteria", "", a.words(), "Its searches were not tried.")
			return nil
		}
		for _, r := range b.matches() {
			all = append(all, sample{"", r})
		}
		return all
	}
	for _, p := range patients {
		query := url.Values{"patient": {text(p, "id")}, "_count": {page}}
		switch typ { // what US Core lets a server demand beside the patient
		case "CarePlan":
			query.Set("category", "assess-plan")
		case "CareTeam":
			query.Set("status", "active")
		case "MedicationRequest":
			query.Set("intent", "order,plan,proposal")
		case "Observation":
			query.Set("category", "vital-signs,laboratory,social-history,survey")
		}
		b, a := e.search(ctx, typ, query)
		if b == nil {
			if a.status == http.StatusForbidden {
				e.skip(typ, "searching it is not allowed")
				return nil
			}
			e.check(false, Fail, typ+" of a patient is searched", uscoreSection, a.words(), "")
			return nil
		}
		for _, r := range b.matches() {
			all = append(all, sample{text(p, "id"), r})
		}
	}
	return all
}

// ask makes the query of a combination from the first sample that has all values.
func (c combination) ask(samples []sample) (url.Values, sample) {
next:
	for _, s := range samples {
		query := url.Values{}
		for _, param := range c.params {
			if param == "patient" {
				query.Set(param, s.patient)
				continue
			}
			v, ok := value(s.resource, param)
			if !ok {
				continue next
			}
			query.Set(param, v)
		}
		return query, s
	}
	return nil, sample{}
}

// sameByPost asks the same by POST, and with the patient as a reference.
func (e *examination) sameByPost(ctx context.Context, typ string, query url.Values, want *bundle) {
	a := e.authorized(ctx, http.MethodPost, e.base+"/"+typ+"/_search", query.Encode(), "Content-Type", "application/x-www-form-urlencoded")
	b := searchset(a)
	e.check(b != nil && slices.Equal(b.ids(), want.ids()), Fail, typ+"/_search by POST finds the same", "FHIR R4 §3.1.1.1", a.words(), "")
	if patient := query.Get("patient"); patient != "" {
		other := clone(query)
		other.Set("patient", "Patient/"+patient)
		b, a := e.search(ctx, typ, other)
		e.check(b != nil && slices.Equal(b.ids(), want.ids()), Fail, typ+"?patient=Patient/ID finds the same", "FHIR R4 §3.1.1.4.12", a.words(), "")
	}
}

// pages follows the links of pages of one.
func (e *examination) pages(ctx context.Context, typ string, b *bundle) {
	if len(b.matches()) < 2 || len(b.Link) == 0 {
		return
	}
	var self string
	for _, l := range b.Link {
		if l.Relation == "self" {
			self = l.URL
		}
	}
	u, err := url.Parse(self)
	if !e.check(err == nil && u.IsAbs(), Fail, typ+": the answer says what was searched (self)", "FHIR R4 §3.1.1.2", self, "") {
		return
	}
	q := u.Query()
	q.Set("_count", "1")
	first, a := e.search(ctx, typ, q)
	if first == nil {
		e.check(false, Fail, typ+" is searched in pages of one", "", a.words(), "")
		return
	}
	if !e.check(first.next() != "", Fail, typ+": a page of one has a next", "FHIR R4 §3.1.1.5.2", "", "Apps see the first page alone.") {
		return
	}
	second := searchset(e.authorized(ctx, http.MethodGet, first.next(), ""))
	e.check(second != nil && len(second.ids()) > 0 && !slices.Equal(second.ids(), first.ids()), Fail, typ+": the next page has another resource", "FHIR R4 §3.1.1.5.2", "", "Apps see some resources twice or never.")
}

// patientless are the types for which US Core demands no Provenance.
var patientless = []string{"Specimen", "Location", "Organization", "Practitioner", "PractitionerRole", "RelatedPerson", "QuestionnaireResponse"}

func (e *examination) provenance(ctx context.Context, typ string, query url.Values) {
	if slices.Contains(patientless, typ) {
		return
	}
	q := clone(query)
	q.Set("_revinclude", "Provenance:target")
	b, a := e.search(ctx, typ, q)
	e.check(b != nil, Fail, typ+" comes with its Provenance (_revinclude)", uscoreSection, a.words(), "")
}

// unknown looks at what becomes of a parameter that there is not.
func (e *examination) unknown(ctx context.Context, patient map[string]any) {
	_, a := e.search(ctx, "Patient", url.Values{"_id": {text(patient, "id")}, "no-such-parameter": {"1"}})
	b := searchset(a)
	told := a.status == http.StatusBadRequest && a.outcome()
	if b != nil {
		for _, l := range b.Link {
			told = told || l.Relation == "self" && !strings.Contains(l.URL, "no-such-parameter")
		}
	}
	e.check(told, Warn, "A search parameter that there is not is refused, or left out of self", "FHIR R4 §3.1.1.2", a.words(), "Apps take an unfiltered answer for a filtered one.")
}

func clone(q url.Values) url.Values {
	c := url.Values{}
	for k, v := range q {
		c[k] = slices.Clone(v)
	}
	return c
}

// search searches with the token, if there is one; nil when no searchset comes back.
func (e *examination) search(ctx context.Context, typ string, query url.Values) (*bundle, answer) {
	a := e.authorized(ctx, http.MethodGet, e.base+"/"+typ+"?"+query.Encode(), "")
	return searchset(a), a
}

func searchset(a answer) *bundle {
	b := new(bundle)
	if a.err != nil || a.status != http.StatusOK || json.Unmarshal(a.body, b) != nil || b.ResourceType != "Bundle" || b.Type != "searchset" {
		return nil
	}
	return b
}

// authorized sends a request with the token, if there is one, to the server that it is
// for alone.
func (e *examination) authorized(ctx context.Context, method, address, body string, headers ...string) answer {
	if !strings.HasPrefix(address, e.base+"/") && !e.sameHost(address) {
		return answer{err: fmt.Errorf("doctor: %s is not of the server, and gets no token", address)}
	}
	token, err := e.token(ctx)
	if err != nil {
		return answer{err: err}
	}
	if token != "" {
		headers = append(headers, "Authorization", "Bearer "+token)
	}
	kind := "search"
	if method == http.MethodGet && !strings.Contains(address, "?") {
		kind = "read"
	}
	return e.send(ctx, kind, method, address, body, append([]string{"Accept", "application/fhir+json"}, headers...)...)
}

// token is the access token; "" when none is given.
func (e *examination) token(ctx context.Context) (string, error) {
	if e.o.Token == nil {
		return "", nil
	}
	return e.o.Token(ctx)
}

// sameHost says whether an address, a link of pages, is of the server's host.
func (e *examination) sameHost(address string) bool {
	a, errA := url.Parse(address)
	b, errB := url.Parse(e.base)
	return errA == nil && errB == nil && a.Scheme == b.Scheme && a.Host == b.Host
}
