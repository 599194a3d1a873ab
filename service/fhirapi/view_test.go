package fhirapi_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

const peopleView = `{"resourceType":"ViewDefinition","id":"people","url":"http://example.org/people","name":"people","status":"active","resource":"Patient",` +
	`"select":[{"column":[{"name":"id","path":"getResourceKey()"}]},{"forEachOrNull":"name","column":[{"name":"family","path":"family"},{"name":"given","path":"given.join(' ')"}]}]}`

const weightsView = `{"resourceType":"ViewDefinition","resource":"Observation","status":"active",` +
	`"select":[{"column":[{"name":"id","path":"id"},{"name":"patient","path":"subject.getReferenceKey(Patient)"},{"name":"kg","path":"value.ofType(Quantity).value","type":"decimal"}]}]}`

// withPeople has two patients, the second without a name, with a weight each.
func withPeople(t *testing.T, options ...option) *server {
	s := newServer(t, options...)
	s.put("/Patient/p1", `{"resourceType":"Patient","id":"p1","name":[{"family":"Diaz, Sr.","given":["Ana","Bo"]},{"family":"D"}]}`)
	s.put("/Patient/p2", `{"resourceType":"Patient","id":"p2"}`)
	for i := 1; i <= 2; i++ {
		s.put(fmt.Sprintf("/Observation/w%d", i), fmt.Sprintf(`{"resourceType":"Observation","id":"w%d","status":"final","code":{"text":"weight"},"subject":{"reference":"Patient/p%d"},"valueQuantity":{"value":7%d.50}}`, i, i, i))
	}
	return s
}

// cut reads an answer that may end before its time.
func (s *server) cut(path string) (string, error) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.url+"/fhir"+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Accept-Encoding", "identity")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

func runParameters(parts ...string) string {
	if parts == nil {
		return `{"resourceType":"Parameters"}`
	}
	return `{"resourceType":"Parameters","parameter":[` + strings.Join(parts, ",") + `]}`
}

func viewResource(view string) string { return `{"name":"viewResource","resource":` + view + `}` }

func TestAStoredViewIsRunOverStoredResources(t *testing.T) {
	s := withPeople(t)
	s.put("/ViewDefinition/people", peopleView)
	const ndjson = `{"id":"Patient/p1","family":"Diaz, Sr.","given":"Ana Bo"}
{"id":"Patient/p1","family":"D","given":""}
{"id":"Patient/p2","family":null,"given":null}
`
	for _, path := range []string{
		"/ViewDefinition/people/$run", "/ViewDefinition/people/$viewdefinition-run", "/ViewDefinition/$run?viewReference=ViewDefinition/people",
		"/$viewdefinition-run?viewReference=ViewDefinition/people", "/$viewdefinition-run?viewReference=http://example.org/people",
		"/ViewDefinition/people/$run?_format=ndjson", "/ViewDefinition/people/$run?_format=application/x-ndjson",
	} {
		a := s.get(path).want(200)
		if a.body != ndjson || a.Header.Get("Content-Type") != "application/x-ndjson; charset=utf-8" {
			t.Errorf("%s: %s\n%s", path, a.Header.Get("Content-Type"), a.body)
		}
	}
	a := s.get("/ViewDefinition/people/$run?_format=json").want(200)
	if want := "[" + strings.ReplaceAll(strings.TrimSuffix(ndjson, "\n"), "\n", ",\n") + "]\n"; a.body != want {
		t.Errorf("json: %s", a.body)
	}
	const lines = "Patient/p1,\"Diaz, Sr.\",Ana Bo\r\nPatient/p1,D,\"\"\r\nPatient/p2,,\r\n"
	a = s.do("GET", "/ViewDefinition/people/$run", "", "Accept", "text/csv").want(200)
	if a.body != "id,family,given\r\n"+lines || a.Header.Get("Content-Type") != "text/csv; charset=utf-8; header=present" {
		t.Errorf("csv: %s %s", a.Header.Get("Content-Type"), a.body)
	}
	if a = s.get("/ViewDefinition/people/$run?_format=csv&header=false").want(200); a.body != lines {
		t.Errorf("csv without header: %s", a.body)
	}
	if a = s.get("/ViewDefinition/people/$run?_limit=2").want(200); strings.Count(a.body, "\n") != 2 {
		t.Errorf("two rows: %s", a.body)
	}
}

