package fhirapi_test

import (
	"strings"
	"testing"
	"time"
)

func TestAHistoryListsEveryVersion(t *testing.T) {
	s := newServer(t)
	s.put("/Patient/alice", alice)
	s.put("/Patient/alice", strings.Replace(alice, "Archer", "Baker", 1))
	s.do("DELETE", "/Patient/alice", "").want(204)
	s.do("POST", "/Patient", alice).want(201)
	b := s.get("/Patient/alice/_history").want(200).bundle()
	if b.Type != "history" || b.Total == nil || *b.Total != 3 || len(b.Entry) != 3 {
		t.Fatalf("%+v", b)
	}
	for i, want := range []struct{ method, url, status, etag string }{
		{"DELETE", "Patient/alice", "204", `W/"3"`}, {"PUT", "Patient/alice", "200", `W/"2"`}, {"PUT", "Patient/alice", "201", `W/"1"`},
	} {
		e := b.Entry[i]
		if e.Request.Method != want.method || e.Request.URL != want.url || e.Response.Status != want.status || e.Response.Etag != want.etag ||
			e.FullURL != s.base+"/Patient/alice" || e.Response.LastModified == "" || (e.Resource == nil) != (want.method == "DELETE") {
			t.Errorf("entry %d: %+v", i, e)
		}
	}
	if b := s.get("/Patient/_history").bundle(); len(b.Entry) != 4 || b.Entry[0].Request.Method != "POST" || b.Entry[0].Request.URL != "Patient" || b.Entry[0].Response.Status != "201" {
		t.Errorf("type: %+v", b)
	}
	if b := s.get("/_history").bundle(); len(b.Entry) != 4 {
		t.Errorf("system: %d", len(b.Entry))
	}
	s.put("/Patient/alice", alice)
	if b := s.get("/Patient/alice/_history?_count=1").bundle(); b.Entry[0].Response.Status != "201" {
		t.Errorf("an update that brings back what was deleted creates it: %+v", b.Entry[0].Response)
	}
	if b := s.get("/_history").bundle(); b.Entry[0].Response.Status != "201" {
		t.Errorf("system: %+v", b.Entry[0].Response)
	}
	s.get("/Patient/never/_history").want(404)
}

func TestAHistoryIsPaged(t *testing.T) {
	s := newServer(t)
	for i := range 5 {
		s.put("/Patient/alice", strings.Replace(alice, "1980-02-29", "198"+string(rune('0'+i))+"-01-01", 1))
	}
	path, versions := "/Patient/alice/_history?_count=2", ""
	for path != "" {
		b := s.get(path).want(200).bundle()
		for _, e := range b.Entry {
			versions += strings.Trim(e.Response.Etag, `W/"`)
		}
		path = b.link(t, s.base, "next")
	}
	if versions != "54321" {
		t.Errorf("versions %s", versions)
	}
}

func TestAHistoryMayBeginOrStandAtATime(t *testing.T) {
	s := newServer(t)
	s.put("/Patient/alice", alice)
	time.Sleep(20 * time.Millisecond)
	between := time.Now().UTC().Format("2006-01-02T15:04:05.000Z")
	time.Sleep(20 * time.Millisecond)
	s.put("/Patient/alice", strings.Replace(alice, "Archer", "Baker", 1))
	if b := s.get("/Patient/alice/_history?_since=" + between).want(200).bundle(); len(b.Entry) != 1 || b.Entry[0].Response.Etag != `W/"2"` {
		t.Errorf("_since: %+v", b)
	}
	if b := s.get("/Patient/alice/_history?_at=" + between).want(200).bundle(); len(b.Entry) != 1 || b.Entry[0].Response.Etag != `W/"1"` {
		t.Errorf("_at: %+v", b)
	}
	if b := s.get("/Patient/alice/_history?_since=2001").want(200).bundle(); len(b.Entry) != 2 {
		t.Errorf("_since a year: %d", len(b.Entry))
	}
	year := time.Now().UTC().Format("2006")
	if b := s.get("/Patient/alice/_history?_at=" + year).want(200).bundle(); len(b.Entry) != 2 {
		t.Errorf("_at a year, in which both versions were current: %d", len(b.Entry))
	}
	if b := s.get("/Patient/alice/_history?_at=2001").want(200).bundle(); len(b.Entry) != 0 {
		t.Errorf("_at a year before the first version: %d", len(b.Entry))
	}
	for _, total := range []string{"_count=0", "_summary=count"} {
		if b := s.get("/Patient/alice/_history?" + total).want(200).bundle(); *b.Total != 2 || len(b.Entry) != 0 {
			t.Errorf("%s: %+v", total, b)
		}
	}
	s.get("/Patient/alice/_history?_since=" + between + "&_at=" + between).want(400)
	s.get("/Patient/alice/_history?_since=then").want(400).has("date or time")
	s.get("/Patient/alice/_history?_count=none").want(400)
	s.get("/Patient/alice/_history?name=x").want(400)
	s.get("/Patient/alice/_history?_cursor=forged").want(400)
}

func TestAHistoryByListIsRefused(t *testing.T) {
	s := newServer(t)
	s.put("/Patient/alice", alice)
	for _, path := range []string{"/_history?_list=l", "/Patient/_history?_count=2&_list=l", "/Patient/alice/_history?_list=l"} {
		s.get(path).want(400).has("not-supported", "_list", "is not kept")
		s.get(path, "Prefer", "handling=lenient").want(400).has("is not kept")
	}
	s.do("POST", "/", `{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"GET","url":"Patient/_history?_list=l"}}]}`).want(200).has(`"status":"400 Bad Request"`, "is not kept")
}

func TestTheLinksOfAHistoryHaveWhatCounted(t *testing.T) {
	s := newServer(t)
	for range 2 {
		s.put("/Patient/alice", alice)
		s.put("/Patient/alice", strings.Replace(alice, "Archer", "Baker", 1))
	}
	a := s.get("/Patient/_history?_count=1&_foo=x", "Prefer", "handling=lenient").want(200)
	if strings.Contains(a.body, "_foo") || !strings.Contains(a.body, "/Patient/_history?_count=1") {
		t.Error(a.body)
	}
}
