package fhirapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/internal/placetest"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/fhirapi"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
)

// audited has a server record events.
func audited(_ *records.Policy, _ *web.Config, c *records.Config) {
	c.Audit = openAudit(c.Store, c.Base)
}

func openAudit(s store.Audit, base string) *audit.Log {
	log, err := audit.Open(context.Background(), audit.Config{Store: s, Secret: placetest.Plain{}, Origin: base, SealEvery: time.Hour})
	if err != nil {
		panic(err)
	}
	return log
}

// events are all AuditEvents that the server shows, the oldest first.
func (s *server) events(headers ...string) []map[string]any {
	s.t.Helper()
	a := s.do("GET", "/AuditEvent?_sort=date&_count=1000", "", headers...)
	a.want(200)
	var bundle struct {
		Entry []struct{ Resource map[string]any }
	}
	if err := json.Unmarshal([]byte(a.body), &bundle); err != nil {
		s.t.Fatal(err)
	}
	var all []map[string]any
	for _, e := range bundle.Entry {
		all = append(all, e.Resource)
	}
	return all
}

func TestEveryRouteLeavesAnEvent(t *testing.T) {
	s := newServer(t, audited)
	s.do("PUT", "/Patient/p", `{"resourceType":"Patient","id":"p"}`).want(201)
	paths := map[string]string{
		"system": "/", "metadata": "/metadata", "systemSearch": "/_search", "history": "/Patient/p/_history", "typ": "/Patient", "typeSearch": "/Patient/_search",
		"instance": "/Patient/p", "version": "/Patient/p/_history/1", "compartment": "/Patient/p/Observation", "compartmentSearch": "/Patient/p/Observation/_search",
	}
	seen := 0
	for _, r := range fhirapi.Routes() {
		path := paths[r.Shape]
		if r.Shape == "operation" {
			switch typ := append(r.Types, "Patient")[0]; {
			case r.System && typ == "":
				path = "/$" + r.Name
			case r.System && len(r.Types) == 0:
				path = "/$" + r.Name
			case r.Typed:
				path = "/" + typ + "/$" + r.Name
			case r.Instance:
				path = "/" + typ + "/p/$" + r.Name
			case r.System:
				path = "/$" + r.Name
			}
		}
		if path == "" {
			t.Fatalf("nothing is known of the route %+v", r)
		}
		if r.Name == "capabilities" {
			continue // open to all, and no pass through the door
		}
		id := fmt.Sprintf("route-%d", seen)
		seen++
		a := s.do(r.Method, path, "", "X-Request-Id", id)
		found := s.eventsOf(id)
		if len(found) == 0 {
			t.Errorf("%s %s (%d) leaves no event", r.Method, path, a.StatusCode)
			continue
		}
		want := "0"
		if a.StatusCode >= 500 {
			want = "8"
		} else if a.StatusCode >= 400 {
			want = "4"
		}
		if got := found[0]["outcome"]; got != want {
			t.Errorf("%s %s: %d has the outcome %v", r.Method, path, a.StatusCode, got)
		}
	}
	if seen < 50 {
		t.Errorf("%d routes are few", seen)
	}
}

// eventsOf are the events of a request.
func (s *server) eventsOf(id string) (found []map[string]any) {
	s.t.Helper()
	for _, e := range s.events() {
		if text := fmt.Sprint(e["entity"]); strings.Contains(text, "value:"+id+"]") {
			found = append(found, e)
		}
	}
	return found
}

