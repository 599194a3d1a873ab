package terminology

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
)

// given is a service over R4 and resources in JSON.
func given(t testing.TB, resources ...string) *Service {
	t.Helper()
	r := new(Resources)
	for _, json := range resources {
		if err := r.Add([]byte(json)); err != nil {
			t.Fatal(err)
		}
	}
	return NewService(New(definitions.MustBuiltIn(definitions.R4)), r)
}

// animals is a code system with a hierarchy, of which bat has two parents.
const animals = `{"resourceType":"CodeSystem","url":"urn:animals","version":"1.0","status":"active","content":"complete","caseSensitive":true,
 "property":[{"code":"legs","type":"integer"},{"code":"parent","uri":"http://hl7.org/fhir/concept-properties#parent","type":"code"},{"code":"off","uri":"http://hl7.org/fhir/concept-properties#inactive","type":"boolean"}],
 "concept":[
  {"code":"animal","display":"Animal","property":[{"code":"notSelectable","valueBoolean":true}],"concept":[
   {"code":"bird","display":"Bird","property":[{"code":"legs","valueInteger":2}],"concept":[{"code":"owl","display":"Owl","designation":[{"language":"de","value":"Eule"}]}]},
   {"code":"mammal","display":"Mammal","property":[{"code":"legs","valueInteger":4}],"concept":[
     {"code":"cat","display":"Cat"},{"code":"bat","display":"Bat","property":[{"code":"parent","valueCode":"flyer"},{"code":"legs","valueInteger":2}]}]},
   {"code":"flyer","display":"Flyer"}]},
  {"code":"dodo","display":"Dodo","property":[{"code":"off","valueBoolean":true}]}]}`

func valueSet(compose string) string {
	return `{"resourceType":"ValueSet","url":"urn:set","version":"1","status":"active","compose":` + compose + `}`
}

// listed are the codes of an expansion, in order.
func listed(list []Contained) string {
	var out []string
	for _, c := range list {
		text := c.Code
		if len(c.Contains) > 0 {
			text += "(" + listed(c.Contains) + ")"
		}
		out = append(out, text)
	}
	return strings.Join(out, " ")
}

func expand(t testing.TB, s *Service, change func(*ExpandRequest)) (*Expansion, error) {
	t.Helper()
	r := ExpandRequest{URL: "urn:set", Count: -1, Offset: -1, ExcludeNested: true}
	if change != nil {
		change(&r)
	}
	return s.Expand(t.Context(), r)
}

func TestEveryFilterOperatorSelectsItsCodesAndNoOthers(t *testing.T) {
	for _, k := range []struct{ property, op, value, want string }{
		{"concept", "is-a", "mammal", "mammal cat bat"},
		{"concept", "descendent-of", "mammal", "cat bat"},
		{"concept", "descendent-leaf", "animal", "owl cat bat"},
		{"concept", "child-of", "animal", "bird mammal flyer"},
		{"concept", "is-not-a", "mammal", "animal bird owl flyer dodo"},
		{"concept", "generalizes", "bat", "animal mammal bat flyer"},
		{"concept", "is-a", "flyer", "bat flyer"},
		{"parent", "=", "flyer", "bat"},
		{"child", "=", "bat", "mammal flyer"},
		{"legs", "=", "2", "bird bat"},
		{"legs", "in", "2, 4", "bird mammal bat"},
		{"legs", "not-in", "2", "animal owl mammal cat flyer dodo"},
		{"legs", "exists", "true", "bird mammal bat"},
		{"legs", "exists", "false", "animal owl cat flyer dodo"},
		{"wings", "exists", "true", ""},
		{"code", "regex", ".at", "cat bat"},
		{"display", "regex", "B.*", "bird bat"},
		{"inactive", "=", "true", "dodo"},
	} {
		s := given(t, animals, valueSet(`{"include":[{"system":"urn:animals","filter":[{"property":"`+k.property+`","op":"`+k.op+`","value":"`+k.value+`"}]}]}`))
		e, err := expand(t, s, nil)
		if err != nil {
			t.Errorf("%s %s %s: %v", k.property, k.op, k.value, err)
			continue
		}
		// In the order of the code system.
		want := []string{}
		for _, code := range strings.Fields("animal bird owl mammal cat bat flyer dodo") {
			if slices.Contains(strings.Fields(k.want), code) {
				want = append(want, code)
			}
			answer, err := s.Member(t.Context(), "urn:set", Coding{"urn:animals", code})
			if err != nil || (answer == Yes) != slices.Contains(strings.Fields(k.want), code) {
				t.Errorf("%s %s %s has %s: %d %v", k.property, k.op, k.value, code, answer, err)
			}
		}
		if got := listed(e.Contains); got != strings.Join(want, " ") || e.Total != len(want) {
			t.Errorf("%s %s %s: %s (%d), want %s", k.property, k.op, k.value, got, e.Total, k.want)
		}
	}
}

