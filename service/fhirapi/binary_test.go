package fhirapi_test

import (
	"strings"
	"testing"
)

func TestABinaryIsStoredAsItCame(t *testing.T) {
	s := newServer(t)
	content := strings.Repeat("0123456789", 100_000)
	a := s.do("POST", "/Binary", content, "Content-Type", "text/plain").want(201)
	path := strings.TrimPrefix(a.Header.Get("Location"), s.base)
	path = path[:strings.Index(path, "/_history")]
	whole := s.get(path).want(200).header("Content-Type", "text/plain").header("Accept-Ranges", "bytes").header("Content-Length", "1000000").
		header("Content-Security-Policy", "sandbox; default-src 'none'")
	if whole.body != content {
		t.Errorf("%d bytes came back", len(whole.body))
	}
	s.get(path, "Accept", "image/png").want(200)
	s.get(path, "Accept", "application/fhir+json").want(200).has(`"contentType":"text/plain"`, `"data":"MDEyMzQ1`)
	s.get(path+"?_format=xml").want(200).has("<Binary", `<contentType value="text/plain"/>`)
	if head := s.do("HEAD", path, "").want(200).header("Content-Length", "1000000"); head.body != "" {
		t.Error("HEAD has a body")
	}
	s.get(path, "If-None-Match", `W/"1"`).want(304)
	s.get(path+"/_history/1").want(200).header("Content-Type", "text/plain")
}

func TestARangeOfABinaryCanBeRead(t *testing.T) {
	s := newServer(t)
	s.do("PUT", "/Binary/b", "0123456789", "Content-Type", "application/pdf", "X-Security-Context", "").want(201)
	for _, c := range []struct {
		header, body, contentRange string
		status                     int
	}{
		{"bytes=0-3", "0123", "bytes 0-3/10", 206},
		{"bytes=4-", "456789", "bytes 4-9/10", 206},
		{"bytes=-3", "789", "bytes 7-9/10", 206},
		{"bytes=-30", "0123456789", "bytes 0-9/10", 206},
		{"bytes=8-100", "89", "bytes 8-9/10", 206},
		{"bytes=0-1,3-4", "0123456789", "", 200},
		{"lines=1-2", "0123456789", "", 200},
		{"bytes=0-99999999999999999999", "0123456789", "bytes 0-9/10", 206},
		{"bytes=10-", "", "bytes */10", 416},
		{"bytes=99999999999999999999-", "", "bytes */10", 416},
		{"bytes=-0", "", "bytes */10", 416},
		{"bytes=+1-2", "", "", 400},
		{"bytes=5-2", "", "", 400},
		{"bytes=x", "", "", 400},
	} {
		a := s.get("/Binary/b", "Range", c.header).want(c.status)
		if c.status < 400 && a.body != c.body || a.Header.Get("Content-Range") != c.contentRange {
			t.Errorf("%s: %q, Content-Range %q", c.header, a.body, a.Header.Get("Content-Range"))
		}
	}
	s.do("HEAD", "/Binary/b", "", "Range", "bytes=0-3").want(200).header("Content-Length", "10").header("Content-Range", "")
	s.do("PUT", "/Binary/none", "", "Content-Type", "text/plain").want(201)
	for _, header := range []string{"bytes=0-", "bytes=0-3", "bytes=-3", "bytes=5-"} {
		s.get("/Binary/none", "Range", header).want(200).header("Content-Length", "0").header("Content-Range", "")
	}
}

// Whoever goes on where a download broke off must not get the rest of another version.
func TestARangeIsOfTheVersionThatIfRangeNames(t *testing.T) {
	s := newServer(t)
	s.do("PUT", "/Binary/b", "0123456789", "Content-Type", "text/plain").want(201)
	s.get("/Binary/b", "Range", "bytes=4-", "If-Range", `W/"1"`).want(206).has("456789")
	modified := s.do("PUT", "/Binary/b", "abcdefghij", "Content-Type", "text/plain").want(200).Header.Get("Last-Modified")
	for _, condition := range []string{`W/"1"`, `"1"`, modified, "Mon, 01 Jan 2001 00:00:00 GMT"} {
		if a := s.get("/Binary/b", "Range", "bytes=4-", "If-Range", condition).want(200).header("Content-Range", ""); a.body != "abcdefghij" {
			t.Errorf("If-Range: %s: %q", condition, a.body)
		}
	}
	s.get("/Binary/b", "Range", "bytes=4-", "If-Range", `W/"2"`).want(206).has("efghij")
	s.get("/Binary/b/_history/1", "Range", "bytes=4-", "If-Range", `W/"1"`).want(206).has("456789")
	s.get("/Binary/b", "Range", "bytes=90-", "If-None-Match", `W/"2"`).want(304)
}

func TestABinaryResourceIsServedRawToo(t *testing.T) {
	s := newServer(t)
	s.put("/Binary/b", `{"resourceType":"Binary","id":"b","contentType":"text/plain","data":"aGVsbG8="}`)
	if a := s.get("/Binary/b").want(200).header("Content-Type", "text/plain"); a.body != "hello" {
		t.Errorf("%q", a.body)
	}
	s.get("/Binary/b", "Range", "bytes=1-2").want(206).has("el")
	s.get("/Binary/b", "Accept", "application/fhir+json").want(200).has(`"data":"aGVsbG8="`)
	s.do("DELETE", "/Binary/b", "").want(204)
	s.get("/Binary/b").want(410)
	s.get("/Binary/none").want(404)
	s.do("POST", "/Binary", "x", "Content-Type", "").want(415)
}
