package fhirapi_test

import (
	"archive/zip"
	"io/fs"
	"strings"
	"testing"
)

func TestHoldsAndErasuresOverHTTP(t *testing.T) {
	s := newServer(t)
	s.put("/Patient/p", `{"resourceType":"Patient","id":"p"}`).want(201)
	s.put("/Observation/o", `{"resourceType":"Observation","id":"o","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/p"}}`).want(201)
	reason := func(text string) string {
		return `{"resourceType":"Parameters","parameter":[{"name":"reason","valueString":"` + text + `"}]}`
	}
	s.get("/Patient/p/$hold").want(405)
	s.do("POST", "/Patient/p/$hold", `{"resourceType":"Parameters"}`).want(400).has("a legal hold has a reason")
	s.do("POST", "/Patient/p/$hold", `{"resourceType":"Parameters","parameter":[{"name":"why","valueString":"x"}]}`).want(400).has("why")
	s.do("POST", "/Patient/p/$hold", reason("a case")).want(200).has(`"valueString":"Patient/p"`, `"valueString":"a case"`)
	s.get("/$holds").want(200).has(`"valueString":"Patient/p"`, `"valueString":"a case"`)
	s.do("DELETE", "/Observation/o", "").want(409).has("under a legal hold of Patient/p", "a case")
	s.do("POST", "/Patient/p/$erase", reason("asked")).want(409).has("Patient/p cannot be erased")
	s.do("POST", "/Patient/p/$lift-hold", `{"resourceType":"Parameters"}`).want(200)
	s.do("POST", "/Patient/p/$lift-hold", `{"resourceType":"Parameters"}`).want(404)
	s.get("/Patient/p/$erasure").want(404).has("no erasure of Patient/p was ordered")
	s.do("POST", "/Observation/o/$erase", reason("asked")).want(404)
	s.do("POST", "/Patient/p/$erase", reason("asked")).want(200).has(`{"name":"running","valueBoolean":true}`, `"valueString":"asked"`)
	s.get("/Patient/p/$erasure").want(200).has(`{"name":"resources","valueDecimal":0}`)
	s.do("POST", "/Patient/p/$hold", reason("too late")).want(409).has("is being erased")
}

func TestRequestsAreCounted(t *testing.T) {
	s := newServer(t)
	s.put("/Patient/p", `{"resourceType":"Patient","id":"p"}`).want(201)
	s.put("/Patient/q", `{"resourceType":"Patient","id":"q"}`).want(201)
	s.get("/Patient/p").want(200)
	s.get("/Patient/none").want(404)
	s.get("/Patient").want(200)
	// The writes are answered without a body.
	s.get("/$usage?days=1").want(200).has(`{"name":"requests","valueDecimal":5},{"name":"resources","valueDecimal":3}`, `{"name":"refused","valueDecimal":0}`)
	s.get("/$usage?days=none").want(400).has("days is a number")
	s.get("/$usage?days=1000").want(400).has("1 to 366 days")
	s.get("/$usage?client=other").want(200).has(`"resourceType":"Parameters"`)
}

func TestARecordIsAnArchive(t *testing.T) {
	s := newServer(t)
	s.put("/Patient/p", `{"resourceType":"Patient","id":"p"}`).want(201)
	s.put("/Binary/b", `{"resourceType":"Binary","id":"b","contentType":"text/plain","securityContext":{"reference":"Patient/p"},"data":"aGVsbG8="}`).want(201)
	a := s.get("/Patient/p/$export-record?history=true").want(200)
	archive, err := zip.NewReader(strings.NewReader(a.body), int64(len(a.body)))
	if err != nil {
		t.Fatal(err)
	}
	content, err := fs.ReadFile(archive, "Binary/b")
	if err != nil || string(content) != "hello" {
		t.Errorf("%q, %v", content, err)
	}
	if _, err := fs.ReadFile(archive, "manifest.json"); err != nil {
		t.Error(err)
	}
	s.get("/Patient/none/$export-record").want(404)
	s.get("/Patient/p/$export-record?history=perhaps").want(400).has("history is true or false")
	s.get("/Patient/p/$export-record?since=x").want(400)
}

func TestRetentionRulesAreSetAndAppliedOverHTTP(t *testing.T) {
	s := newServer(t)
	s.put("/Patient/p", `{"resourceType":"Patient","id":"p"}`).want(201)
	s.put("/Observation/old", `{"resourceType":"Observation","id":"old","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/p"},"effectiveDateTime":"2001-01-01"}`).want(201)
	parameters := func(name, value string) string {
		return `{"resourceType":"Parameters","parameter":[{"name":"` + name + `",` + value + `}]}`
	}
	s.get("/$retention").want(200).has(`{"name":"rules","valueString":"[]"}`)
	s.get("/$retention-set").want(405)
	s.do("POST", "/$retention-set", parameters("rules", `"valueString":"[{\"name\":\"old\",\"type\":\"Observation\",\"colour\":1}]"`)).want(400).has("rules is a list of rules", "colour")
	s.do("POST", "/$retention-set", parameters("rules", `"valueString":"[{\"name\":\"old\",\"type\":\"Consent\",\"days\":1}]"`)).want(422).has("no rule is for Consent")
	s.do("POST", "/$retention-set", parameters("rules", `"valueString":"[{\"name\":\"old\",\"type\":\"Observation\",\"days\":3650,\"by\":\"date\"}]"`)).want(200)
	s.get("/$retention").want(200).has(`\"days\":3650`)
	s.do("POST", "/$retention-run", parameters("dryRun", `"valueBoolean":true`)).want(200).has(`"valueString":"old"`, `{"name":"expunged","valueDecimal":1}`)
	s.get("/Observation/old").want(200)
	s.do("POST", "/$retention-run", parameters("dryRun", `"valueString":"perhaps"`)).want(400)
	a := s.do("POST", "/$retention-run", `{"resourceType":"Parameters"}`).want(200)
	_, job, _ := strings.Cut(a.body, `"valueString":"`)
	job, _, _ = strings.Cut(job, `"`)
	s.get("/$retention?job=" + job).want(200).has(`{"name":"running","valueBoolean":true}`) // nothing works here in the background
	s.get("/$retention?job=retain/none").want(404)
}
