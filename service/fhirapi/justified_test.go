package fhirapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/fhirapi"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
)

// governed is a server where consents count: for nurse, and for parent, who acts for
// Patient/maria, but not for system and officer, who may read the whole log.
func governed(t *testing.T) *server {
	t.Helper()
	s := &server{t: t, base: "https://ehr.example/fhir"}
	db := openStore(t)
	door, err := records.Open(context.WithoutCancel(t.Context()), records.Config{
		Store: db, Definitions: definitions.MustBuiltIn(definitions.R4), Base: s.base, Policy: records.DefaultPolicy(), Audit: openAudit(db, s.base),
	})
	if err != nil {
		t.Fatal(err)
	}
	var role []access.Role
	for _, r := range access.ShippedRoles() {
		if r.Name == "nurse" {
			role = append(role, r)
		}
	}
	s.start(web.Config{}, fhirapi.Config{
		Tenants: records.NewTenants(door), Version: "test",
		Authenticate: func(r *http.Request, d *records.Door) (*records.Session, error) {
			who := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
			p := records.Principal{ID: who, Agent: audit.Agent{User: who}}
			g := access.Grant{Scopes: smart.Scopes{"user/*.cruds"}, Asker: access.Asker{Exempt: true}}
			switch who {
			case "system":
			case "officer":
				p.Audits.All = true
			case "nurse":
				g.Asker = access.Asker{Actors: []string{"Practitioner/park"}, Purpose: "TREAT", Roles: role}
			case "parent":
				p.Audits.Patients = []fhir.ID{"maria"}
				g = access.Grant{Scopes: smart.Scopes{"patient/*.rs"}, Patient: "maria", Asker: access.Asker{Actors: []string{"RelatedPerson/parent"}, Purpose: "FAMRQT"}}
			default:
				return nil, fault.New(fault.Unauthenticated, fault.CodeLogin, "", "no token")
			}
			rules, err := d.Rules(r.Context(), g)
			if err != nil {
				return nil, err
			}
			return d.Session(p, rules), nil
		},
		OAuth: func(*records.Door) fhirapi.OAuth { return fhirapi.OAuth{} },
	})
	s.do("PUT", "/Practitioner/park", `{"resourceType":"Practitioner","id":"park"}`, as("system")...).want(201)
	s.do("PUT", "/Patient/maria", `{"resourceType":"Patient","id":"maria"}`, as("system")...).want(201)
	s.do("PUT", "/RelatedPerson/parent", `{"resourceType":"RelatedPerson","id":"parent","patient":{"reference":"Patient/maria"}}`, as("system")...).want(201)
	for _, id := range []string{"open", "secret"} {
		s.do("PUT", "/Observation/"+id, `{"resourceType":"Observation","id":"`+id+`","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/maria"}}`, as("system")...).want(201)
	}
	return s
}

// consent has maria permit all but to an actor the Observation secret, and that Consent.
func (s *server) consent(id, actor string) {
	s.t.Helper()
	s.do("PUT", "/Consent/"+id, `{"resourceType":"Consent","id":"`+id+`","status":"active","scope":{"coding":[{"code":"patient-privacy"}]},"category":[{"text":"privacy"}],
		"policy":[{"uri":"https://policy.example"}],"patient":{"reference":"Patient/maria"},"dateTime":"2024-05-01","provision":{"type":"permit","provision":[{"type":"deny",
		"actor":[{"role":{"text":"recipient"},"reference":{"reference":"`+actor+`"}}],"data":[{"meaning":"instance","reference":{"reference":"Observation/secret"}},
		{"meaning":"instance","reference":{"reference":"Consent/`+id+`"}}]}]}}`, as("system")...).want(201)
}

// audited are the AuditEvents that a search shows to somebody, the oldest first.
func (s *server) audited(who, query string) (all []auditEvent) {
	s.t.Helper()
	a := s.do("GET", "/AuditEvent?_sort=date&_count=1000&"+query, "", as(who)...)
	a.want(200)
	var bundle struct {
		Entry []struct{ Resource auditEvent }
	}
	if err := json.Unmarshal([]byte(a.body), &bundle); err != nil {
		s.t.Fatal(err)
	}
	for _, e := range bundle.Entry {
		all = append(all, e.Resource)
	}
	return all
}

