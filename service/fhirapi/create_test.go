package fhirapi_test

import (
	"encoding/json"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

func TestACreateChoosesTheId(t *testing.T) {
	s := newServer(t)
	a := s.do("POST", "/Patient", alice).want(201).header("ETag", `W/"1"`)
	var p struct{ ID string }
	if err := json.Unmarshal([]byte(a.body), &p); err != nil || p.ID == "" || p.ID == "alice" {
		t.Fatalf("id %q, %v", p.ID, err)
	}
	a.header("Location", s.base+"/Patient/"+p.ID+"/_history/1")
	s.get("/Patient/" + p.ID).want(200).has("Archer")
}

func TestPreferSaysWhatAWriteReturns(t *testing.T) {
	s := newServer(t)
	s.do("POST", "/Patient", alice).want(201).has("Archer")
	s.do("POST", "/Patient", alice, "Prefer", "return=representation").want(201).has("Archer")
	if a := s.do("POST", "/Patient", alice, "Prefer", "return=minimal").want(201); a.body != "" || a.Header.Get("Location") == "" {
		t.Errorf("minimal: %q, Location %q", a.body, a.Header.Get("Location"))
	}
	s.do("POST", "/Patient", alice, "Prefer", "handling=strict, return=OperationOutcome").want(201).has("OperationOutcome", "information")
	s.do("PUT", "/Patient/alice", alice, "Prefer", `return="minimal"`).want(201).header("Location", s.base+"/Patient/alice/_history/1")
	s.do("PUT", "/Patient/alice", strings.Replace(alice, "Archer", "Baker", 1)).want(200).header("Content-Location", s.base+"/Patient/alice/_history/2")
}

func TestTheHostHeaderNeverMakesALink(t *testing.T) {
	s := newServer(t)
	a := s.do("POST", "/Patient", alice, "Host", "evil.example", "X-Forwarded-Host", "evil.example").want(201)
	if strings.Contains(a.Header.Get("Location"), "evil") {
		t.Error(a.Header.Get("Location"))
	}
	s.get("/Patient", "X-Forwarded-Host", "evil.example").want(200).hasNot("evil")
}

func TestAConditionalCreateMakesOneResource(t *testing.T) {
	s := newServer(t)
	s.do("POST", "/Patient", alice, "If-None-Exist", "identifier=urn:mrn|1").want(201)
	a := s.do("POST", "/Patient", alice, "If-None-Exist", "identifier=urn:mrn|1").want(200).has("Archer")
	if !strings.HasSuffix(a.Header.Get("Location"), "/_history/1") {
		t.Error("no location of the match")
	}
	s.do("POST", "/Patient", alice, "If-None-Exist", "Patient?identifier=urn:mrn|1").want(200)
	s.do("POST", "/Patient", alice, "If-None-Exist", s.base+"/Patient?identifier=urn:mrn|1").want(200)
	s.do("POST", "/Patient", alice, "If-None-Exist", "Observation?identifier=urn:mrn|1").want(400).has("are of Observation")
	s.do("POST", "/", strings.Replace(family, `"ifNoneExist":"`, `"ifNoneExist":"Observation?`, 1)).want(400).has("are of Observation", "Bundle.entry[1].request.ifNoneExist")
	s.do("POST", "/", strings.Replace(family, `"ifNoneExist":"`, `"ifNoneExist":"Patient?`, 1)).want(200)
	s.do("POST", "/Patient", alice).want(201)
	s.do("POST", "/Patient", alice, "If-None-Exist", "identifier=urn:mrn|1").want(412)
	s.do("POST", "/Patient", alice, "If-None-Exist", "?").want(400)
	s.do("POST", "/Patient", alice, "If-None-Exist", "").want(400).has("If-None-Exist holds no search criteria")
	s.do("POST", "/Patient", alice, "If-None-Exist", "nonsense=1").want(400)
	s.do("POST", "/Patient", alice, "If-None-Exist", "identifier=urn:mrn|1", "If-None-Exist", "active=true").want(400).has("given twice")
}

func TestParallelConditionalCreatesMakeOneResource(t *testing.T) {
	s := newServer(t)
	var created, matched atomic.Int32
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			switch a := s.do("POST", "/Patient", alice, "If-None-Exist", "identifier=urn:mrn|1"); a.StatusCode {
			case 201:
				created.Add(1)
			case 200:
				matched.Add(1)
			default:
				t.Errorf("%d %s", a.StatusCode, a.body)
			}
		})
	}
	wg.Wait()
	if created.Load() != 1 || matched.Load() != 49 {
		t.Errorf("%d created, %d matched", created.Load(), matched.Load())
	}
}

