package fhirapi_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/internal/testpackage"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/definitions"
)

const form = "application/x-www-form-urlencoded"

// chart stores a patient with observations, a document and a Composition.
func chart(s *server) {
	s.put("/Organization/clinic", `{"resourceType":"Organization","id":"clinic","name":"Clinic"}`)
	s.put("/Patient/alice", strings.Replace(alice, `"active"`, `"managingOrganization":{"reference":"Organization/clinic"},"active"`, 1))
	for i, day := range []string{"2020-01-01", "2021-01-01"} {
		s.put(fmt.Sprintf("/Observation/o%d", i), fmt.Sprintf(`{"resourceType":"Observation","id":"o%d","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs"}]}],
			"code":{"coding":[{"system":"http://loinc.org","code":"8867-4"}]},"subject":{"reference":"Patient/alice"},"effectiveDateTime":%q,
			"valueQuantity":{"value":70,"unit":"beats/min","system":"http://unitsofmeasure.org","code":"/min"}}`, i, day))
	}
	s.put("/DocumentReference/d", `{"resourceType":"DocumentReference","id":"d","status":"current","type":{"coding":[{"system":"http://loinc.org","code":"34133-9"}]},"subject":{"reference":"Patient/alice"},
		"content":[{"attachment":{"url":"http://docs.example/1"}}]}`)
	s.put("/Composition/c", `{"resourceType":"Composition","id":"c","status":"final","type":{"text":"x"},"subject":{"reference":"Patient/alice"},"date":"2020","title":"T",
		"author":[{"reference":"Organization/clinic"}],"section":[{"title":"S","entry":[{"reference":"Observation/o1"}]}]}`)
}

// parameters is a Parameters with string values: names and values in turn.
func parameters(pairs ...string) string {
	var list []string
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, fmt.Sprintf(`{"name":%q,"valueString":%q}`, pairs[i], pairs[i+1]))
	}
	return `{"resourceType":"Parameters","parameter":[` + strings.Join(list, ",") + `]}`
}

func TestEverythingIsAskedByGetPostAndForm(t *testing.T) {
	s := newServer(t)
	chart(s)
	for _, a := range []*answer{
		s.get("/Patient/alice/$everything?start=2021"),
		s.do("POST", "/Patient/alice/$everything", parameters("start", "2021")),
		s.do("POST", "/Patient/alice/$everything", "start=2021", "Content-Type", form),
	} {
		b := a.want(200).bundle()
		if b.Type != "searchset" || b.ids() != "alice d o1 clinic" || b.Entry[0].Search.Mode != "match" || b.Entry[3].Search.Mode != "include" || *b.Total != 3 {
			t.Errorf("%s: %s, total %d", a.Request.Method, b.ids(), *b.Total)
		}
		if got := b.link(t, s.base, "self"); got != "/Patient/alice/$everything?start=2021" {
			t.Errorf("self: %s", got)
		}
	}
	s.get("/Patient/alice/$everything", "Accept", "application/fhir+xml").want(200).has(`<Organization><id value="clinic"/>`, `<mode value="include"/>`)
	s.get("/Patient/alice/$everything?_pretty=true&_type=Organization").want(200).has("\n  \"entry\"").hasNot(`"id": "alice"`)
	s.get("/Patient/alice/$everything?starts=2021").want(400).outcome("not-supported").has("start")
	s.get("/Patient/none/$everything").want(404)
	s.do("POST", "/Patient/alice/$everything", `{"resourceType":"Parameters","parameter":[{"name":"start","valuePeriod":{"start":"2020"}}]}`).want(400).has("Parameters.parameter[0]", "start")
	s.do("POST", "/Patient/alice/$everything", alice).want(400).has("Parameters")
	s.do("PUT", "/Patient/alice/$everything", alice).want(405)
}