func TestAViewInTheRequestIsRun(t *testing.T) {
	s := withPeople(t)
	const all = `{"id":"w1","patient":"Patient/p1","kg":71.50}` + "\n" + `{"id":"w2","patient":"Patient/p2","kg":72.50}` + "\n"
	first, second, _ := strings.Cut(all, "\n")
	for body, want := range map[string]string{
		weightsView:                              all,
		runParameters(viewResource(weightsView)): all,
		runParameters(viewResource(weightsView), `{"name":"patient","valueReference":{"reference":"Patient/p1"}}`):                                                                                                                    first + "\n",
		runParameters(viewResource(weightsView), `{"name":"patient","valueString":"p2"}`):                                                                                                                                             second,
		runParameters(viewResource(weightsView), `{"name":"patient","valueString":"p2"}`, `{"name":"patient","valueString":"Patient/p1"}`):                                                                                            all,
		runParameters(viewResource(weightsView), `{"name":"_since","valueInstant":"2100-01-01T00:00:00Z"}`):                                                                                                                           "",
		runParameters(viewResource(weightsView), `{"name":"_since","valueInstant":"2000-01-01T00:00:00Z"}`):                                                                                                                           all,
		runParameters(viewResource(weightsView), `{"name":"resource","resource":{"resourceType":"Observation","id":"x","status":"final","code":{"text":"c"}}}`, `{"name":"resource","resource":{"resourceType":"Patient","id":"y"}}`): `{"id":"x","patient":null,"kg":null}` + "\n",
		runParameters(viewResource(weightsView), `{"name":"_format","valueCode":"csv"}`, `{"name":"header","valueBoolean":false}`, `{"name":"_limit","valueInteger":1}`):                                                              "w1,Patient/p1,71.50\r\n",
	} {
		if a := s.do("POST", "/ViewDefinition/$run", body).want(200); a.body != want {
			t.Errorf("%s:\n%s\nwant\n%s", body, a.body, want)
		}
	}
}

func TestABadRunOfAViewIsRefusedWithTheReason(t *testing.T) {
	s := withPeople(t)
	s.put("/ViewDefinition/people", peopleView)
	for _, c := range []struct {
		path, body string
		status     int
		says       string
	}{
		{"/ViewDefinition/$run", runParameters(), 400, "One ViewDefinition is needed"},
		{"/ViewDefinition/people/$run", runParameters(viewResource(weightsView)), 400, "One ViewDefinition is needed"},
		{"/ViewDefinition/none/$run", runParameters(), 404, "no ViewDefinition/none"},
		{"/ViewDefinition/$run?viewReference=http://example.org/other", runParameters(), 404, "no ViewDefinition http://example.org/other"},
		{"/ViewDefinition/$run?viewReference=Patient/p1", runParameters(), 400, "Patient/p1 is no ViewDefinition"},
		{"/ViewDefinition/people/$run", runParameters(`{"name":"group","valueReference":{"reference":"Group/none"}}`), 400, "there is no Group/none"},
		{"/ViewDefinition/people/$run?group=Patient/p1", runParameters(), 400, "Patient/p1 is no Group"},
		{"/ViewDefinition/people/$run", runParameters(`{"name":"source","valueString":"lake"}`), 400, "has no source to choose from"},
		{"/ViewDefinition/people/$run", runParameters(`{"name":"group","valueString":"none"}`, `{"name":"resource","resource":{"resourceType":"Patient"}}`), 400, "with resource there are none"},
		{"/ViewDefinition/people/$run", runParameters(`{"name":"patients","valueString":"1"}`), 400, "has no parameter"},
		{"/ViewDefinition/people/$run?_limit=0", runParameters(), 400, "_limit must be a number above 0"},
		{"/ViewDefinition/people/$run?_since=yesterday", runParameters(), 400, "_since is an instant"},
		{"/ViewDefinition/people/$run?header=maybe", runParameters(), 400, "header is true or false"},
		{"/ViewDefinition/people/$run?_format=parquet", runParameters(), 406, "parquet"},
		{"/ViewDefinition/people/$run?_format=xml", runParameters(), 406, "ndjson, json or csv"},
		{"/ViewDefinition/people/$run?patient=p9", runParameters(), 400, "there is no Patient/p9"},
		{"/ViewDefinition/$run", runParameters(viewResource(strings.Replace(weightsView, "Observation", "Medication", 1))), 422, "Medication has no element subject"},
		{"/ViewDefinition/$run", runParameters(viewResource(`{"resourceType":"ViewDefinition","resource":"Organization","select":[{"column":[{"name":"a","path":"id"}]}]}`), `{"name":"patient","valueString":"p1"}`), 400, "not part of the Patient compartment"},
		{"/ViewDefinition/$run", runParameters(viewResource(`{"resourceType":"Patient"}`)), 422, "a ViewDefinition is needed"},
		{"/ViewDefinition/$run", `{"resourceType":"ViewDefinition","resource":"Patient","select":[{"column":[{"name":"a","path":"name.given"}]}]}`, 422, "ViewDefinition.select[0].column[0].path"},
		{"/Patient/$run", runParameters(), 404, "It is called on a type or an instance of ViewDefinition."},
	} {
		s.do("POST", c.path, c.body).want(c.status).has(c.says)
	}
	s.get("/Patient?_format=csv").want(406)
}

