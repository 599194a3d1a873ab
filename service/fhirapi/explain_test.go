package fhirapi_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/records"
)

func explaining(t *testing.T) *server {
	s := newServer(t, withPolicy(func(p *records.Policy) { p.Explain = true }))
	s.put("/Patient/alice", alice)
	s.put("/Patient/bob", patient("bob", "Baker"))
	s.put("/Observation/o", weight("o", "alice"))
	s.put("/Observation/p", weight("p", "bob"))
	return s
}

func TestAnExplainedSearchSaysWhatItDid(t *testing.T) {
	s := explaining(t)
	const query = "/Observation?code=29463-7&subject:Patient.name=archer&_include=Observation:subject&_revinclude=Provenance:target&_total=accurate&_explain=true"
	var p struct {
		ResourceType string
		Parameter    []explainedPart
	}
	a := s.get(query).want(200)
	if err := json.Unmarshal([]byte(a.body), &p); err != nil {
		t.Fatal(err)
	}
	all := explainedPart{Part: p.Parameter}
	for path, want := range map[string]string{
		"query/text":                  "all of",
		"query/part":                  `Observation.code is "29463-7" of any system`,
		"query/part/text":             "any of",
		"query/part/part/text":        "Observation.subject refers to a Patient with",
		"query/part/part/part":        `Patient.name begins with "archer"`,
		"sort":                        "by first creation",
		"total":                       "1",
		"found/type":                  "Observation Patient",
		"found/mode":                  "match include",
		"found/resources":             "1 1",
		"step/for":                    "matches included resources",
		"step/statement/argument":     `"29463-7"`,
		"step/statement/sql":          "SELECT ",
		"step/criterion/drives":       "true",
		"step/criterion/candidates":   "",
		"step/statement/plan":         "",
		"step/statement/returned":     "1",
		"step/statement/read":         "",
		"step/statement/milliseconds": ".",
		"milliseconds/parse":          ".", "milliseconds/plan": ".", "milliseconds/fetch": ".", "milliseconds/include": ".", "milliseconds/render": ".",
	} {
		if got, ok := all.at(path); !ok || !strings.Contains(got, want) {
			t.Errorf("%s is %q, want %q in\n%s", path, got, want, a.body)
		}
	}
	if p.ResourceType != "Parameters" || strings.Contains(a.body, `"Bundle"`) {
		t.Errorf("the answer is no Parameters: %s", a.body)
	}
	s.get(query + "&_format=xml").want(200).has(`<name value="drives"/>`)
}

// explainedPart is a parameter of Parameters.
type explainedPart struct {
	Name         string
	ValueString  string
	ValueDecimal json.Number
	ValueBoolean *bool
	Part         []explainedPart
}

// at joins the values of the parameters below a path.
func (p explainedPart) at(path string) (string, bool) {
	name, rest, deeper := strings.Cut(path, "/")
	var values []string
	for _, c := range p.Part {
		if c.Name != name {
			continue
		}
		value := c.ValueString + c.ValueDecimal.String()
		if c.ValueBoolean != nil && *c.ValueBoolean {
			value = "true"
		}
		ok := true
		if deeper {
			value, ok = c.at(rest)
		}
		if ok {
			values = append(values, value)
		}
	}
	return strings.Join(values, " "), len(values) > 0
}

func TestABrowserGetsAPageOfWhatASearchDid(t *testing.T) {
	s := explaining(t)
	a := s.get("/Observation?code=29463-7,%3Cb%3E&_explain=true", "Accept", "text/html,application/xml;q=0.9").want(200)
	a.has("<h1>What this search did</h1>", `<ul class="tree"><li>any of`, "&lt;b&gt;", "the search starts here", "SELECT ", "Observation.code", " read, ")
	if strings.Contains(a.body, "<b>") || strings.Contains(a.body, "<script") {
		t.Error("the page holds markup from the request, or a script")
	}
	policy := a.Header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "default-src 'none'; style-src 'sha256-") || strings.Contains(policy, "unsafe") || strings.Contains(policy, "script-src") {
		t.Errorf("the page's policy is %q", policy)
	}
	if got := a.Header.Get("Content-Type"); got != "text/html; charset=utf-8" {
		t.Errorf("its type is %q", got)
	}
}

func TestEverySearchCanBeExplained(t *testing.T) {
	s := explaining(t)
	const form = "application/x-www-form-urlencoded"
	for name, a := range map[string]*answer{
		"type":                    s.get("/Patient?_explain=true"),
		"count":                   s.get("/Patient?_summary=count&name=bak&_explain=true"),
		"posted":                  s.do("POST", "/Patient/_search", "name=arch&_explain=true", "Content-Type", form),
		"system":                  s.get("/?_id=alice,o&_explain=true"),
		"compartment":             s.get("/Patient/alice/Observation?_explain=true"),
		"sorted":                  s.get("/Patient?_sort=-family,_id&_explain=true"),
		"sorted along an index":   s.get("/Patient?_sort=-birthdate&_explain=true"),
		"sorted by update":        s.get("/Patient?_sort=_lastUpdated&_explain=true"),
		"of nothing known so far": s.get("/Basic?code=x&_explain=true"),
	} {
		t.Run(name, func(t *testing.T) {
			a.t = t
			a.want(200).has(`"resourceType":"Parameters"`, `"name":"statement"`)
		})
	}
	s.get("/Patient?_explain=perhaps").want(400).has("_explain is true or false")
	s.get("/Patient?_explain=false").want(200).has(`"Bundle"`)
}

func TestExplainNeedsItsPolicy(t *testing.T) {
	s := newServer(t)
	s.get("/Patient?_explain=true").want(403).has("_explain is not allowed")
}