func TestThePagesOfEverythingAreLinked(t *testing.T) {
	s := newServerOfTwo(t)
	chart(s)
	var ids []string
	a := s.do("POST", "/Patient/alice/$everything", parameters("_count", "2", "_type", "Patient,Observation,Organization"))
	for pages := 0; ; pages++ {
		b := a.want(200).bundle()
		ids = append(ids, strings.Fields(b.ids())...)
		next := b.link(t, s.base, "next")
		if next == "" {
			if pages != 1 {
				t.Errorf("%d pages", pages+1)
			}
			break
		}
		for _, other := range []string{strings.Replace(next, "alice", "bob", 1), strings.Replace(next, "/Patient/alice", "/Patient", 1), strings.Replace(next, "_count=2", "_count=2&start=2020", 1)} {
			if refused := s.get(other); refused.StatusCode != 400 && refused.StatusCode != 404 {
				t.Errorf("%s: %d", other, refused.StatusCode)
			}
		}
		s.get("/t/east/fhir" + strings.Replace(next, "/alice", "", 1)).want(400)
		a = s.get(next)
	}
	if got := strings.Join(ids, " "); got != "alice o0 o1 clinic" {
		t.Errorf("got %s", got)
	}
	if b := s.get("/Patient/$everything?_type=Patient").want(200).bundle(); b.ids() != "alice" {
		t.Errorf("of all: %s", b.ids())
	}
}

func TestLastNIsAskedByGetAndPost(t *testing.T) {
	s := newServer(t)
	chart(s)
	for _, a := range []*answer{
		s.get("/Observation/$lastn?patient=alice&category=vital-signs"),
		s.get("/Observation/$lastn?subject=Patient/alice&code=http://loinc.org|8867-4&max=1"),
		s.do("POST", "/Observation/$lastn", `{"resourceType":"Parameters","parameter":[{"name":"subject","valueReference":{"reference":"Patient/alice"}},
			{"name":"code","valueCoding":{"system":"http://loinc.org","code":"8867-4"}},{"name":"max","valuePositiveInt":1}]}`),
	} {
		if b := a.want(200).bundle(); b.ids() != "o1" || *b.Total != 1 {
			t.Errorf("%s: %s", a.Request.URL, b.ids())
		}
	}
	s.get("/Observation/$lastn?patient=alice").want(400).outcome("required")
	s.get("/Observation/$lastn?patient=alice&code=x&nonsense=1", "Prefer", "handling=lenient").want(200).has("nonsense", `"mode":"outcome"`)
	s.get("/Observation/o1/$lastn").want(404).has("Observation")
	s.get("/Patient/$lastn").want(404)
}

func TestDocRefIsAskedByGetAndPost(t *testing.T) {
	s := newServer(t)
	chart(s)
	for _, a := range []*answer{
		s.get("/DocumentReference/$docref?patient=alice"),
		s.do("POST", "/DocumentReference/$docref", `{"resourceType":"Parameters","parameter":[{"name":"patient","valueId":"alice"},{"name":"type","valueCoding":{"system":"http://loinc.org","code":"34133-9"}}]}`),
	} {
		if b := a.want(200).bundle(); b.Type != "searchset" || b.ids() != "d" {
			t.Errorf("%s: %s", a.Request.Method, b.ids())
		}
	}
	if b := s.get("/DocumentReference/$docref?patient=nobody").want(200).bundle(); len(b.Entry) != 0 {
		t.Errorf("of nobody: %s", b.ids())
	}
	s.get("/DocumentReference/$docref").want(400).outcome("required").has("patient")
	s.get("/DocumentReference/$docref?patient=alice&start=soon").want(400).outcome("value").has("start")
	s.get("/DocumentReference/$docref?patient=alice&_format=xml").want(200).has(`<DocumentReference><id value="d"/>`)
}

func TestMetaIsReadAtEveryLevelAndChangedByPost(t *testing.T) {
	s := newServer(t)
	chart(s)
	label := `{"resourceType":"Parameters","parameter":[{"name":"meta","valueMeta":{"tag":[{"system":"urn:t","code":"vip"}],"security":[{"system":"urn:s","code":"R"}]}}]}`
	s.get("/Patient/alice/$meta-add").want(405).header("Allow", "OPTIONS, POST")
	s.do("POST", "/Patient/alice/$meta-add", label, "If-Match", `W/"7"`).want(412)
	s.do("POST", "/Patient/alice/$meta-add", label).want(200).header("ETag", `W/"2"`).has(`{"name":"return","valueMeta":{"versionId":"2"`, `"code":"vip"`)
	if b := s.get("/Patient?_tag=urn:t|vip&_security=R").want(200).bundle(); b.ids() != "alice" {
		t.Errorf("found: %s", b.ids())
	}
	s.get("/Patient/alice/$meta").want(200).has(`"versionId":"2"`, "vip").header("ETag", `W/"2"`)
	s.get("/Patient/alice/_history/1/$meta").want(200).has(`"versionId":"1"`).hasNot("vip")
	s.do("POST", "/Patient/alice/$meta", "").want(200).has("vip")
	s.get("/Patient/$meta").want(200).has(`{"resourceType":"Parameters","parameter":[{"name":"return","valueMeta":{"security":[{"system":"urn:s","code":"R"}],"tag":[{"system":"urn:t","code":"vip"}]}}]}`)
	s.get("/$meta", "Accept", "application/fhir+xml").want(200).has(`<tag><system value="urn:t"/><code value="vip"/></tag>`)
	s.get("/Observation/$meta").want(200).hasNot("vip")
	s.do("POST", "/Patient/alice/_history/1/$meta-add", label).want(404).has("an instance")
	s.do("POST", "/Patient/alice/$meta-delete", label).want(200).header("ETag", `W/"3"`).hasNot("vip")
	s.get("/Patient?_tag=vip").want(200).has(`"total":0`)
	s.get("/Patient/alice/_history").want(200).has(`{"method":"PATCH","url":"Patient/alice"}`)
	s.do("POST", "/Patient/alice/$meta-add", `{"resourceType":"Parameters"}`).want(400).outcome("required")
	s.do("POST", "/Patient/alice/$meta-add", parameters("meta", "x")).want(400)
	s.get("/Patient/alice/$meta?x=1").want(400).has("it has none")
	s.get("/Patient/none/$meta").want(404)
}