func TestABadResourceIsRefusedWithItsPlace(t *testing.T) {
	s := newServer(t)
	for name, c := range map[string]struct {
		body   string
		status int
		has    string
	}{
		"no JSON":            {`{"resourceType":"Patient",`, 400, "structure"},
		"not an object":      {`[]`, 400, "OperationOutcome"},
		"unknown element":    {`{"resourceType":"Patient","nam":[]}`, 400, "nam"},
		"wrong type":         {`{"resourceType":"Patient","active":"yes"}`, 400, "Patient.active"},
		"duplicate key":      {`{"resourceType":"Patient","active":true,"active":false}`, 400, "active"},
		"bad code":           {`{"resourceType":"Patient","gender":"woman"}`, 422, "Patient.gender"},
		"bad date":           {`{"resourceType":"Patient","birthDate":"1980-13-01"}`, 400, "Patient.birthDate"},
		"missing element":    {`{"resourceType":"Observation","status":"final"}`, 400, ""},
		"another type":       {`{"resourceType":"Observation","status":"final","code":{"text":"x"}}`, 400, "Observation"},
		"unknown type":       {`{"resourceType":"Patiant"}`, 400, "Patient"},
		"dangling reference": {`{"resourceType":"Patient","managingOrganization":{"reference":"Organization/none"}}`, 422, "Organization/none"},
	} {
		t.Run(name, func(t *testing.T) {
			a := s.do("POST", "/Patient", c.body)
			if a.StatusCode != c.status && (a.StatusCode < 400 || a.StatusCode > 422 || c.status != 400) {
				t.Errorf("status %d, want %d: %s", a.StatusCode, c.status, a.body)
			}
			a.has("OperationOutcome", c.has)
		})
	}
	if b := s.get("/Patient").bundle(); len(b.Entry) != 0 {
		t.Errorf("%d resources stayed", len(b.Entry))
	}
}

func TestABodyNeedsItsContentType(t *testing.T) {
	s := newServer(t)
	for contentType, status := range map[string]int{
		"application/fhir+json":                     201,
		"application/fhir+json; charset=utf-8":      201,
		"application/json":                          201,
		"application/fhir+json; fhirVersion=4.0":    201,
		"application/fhir+json; fhirVersion=5.0":    415,
		"application/fhir+json; charset=iso-8859-1": 415,
		"application/x-www-form-urlencoded":         415,
		"text/plain":                                415,
		"":                                          415,
		"nonsense/":                                 415,
	} {
		s.do("POST", "/Patient", alice, "Content-Type", contentType).want(status)
	}
	s.do("POST", "/Patient", " ").want(400).has("no body")
	s.do("POST", "/Patient", "\n<Patient xmlns=\"http://hl7.org/fhir\"/>").want(400).has("The body is XML", "application/fhir+xml")
	s.do("POST", "/Patient", alice, "Content-Type", "application/fhir+xml").want(400).has("The body is JSON", "application/fhir+json")
	s.do("POST", "/Patient?x=1", alice).want(400)
}

func TestWhatIsWrongIsToldWithItsLineInJSONAndXML(t *testing.T) {
	s := newServer(t)
	s.do("POST", "/Patient", "{\"resourceType\":\"Patient\",\n\"gender\":\"x\"}").want(422).has(`"line 2, column 11"`, "Patient.gender")
	s.do("POST", "/Patient", "<Patient xmlns=\"http://hl7.org/fhir\">\n<gender value=\"x\"/></Patient>", "Content-Type", "application/fhir+xml", "Accept", "application/fhir+json").
		want(422).has(`"line 2, column 9"`, "Patient.gender")
	s.do("POST", "/", "<Bundle xmlns=\"http://hl7.org/fhir\"><type value=\"transaction\"/>\n<entry><resource><Patient>\n<gender value=\"x\"/></Patient></resource><request><method value=\"POST\"/><url value=\"Patient\"/></request></entry></Bundle>",
		"Content-Type", "application/fhir+xml", "Accept", "application/fhir+json").want(422).has(`"line 3, column 9"`, "Bundle.entry[0].resource.gender")
}
