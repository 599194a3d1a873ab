package fhirapi_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/records"
)

func weight(id, subject string) string {
	return `{"resourceType":"Observation","id":"` + id + `","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"29463-7"}]},"subject":{"reference":"Patient/` + subject + `"},"valueQuantity":{"value":70.0,"unit":"kg","system":"http://unitsofmeasure.org","code":"kg"}}`
}

func TestASearchIsAskedInAnyOfItsForms(t *testing.T) {
	s := newServer(t)
	s.put("/Patient/alice", alice)
	s.put("/Patient/bob", patient("bob", "Baker"))
	s.put("/Observation/o", weight("o", "alice"))
	const form = "application/x-www-form-urlencoded"
	for name, c := range map[string]struct {
		a    *answer
		want string
	}{
		"type":                   {s.get("/Patient"), "alice bob"},
		"type, by name":          {s.get("/Patient?name=arch"), "alice"},
		"posted":                 {s.do("POST", "/Patient/_search", "name=arch", "Content-Type", form), "alice"},
		"posted, with a query":   {s.do("POST", "/Patient/_search?name=arch", "active=true", "Content-Type", form), "alice"},
		"posted, without a body": {s.do("POST", "/Patient/_search?name=bak", ""), "bob"},
		"system":                 {s.get("/?_id=alice,o"), "alice o"},
		"system, posted":         {s.do("POST", "/_search", "_id=bob", "Content-Type", form), "bob"},
		"compartment":            {s.get("/Patient/alice/Observation"), "o"},
		"compartment, by code":   {s.get("/Patient/alice/Observation?code=29463-7"), "o"},
		"compartment, posted":    {s.do("POST", "/Patient/alice/Observation/_search", "code=1-1", "Content-Type", form), ""},
		"another compartment":    {s.get("/Patient/bob/Observation"), ""},
		"included":               {s.get("/Observation?_include=Observation:subject"), "o alice"},
		"reverse included":       {s.get("/Patient?name=arch&_revinclude=Observation:subject"), "alice o"},
		"chained":                {s.get("/Observation?subject:Patient.name=archer"), "o"},
		"sorted":                 {s.get("/Patient?_sort=-family"), "bob alice"},
	} {
		t.Run(name, func(t *testing.T) {
			c.a.t = t
			if got := c.a.want(200).bundle().ids(); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	whole := s.get("/Patient/alice/*").want(200).bundle().ids()
	if !strings.Contains(whole, "alice") || !strings.Contains(whole, "o") || strings.Contains(whole, "bob") {
		t.Errorf("the whole compartment is %q", whole)
	}
}

func TestASearchEntrySaysWhyItIsThere(t *testing.T) {
	s := newServer(t)
	s.put("/Patient/alice", alice)
	s.put("/Observation/o", weight("o", "alice"))
	b := s.get("/Observation?_include=Observation:subject&_total=accurate").bundle()
	if b.Type != "searchset" || b.Total == nil || *b.Total != 1 || len(b.Entry) != 2 {
		t.Fatalf("%+v", b)
	}
	if b.Entry[0].Search.Mode != "match" || b.Entry[1].Search.Mode != "include" || b.Entry[1].FullURL != s.base+"/Patient/alice" {
		t.Errorf("%+v", b.Entry)
	}
	if b := s.get("/Observation?_summary=count").bundle(); b.Total == nil || *b.Total != 1 || len(b.Entry) != 0 {
		t.Errorf("%+v", b)
	}
	if b := s.get("/Observation?_include=Observation:subject").bundle(); b.Total == nil || *b.Total != 1 {
		t.Error("a page that holds all matches has no total")
	}
	s.put("/Observation/p", weight("p", "alice"))
	if b := s.get("/Observation?_count=1").bundle(); b.Total != nil {
		t.Error("a total that nobody asked for")
	}
}

func TestPagesAreLinkedUntilTheEnd(t *testing.T) {
	s := newServer(t)
	for i := range 25 {
		s.put(fmt.Sprintf("/Patient/p%02d", i), patient(fmt.Sprintf("p%02d", i), "Page"))
	}
	path, seen, pages := "/Patient?family=page&_count=7&_sort=family&_format=json", map[string]bool{}, 0
	for path != "" {
		b := s.get(path).want(200).bundle()
		for _, e := range b.Entry {
			if seen[e.FullURL] {
				t.Errorf("%s twice", e.FullURL)
			}
			seen[e.FullURL] = true
		}
		if self := b.link(t, s.base, "self"); !strings.Contains(self, "family=page") || !strings.Contains(self, "_count=7") || !strings.Contains(self, "_format=json") {
			t.Errorf("self is %s", self)
		}
		if first := b.link(t, s.base, "first"); (pages > 0) != (first != "") || strings.Contains(first, "_cursor") {
			t.Errorf("page %d: first is %q", pages, first)
		}
		path = b.link(t, s.base, "next")
		pages++
	}
	if len(seen) != 25 || pages != 4 {
		t.Errorf("%d resources on %d pages", len(seen), pages)
	}
}

func TestACursorBelongsToItsSearch(t *testing.T) {
	s := newServer(t)
	for i := range 3 {
		s.put(fmt.Sprintf("/Patient/p%d", i), patient(fmt.Sprintf("p%d", i), "Page"))
	}
	next := s.get("/Patient?family=page&_count=1").bundle().link(t, s.base, "next")
	cursor := next[strings.Index(next, "_cursor="):]
	s.get("/Patient?family=other&_count=1&" + cursor).want(400).outcome("invalid")
	s.get("/Observation?_count=1&" + cursor).want(400)
	s.get("/Patient?family=page&_count=1&_cursor=forged").want(400)
	s.get("/Patient?family=page&_count=1&" + cursor[:len(cursor)-2]).want(400)
	s.get("/Patient?family=page&_count=1&_sort=birthdate&" + cursor).want(400)
	s.get("/Patient?family=page&_count=2&" + cursor).want(200)
}

// What an approximate date means depends on the time of the request, not on what
// its cursor is good for.
func TestACursorOfAnApproximateDateBelongsToThatDate(t *testing.T) {
	s := newServer(t)
	for i := range 3 {
		s.put(fmt.Sprintf("/Patient/p%d", i), fmt.Sprintf(`{"resourceType":"Patient","id":"p%d","birthDate":"1980"}`, i))
	}
	now := time.Now().UTC().Format("2006-01-02")
	for query, other := range map[string]string{
		"birthdate=ap1980": "birthdate=ap1981", "_lastUpdated=ap" + now: "_lastUpdated=ap" + now + "T00:00Z",
		"_filter=birthdate%20po%201980": "_filter=birthdate%20po%201980-01",
	} {
		next := s.get("/Patient?"+query+"&_count=1").bundle().link(t, s.base, "next")
		cursor := "&" + next[strings.Index(next, "_cursor="):]
		s.get("/Patient?" + query + "&_count=2" + cursor).want(200).has(`"p2"`)
		s.get("/Patient?" + other + "&_count=1" + cursor).want(400).has("does not belong to this search")
	}
}

func TestACursorBelongsToItsTenant(t *testing.T) {
	s := newServerOfTwo(t)
	for _, tenant := range []string{"", "/t/east/fhir"} {
		for i := range 3 {
			s.do("PUT", fmt.Sprintf("%s/Patient/p%d", tenant, i), patient(fmt.Sprintf("p%d", i), "Page")).want(201)
		}
	}
	for _, path := range []string{"/Patient?family=page&_count=1", "/Patient?family=page&_count=1&_sort=-_id", "/Patient/_history?_count=1", "/_history?_count=1"} {
		next := s.get(path).bundle().link(t, s.base, "next")
		s.get(next).want(200)
		s.get("/t/east/fhir" + next).want(400).outcome("invalid")
	}
}

func TestAContainedResourceIsNamedByItsFragment(t *testing.T) {
	s := newServer(t)
	s.put("/Patient/alice", alice)
	s.put("/MedicationRequest/r", `{"resourceType":"MedicationRequest","id":"r","contained":[{"resourceType":"Medication","id":"m1","status":"active","code":{"text":"a"}}],
		"status":"active","intent":"order","medicationReference":{"reference":"#m1"},"subject":{"reference":"Patient/alice"}}`)
	b := s.get("/Medication?_contained=true&status=active").want(200).bundle()
	if len(b.Entry) != 1 || b.Entry[0].FullURL != s.base+"/MedicationRequest/r" || b.Entry[0].Search.Mode != "match" {
		t.Errorf("container: %+v", b)
	}
	a := s.get("/Medication?_contained=true&_containedType=contained&status=active&_elements=status").want(200)
	b = a.bundle()
	if len(b.Entry) != 1 || b.Entry[0].FullURL != s.base+"/MedicationRequest/r#m1" || b.Entry[0].Search.Mode != "match" {
		t.Errorf("contained: %+v", b)
	}
	a.has(`"resourceType":"Medication"`, `"id":"m1"`)
	if self := b.link(t, s.base, "self"); self != "/Medication?_contained=true&_containedType=contained&status=active&_elements=status" {
		t.Errorf("self is %s", self)
	}
	s.get("/Medication?status=active").want(200).has(`"total":0`)
}

func TestAMatchOfNearSaysHowFarItLies(t *testing.T) {
	s := newServer(t)
	for id, at := range map[string]string{"boston": `{"longitude":-71.0589,"latitude":42.3601}`, "cambridge": `{"longitude":-71.1097,"latitude":42.3736}`} {
		s.put("/Location/"+id, `{"resourceType":"Location","id":"`+id+`","name":"L","position":`+at+`}`)
	}
	const url = `"url":"http://hl7.org/fhir/StructureDefinition/location-distance"`
	s.get("/Location?near=42.3601|-71.0589&name=l").want(200).has(url, `"value":0.000`, `"value":4.435`, `"unit":"km"`)
	s.get("/Location?near=42.3601|-71.0589", "Accept", "application/fhir+xml").want(200).has("location-distance", `<value value="4.435"/>`)
	if a := s.get("/Location?near:missing=false").want(200); strings.Contains(string(a.body), "location-distance") {
		t.Error("a distance from nowhere")
	}
}

func TestUnknownParametersAreRefusedOrNamed(t *testing.T) {
	s := newServer(t)
	s.put("/Patient/alice", alice)
	s.get("/Patient?naem=x").want(400).has("naem", "name")
	s.get("/Patient?_nonsense=x").want(400)
	s.get("/Patient?birthdate=yesterday").want(400).has("birthdate")
	b := s.get("/Patient?naem=x", "Prefer", "handling=lenient").want(200).has("naem").bundle()
	if len(b.Entry) != 2 || b.Entry[1].Search.Mode != "outcome" || b.link(t, s.base, "self") != "/Patient" {
		t.Errorf("%+v", b)
	}
	lenient := newServer(t, withPolicy(func(p *records.Policy) { p.LenientSearch = true }))
	lenient.get("/Patient?naem=x").want(200)
	lenient.get("/Patient?naem=x", "Prefer", "handling=strict").want(400)
}

func TestTheSelfLinkSaysWhatWasApplied(t *testing.T) {
	s := newServer(t)
	s.put("/Patient/alice", alice)
	s.put("/Observation/o", weight("o", "alice"))
	const form = "application/x-www-form-urlencoded"
	for name, c := range map[string]struct {
		a    *answer
		want string
	}{
		"plain":          {s.get("/Patient?name=arch&_sort=-birthdate"), "/Patient?name=arch&_sort=-birthdate"},
		"cache buster":   {s.get("/Patient?_=17&name=arch"), "/Patient?name=arch"},
		"lowered count":  {s.get("/Patient?_count=100000"), "/Patient?_count=1000"},
		"lenient":        {s.get("/Patient?name=arch&foo=1", "Prefer", "handling=lenient"), "/Patient?name=arch"},
		"posted in both": {s.do("POST", "/Patient/_search?name=arch", "active=true", "Content-Type", form), "/Patient?name=arch&active=true"},
		"compartment":    {s.do("POST", "/Patient/alice/Observation/_search?_=1", "status=final", "Content-Type", form), "/Patient/alice/Observation?status=final"},
		"types":          {s.get("/?_type=Patient,Observation&_id=o"), "?_type=Patient,Observation&_id=o"},
	} {
		t.Run(name, func(t *testing.T) {
			c.a.t = t
			first := c.a.want(200).bundle()
			self := first.link(t, s.base, "self")
			if got, err := url.PathUnescape(self); err != nil || got != c.want {
				t.Errorf("self is %q, want %q, %v", got, c.want, err)
			}
			if again := s.get(self).want(200).bundle().ids(); again != strings.TrimSpace(strings.TrimSuffix(first.ids(), " outcome")) && name != "lenient" {
				t.Errorf("it finds %q, the search found %q", again, first.ids())
			}
		})
	}
}

func TestLeniencyPassesOverNothingButUnknownParameters(t *testing.T) {
	s := newServer(t)
	for _, query := range []string{"name:foo=x", "_id:above=x", "birthdate=soon", "_filter=foo eq x", "_list=$current-problems", "_sort=near", "name.given=x", "_count=x", "_cursor=forged"} {
		path := "/Patient?" + strings.ReplaceAll(query, " ", "%20")
		if query == "_sort=near" {
			path = "/Location?" + query
		}
		s.get(path, "Prefer", "handling=lenient").want(400)
	}
}

func TestASearchBeyondItsBoundsNamesTheBound(t *testing.T) {
	s := newServer(t)
	for query, want := range map[string]string{
		strings.Repeat("name=x&", 500):                     "at most 100",
		strings.Repeat("link:Patient.", 20) + "name=x":     "at most 4",
		"gender=" + strings.Repeat("a,", 10_000) + "a":     "16384 bytes",
		"gender=" + strings.Repeat("a,", 5000) + "a":       "at most 1000",
		"_list=" + strings.Repeat("a,", 5000) + "a":        "at most 1000",
		"_filter=gender%20re%20%22(((a%2B)%2B)%2B)%2B$%22": "operator re cannot be used",
		"_filter=" + strings.Repeat("(", 1000):             "more than 20 deep",
		strings.Repeat("_include=Patient:link&", 101):      "at most 100",
	} {
		s.get("/Patient?" + query).want(400).has(want)
	}
}

func TestAnExpressionMadeToExplodeIsBounded(t *testing.T) {
	s := newServer(t)
	s.put("/Patient/long", `{"resourceType":"Patient","id":"long","name":[{"family":"`+strings.Repeat("a", 100_000)+`!"}]}`)
	view := func(path string) string {
		return `{"resourceType":"ViewDefinition","status":"active","resource":"Patient","select":[{"column":[{"name":"a","path":"` + path + `"}]}]}`
	}
	s.do("POST", "/ViewDefinition/$run", view("name.family.matches('^(((a+)+)+)+$')")).want(200).has(`{"a":false}`)
	s.do("POST", "/ViewDefinition/$run", view("name.family.matches('^(a?){900}(a?){900}(a?){900}$')")).want(422).has("more than 1,000,000 steps")
	s.do("POST", "/ViewDefinition/$run", view("name.family.matches('"+strings.Repeat("(a?){900}", 10)+"')")).want(422).has("more than 20000 states")
	s.get("/Patient/long/$fhirpath?expression=name.family.matches('^(a%3F)%7B900%7D(a%3F)%7B900%7D$')").want(422).has("1,000,000 steps")
}

func TestAGraphQLQuery50DeepIsRefused(t *testing.T) {
	s := newServer(t)
	s.put("/Patient/alice", alice)
	query := strings.Repeat("{extension", 50) + "{url" + strings.Repeat("}", 51)
	s.get("/Patient/alice/$graphql?query=" + query).want(422).has("more than 25 fields deep")
}

func TestAPostedSearchNeedsAForm(t *testing.T) {
	s := newServer(t)
	s.do("POST", "/Patient/_search", "name=x", "Content-Type", "application/json").want(415)
	s.do("POST", "/Patient/_search", "name=%zz", "Content-Type", "application/x-www-form-urlencoded").want(400)
	s.do("POST", "/Patient/_search", "_format=xml", "Content-Type", "application/x-www-form-urlencoded").want(200).has("<Bundle")
	s.get("/Patient/_search").want(405).header("Allow", "OPTIONS, POST")
	s.get("/Patient?" + strings.Repeat("name=x&", 3000)).want(400).outcome("too-costly")
}