type auditEvent struct {
	ID          string
	OutcomeDesc string
	Agent       []struct{ Policy []string }
	Entity      []struct {
		What   struct{ Reference string }
		Type   struct{ System, Code string }
		Detail []struct{ Type, ValueString string }
	}
}

// names says whether an entity of an event refers to a resource, in whatever version.
func (e *auditEvent) names(reference string) bool {
	for _, one := range e.Entity {
		if key, _, _ := strings.Cut(one.What.Reference, "/_history"); key == reference {
			return true
		}
	}
	return false
}

func TestAnAuditEventNamesTheRuleAndTheConsentThatDecided(t *testing.T) {
	s := governed(t)
	s.consent("c1", "Practitioner/park")
	s.do("GET", "/Observation/open", "", as("nurse")...).want(200)
	all := s.audited("officer", "entity=Observation/open&agent=nurse")
	if len(all) != 1 {
		t.Fatalf("%d events", len(all))
	}
	e := all[0]
	consents := 0
	for _, one := range e.Entity {
		if one.What.Reference == "Consent/c1/_history/1" && one.Type.System == "http://hl7.org/fhir/resource-types" && one.Type.Code == "Consent" {
			consents++
		}
	}
	if consents != 1 || !strings.Contains(e.OutcomeDesc, "user/*.cruds, role nurse rules[0]") {
		t.Errorf("%d consents, %s", consents, e.OutcomeDesc)
	}
	if user := e.Agent[len(e.Agent)-1]; !slices.Contains(user.Policy, "https://ingle.health/fhir/role/nurse#rules-0") {
		t.Errorf("the policies of the user: %v", user.Policy)
	}
}