func TestAnExpansionFollowsIncludesExcludesAndParameters(t *testing.T) {
	const whole = `{"include":[{"system":"urn:animals"}]}`
	for _, k := range []struct {
		name, compose string
		change        func(*ExpandRequest)
		want          string
		total         int
	}{
		{"all, nested", whole, func(r *ExpandRequest) { r.ExcludeNested = false }, "animal(bird(owl) mammal(cat bat) flyer) dodo", 8},
		{"active only", whole, func(r *ExpandRequest) { r.ActiveOnly = true }, "animal bird owl mammal cat bat flyer", 7},
		{"the value set wants active ones", `{"inactive":false,"include":[{"system":"urn:animals"}]}`, nil, "animal bird owl mammal cat bat flyer", 7},
		{"for a user interface", whole, func(r *ExpandRequest) { r.ExcludeNotForUI = true }, "bird owl mammal cat bat flyer dodo", 7},
		{"a page", whole, func(r *ExpandRequest) { r.Offset, r.Count = 2, 3 }, "owl mammal cat", 8},
		{"only the number", whole, func(r *ExpandRequest) { r.Count = 0 }, "", 8},
		{"beyond the end", whole, func(r *ExpandRequest) { r.Offset = 100 }, "", 8},
		{"by text", whole, func(r *ExpandRequest) { r.Filter = "AT" }, "cat bat", 2},
		{"by a name in another language", whole, func(r *ExpandRequest) { r.Filter = "eul" }, "owl", 1},
		{"without a system", whole, func(r *ExpandRequest) { r.ExcludedSystems = []string{"urn:animals|1.x"} }, "", 0},
		{"listed, once each, without what does not exist", `{"include":[{"system":"urn:animals","concept":[{"code":"owl"},{"code":"cat"},{"code":"owl"},{"code":"unicorn"}]}]}`, nil, "owl cat", 2},
		{"exclude a list", `{"include":[{"system":"urn:animals"}],"exclude":[{"system":"urn:animals","concept":[{"code":"cat"},{"code":"dodo"}]}]}`, nil, "animal bird owl mammal bat flyer", 6},
		{"exclude a filter", `{"include":[{"system":"urn:animals"}],"exclude":[{"system":"urn:animals","filter":[{"property":"concept","op":"is-a","value":"animal"}]}]}`, nil, "dodo", 1},
		{"another value set", `{"include":[{"valueSet":["http://hl7.org/fhir/ValueSet/administrative-gender"]}]}`, nil, "male female other unknown", 4},
		{"what two value sets share", `{"include":[{"valueSet":["urn:fliers","urn:mammals"]}]}`, nil, "bat", 1},
		{"a system within a value set", `{"include":[{"system":"urn:animals","filter":[{"property":"legs","op":"=","value":"2"}],"valueSet":["urn:mammals"]}]}`, nil, "bat", 1},
		{"two filters", `{"include":[{"system":"urn:animals","filter":[{"property":"legs","op":"=","value":"2"},{"property":"concept","op":"is-a","value":"bird"}]}]}`, nil, "bird", 1},
		{"codes of a system that is not at hand, listed", `{"include":[{"system":"http://loinc.org","concept":[{"code":"8480-6","display":"Systolic"}]}]}`, nil, "8480-6", 1},
	} {
		s := given(t, animals, valueSet(k.compose),
			`{"resourceType":"ValueSet","url":"urn:fliers","status":"active","compose":{"include":[{"system":"urn:animals","filter":[{"property":"concept","op":"is-a","value":"flyer"}]}]}}`,
			`{"resourceType":"ValueSet","url":"urn:mammals","status":"active","compose":{"include":[{"system":"urn:animals","filter":[{"property":"concept","op":"is-a","value":"mammal"}]}]}}`)
		e, err := expand(t, s, k.change)
		if err != nil {
			t.Errorf("%s: %v", k.name, err)
			continue
		}
		if got := listed(e.Contains); got != k.want || e.Total != k.total {
			t.Errorf("%s: %s (%d), want %s (%d)", k.name, got, e.Total, k.want, k.total)
		}
	}
}

