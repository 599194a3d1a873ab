package portal

import (
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

var eventTemplate = pages.Parse(pageFiles, "event.html", "page/people.html")

// event shows one event of the log, and how to prove it.
func (r *record) event() error {
	key, got, err := r.auditEvent()
	if err != nil {
		return err
	}
	e, err := pages.ParseElement(got.JSON)
	if err != nil {
		return err
	}
	page := struct {
		looked
		Facts   []fact
		Touched []fact
		More    int
		Proof   string
		File    string
		Back    string
		Agents  string
	}{looked: r.lookedAt(e), Proof: r.at("/looked/" + string(key.ID) + "/proof"), File: proofName(key), Back: r.at("/looked")}
	var x entry
	for i, a := range e.List("agent") {
		if a.Text("type", "coding", "system") == agentUser {
			x.add("Signs in as", a.Text("altId"))
			var roles []string
			for _, role := range a.List("role") {
				roles = append(roles, role.Text("text"))
			}
			x.add("Roles", strings.Join(roles, ", "))
		}
		if i == agentClient {
			x.add("From the address", a.Text("network", "address"))
		}
	}
	for _, one := range e.List("entity") {
		if query := one.Text("query"); query != "" {
			if text, err := base64.StdEncoding.DecodeString(query); err == nil {
				x.add("Asked for", string(text))
			}
		}
		if name := one.Text("name"); name != "" {
			x.add("Asked for", name)
		}
		if one.Text("type", "code") == "XrequestId" {
			x.add("Number of the request", one.Text("what", "identifier", "value"))
		}
	}
	x.add("Outcome", outcome(e))
	page.Facts = x.Facts
	page.Touched, page.More = touched(e)
	return r.show(http.StatusOK, "Who looked", "/looked", pages.Narrow, eventTemplate, page)
}

// outcome says how an event went: of a refusal by a limit in words, of others as the
// log has it.
func outcome(e pages.Element) string {
	for _, why := range e.List("_outcome", "extension") {
		if why.Text("valueCodeableConcept", "text") == string(fault.CodeThrottled) {
			return "Refused: it asked for more than it may at a time"
		}
	}
	return e.Text("outcomeDesc")
}

// maxTouched bounds the resources that a page names.
const maxTouched = 100

// touched are the resources of the record that an event is about.
func touched(e pages.Element) (all []fact, more int) {
	for _, one := range e.List("entity") {
		ref := one.Text("what", "reference")
		typ, _, ok := strings.Cut(ref, "/")
		if !ok || one.Text("role", "code") == "1" {
			continue
		}
		if len(all) == maxTouched {
			more++
			continue
		}
		all = append(all, fact{pages.TypeWords(typ), ref})
	}
	return all, more
}

// auditEvent reads the event of the address, which is about this record.
func (r *record) auditEvent() (fhir.Key, records.Resource, error) {
	key := fhir.Key{Type: "AuditEvent", ID: fhir.ID(r.R.PathValue("event"))}
	none := fault.New(fault.NotFound, fault.CodeNotFound, "", "There is no such entry about this record.")
	if !key.ID.Valid() {
		return key, records.Resource{}, none
	}
	got, err := r.session.Read(r.R.Context(), key, records.ReadOptions{})
	if err != nil && fault.KindOf(err) == fault.NotFound {
		return key, got, none
	}
	return key, got, err
}

func proofName(key fhir.Key) string { return string(key.ID) + ".proof.json" }

// proof answers with the proof of an event as a file.
func (r *record) proof() error {
	key, _, err := r.auditEvent()
	if err != nil {
		return err
	}
	proof, err := r.session.ProveAudit(r.R.Context(), key)
	if err != nil {
		return err
	}
	r.download("application/json", proofName(key))
	_, _ = r.W.Write(proof) // the client may be gone
	return nil
}
