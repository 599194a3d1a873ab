package fhirapi_test

import (
	"strings"
	"testing"
)

const family = `{"resourceType":"Bundle","type":"transaction","entry":[
 {"fullUrl":"urn:uuid:00000000-0000-4000-8000-000000000002","resource":{"resourceType":"Observation","status":"final","code":{"text":"weight"},"subject":{"reference":"urn:uuid:00000000-0000-4000-8000-000000000001"}},"request":{"method":"POST","url":"Observation"}},
 {"fullUrl":"urn:uuid:00000000-0000-4000-8000-000000000001","resource":{"resourceType":"Patient","identifier":[{"system":"urn:mrn","value":"77"}],"name":[{"family":"Family"}]},"request":{"method":"POST","url":"Patient","ifNoneExist":"identifier=urn:mrn|77"}},
 {"request":{"method":"GET","url":"Patient?family=family"}}]}`

func TestATransactionIsAnsweredEntryByEntry(t *testing.T) {
	s := newServer(t)
	b := s.do("POST", "/", family).want(200).bundle()
	if b.Type != "transaction-response" || len(b.Entry) != 3 {
		t.Fatalf("%+v", b)
	}
	for i, prefix := range []string{s.base + "/Observation/", s.base + "/Patient/"} {
		r := b.Entry[i].Response
		if r.Status != "201 Created" || !strings.HasPrefix(r.Location, prefix) || !strings.HasSuffix(r.Location, "/_history/1") || r.Etag != `W/"1"` {
			t.Errorf("entry %d: %+v", i, r)
		}
	}
	if !strings.Contains(string(b.Entry[0].Resource), `"reference":"Patient/`) {
		t.Errorf("the reference is not resolved: %s", b.Entry[0].Resource)
	}
	if r := b.Entry[2]; r.Response.Status != "200 OK" || !strings.Contains(string(r.Resource), `"type":"searchset"`) || !strings.Contains(string(r.Resource), "Family") {
		t.Errorf("the search: %s", r.Resource)
	}
	again := s.do("POST", "/", family, "Prefer", "return=minimal").want(200).bundle()
	if again.Entry[1].Response.Status != "200 OK" || again.Entry[1].Resource != nil {
		t.Errorf("again: %+v", again.Entry[1])
	}
	s.do("POST", "/", family, "Accept", "application/fhir+xml").want(200).has(`<type value="transaction-response"/>`)
}