func TestWhatCannotBeExpandedSaysWhy(t *testing.T) {
	for _, k := range []struct {
		compose string
		kind    fault.Kind
		says    []string
	}{
		{`{"include":[{"system":"http://snomed.info/sct","filter":[{"property":"concept","op":"is-a","value":"1"}]}]}`, fault.Unprocessable, []string{"http://snomed.info/sct", "not on this server"}},
		{`{"include":[{"system":"http://unitsofmeasure.org"}]}`, fault.Unprocessable, []string{"include[0]", "http://unitsofmeasure.org", "grammar"}},
		{`{"include":[{"system":"urn:animals"},{"valueSet":["urn:none"]}]}`, fault.NotFound, []string{"urn:none"}},
		{`{"include":[{"valueSet":["urn:set"]}]}`, fault.Unprocessable, []string{"urn:set|1", "itself"}},
		{`{"include":[{"system":"urn:animals"}],"exclude":[{"valueSet":["urn:set"]}]}`, fault.Unprocessable, []string{"itself"}},
		{`{"include":[{"system":"urn:animals","version":"2.0"}]}`, fault.Unprocessable, []string{"version '2.0'", "Valid versions: 1.0"}},
		{`{"include":[{"system":"urn:animals","filter":[{"property":"concept","op":"is-a"}]}]}`, fault.Unprocessable, []string{"filter[0]", "no value"}},
		{`{"include":[{"system":"urn:animals","filter":[{"property":"concept","op":"is-a","value":"unicorn"}]}]}`, fault.Unprocessable, []string{"filter[0]", "unicorn"}},
		{`{"include":[{"system":"urn:animals","filter":[{"property":"concept","op":"near","value":"cat"}]}]}`, fault.Unprocessable, []string{"filter[0]", "near"}},
		{`{"include":[{"system":"urn:animals","filter":[{"property":"wings","op":"=","value":"2"}]}]}`, fault.Unprocessable, []string{"filter[0]", "wings"}},
		{`{"include":[{"system":"urn:animals","filter":[{"property":"code","op":"regex","value":"("}]}]}`, fault.Unprocessable, []string{"filter[0]", "regular expression"}},
		{`{"include":[{"system":"urn:animals","filter":[{"property":"code","op":"regex","value":"` + strings.Repeat("a", maxRegex+1) + `"}]}]}`, fault.Unprocessable, []string{"longer than"}},
		{`{"include":[{"system":"urn:animals","filter":[{"property":"code","op":"regex","value":"(a?){999}(a?){999}"}]}]}`, fault.Unprocessable, []string{"more than 5000 states"}},
		{`{"include":[{"system":"urn:animals","filter":[{"property":"code","op":"regex","value":"(a{1000}){1000}"}]}]}`, fault.Unprocessable, []string{"regular expression"}},
	} {
		_, err := expand(t, given(t, animals, valueSet(k.compose)), nil)
		if fault.KindOf(err) != k.kind || err == nil {
			t.Errorf("%s: %v", k.compose, err)
			continue
		}
		e, _ := errors.AsType[*fault.Error](err)
		for _, part := range k.says {
			if text := e.Issues[0].Path + " " + err.Error(); !strings.Contains(text, part) {
				t.Errorf("%s: %q is not in %s", k.compose, part, text)
			}
		}
	}
}