func TestATableIsMadeInABatch(t *testing.T) {
	s := withPeople(t)
	s.put("/ViewDefinition/people", peopleView)
	a := s.do("POST", "", `{"resourceType":"Bundle","type":"batch","entry":[
		{"request":{"method":"GET","url":"ViewDefinition/people/$run?_format=csv&header=false&_limit=1"}},
		{"request":{"method":"POST","url":"ViewDefinition/$run"},"resource":`+runParameters(viewResource(weightsView), `{"name":"patient","valueString":"p2"}`)+`},
		{"request":{"method":"GET","url":"ViewDefinition/none/$run"}},
		{"request":{"method":"GET","url":"ViewDefinition/people/$run?_format=xml"}}]}`).want(200)
	var b struct {
		Entry []struct {
			Resource struct {
				ResourceType, ContentType string
				Data                      []byte
			}
			Response struct{ Status string }
		}
	}
	if err := json.Unmarshal([]byte(a.body), &b); err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct{ status, contentType, data string }{
		{"200 OK", "text/csv; charset=utf-8; header=absent", "Patient/p1,\"Diaz, Sr.\",Ana Bo\r\n"},
		{"200 OK", "application/x-ndjson; charset=utf-8", `{"id":"w2","patient":"Patient/p2","kg":72.50}` + "\n"},
		{"404 Not Found", "", ""}, {"406 Not Acceptable", "", ""},
	} {
		if e := b.Entry[i]; e.Response.Status != want.status || e.Resource.ContentType != want.contentType || string(e.Resource.Data) != want.data {
			t.Errorf("entry %d: %s %s %q", i, e.Response.Status, e.Resource.ContentType, e.Resource.Data)
		}
	}
}

func TestATableInABatchHasABound(t *testing.T) {
	s := newServer(t)
	s.put("/ViewDefinition/long", `{"resourceType":"ViewDefinition","id":"long","status":"active","resource":"Basic","select":[{"forEach":"extension","column":[{"name":"text","path":"%resource.code.text"}]}]}`)
	s.put("/Basic/b", `{"resourceType":"Basic","id":"b","code":{"text":"`+strings.Repeat("x", 200_000)+`"},"extension":[`+strings.TrimSuffix(strings.Repeat(`{"url":"urn:x","valueString":"y"},`, 100), ",")+`]}`)
	s.do("POST", "", `{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"GET","url":"ViewDefinition/long/$run"}}]}`).
		want(200).has("422", "A table in a batch holds at most 16 MiB")
	if a := s.get("/ViewDefinition/long/$run").want(200); len(a.body) < 20_000_000 {
		t.Errorf("by itself it has %d bytes", len(a.body))
	}
}

func TestAViewOfAGroupHasItsMembersOnly(t *testing.T) {
	s := withPeople(t)
	s.put("/Group/both", `{"resourceType":"Group","id":"both","type":"person","actual":true,"member":[{"entity":{"reference":"Patient/p1"}},{"entity":{"reference":"Patient/p2"}}]}`)
	s.put("/Group/one", `{"resourceType":"Group","id":"one","type":"person","actual":true,"member":[{"entity":{"reference":"Patient/p2"}},{"entity":{"reference":"Patient/p1"},"inactive":true}]}`)
	for parameters, want := range map[string]string{
		`{"name":"group","valueReference":{"reference":"Group/both"}}`:                                  "w1 w2",
		`{"name":"group","valueReference":{"reference":"Group/one"}}`:                                   "w2",
		`{"name":"group","valueString":"one"},{"name":"group","valueString":"both"}`:                    "w1 w2",
		`{"name":"group","valueString":"one"},{"name":"patient","valueString":"p1"}`:                    "",
		`{"name":"group","valueString":"both"},{"name":"patient","valueString":"p1"}`:                   "w1",
		`{"name":"group","valueString":"both"},{"name":"_since","valueInstant":"2100-01-01T00:00:00Z"}`: "",
	} {
		a := s.do("POST", "/ViewDefinition/$run", runParameters(viewResource(weightsView), parameters)).want(200)
		var ids []string
		for line := range strings.Lines(a.body) {
			ids = append(ids, line[7:9])
		}
		if got := strings.Join(ids, " "); got != want {
			t.Errorf("%s: %s, want %s", parameters, got, want)
		}
	}
}