func TestADifferenceIsAPatchThatTheServerTakes(t *testing.T) {
	s := newServer(t)
	s.put("/Patient/alice", alice)
	s.put("/Patient/alice", strings.Replace(alice, "Archer", "Baker", 1))
	s.put("/Patient/bob", patient("bob", "Archer"))
	s.get("/Patient/alice/$diff").want(200).has(`"resourceType":"Parameters"`, `"valueString":"Patient.name[0].family"`, "Baker").hasNot("versionId")
	s.get("/Patient/alice/_history/2/$diff?fromVersion=1&includeMeta=true").want(200).has("Baker", "Patient.meta.versionId")
	s.do("POST", "/Patient/alice/$diff", parameters("fromVersion", "2")).want(200).hasNot("parameter")
	s.get("/Patient/alice/$diff?fromVersion=1", "Accept", "application/fhir+xml").want(200).has(`<valueString value="Patient.name[0].family"/>`)
	diff := s.get("/$diff?from=Patient/bob&to=Patient/alice/_history/1").want(200)
	s.do("PATCH", "/Patient/bob", diff.body).want(200).has("1980-02-29")
	s.get("/$diff?from=Patient/bob&to=Patient/alice/_history/1").want(200).hasNot("parameter")
	s.get("/Patient/alice/_history/1/$diff").want(422).has("first")
	s.get("/Patient/alice/$diff?fromVersion=9").want(404)
	s.get("/Patient/alice/$diff?from=Patient/bob").want(400)
	s.get("/Patient/alice/$diff?includeMeta=maybe").want(400)
	s.get("/$diff?from=Patient/bob").want(400).outcome("required")
	s.get("/$diff?from=Patient/bob&to=x").want(400)
}

func TestADocumentIsMadeOfACompositionAndStoredOnRequest(t *testing.T) {
	s := newServer(t)
	chart(s)
	a := s.get("/Composition/c/$document").want(200).has(`"identifier":{"system":"urn:ietf:rfc:3986","value":"urn:uuid:`, `"timestamp":"`)
	if b := a.bundle(); b.Type != "document" || b.ids() != "c alice clinic o1" || b.Entry[0].FullURL != s.base+"/Composition/c" {
		t.Errorf("%s", b.ids())
	}
	s.do("POST", "/Bundle/$validate", a.body).want(200).hasNot(`"severity":"error"`)
	for _, id := range []string{"c", "Composition/c", s.base + "/Composition/c"} {
		if b := s.get("/Composition/$document?id=" + url.QueryEscape(id)).want(200).bundle(); b.ids() != "c alice clinic o1" {
			t.Errorf("%s: %s", id, b.ids())
		}
	}
	s.get("/Composition/c/$document?_format=xml").want(200).has(`<type value="document"/>`, `<resource><Composition>`)
	s.get("/Bundle").want(200).has(`"total":0`)
	stored := s.do("POST", "/Composition/c/$document", `{"resourceType":"Parameters","parameter":[{"name":"persist","valueBoolean":true}]}`).want(200).header("ETag", `W/"1"`)
	at, ok := strings.CutPrefix(stored.Header.Get("Location"), s.base+"/Bundle/")
	if !ok {
		t.Fatalf("Location: %s", stored.Header.Get("Location"))
	}
	if read := s.get("/Bundle/" + at).want(200); read.body != stored.body {
		t.Errorf("stored is %s, answered was %s", read.body, stored.body)
	}
	s.do("HEAD", "/Composition/c/$document?persist=true", "").want(405)
	s.get("/Composition/c/$document?graph=http://example.org/g").want(400).outcome("not-supported").has("graph")
	s.get("/Composition/c/$document?id=c").want(400)
	s.get("/Composition/c/$document?persist=perhaps").want(400)
	s.get("/Composition/$document").want(400).outcome("required")
	s.get("/Composition/$document?id=http://elsewhere.example/Composition/1").want(400)
	s.get("/Composition/$document?id=none").want(404)
	s.get("/Patient/alice/$document").want(404)
}