func TestNothingStaysOfATransactionWithABadEntry(t *testing.T) {
	s := newServer(t)
	for name, bad := range map[string]string{
		"invalid resource":   `{"resource":{"resourceType":"Patient","gender":"woman"},"request":{"method":"POST","url":"Patient"}}`,
		"dangling reference": `{"resource":{"resourceType":"Patient","managingOrganization":{"reference":"Organization/none"}},"request":{"method":"POST","url":"Patient"}}`,
		"wrong version":      `{"resource":{"resourceType":"Patient","id":"x"},"request":{"method":"PUT","url":"Patient/x","ifMatch":"W/\"4\""}}`,
		"no request":         `{"resource":{"resourceType":"Patient"}}`,
		"unknown type":       `{"request":{"method":"DELETE","url":"Patiant/1"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			a := s.do("POST", "/", strings.Replace(family, `{"request":{"method":"GET","url":"Patient?family=family"}}`, bad, 1))
			a.t = t
			if a.StatusCode < 400 || a.StatusCode >= 500 {
				t.Errorf("status %d", a.StatusCode)
			}
			a.has("Bundle.entry[2]")
			if b := s.get("/?_type=Patient,Observation").bundle(); len(b.Entry) != 0 {
				t.Errorf("%d resources stayed", len(b.Entry))
			}
		})
	}
}

func TestABatchFailsByEntry(t *testing.T) {
	s := newServer(t)
	s.put("/Patient/alice", alice)
	b := s.do("POST", "/", `{"resourceType":"Bundle","type":"batch","entry":[
		{"request":{"method":"GET","url":"Patient/alice"}},
		{"request":{"method":"GET","url":"Patient/none"}},
		{"resource":{"resourceType":"Patient","gender":"woman"},"request":{"method":"POST","url":"Patient"}},
		{"resource":{"resourceType":"Patient","id":"new"},"request":{"method":"PUT","url":"Patient/new"}},
		{"request":{"method":"GET","url":"metadata"}},
		{"request":{"method":"GET","url":"Patient/alice/$validate"}},
		{"request":{"method":"GET","url":"Patient/alice/_history"}},
		{"request":{"method":"GET","url":"Patient/alice/$nonsense"}}]}`).want(200).bundle()
	if b.Type != "batch-response" {
		t.Error(b.Type)
	}
	for i, want := range []struct{ status, resource, outcome string }{
		{"200 OK", "Archer", ""}, {"404 Not Found", "", "not-found"}, {"422 Unprocessable Entity", "", "Bundle.entry[2].resource.gender"}, {"201 Created", `"id":"new"`, ""},
		{"200 OK", "CapabilityStatement", ""}, {"200 OK", "OperationOutcome", ""}, {"200 OK", `"type":"history"`, ""}, {"404 Not Found", "", "nonsense"},
	} {
		e := b.Entry[i]
		if e.Response.Status != want.status || !strings.Contains(string(e.Resource), want.resource) || !strings.Contains(string(e.Response.Outcome), want.outcome) {
			t.Errorf("entry %d: %s, outcome %s, resource %.200s", i, e.Response.Status, e.Response.Outcome, e.Resource)
		}
	}
}

func TestAnOperationThatIsNoneInABatchFailsByEntry(t *testing.T) {
	s := newServer(t)
	s.do("PUT", "/Patient/p", `{"resourceType":"Patient","id":"p"}`).want(201)
	for request, want := range map[string]string{
		`"method":"DELETE","url":"Patient/p/$everything"`:  "405 Method Not Allowed",
		`"method":"POST","url":"metadata"`:                 "405 Method Not Allowed",
		`"method":"GET","url":"Patient/p/$nothing"`:        "404 Not Found",
		`"method":"GET","url":"Patient/p/$validate?x=1"`:   "400 Bad Request",
		`"method":"GET","url":"Patient/p/$everything"`:     "200 OK",
		`"method":"GET","url":"metadata?mode=terminology"`: "200 OK",
	} {
		a := s.do("POST", "/", `{"resourceType":"Bundle","type":"batch","entry":[{"request":{`+request+`}}]}`).want(200)
		if !strings.Contains(a.body, `"status":"`+want+`"`) {
			t.Errorf("%s: %s", request, a.body)
		}
	}
}

func TestOnlyABatchOrTransactionCanBePostedToTheBase(t *testing.T) {
	s := newServer(t)
	s.do("POST", "/", alice).want(400)
	s.do("POST", "/", `{"resourceType":"Bundle","type":"collection"}`).want(422).has("Bundle.type")
	s.do("POST", "/", `{"resourceType":"Bundle","type":"transaction"}`).want(200)
}

func TestAReadInABatchTakesTheParametersOfARead(t *testing.T) {
	s := newServer(t)
	s.put("/Patient/alice", alice)
	s.put("/Patient/alice", strings.Replace(alice, "Archer", "Baker", 1))
	b := s.do("POST", "/", `{"resourceType":"Bundle","type":"batch","entry":[
		{"request":{"method":"GET","url":"Patient/alice?_elements=gender&_format=xml"}},
		{"request":{"method":"GET","url":"Patient/alice?_summary=count"}},
		{"request":{"method":"GET","url":"Patient/alice?name=x"}},
		{"request":{"method":"GET","url":"Patient?name=baker&_format=json"}},
		{"request":{"method":"GET","url":"Patient/alice/_history?_count=1"}},
		{"request":{"method":"GET","url":"metadata?mode=terminology"}},
		{"resource":{"resourceType":"Patient"},"request":{"method":"POST","url":"Patient/_search?name=x"}}]}`).want(200).bundle()
	for i, want := range []struct{ status, text string }{
		{"200 OK", "SUBSETTED"}, {"400 Bad Request", "true, text, data or false"}, {"400 Bad Request", "a read has no parameter"},
		{"200 OK", "Baker"}, {"200 OK", "/_history?_count=1&_cursor="}, {"200 OK", "TerminologyCapabilities"}, {"400 Bad Request", "is a GET"},
	} {
		e := b.Entry[i]
		if e.Response.Status != want.status || !strings.Contains(string(e.Resource)+string(e.Response.Outcome), want.text) {
			t.Errorf("entry %d: %s, outcome %s, resource %.200s", i, e.Response.Status, e.Response.Outcome, e.Resource)
		}
	}
	if strings.Contains(string(b.Entry[0].Resource), "Baker") {
		t.Errorf("_elements=gender: %s", b.Entry[0].Resource)
	}
}

func TestAHistoryInABundleTakesTheParametersOfAHistory(t *testing.T) {
	s := newServer(t)
	s.put("/Patient/alice", alice)
	for _, kind := range []string{"batch", "transaction"} {
		b := s.do("POST", "/", `{"resourceType":"Bundle","type":"`+kind+`","entry":[
			{"request":{"method":"GET","url":"Patient/alice/_history?_elements=gender"}},
			{"request":{"method":"GET","url":"_history?_summary=data&_since=2001"}},
			{"request":{"method":"GET","url":"_history?_elements=gender"}},
			{"request":{"method":"GET","url":"Patient/_history?_summary=count"}}]}`).want(200).bundle()
		for i, e := range b.Entry[:3] {
			if got := string(e.Resource); e.Response.Status != "200 OK" || !strings.Contains(got, "female") || strings.Contains(got, "SUBSETTED") != (i != 1) || strings.Contains(got, "Archer") != (i == 1) {
				t.Errorf("%s, entry %d: %s %s", kind, i, e.Response.Status, got)
			}
		}
		if got := string(b.Entry[3].Resource); !strings.Contains(got, `"total":1`) || strings.Contains(got, `"entry"`) {
			t.Errorf("%s, _summary=count: %s", kind, got)
		}
	}
	for query, want := range map[string]string{"_sort=date": "a history has no parameter", "_summary=half": "true, text, data or false", "_summary=true&_summary=true": "given twice", "_elements=x": "no element"} {
		b := s.do("POST", "/", `{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"GET","url":"Patient/_history?`+query+`"}}]}`).want(200).bundle()
		if e := b.Entry[0]; e.Response.Status != "400 Bad Request" || !strings.Contains(string(e.Response.Outcome), want) {
			t.Errorf("%s: %+v", query, e.Response)
		}
	}
}

func TestAnIdentifierThatIsAUUIDStaysInATransaction(t *testing.T) {
	s := newServer(t)
	const uuid = "urn:uuid:00000000-0000-4000-8000-000000000001"
	b := s.do("POST", "/", `{"resourceType":"Bundle","type":"transaction","entry":[{"fullUrl":"`+uuid+`","resource":{"resourceType":"Patient",
		"extension":[{"url":"http://x.org/a","valueUuid":"`+uuid+`"},{"url":"http://x.org/b","valueUri":"`+uuid+`"}]},"request":{"method":"POST","url":"Patient"}}]}`).want(200).bundle()
	got := string(b.Entry[0].Resource)
	if !strings.Contains(got, `"valueUuid":"`+uuid) || !strings.Contains(got, `"valueUri":"Patient/`) {
		t.Error(got)
	}
}

func TestEveryWriteInABundleTellsItsOutcomeWhenAsked(t *testing.T) {
	s := newServer(t)
	b := s.do("POST", "/", family, "Prefer", "return=OperationOutcome").want(200).bundle()
	for i := range 2 {
		if e := b.Entry[i]; e.Resource != nil || !strings.Contains(string(e.Response.Outcome), "All OK") {
			t.Errorf("entry %d: %+v", i, e)
		}
	}
}