func TestARegularExpressionMadeToExplodeIsMatchedAtOnce(t *testing.T) {
	s := given(t, `{"resourceType":"CodeSystem","url":"urn:a","status":"active","content":"complete","concept":[{"code":"`+strings.Repeat("a", 5000)+`!"}]}`,
		valueSet(`{"include":[{"system":"urn:a","filter":[{"property":"code","op":"regex","value":"(a+)+(a|aa)*(a*)*"}]}]}`))
	if e, err := expand(t, s, nil); err != nil || e.Total != 0 {
		t.Errorf("%+v %v", e, err)
	}
}

func TestValueSetsThatMultiplyLevelByLevelAreRefused(t *testing.T) {
	resources := []string{`{"resourceType":"CodeSystem","url":"urn:one","content":"complete","concept":[{"code":"a"}]}`,
		`{"resourceType":"ValueSet","url":"urn:20","compose":{"include":[{"system":"urn:one"}]}}`}
	for i := range 20 {
		inner := fmt.Sprintf(`{"valueSet":["urn:%d"]}`, i+1)
		resources = append(resources, fmt.Sprintf(`{"resourceType":"ValueSet","url":"urn:%d","compose":{"include":[%s,%s]}}`, i, inner, inner))
	}
	s := given(t, resources...)
	for url, refused := range map[string]bool{"urn:0": true, "urn:15": false} {
		_, err := expand(t, s, func(r *ExpandRequest) { r.URL = url })
		if got := err != nil && strings.Contains(err.Error(), "ask for a smaller value set"); got != refused || !refused && err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestAMillionCodesComeInPages(t *testing.T) {
	cs := &definitions.CodeSystem{Canonical: definitions.Canonical{URL: "urn:million"}, Content: "complete", Concepts: make([]definitions.Concept, 1_000_000)}
	for i := range cs.Concepts {
		cs.Concepts[i].Code = fmt.Sprint("c", i)
	}
	r := &Resources{codeSystems: []*CodeSystem{NewCodeSystem(cs)}}
	if err := r.Add([]byte(valueSet(`{"include":[{"system":"urn:million"}],"exclude":[{"system":"urn:million","concept":[{"code":"c1"}]}]}`))); err != nil {
		t.Fatal(err)
	}
	s := NewService(New(definitions.MustBuiltIn(definitions.R4)), r)
	_, err := expand(t, s, nil)
	if fault.KindOf(err) != fault.Unprocessable || !strings.Contains(err.Error(), "20000") || !strings.Contains(err.Error(), "count and offset") {
		t.Errorf("%v", err)
	}
	if _, err := expand(t, s, func(r *ExpandRequest) { r.Count = MaxExpansion + 1 }); fault.KindOf(err) != fault.Unprocessable {
		t.Errorf("%v", err)
	}
	e, err := expand(t, s, func(r *ExpandRequest) { r.Count, r.Offset = 2, 999_997 })
	if err != nil || listed(e.Contains) != "c999998 c999999" || e.Total != 999_999 {
		t.Errorf("%+v %v", e, err)
	}
	if _, err := s.Codes(t.Context(), "urn:set", 1000); fault.KindOf(err) != fault.Unprocessable || !strings.Contains(err.Error(), "1000") {
		t.Errorf("%v", err)
	}
	if a, err := s.Member(t.Context(), "urn:set", Coding{"urn:million", "c999999"}); a != Yes || err != nil {
		t.Errorf("%d %v", a, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Expand(ctx, ExpandRequest{URL: "urn:set", Count: 1, Offset: 0}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestSearchesGetCodesOfAValueSetAndTheFamilyOfACode(t *testing.T) {
	s := given(t, animals, valueSet(`{"include":[{"system":"urn:animals","filter":[{"property":"concept","op":"is-a","value":"mammal"}]},{"system":"urn:animals","concept":[{"code":"cat"}]}]}`))
	codes, err := s.Codes(t.Context(), "urn:set", 3)
	if want := []Coding{{"urn:animals", "mammal"}, {"urn:animals", "cat"}, {"urn:animals", "bat"}}; err != nil || !slices.Equal(codes, want) {
		t.Errorf("%v %v", codes, err)
	}
	if _, err := s.Codes(t.Context(), "urn:none", 3); fault.KindOf(err) != fault.NotFound {
		t.Errorf("%v", err)
	}
	below, err := s.Below(t.Context(), "urn:animals", "mammal", 10)
	if err != nil || strings.Join(below, " ") != "mammal cat bat" {
		t.Errorf("%v %v", below, err)
	}
	above, err := s.Above(t.Context(), "urn:animals", "bat", 10)
	slices.Sort(above)
	if err != nil || strings.Join(above, " ") != "animal bat flyer mammal" {
		t.Errorf("%v %v", above, err)
	}
	if _, err := s.Below(t.Context(), "urn:animals", "animal", 3); fault.KindOf(err) != fault.Unprocessable {
		t.Errorf("%v", err)
	}
	if _, err := s.Above(t.Context(), "urn:animals", "unicorn", 3); fault.KindOf(err) != fault.NotFound {
		t.Errorf("%v", err)
	}
	if _, err := s.Above(t.Context(), "http://snomed.info/sct", "1", 3); fault.KindOf(err) != fault.NotFound {
		t.Errorf("%v", err)
	}
}

func TestAConceptThatIsItsOwnAncestorIsNoTrap(t *testing.T) {
	s := given(t, `{"resourceType":"CodeSystem","url":"urn:c","status":"active","content":"complete","property":[{"code":"parent","type":"code"}],"concept":[
		{"code":"a","property":[{"code":"parent","valueCode":"b"}]},{"code":"b","property":[{"code":"parent","valueCode":"a"}]},{"code":"c","property":[{"code":"parent","valueCode":"a"}]}]}`,
		valueSet(`{"include":[{"system":"urn:c"}]}`))
	e, err := expand(t, s, func(r *ExpandRequest) { r.ExcludeNested = false })
	if err != nil || e.Total != 3 || len(listed(e.Contains)) < 5 {
		t.Errorf("%+v %v", e, err)
	}
	for _, k := range []struct{ a, b, want string }{{"a", "c", "subsumes"}, {"c", "b", "subsumed-by"}} {
		got, err := s.Subsumes(t.Context(), SubsumesRequest{System: "urn:c", A: definitions.Coding{Code: k.a}, B: definitions.Coding{Code: k.b}})
		if err != nil || got != k.want {
			t.Errorf("%s %s: %s %v", k.a, k.b, got, err)
		}
	}
}

// The compiled form of a package's value set, which decides at writes, and the
// service, which knows stored resources as well, must not differ.
func TestTheServiceAnswersAsTheCompiledValueSetsDo(t *testing.T) {
	d := definitions.MustBuiltIn(definitions.R4)
	c := New(d)
	r := new(Resources)
	if err := r.Add([]byte(animals)); err != nil {
		t.Fatal(err)
	}
	s := NewService(c, r)
	for _, url := range d.ValueSets() {
		if includes := d.ValueSet(url).Includes; len(includes) > 0 && strings.Contains(includes[0].System, "|") {
			continue // R4 has tables of v2 whose URL is no URL, which only the service finds
		}
		set := c.Set(url)
		codes, _ := set.Codes(20)
		for _, code := range append(codes, "no such code", "en", "mg", "text/plain") {
			got, err := s.Member(t.Context(), url, Coding{Code: code})
			if want := set.HasCode(code); err != nil || got != want {
				t.Errorf("%s has %q: %d %v, compiled %d", url, code, got, err, want)
			}
			for _, in := range d.ValueSet(url).Includes {
				got, err := s.Member(t.Context(), url, Coding{in.System, code})
				if want := set.Has(in.System, code); in.System != "" && (err != nil || got != want) {
					t.Errorf("%s has %s|%q: %d %v, compiled %d", url, in.System, code, got, err, want)
				}
			}
		}
	}
}

func TestLanguagesOfAValueSetHaveNoCase(t *testing.T) {
	s := given(t, valueSet(`{"include":[{"system":"urn:ietf:bcp:47","concept":[{"code":"en-GB","display":"English"},{"code":"de"}]}]}`))
	for code, want := range map[string]bool{"en-GB": true, "EN-gb": true, "DE": true, "fr": false} {
		v, err := s.ValidateCode(t.Context(), ValidateRequest{URL: "urn:set", Codings: []definitions.Coding{{System: "urn:ietf:bcp:47", Code: code}}, Form: FormCoding})
		if err != nil || v.Result != want {
			t.Errorf("%s: %v, %v", code, v, err)
		}
	}
}
