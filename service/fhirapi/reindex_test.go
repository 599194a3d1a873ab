package fhirapi_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/internal/testpackage"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/store/sqlite"
)

func TestParametersThatLackRowsAreRefusedAndListed(t *testing.T) {
	dir := t.TempDir()
	fill(t, dir)
	guide := testpackage.Load(t, definitions.MustBuiltIn(definitions.R4), "hl7.fhir.us.core-6.1.0.tgz")
	var working *records.Door
	s := newServer(t, withPolicy(func(p *records.Policy) { p.Reindex = true }), func(_ *records.Policy, _ *web.Config, c *records.Config) {
		c.Definitions = guide
		if err := c.Store.Close(); err != nil {
			t.Fatal(err)
		}
		var err error
		if c.Store, err = sqlite.Open(t.Context(), dir); err != nil {
			t.Fatal(err)
		}
	}, func(_ *records.Policy, _ *web.Config, c *records.Config) {
		opened := *c
		opened.Policy = records.DefaultPolicy()
		var err error
		if working, err = records.Open(context.WithoutCancel(t.Context()), opened); err != nil {
			t.Fatal(err)
		}
	})
	s.get("/Patient?race=2106-3").want(503).has("Patient.race is being indexed", `"code":"incomplete"`)
	s.get("/Patient?family=example").want(200)
	s.get("/Patient?race=2106-3&_indexing=all").want(400)
	s.get("/Patient?race=2106-3&_indexing=partial").want(200).has("Patient.race is being indexed", "_indexing=partial", `"mode":"outcome"`)
	s.get("/Patient?race=2106-3", "Prefer", "handling=lenient").want(200).has("Patient.race is being indexed")
	s.get("/metadata").want(200).has("Refused for now unless the request says _indexing=partial: search parameter Patient.race")
	s.get("/$index-state").want(200).has(`"valueString":"Patient.race"`, `"valueString":"building"`, `{"name":"labels","part":[{"name":"running","valueBoolean":false}`)

	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- working.Work(ctx) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	s.awaitIndex("rowsAdded")
	if b := s.get("/Patient?race=2106-3").want(200).bundle(); len(b.Entry) != 1 {
		t.Errorf("%d are found", len(b.Entry))
	}
	s.get("/metadata").want(200).hasNot("Refused for now")
	s.do("POST", "/$reindex?type=Patient", "").want(200).has("running")
	s.do("POST", "/$reindex?type=Patiant", "").want(400)
	s.awaitIndex("rowsUnchanged")
}

// awaitIndex waits until the job that builds indexes has ended and tells of it.
func (s *server) awaitIndex(want string) {
	s.t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if a := s.get("/$index-state").want(200); strings.Contains(a.body, `"complete","valueBoolean":true`) && strings.Contains(a.body, `"ended"`) {
			a.has(want)
			return
		}
	}
	s.t.Fatal("the index was not built")
}

// fill puts a patient with a race into a folder, by R4 alone.
func fill(t *testing.T, dir string) {
	t.Helper()
	store, err := sqlite.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	d, err := records.Open(t.Context(), records.Config{Store: store, Definitions: definitions.MustBuiltIn(definitions.R4), Base: "https://ehr.example/fhir", Policy: records.DefaultPolicy()})
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.Session(records.Principal{}, nil).Create(t.Context(), "Patient", records.Content{JSON: []byte(`{"resourceType":"Patient","name":[{"family":"Example"}],
		"extension":[{"url":"http://hl7.org/fhir/us/core/StructureDefinition/us-core-race","extension":[
		{"url":"ombCategory","valueCoding":{"system":"urn:oid:2.16.840.1.113883.6.238","code":"2106-3"}},{"url":"text","valueString":"White"}]}]}`)}, records.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestReindexNeedsItsPolicy(t *testing.T) {
	s := newServer(t)
	s.do("POST", "/$reindex", "").want(403).has("$reindex is not allowed")
	s.get("/$reindex").want(405)
	s.get("/$index-state").want(200).has(`"complete","valueBoolean":true`)
}

func TestAStoredSearchParameterIsListedOnceItIsIndexed(t *testing.T) {
	var working *records.Door
	s := newServer(t, func(_ *records.Policy, _ *web.Config, c *records.Config) {
		opened := *c
		opened.Policy = records.DefaultPolicy()
		var err error
		if working, err = records.Open(context.WithoutCancel(t.Context()), opened); err != nil {
			t.Fatal(err)
		}
	})
	const definition = `{"resourceType":"SearchParameter","id":"maker","url":"http://example.org/maker","name":"Maker","status":"active",
		"description":"Who looks after the patient","code":"maker","base":["Patient"],"type":"reference","target":["Organization"],"expression":"%s"}`
	define := func(expression string) *answer {
		return s.do("PUT", "/SearchParameter/maker", strings.Replace(definition, "%s", expression, 1))
	}
	s.do("PUT", "/Organization/o", `{"resourceType":"Organization","id":"o","name":"Example"}`).want(201)
	s.do("PUT", "/Patient/p", `{"resourceType":"Patient","id":"p","managingOrganization":{"reference":"Organization/o"}}`).want(201)
	s.get("/metadata").want(200).hasNot("http://example.org/maker")
	s.get("/Patient?maker=o").want(400).has("maker")
	define("Patient.managingOrganisation").want(422).has("SearchParameter.expression", "managingOrganisation")
	define("Patient.managingOrganization").want(201)
	s.get("/metadata").want(200).hasNot("http://example.org/maker", "Patient:maker")
	s.get("/Patient?maker=o").want(503).has("Patient.maker is being indexed")
	s.get("/$index-state").want(200).has(`"valueString":"Patient.maker"`)

	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- working.Work(ctx) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	s.awaitIndex("rowsAdded")
	s.get("/metadata").want(200).has("http://example.org/maker", "Who looks after the patient", `"Patient:maker"`)
	if b := s.get("/Patient?maker=Organization/o&_include=Patient:maker").want(200).bundle(); len(b.Entry) != 2 {
		t.Errorf("%d entries", len(b.Entry))
	}
	if b := s.get("/Organization?_has:Patient:maker:_id=p").want(200).bundle(); len(b.Entry) != 1 {
		t.Errorf("%d entries", len(b.Entry))
	}
	s.do("PUT", "/SearchParameter/pair", `{"resourceType":"SearchParameter","id":"pair","url":"http://example.org/pair","name":"Pair","status":"active",
		"description":"d","code":"pair","base":["Patient"],"type":"composite","expression":"Patient","component":[
		{"definition":"http://example.org/maker","expression":"managingOrganization"},{"definition":"http://hl7.org/fhir/SearchParameter/Patient-active","expression":"active"}]}`).want(201)
	s.get("/$index-state").want(200).hasNot("notInForce")
	s.do("DELETE", "/SearchParameter/maker", "").want(204)
	s.get("/$index-state").want(200).has("notInForce", `"valueString":"SearchParameter/pair"`, "http://example.org/maker is not known here")
	s.get("/Patient?maker=o").want(400).has("maker")
	s.get("/metadata").want(200).hasNot("http://example.org/maker")
}