// touches are the references that the entities of events have.
func touches(events []map[string]any) (all []string) {
	for _, e := range events {
		list, _ := e["entity"].([]any)
		for _, one := range list {
			what, _ := one.(map[string]any)["what"].(map[string]any)
			if ref, ok := what["reference"].(string); ok {
				all = append(all, ref)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func TestAnEventNamesWhatWasTouchedAndWhose(t *testing.T) {
	s := newServer(t, audited)
	bundle := `{"resourceType":"Bundle","type":"transaction","entry":[` + strings.Join([]string{
		entryOf("Patient/maria", `{"resourceType":"Patient","id":"maria"}`), entryOf("Patient/walter", `{"resourceType":"Patient","id":"walter"}`),
		entryOf("Organization/o", `{"resourceType":"Organization","id":"o","name":"Clinic"}`),
		entryOf("Encounter/e", `{"resourceType":"Encounter","id":"e","status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/maria"},"serviceProvider":{"reference":"Organization/o"}}`),
		entryOf("Appointment/a", `{"resourceType":"Appointment","id":"a","status":"booked","participant":[{"status":"accepted","actor":{"reference":"Patient/walter"}}],"start":"2026-03-01T08:00:00Z","end":"2026-03-01T08:10:00Z"}`),
		entryOf("Observation/x", `{"resourceType":"Observation","id":"x","status":"final","code":{"text":"x"},"subject":{"reference":"`+s.base+`/Patient/maria"},"performer":[{"reference":"Patient/walter"}]}`),
	}, ",") + `]}`
	for n, c := range []struct {
		method, path, body string
		want               []string
	}{
		{"POST", "/", bundle, []string{"Appointment/a/_history/1", "Encounter/e/_history/1", "Observation/x/_history/1", "Organization/o/_history/1",
			"Patient/maria", "Patient/maria/_history/1", "Patient/walter", "Patient/walter/_history/1"}},
		{"GET", "/Observation/x", "", []string{"Observation/x/_history/1", "Patient/maria"}},
		{"GET", "/Encounter?_include=Encounter:service-provider", "", []string{"Encounter/e/_history/1", "Organization/o/_history/1", "Patient/maria"}},
		{"GET", "/Observation?patient=walter", "", []string{"Patient/walter"}},
		{"GET", "/Patient/gone", "", []string{"Patient/gone"}},
		{"GET", "/Patient/walter/$everything", "", []string{"Appointment/a/_history/1", "Observation/x/_history/1", "Patient/maria", "Patient/walter", "Patient/walter/_history/1"}},
		{"PUT", "/Organization/o", `{"resourceType":"Organization","id":"o","name":"Clinic 2"}`, []string{"Organization/o/_history/2"}},
		{"DELETE", "/Appointment/a", "", []string{"Appointment/a/_history/2", "Patient/walter"}},
		{"GET", "/Organization/o/_history", "", []string{"Organization/o/_history/2"}},
		{"GET", "/Observation?_summary=count&subject=Patient/maria", "", []string{"Patient/maria"}},
		{"POST", "/Observation/_search", "patient=maria", []string{"Observation/x/_history/1", "Patient/maria"}},
		{"GET", "/$graphql?query={Observation(id:%22x%22){status,subject{resource{...on%20Patient{id}}}}}", "", []string{"Observation/x/_history/1", "Patient/maria", "Patient/maria/_history/1"}},
		{"POST", "/$fhirpath?expression=Observation.subject.resolve().id", `{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/maria"}}`, []string{"Patient/maria", "Patient/maria/_history/1"}},
	} {
		id := fmt.Sprintf("touch-%d", n)
		headers := []string{"X-Request-Id", id}
		if strings.HasSuffix(c.path, "_search") {
			headers = append(headers, "Content-Type", "application/x-www-form-urlencoded")
		}
		a := s.do(c.method, c.path, c.body, headers...)
		if diff := cmp.Diff(c.want, touches(s.eventsOf(id))); diff != "" {
			t.Errorf("%s %s: %d %.200s\n%s", c.method, c.path, a.StatusCode, a.body, diff)
		}
	}
}

func entryOf(reference, resource string) string {
	return `{"resource":` + resource + `,"request":{"method":"PUT","url":"` + reference + `"}}`
}

// guardedLog is a server with tokens: officer, patient (of Patient/maria), clerk,
// app.
func guardedLog(t *testing.T, wrap func(store.Audit) store.Audit) (*server, *bytes.Buffer) {
	t.Helper()
	s := &server{t: t, base: "https://ehr.example/fhir"}
	db := openStore(t)
	var kept store.Audit = db
	if wrap != nil {
		kept = wrap(db)
	}
	door, err := records.Open(context.WithoutCancel(t.Context()), records.Config{
		Store: db, Definitions: definitions.MustBuiltIn(definitions.R4), Base: s.base, Policy: records.DefaultPolicy(), Audit: openAudit(kept, s.base),
	})
	if err != nil {
		t.Fatal(err)
	}
	out := &bytes.Buffer{}
	log := slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s.start(web.Config{Log: log}, fhirapi.Config{
		Tenants: records.NewTenants(door), Version: "test", Log: log,
		Authenticate: func(r *http.Request, d *records.Door) (*records.Session, error) {
			who, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
			p := records.Principal{ID: who, Agent: audit.Agent{User: who}}
			g := access.Grant{Scopes: smart.Scopes{"user/*.cruds"}}
			switch who {
			case "officer":
				p.Audits.All = true
			case "doctor":
				p.Urgent = true
			case "maria":
				p.Audits.Patients = []fhir.ID{"maria"}
				g = access.Grant{Scopes: smart.Scopes{"patient/*.rs"}, Patient: "maria"}
			case "app":
				p.Agent = audit.Agent{Client: "app"}
				g.Scopes = smart.Scopes{"system/*.cruds"}
			case "clerk":
			default:
				ok = false
			}
			if !ok {
				return nil, fault.New(fault.Unauthenticated, fault.CodeLogin, "", "no token")
			}
			return d.Session(p, d.Ownership().Rules(g)), nil
		},
		OAuth: func(*records.Door) fhirapi.OAuth { return fhirapi.OAuth{} },
	})
	return s, out
}

func as(who string) []string { return []string{"Authorization", "Bearer " + who} }

func TestWhoMayReadTheLogReadsTheLogAndNobodyElse(t *testing.T) {
	s, _ := guardedLog(t, nil)
	for _, id := range []string{"maria", "walter"} {
		s.do("PUT", "/Patient/"+id, `{"resourceType":"Patient","id":"`+id+`"}`, as("clerk")...).want(201)
	}
	s.do("GET", "/Patient?_id=maria,walter", "", as("clerk")...).want(200)
	stored := `{"resourceType":"AuditEvent","id":"own","type":{"code":"rest"},"recorded":"2026-03-01T08:00:00Z","agent":[{"requestor":true}],"source":{"observer":{"display":"x"}}}`
	s.do("PUT", "/AuditEvent/own", stored, as("clerk")...).want(201)
	s.do("PUT", "/AuditEvent/log.0", strings.Replace(stored, "own", "log.0", 1), as("officer")...).want(405)
	s.do("DELETE", "/AuditEvent/log.0", "", as("officer")...).want(405)

	count := func(who, query string) int {
		t.Helper()
		a := s.do("GET", "/AuditEvent"+query, "", as(who)...)
		a.want(200)
		return strings.Count(a.body, `"fullUrl"`)
	}
	if n := count("officer", "?_count=1000"); n < 6 {
		t.Errorf("the officer sees %d events", n)
	}
	if n := count("officer", "?patient=walter"); n != 2 {
		t.Errorf("the officer sees %d events of walter", n)
	}
	if n := count("clerk", ""); n != 1 { // the one that was stored
		t.Errorf("the clerk sees %d AuditEvents", n)
	}
	if n := count("maria", "?patient=walter"); n != 0 {
		t.Errorf("maria sees %d events of walter", n)
	}
	a := s.do("GET", "/AuditEvent", "", as("maria")...)
	if n := strings.Count(a.body, `"fullUrl"`); n != 2 || strings.Contains(a.body, "walter") {
		t.Errorf("maria sees %d events: %s", n, a.body)
	}
	s.do("GET", "/AuditEvent/own", "", as("officer")...).want(200)
	for who, want := range map[string]int{"officer": 200, "clerk": 404, "maria": 404, "app": 404} {
		s.do("GET", "/AuditEvent/log.2.1", "", as(who)...).want(want) // walter's
		if want == 404 {
			s.do("GET", "/AuditEvent/log.2.1/$proof", "", as(who)...).want(want)
		}
	}
	s.do("GET", "/AuditEvent/log.2.0", "", as("maria")...).want(200)
	s.do("GET", "/AuditEvent/log.2.9", "", as("officer")...).want(404)
	s.do("GET", "/AuditEvent/log.99999", "", as("officer")...).want(404)
	s.do("GET", "/AuditEvent?code=1", "", as("officer")...).want(400)

	proof := s.do("GET", "/AuditEvent/log.2.0/$proof", "", as("maria")...)
	proof.want(200)
	if strings.Contains(proof.body, "walter") {
		t.Errorf("the proof tells of walter: %s", proof.body)
	}
	if e, err := audit.CheckProof([]byte(proof.body), nil); err != nil || e.Number != 2 || e.Patients[0].Key != "Patient/maria" {
		t.Errorf("%+v, %v", e, err)
	}
	// Paging: each event once.
	seen := map[string]bool{}
	for next := "/AuditEvent?_count=2&_sort=date"; next != ""; {
		page := s.do("GET", next, "", as("officer")...)
		page.want(200)
		var bundle struct {
			Link  []struct{ Relation, URL string }
			Entry []struct{ FullURL string }
		}
		if err := json.Unmarshal([]byte(page.body), &bundle); err != nil {
			t.Fatal(err)
		}
		for _, e := range bundle.Entry {
			if seen[e.FullURL] {
				t.Errorf("%s comes twice", e.FullURL)
			}
			seen[e.FullURL] = true
		}
		next = ""
		for _, l := range bundle.Link {
			if l.Relation == "next" && len(seen) < 20 {
				next = strings.TrimPrefix(l.URL, s.base)
			}
		}
	}
	if len(seen) < 15 {
		t.Errorf("%d events on all pages", len(seen))
	}
}

func TestRefusalsAreRecordedWithTheReasonAndWithoutSecrets(t *testing.T) {
	s, out := guardedLog(t, nil)
	for _, c := range []struct {
		path, who string
		status    int
		why       string
	}{
		{"/Patient/p?access_token=s3cret", "nobody-s3cret", 401, "login"},
		{"/Patient/maria", "maria", 404, "not-found"},
		{"/Practitioner?name=x&access_token=s3cret", "clerk", 400, "not-supported"},
		{"/Nothing", "clerk", 404, "not-supported"},
		{"/Patient/p/a/b/c/d/e", "clerk", 404, "not-found"},
	} {
		s.do("GET", c.path, "", as(c.who)...).want(c.status)
		// What was hidden from maria is recorded beside what follows, so that it may come after that.
		a := s.do("GET", "/AuditEvent?_count=2", "", as("officer")...)
		a.want(200)
		var bundle struct {
			Entry []struct{ Resource json.RawMessage }
		}
		if err := json.Unmarshal([]byte(a.body), &bundle); err != nil {
			t.Fatal(err)
		}
		recorded := false
		for _, e := range bundle.Entry {
			one := string(e.Resource)
			recorded = recorded || strings.Contains(one, "because of "+c.why) && strings.Contains(one, fmt.Sprintf("HTTP %d", c.status)) && strings.Contains(one, `"outcome":"4"`)
		}
		if !recorded {
			t.Errorf("%s: %s", c.path, a.body)
		}
		if strings.Contains(a.body, "s3cret") {
			t.Errorf("%s: a secret is in the audit log: %s", c.path, a.body)
		}
	}
	if strings.Contains(out.String(), "s3cret") {
		t.Errorf("a secret is in the ordinary log: %s", out)
	}
}

func TestTheAccountingLeavesOutTreatmentPaymentAndOperations(t *testing.T) {
	s, _ := guardedLog(t, nil)
	s.do("PUT", "/Patient/maria", `{"resourceType":"Patient","id":"maria"}`, as("clerk")...).want(201)
	s.do("GET", "/Patient/maria", "", as("app")...).want(200)
	s.do("GET", "/Patient/maria", "", as("clerk")...).want(200)
	a := s.do("GET", "/Patient/maria/$accounting", "", as("maria")...)
	a.want(200)
	if n := strings.Count(a.body, `"resourceType":"AuditEvent"`); n != 1 || !strings.Contains(a.body, `"value":"app"`) {
		t.Errorf("%d disclosures: %s", n, a.body)
	}
	s.do("GET", "/Patient/maria/$accounting", "", as("clerk")...).want(403)
	s.do("GET", "/Patient/walter/$accounting", "", as("maria")...).want(404)
	for _, query := range []string{"x=1", "_count=0", "_count=many", "_count=1&_count=2"} {
		s.do("GET", "/Patient/maria/$accounting?"+query, "", as("maria")...).want(400)
	}
}

// Whatever is asked and however it fails, the ordinary log names no patient, no
// value and no token.
func TestTheOrdinaryLogHoldsNoSecretAndNothingClinical(t *testing.T) {
	var b *broken
	s, out := guardedLog(t, func(a store.Audit) store.Audit { b = &broken{Audit: a}; return b })
	patient := `{"resourceType":"Patient","id":"zz-id","name":[{"family":"Zzfamily"}],"birthDate":"1950-02-03"}`
	ask := func() {
		for _, c := range [][3]string{
			{"PUT", "/Patient/zz-id", patient}, {"GET", "/Patient/zz-id", ""}, {"GET", "/Patient?family=Zzfamily&_include=*", ""}, {"GET", "/Patient/zz-id/$everything", ""},
			{"POST", "/Patient/_search", "family=Zzfamily"}, {"PATCH", "/Patient/zz-id", `[{"op":"replace","path":"/name/0/family","value":"Zzfamily2"}]`},
			{"POST", "/", `{"resourceType":"Bundle","type":"batch","entry":[` + entryOf("Patient/zz-id", patient) + `]}`},
			{"PUT", "/Patient/zz-id", strings.Replace(patient, "1950-02-03", "Zzdate", 1)}, {"POST", "/Observation", `{"resourceType":"Observation","zzmember":"Zzvalue"}`},
			{"GET", "/Patient?zzparameter=Zzvalue", ""}, {"GET", "/Zztype/zz-id", ""}, {"GET", "/$fhirpath?expression=Patient.zzz(%27Zzvalue%27)&context=Patient/zz-id", ""},
			{"GET", "/$graphql?query={Patient(id:%22zz-id%22){zzfield}}", ""}, {"DELETE", "/Patient/zz-id", ""}, {"GET", "/Patient/zz-id", ""},
		} {
			for _, who := range []string{"doctor", "maria", "zz-token"} {
				headers := append(as(who), "X-Provenance", `{"resourceType":"Provenance","zz":"Zzvalue"}`)
				if c[0] == "GET" {
					headers = as(who)
				}
				if strings.HasSuffix(c[1], "_search") {
					headers = append(as(who), "Content-Type", "application/x-www-form-urlencoded")
				}
				s.do(c[0], c[1], c[2], headers...)
				if c[0] != "GET" {
					s.do(c[0], c[1], c[2], as(who)...)
				}
			}
		}
	}
	ask()
	b.set(errors.New("broken"), 0, 0) // and when everything fails
	ask()
	b.set(nil, 0, 0)
	if n := strings.Count(out.String(), "msg=request"); n < 100 {
		t.Errorf("%d requests are logged", n)
	}
	for line := range strings.Lines(out.String()) {
		if lower := strings.ToLower(line); strings.Contains(lower, "zz") || strings.Contains(lower, "1950-02") || strings.Contains(lower, "bearer") {
			t.Errorf("the ordinary log has %s", line)
		}
	}
}