func TestOperationsOnRecordsAreEntriesOfABatch(t *testing.T) {
	s := newServer(t)
	chart(s)
	gets := []string{"Patient/alice/$everything?_type=Organization", s.base + "/Patient/alice/$everything", "Observation/$lastn?patient=alice&category=vital-signs",
		"DocumentReference/$docref?patient=alice", "Patient/alice/$meta", "Patient/alice/_history/1/$meta", "$diff?from=Observation/o0&to=Observation/o1", "Composition/c/$document"}
	var entries []string
	for _, u := range gets {
		entries = append(entries, fmt.Sprintf(`{"request":{"method":"GET","url":%q}}`, u))
	}
	entries = append(entries,
		`{"request":{"method":"POST","url":"Patient/alice/$meta-add"},"resource":{"resourceType":"Parameters","parameter":[{"name":"meta","valueMeta":{"tag":[{"code":"vip"}]}}]}}`,
		`{"request":{"method":"GET","url":"Organization/clinic/$everything"}}`)
	for _, accept := range []string{"application/fhir+json", "application/fhir+xml"} {
		s.do("POST", "/", `{"resourceType":"Bundle","type":"batch","entry":[`+strings.Join(entries, ",")+`]}`, "Accept", accept).want(200)
	}
	b := s.do("POST", "/", `{"resourceType":"Bundle","type":"batch","entry":[`+strings.Join(entries, ",")+`]}`).want(200).bundle()
	for i, want := range []string{`"id":"clinic"`, `"mode":"include"`, `"id":"o1"`, `"id":"d"`, "valueMeta", `"versionId":"1"`, "Observation.effective", `"type":"document"`, "vip"} {
		if e := b.Entry[i]; e.Response.Status != "200 OK" || !strings.Contains(string(e.Resource), want) {
			t.Errorf("entry %d: %s %s", i, e.Response.Status, e.Resource)
		}
	}
	if last := b.Entry[9].Response; last.Status != "404 Not Found" {
		t.Errorf("the last entry: %s", last.Status)
	}
	s.get("/Patient?_tag=vip").want(200).has(`"total":1`)
}

func TestAPostThatOnlyAsksIsAnEntryOfABundle(t *testing.T) {
	s := newServer(t)
	chart(s)
	const lookup = `{"resourceType":"Parameters","parameter":[{"name":"coding","valueCoding":{"system":"http://hl7.org/fhir/administrative-gender","code":"female"}}]}`
	for _, kind := range []string{"batch", "transaction"} {
		b := s.do("POST", "/", `{"resourceType":"Bundle","type":"`+kind+`","entry":[
			{"request":{"method":"POST","url":"Patient/alice/$everything"},"resource":`+parameters("_type", "Organization")+`},
			{"request":{"method":"POST","url":"CodeSystem/$lookup"},"resource":`+lookup+`},
			{"request":{"method":"POST","url":"Patient/$validate"},"resource":{"resourceType":"Patient","gender":"femail"}},
			{"request":{"method":"POST","url":"`+s.base+`/ValueSet/$lookup"},"resource":`+lookup+`},
			{"request":{"method":"PUT","url":"Patient/alice"},"resource":{"resourceType":"Patient","id":"alice","managingOrganization":{"reference":"Organization/`+kind+`"}}},
			{"request":{"method":"PUT","url":"Organization/`+kind+`"},"resource":{"resourceType":"Organization","id":"`+kind+`","name":"x"}}]}`).want(200).bundle()
		for i, want := range []string{`"type":"searchset"`, "Female", "femail", ""} {
			e := b.Entry[i]
			if status := e.Response.Status; i < 3 && status != "200 OK" || i == 3 && status != "404 Not Found" || !strings.Contains(string(e.Resource), want) {
				t.Errorf("%s: entry %d: %s %s", kind, i, status, e.Resource)
			}
		}
		if got := string(b.Entry[0].Resource); kind == "transaction" && !strings.Contains(got, `"id":"transaction"`) {
			t.Errorf("it was asked before all was written: %s", got)
		}
		s.get("/Organization/" + kind).want(200)
	}
	for url, why := range map[string]string{
		`"method":"POST","url":"Patient/alice/$meta-add"`:     "Patient/alice/$meta-add changes something",
		`"method":"PUT","url":"Patient/alice/$everything"`:    "by GET or POST, not by PUT",
		`"method":"DELETE","url":"Patient/alice/$everything"`: "by GET or POST, not by DELETE",
	} {
		s.do("POST", "/", `{"resourceType":"Bundle","type":"transaction","entry":[
			{"request":{"method":"PUT","url":"Organization/never"},"resource":{"resourceType":"Organization","id":"never","name":"x"}},
			{"request":{`+url+`},"resource":{"resourceType":"Parameters"}}]}`).want(400).has("Bundle.entry[1].request", why)
	}
	s.get("/Organization/never").want(404)
}