func TestARefusalNamesWhatHidTheResourceToWhoReadsTheWholeLog(t *testing.T) {
	s := governed(t)
	s.consent("c1", "Practitioner/park")
	missing := s.do("GET", "/Observation/missing", "", as("nurse")...)
	hidden := s.do("GET", "/Observation/secret", "", as("nurse")...)
	missing.want(404)
	hidden.want(404)
	var found []auditEvent
	for range 6000 { // it is told when the answer has left
		if found = s.audited("officer", "entity=Consent/c1&agent=nurse"); len(found) > 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if len(found) != 1 || !found[0].names("Observation/secret") || !found[0].names("Consent/c1") || !found[0].names("Patient/maria") {
		t.Fatalf("%+v", found)
	}
	// By her name it is found, with what is not there, by who reads the whole log alone.
	s.do("GET", "/Patient/none", "", as("nurse")...).want(404)
	for range 6000 {
		if found = s.audited("officer", "patient=none&agent=nurse"); len(found) > 1 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if len(found) != 2 || !found[0].names("Patient/none") || !found[1].names("Patient/none") {
		t.Errorf("of somebody who is not there: %+v", found)
	}
	if found = s.audited("officer", "patient=maria&agent=nurse"); len(found) != 1 || !found[0].names("Observation/secret") {
		t.Errorf("by her name: %+v", found)
	}
	if found = s.audited("parent", "agent=nurse"); len(found) != 0 {
		t.Errorf("who may not read the whole log is told of %+v", found)
	}
	s.do("DELETE", "/Observation/open", "", as("nurse")...).want(403)
	refused := s.audited("officer", "action=D&outcome=4&agent=nurse")
	if len(refused) != 1 || !strings.Contains(refused[0].OutcomeDesc, "insufficient_scope, no rule of role nurse") {
		t.Errorf("%+v", refused)
	}
}

// Whoever reads the own events can count what lies between them.
func TestWhatIsMissingHasAsManyEventsAsWhatIsHidden(t *testing.T) {
	s := governed(t)
	s.consent("c1", "Practitioner/park")
	before := 0
	for _, ask := range [][2]string{
		{"GET", "/Observation/%s"}, {"GET", "/Observation/%s/_history/1"}, {"PATCH", "/Observation/%s"}, {"PUT", "/Observation/%s"},
	} {
		for _, id := range []string{"secret", "missing"} {
			path, body, head := fmt.Sprintf(ask[1], id), "", as("nurse")
			switch ask[0] {
			case "PATCH":
				body, head = `[{"op":"replace","path":"/status","value":"amended"}]`, append(head, "Content-Type", "application/json-patch+json")
			case "PUT":
				body, head = fmt.Sprintf(`{"resourceType":"Observation","id":%q,"status":"final","code":{"text":"x"},"subject":{"reference":"Patient/none"}}`, id), append(head, "If-Match", `W/"1"`)
			}
			if a := s.do(ask[0], path, body, head...); a.StatusCode < 400 {
				t.Fatalf("%s %s: %d", ask[0], path, a.StatusCode)
			}
			events := 0
			for range 6000 { // the second is recorded when the answer has left
				if events = len(s.audited("officer", "agent=nurse")) - before; events >= 2 {
					break
				}
				time.Sleep(10 * time.Millisecond)
			}
			if events != 2 {
				t.Errorf("%s %s has %d events", ask[0], path, events)
			}
			before += events
		}
	}
}

func TestAnAuditEventTellsNobodyOfAConsentThatIsHidden(t *testing.T) {
	s := governed(t)
	s.consent("c1", "RelatedPerson/parent")
	s.consent("c2", "Practitioner/park")
	s.do("GET", "/Observation?patient=maria", "", as("parent")...).want(200)
	s.do("GET", "/Observation/secret", "", as("parent")...).want(404)
	s.do("GET", "/Consent/c1", "", as("parent")...).want(404)
	s.do("GET", "/Observation?patient=maria", "", as("nurse")...).want(200)
	if whole := s.audited("officer", "entity=Consent/c1&agent=parent"); len(whole) == 0 {
		t.Error("no event names the consent that counted")
	}
	own := s.audited("parent", "")
	others := false
	for _, e := range own {
		if e.names("Consent/c1") || e.names("Observation/secret") || strings.Contains(e.OutcomeDesc, "hidden") {
			t.Errorf("an event tells of what is hidden: %+v", e)
		}
		others = others || e.names("Consent/c2")
		a := s.do("GET", "/AuditEvent/"+e.ID, "", as("parent")...)
		a.want(200)
		proof := s.do("GET", "/AuditEvent/"+e.ID+"/$proof", "", as("parent")...)
		proof.want(200)
		if strings.Contains(a.body+proof.body, "Consent/c1") {
			t.Errorf("an event or its proof tells of what is hidden: %s %s", a.body, proof.body)
		}
	}
	if len(own) == 0 || !others {
		t.Errorf("of %d events none names the consent that may be seen", len(own))
	}
	for _, query := range []string{"entity=Consent/c1", "entity=Observation/secret&agent=parent"} {
		if found := s.audited("parent", query); len(found) > 0 {
			t.Errorf("%s finds %+v", query, found)
		}
	}
}

func TestAnAuditEventTellsNobodyOfSomethingHiddenThatWasDeleted(t *testing.T) {
	s := governed(t)
	const hiv = `{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"HIV"}`
	s.do("PUT", "/Observation/secret", `{"resourceType":"Observation","id":"secret","meta":{"security":[`+hiv+`]},"status":"final","code":{"text":"x"},"subject":{"reference":"Patient/maria"}}`, as("system")...).want(200)
	s.do("PUT", "/Consent/c1", `{"resourceType":"Consent","id":"c1","status":"active","scope":{"coding":[{"code":"patient-privacy"}]},"category":[{"text":"privacy"}],"policy":[{"uri":"https://policy.example"}],
		"patient":{"reference":"Patient/maria"},"provision":{"type":"permit","provision":[{"type":"deny","securityLabel":[`+hiv+`]}]}}`, as("system")...).want(201)
	for _, id := range []string{"secret", "open"} {
		s.do("DELETE", "/Observation/"+id, "", as("system")...).want(204)
	}
	s.do("GET", "/Observation/secret", "", as("parent")...).want(404)
	s.do("GET", "/Observation/open", "", as("parent")...).want(410)
	open := 0
	for _, e := range s.audited("parent", "") {
		if e.names("Observation/secret") {
			t.Errorf("an event tells of what is hidden: %+v", e)
		}
		if e.names("Observation/open") {
			open++
		}
	}
	if open != 2 {
		t.Errorf("%d events of what may be seen", open)
	}
}
