package fhirapi_test

import (
	"strings"
	"testing"
)

func TestTheFormatIsNegotiated(t *testing.T) {
	s := newServer(t)
	s.put("/Patient/alice", alice)
	const asJSON, asXML = "application/fhir+json; charset=utf-8", "application/fhir+xml; charset=utf-8"
	for _, c := range []struct {
		query, accept string
		status        int
		contentType   string
	}{
		{"", "", 200, asJSON},
		{"", "*/*", 200, asJSON},
		{"", "application/fhir+json", 200, asJSON},
		{"", "application/json", 200, asJSON},
		{"", "application/fhir+xml", 200, asXML},
		{"", "text/xml", 200, asXML},
		{"", "application/xml;q=0.5, application/json;q=0.9", 200, asJSON},
		{"", "application/json;q=0.5, application/fhir+xml", 200, asXML},
		{"", "image/png, application/fhir+xml;q=0.1", 200, asXML},
		{"", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", 200, "application/json; charset=utf-8"},
		{"", "image/png", 406, asJSON},
		{"", "application/json;q=2", 400, asJSON},
		{"", "application/fhir+json;q=0", 406, asJSON},
		{"", "application/fhir+json;q=0, */*", 200, asXML},
		{"", "application/fhir+xml;Q=0, */*;q=0.1", 200, asJSON},
		{"", "application/fhir+json;q=0, application/fhir+xml;q=0, */*", 406, asJSON},
		{"", "text/html;q=0, */*", 200, asJSON},
		{"", "application/fhir+json; fhirversion=4.0", 200, "application/fhir+json; fhirVersion=4.0; charset=utf-8"},
		{"", "application/fhir+json; fhirVersion=4.0", 200, "application/fhir+json; fhirVersion=4.0; charset=utf-8"},
		{"", "application/fhir+json; fhirVersion=5.0", 406, asJSON},
		{"", "application/fhir+json; fhirVersion=9.9", 406, asJSON},
		{"?_format=json", "application/fhir+xml", 200, asJSON},
		{"?_format=xml", "application/fhir+json", 200, asXML},
		{"?_format=application/fhir%2Bxml", "", 200, asXML},
		{"?_format=application/fhir+xml", "", 200, asXML},
		{"?_format=text/xml", "", 200, asXML},
		{"?_format=yaml", "", 406, asJSON},
		{"?_pretty=maybe", "", 400, asJSON},
		{"?_pretty=", "", 400, asJSON},
		{"?_pretty=true&_pretty=true", "", 400, asJSON},
		{"?_format=", "", 400, asJSON},
		{"?_format=xml&_format=json", "", 400, asJSON},
	} {
		a := s.get("/Patient/alice"+c.query, "Accept", c.accept).want(c.status)
		if got := a.Header.Get("Content-Type"); got != c.contentType {
			t.Errorf("%s Accept: %s: %s, want %s", c.query, c.accept, got, c.contentType)
		}
	}
}

func TestXMLAndJSONHoldTheSame(t *testing.T) {
	s := newServer(t)
	a := s.do("PUT", "/Patient/x", `<Patient xmlns="http://hl7.org/fhir"><id value="x"/><active value="true"/><name><family value="Zöe &amp; Co"/></name></Patient>`,
		"Content-Type", "application/fhir+xml", "Accept", "application/fhir+xml").want(201).header("Content-Type", "application/fhir+xml; charset=utf-8")
	a.has(`<family value="Zöe &amp; Co"/>`, `<versionId value="1"/>`)
	s.get("/Patient/x").want(200).has(`"family":"Zöe & Co"`)
	s.get("/Patient/x?_format=xml&_pretty=true").want(200).has("\n  <active value=\"true\"/>\n")
	s.get("/Patient?_format=xml").want(200).has(`<Bundle xmlns="http://hl7.org/fhir">`, `<type value="searchset"/>`, `<mode value="match"/>`)
	s.get("/Patient/none?_format=xml").want(404).has(`<OperationOutcome xmlns="http://hl7.org/fhir">`)
	s.get("/Patient/x/_history?_format=xml").want(200).has(`<status value="201"/>`)
	s.get("/metadata?_format=xml").want(200).has(`<CapabilityStatement xmlns="http://hl7.org/fhir">`)
}

func TestABrowserShowsAnErrorInsteadOfSavingIt(t *testing.T) {
	s := newServer(t)
	s.get("/Patient/none", "Accept", "text/html").want(404).header("Content-Type", "application/json; charset=utf-8")
}

func TestPrettyIsIndented(t *testing.T) {
	s := newServer(t)
	s.put("/Patient/alice", alice)
	s.get("/Patient/alice?_pretty=true").want(200).has("{\n  \"resourceType\": \"Patient\",\n")
	s.get("/Patient?_pretty=true").want(200).has("\n  \"type\": \"searchset\",\n")
	s.get("/Patient/alice?_pretty=false", "Accept", "text/html").want(200).hasNot("\n  ")
	s.get("/Patient/none?_pretty=true").want(404).has("{\n  \"resourceType\": \"OperationOutcome\",\n")
}

func TestALargeAnswerIsCompressedWhenAskedFor(t *testing.T) {
	s := newServer(t)
	plain := s.get("/metadata")
	zipped := s.get("/metadata", "Accept-Encoding", "gzip").want(200).header("Content-Encoding", "gzip")
	if len(zipped.body) > len(plain.body)/4 || !strings.Contains(zipped.Header.Get("Vary"), "Accept-Encoding") {
		t.Errorf("%d bytes of %d, Vary %s", len(zipped.body), len(plain.body), zipped.Header.Get("Vary"))
	}
	s.get("/metadata", "Accept-Encoding", "zstd, gzip").want(200).header("Content-Encoding", "zstd")
}

func TestEveryErrorIsToldInXMLWhenAskedFor(t *testing.T) {
	s := newServer(t)
	s.put("/Patient/alice", alice)
	s.do("PUT", "/Observation/o", `{"resourceType":"Observation","id":"o","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/alice"}}`).want(201)
	s.put("/Patient/gone", strings.Replace(alice, `"id":"alice"`, `"id":"gone"`, 1))
	s.do("DELETE", "/Patient/gone", "").want(204)
	for _, c := range []struct {
		method, path, body string
		status             int
		header             []string
	}{
		{"GET", "/Patient/none", "", 404, nil},
		{"GET", "/Patient/gone", "", 410, nil},
		{"GET", "/Patiant", "", 404, nil},
		{"GET", "/Patient/alice/_history/9", "", 404, nil},
		{"GET", "/Patient?nonsense=x", "", 400, nil},
		{"GET", "/Patient?name=%zz", "", 400, nil},
		{"GET", "/Patient/alice/$nonsense", "", 404, nil},
		{"POST", "/Patient/$match", alice, 501, nil},
		{"GET", "/Patient/none/$everything", "", 404, nil},
		{"GET", "/t/none/fhir/Patient", "", 404, nil},
		{"BREW", "/Patient", "", 405, nil},
		{"POST", "/Patient", "{", 400, nil},
		{"POST", "/Patient", "x", 415, []string{"Content-Type", "text/plain"}},
		{"POST", "/Patient", `{"resourceType":"Patient","gender":"x"}`, 422, nil},
		{"PUT", "/Patient/alice", alice, 412, []string{"If-Match", `W/"9"`}},
		{"DELETE", "/Patient/alice", "", 409, nil},
		{"POST", "/", `{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"GET","url":"Nothing/1"}}]}`, 400, nil},
	} {
		a := s.do(c.method, c.path, c.body, append([]string{"Accept", "application/fhir+xml"}, c.header...)...).want(c.status)
		if a.Header.Get("Content-Type") != "application/fhir+xml; charset=utf-8" || !strings.HasPrefix(a.body, `<OperationOutcome xmlns="http://hl7.org/fhir">`) {
			t.Errorf("%s %s: %s %s", c.method, c.path, a.Header.Get("Content-Type"), a.body)
		}
	}
}
