package fhirapi_test

import (
	"io"
	"net/http"
	"testing"
)

// root asks for what is outside of any FHIR API.
func (s *server) root(method, path, accept string) *answer {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Accept", accept)
	resp, err := transport.RoundTrip(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return &answer{s.t, resp, string(body)}
}

const asBrowsersDo = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

func TestABrowserIsToldWhatTheServerIs(t *testing.T) {
	s := newServerOfTwo(t)
	s.root("GET", "/", asBrowsersDo).want(200).header("Content-Type", "text/html; charset=utf-8").
		has("<h1>Ingle</h1>", `<a href="https://ehr.example/fhir/metadata">`, `<a href="https://github.com/inglehealth/ingle#readme"`, "asks nobody who they are").
		hasNot("<script", "account", "smart-configuration")
	s.root("GET", "/t/east/", asBrowsersDo).want(200).has(`<a href="https://ehr.example/t/east/fhir/metadata">`)
	s.root("GET", "/t/west/", asBrowsersDo).want(404).has("no tenant")
}

func TestAProgramFindsNothingAtTheRoot(t *testing.T) {
	s := newServerOfTwo(t)
	for _, accept := range []string{"", "*/*", "application/json", "application/fhir+json", "text/html;q=0.1, application/json", "text/html;q=x"} {
		s.root("GET", "/", accept).want(404).header("Content-Type", "application/fhir+json; charset=utf-8").outcome("not-found")
	}
	s.root("GET", "/t/east/", "application/fhir+xml").want(404).header("Content-Type", "application/fhir+xml; charset=utf-8")
	for _, path := range []string{"/nowhere", "/t/east/nowhere"} {
		s.root("GET", path, asBrowsersDo).want(404)
	}
	s.root("POST", "/", asBrowsersDo).want(404)
}
