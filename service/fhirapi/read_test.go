package fhirapi_test

import (
	"net/http"
	"strings"
	"testing"
)

func TestAReadGivesWhatWasWritten(t *testing.T) {
	s := newServer(t)
	s.put("/Patient/alice", alice)
	a := s.get("/Patient/alice").want(200).header("ETag", `W/"1"`).header("Content-Type", "application/fhir+json; charset=utf-8").
		has(`"birthDate":"1980-02-29"`, `"versionId":"1"`)
	if _, err := http.ParseTime(a.Header.Get("Last-Modified")); err != nil {
		t.Errorf("Last-Modified: %v", err)
	}
	head := s.do(http.MethodHead, "/Patient/alice", "").want(200).header("ETag", `W/"1"`)
	if head.body != "" || head.Header.Get("Content-Length") != a.Header.Get("Content-Length") {
		t.Errorf("HEAD: body %q, Content-Length %s, want %s", head.body, head.Header.Get("Content-Length"), a.Header.Get("Content-Length"))
	}
}

func TestAConditionalReadSavesTheBody(t *testing.T) {
	s := newServer(t)
	modified := s.put("/Patient/alice", alice).Header.Get("Last-Modified")
	for name, c := range map[string]struct {
		header []string
		status int
	}{
		"same version":                 {[]string{"If-None-Match", `W/"1"`}, 304},
		"one of several":               {[]string{"If-None-Match", `W/"7", "1"`}, 304},
		"any":                          {[]string{"If-None-Match", "*"}, 304},
		"another version":              {[]string{"If-None-Match", `W/"2"`}, 200},
		"not modified since":           {[]string{"If-Modified-Since", modified}, 304},
		"modified since":               {[]string{"If-Modified-Since", "Mon, 01 Jan 2001 00:00:00 GMT"}, 200},
		"a date that is none":          {[]string{"If-Modified-Since", "yesterday"}, 200},
		"the tag counts, not the date": {[]string{"If-None-Match", `W/"2"`, "If-Modified-Since", modified}, 200},
	} {
		t.Run(name, func(t *testing.T) {
			a := s.get("/Patient/alice", c.header...).want(c.status).header("ETag", `W/"1"`)
			if c.status == 304 && a.body != "" {
				t.Errorf("body %q", a.body)
			}
			a.header("Cache-Control", "private, no-cache")
		})
	}
}

func TestWhatIsNotThereIsExplained(t *testing.T) {
	s := newServer(t)
	s.put("/Patient/alice", alice)
	s.do(http.MethodDelete, "/Patient/alice", "").want(204)
	s.get("/Patient/alice").want(410).outcome("deleted").header("ETag", `W/"2"`)
	s.get("/Patient/nobody").want(404).outcome("not-found")
	s.get("/Patiant/1").want(404).has("Did you mean Patient?")
	s.get("/Zzzzzzzz/1").want(404).has("no resource type")
	s.get("/Patient/" + strings.Repeat("x", 64)).want(404)
	s.get("/Patient/" + strings.Repeat("x", 65)).want(400).has("65")
	s.get("/Patient/a_b").want(400).outcome("value")
	s.get("/Patient/alice/and/so/on/and/on/for/ever").want(404)
	s.get("/Patient/alice/Nothing").want(404)
	s.get("/Observation/1/Patient").want(404).has("is not a compartment")
	s.get("/Patient/alice?_elements=naem").want(400).has(`did you mean \"name\"?`)
	s.get("/Patient/alice?name=x").want(400).has("means nothing to read")
	s.get("/Patient/alice?name=x", "Prefer", "handling=lenient").want(410)
	s.get("/Patient/alice?x=%zz").want(400).has("percent-escape")
}

func TestAVersionCanBeRead(t *testing.T) {
	s := newServer(t)
	s.put("/Patient/alice", alice)
	s.put("/Patient/alice", strings.Replace(alice, "Archer", "Baker", 1))
	s.do(http.MethodDelete, "/Patient/alice", "").want(204)
	s.get("/Patient/alice/_history/1").want(200).has("Archer").header("ETag", `W/"1"`)
	s.get("/Patient/alice/_history/2").want(200).has("Baker")
	s.get("/Patient/alice/_history/2", "If-None-Match", `W/"2"`).want(304)
	s.get("/Patient/alice/_history/3").want(410)
	s.get("/Patient/alice/_history/4").want(404)
	s.get("/Patient/alice/_history/one").want(404)
}

func TestAPartOfAResourceIsTaggedAsSuch(t *testing.T) {
	s := newServer(t)
	s.put("/Patient/alice", strings.Replace(alice, `"active"`, `"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">Alice</div>"},"contact":[{"name":{"text":"Bob"}}],"active"`, 1))
	s.put("/Observation/o", `{"resourceType":"Observation","id":"o","status":"final","code":{"text":"weight"},"note":[{"text":"a note"}],"valueQuantity":{"value":70.0,"unit":"kg"}}`)
	const subsetted = `"code":"SUBSETTED"`
	s.get("/Patient/alice?_elements=birthDate,gender").want(200).has("1980-02-29", "female", subsetted, `"id":"alice"`, "versionId").hasNot("Archer", "active")
	s.get("/Patient/alice?_summary=text").want(200).has("xhtml", subsetted).hasNot("Archer")
	s.get("/Patient/alice?_summary=data").want(200).has("Archer", subsetted).hasNot("xhtml")
	s.get("/Patient/alice?_summary=true").want(200).has("Archer", subsetted).hasNot("xhtml", "Bob")
	s.get("/Patient/alice?_summary=false").want(200).has("Archer", "xhtml").hasNot(subsetted)
	s.get("/Patient/alice?_summary=half").want(400)
	// Mandatory elements stay, and the decimal keeps its zeros.
	s.get("/Observation/o?_elements=value").want(200).has(`"status":"final"`, `"code":{`, "70.0").hasNot("a note")
	s.get("/Observation?_summary=true").want(200).has("70.0", subsetted).hasNot("a note")
	s.get("/Observation?_elements=note").want(200).has("a note", subsetted).hasNot("70.0")
}