func TestTheCapabilityStatementListsOperationsWhereTheyAre(t *testing.T) {
	guide := testpackage.Load(t, definitions.MustBuiltIn(definitions.R4), "hl7.fhir.us.core-7.0.0.tgz")
	s := newServer(t, func(_ *records.Policy, _ *web.Config, c *records.Config) { c.Definitions = guide })
	var c struct {
		Rest []struct {
			Operation []struct{ Name string }
			Resource  []struct {
				Type      string
				Operation []struct{ Name, Definition, Documentation string }
			}
		}
	}
	if err := json.Unmarshal([]byte(s.get("/metadata").want(200).body), &c); err != nil {
		t.Fatal(err)
	}
	at := map[string]string{}
	for _, r := range c.Rest[0].Resource {
		for _, op := range r.Operation {
			at[r.Type+" "+op.Name] = op.Definition
		}
	}
	for name, want := range map[string]string{
		"Patient everything": "http://hl7.org/fhir/OperationDefinition/Patient-everything", "Encounter everything": "http://hl7.org/fhir/OperationDefinition/Encounter-everything",
		"Practitioner everything": "https://ingle.health/fhir/OperationDefinition/everything", "Organization everything": "",
		"Observation lastn": "http://hl7.org/fhir/OperationDefinition/Observation-lastn", "Patient lastn": "",
		"DocumentReference docref": "http://hl7.org/fhir/us/core/OperationDefinition/docref", "Composition document": "http://hl7.org/fhir/OperationDefinition/Composition-document",
		"Patient meta": "http://hl7.org/fhir/OperationDefinition/Resource-meta", "Patient meta-add": "http://hl7.org/fhir/OperationDefinition/Resource-meta-add",
		"Patient meta-delete": "http://hl7.org/fhir/OperationDefinition/Resource-meta-delete", "Patient diff": "https://ingle.health/fhir/OperationDefinition/diff",
	} {
		if at[name] != want {
			t.Errorf("%s: %q, want %q", name, at[name], want)
		}
	}
	for _, op := range c.Rest[0].Operation {
		if op.Name == "everything" || op.Name == "meta-add" {
			t.Errorf("$%s is listed for the system", op.Name)
		}
	}
}

func TestEverythingOfSeveralReleasesIsToldAsJSON(t *testing.T) {
	s := newServer(t, func(_ *records.Policy, _ *web.Config, c *records.Config) {
		c.Others = []*definitions.Definitions{definitions.MustBuiltIn(definitions.R4B)}
	})
	chart(s)
	s.do("PUT", "/Basic/b", `{"resourceType":"Basic","id":"b","code":{"text":"x"},"subject":{"reference":"Patient/alice"}}`, "Content-Type", "application/fhir+json; fhirVersion=4.3").want(201)
	s.get("/Patient/alice/$everything").want(200).has(`"id":"b"`)
	s.get("/Patient/alice/$everything", "Accept", "application/fhir+xml").want(406)
	batch := `{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"GET","url":"Patient/alice/$everything"}}]}`
	s.do("POST", "/", batch).want(200).has(`"id":"b"`)
	s.get("/Basic/b/$meta", "Accept", "application/fhir+xml; fhirVersion=4.3").want(200)
}