func TestALargeTableIsStreamedAndAnErrorCutsIt(t *testing.T) {
	s := newServer(t)
	var entries []string
	for i := range 1500 {
		entries = append(entries, fmt.Sprintf(`{"resource":{"resourceType":"Patient","id":"p%04d","name":[{"family":%q}]},"request":{"method":"PUT","url":"Patient/p%04d"}}`, i, strings.Repeat("x", 100), i))
	}
	s.do("POST", "", `{"resourceType":"Bundle","type":"batch","entry":[`+strings.Join(entries, ",")+`]}`).want(200)
	s.put("/ViewDefinition/people", peopleView)
	a := s.get("/ViewDefinition/people/$run").want(200)
	if n := strings.Count(a.body, "\n"); n != 1500 || a.ContentLength >= 0 {
		t.Errorf("%d rows, length %d", n, a.ContentLength)
	}
	s.put("/Patient/last", `{"resourceType":"Patient","id":"last","name":[{"family":"a","given":["b"]}]}`)
	s.put("/ViewDefinition/strict", `{"resourceType":"ViewDefinition","id":"strict","status":"active","resource":"Patient","select":[{"column":[{"name":"a","path":"name.given | name.family"}]}]}`)
	if body, err := s.cut("/ViewDefinition/strict/$run"); err == nil || !strings.HasPrefix(body, `{"a":"xxx`) {
		t.Errorf("the answer is taken for complete: %d bytes, %v", len(body), err)
	}
}

func TestViewDefinitionsAreSearched(t *testing.T) {
	s := newServer(t)
	s.put("/ViewDefinition/people", peopleView)
	for query, total := range map[string]string{"url=http://example.org/people": "1", "name=peop": "1", "resource=Patient": "1", "resource=Observation": "0", "status=active": "1"} {
		s.get("/ViewDefinition?" + query).want(200).has(`"total":` + total)
	}
	s.get("/metadata").want(200).has(`"viewdefinition-run"`).hasNot(`"type":"ViewDefinition"`)
	s.do("PUT", "/ViewDefinition/bad", `{"resourceType":"ViewDefinition","id":"bad","status":"active","resource":"Patient"}`).want(422).has("select")
}

func TestAViewThatTakesTooMuchWorkForOneResourceIsStopped(t *testing.T) {
	s := newServer(t)
	run := func(names int, columns string) *answer {
		patient := `{"resourceType":"Patient","name":[` + strings.Repeat(`{"given":["a"]},`, names-1) + `{"given":["b"]}]}`
		return s.do("POST", "/$viewdefinition-run?_format=json", `{"resourceType":"Parameters","parameter":[
			{"name":"viewResource","resource":{"resourceType":"ViewDefinition","status":"active","resource":"Patient","select":[`+columns+`]}},
			{"name":"resource","resource":`+patient+`}]}`)
	}
	all := `{"name":"%s","path":"%%resource.descendants().count()"}`
	run(3000, `{"forEach":"name","column":[`+fmt.Sprintf(all, "n")+`]}`).want(422).has("too-costly", "more than 1,000,000 steps", "Patient")
	// The columns of a resource count together.
	columns := ""
	for i := range 80 {
		columns += "," + fmt.Sprintf(all, fmt.Sprintf("n%d", i))
	}
	run(10_000, `{"column":[`+columns[1:]+`]}`).want(422).has("too-costly")
	// What only grows with the resource is no reason to stop.
	if n := strings.Count(run(60_000, `{"forEach":"name","column":[{"name":"given","path":"given.first()"},{"name":"n","path":"given.count()"},{"name":"i","path":"%rowIndex"}]}`).want(200).body, `"given"`); n != 60_000 {
		t.Errorf("%d rows", n)
	}
}
