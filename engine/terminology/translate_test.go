package terminology

import (
	"strings"
	"testing"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
)

const colours = `{"resourceType":"ConceptMap","url":"urn:map","version":"1","status":"active","sourceUri":"urn:from","targetUri":"urn:to","group":[
 {"source":"urn:a","target":"urn:b","element":[
  {"code":"red","target":[{"code":"rot","equivalence":"equivalent"},{"code":"bunt","equivalence":"wider"}]},
  {"code":"grey","target":[{"code":"grau","equivalence":"equivalent","dependsOn":[{"property":"urn:light","value":"day"}],"product":[{"property":"urn:tone","system":"urn:t","value":"dark"}]}]},
  {"code":"none","target":[{"equivalence":"unmatched"}]}],
  "unmapped":{"mode":"fixed","code":"egal","display":"whatever"}},
 {"source":"urn:c","target":"urn:b","element":[{"code":"x","target":[{"code":"ix","equivalence":"equal"}]}],"unmapped":{"mode":"other-map","url":"urn:other"}},
 {"source":"urn:d","target":"urn:e","element":[{"code":"y","target":[{"code":"z","equivalence":"equal"}]}],"unmapped":{"mode":"provided"}},
 {"source":"urn:loop","target":"urn:e","element":[{"code":"y","target":[{"code":"z","equivalence":"equal"}]}],"unmapped":{"mode":"other-map","url":"urn:map"}}]}`

// The same in R5.
const other = `{"resourceType":"ConceptMap","url":"urn:other","status":"active","group":[{"source":"urn:c","target":"urn:b","element":[
 {"code":"w","target":[{"code":"weh","relationship":"source-is-broader-than-target"}]},{"code":"v","noMap":true}]}]}`

func TestAMapTranslatesForwardsAndInReverse(t *testing.T) {
	s := given(t, colours, other)
	for _, k := range []struct {
		name   string
		r      TranslateRequest
		code   string
		system string
		want   string
		result bool
	}{
		{"several targets", TranslateRequest{URL: "urn:map"}, "red", "urn:a", "rot equivalent, bunt source-is-narrower-than-target", true},
		{"by the system of the code", TranslateRequest{}, "red", "urn:a", "rot equivalent, bunt source-is-narrower-than-target", true},
		{"by the scope", TranslateRequest{SourceScope: "urn:from"}, "red", "urn:a", "rot equivalent, bunt source-is-narrower-than-target", true},
		{"of another scope", TranslateRequest{TargetScope: "urn:none"}, "red", "urn:a", "", false},
		{"to another system", TranslateRequest{URL: "urn:map", TargetSystem: "urn:e"}, "red", "urn:a", "", false},
		{"what is said to have none", TranslateRequest{URL: "urn:map"}, "none", "urn:a", " not-related-to", false},
		{"a fixed code for the rest", TranslateRequest{URL: "urn:map"}, "blue", "urn:a", "egal related-to", true},
		{"the code itself for the rest", TranslateRequest{URL: "urn:map"}, "q", "urn:d", "q equivalent", true},
		{"another map for the rest", TranslateRequest{URL: "urn:map"}, "w", "urn:c", "weh source-is-broader-than-target", true},
		{"R5's noMap", TranslateRequest{URL: "urn:other"}, "v", "urn:c", " not-related-to", false},
		{"in reverse", TranslateRequest{URL: "urn:map", Reverse: true}, "bunt", "urn:b", "red source-is-broader-than-target", true},
		{"in reverse, of a system", TranslateRequest{URL: "urn:map", Reverse: true, TargetSystem: "urn:c"}, "ix", "urn:b", "x equivalent", true},
		{"with what it depends on", TranslateRequest{URL: "urn:map", Dependencies: []definitions.MapDependency{{Property: "urn:light", Value: "day"}}}, "grey", "urn:a", "grau equivalent", true},
		{"with another dependency", TranslateRequest{URL: "urn:map", Dependencies: []definitions.MapDependency{{Property: "urn:light", Value: "night"}}}, "grey", "urn:a", "", false},
	} {
		k.r.Codings = []definitions.Coding{{System: k.system, Code: k.code}}
		got, err := s.Translate(t.Context(), k.r)
		if err != nil {
			t.Errorf("%s: %v", k.name, err)
			continue
		}
		var list []string
		for _, m := range got.Matches {
			list = append(list, m.Concept.Code+" "+m.Relationship)
		}
		if strings.Join(list, ", ") != k.want || got.Result != k.result {
			t.Errorf("%s: %q %v, want %q", k.name, list, got.Result, k.want)
		}
	}
}

func TestAMapThatIsMissingOrLeadsInCirclesIsAnError(t *testing.T) {
	s := given(t, colours)
	for _, k := range []struct {
		r            TranslateRequest
		code, system string
		kind         fault.Kind
	}{
		{TranslateRequest{URL: "urn:nothing"}, "red", "urn:a", fault.NotFound},
		{TranslateRequest{URL: "urn:map", Version: "2"}, "red", "urn:a", fault.NotFound},
		{TranslateRequest{URL: "urn:map"}, "w", "urn:c", fault.Unprocessable},
		{TranslateRequest{URL: "urn:map"}, "q", "urn:loop", fault.Unprocessable},
		{TranslateRequest{}, "red", "", fault.Invalid},
		{TranslateRequest{URL: "urn:map"}, "", "urn:a", fault.Invalid},
	} {
		k.r.Codings = []definitions.Coding{{System: k.system, Code: k.code}}
		if _, err := s.Translate(t.Context(), k.r); err == nil || fault.KindOf(err) != k.kind {
			t.Errorf("%+v: %v", k.r, err)
		}
	}
}

func TestATranslationIsToldInTheWordsOfItsRelease(t *testing.T) {
	s := given(t, colours)
	got, err := s.Translate(t.Context(), TranslateRequest{URL: "urn:map", Codings: []definitions.Coding{{System: "urn:a", Code: "grey"}}})
	if err != nil {
		t.Fatal(err)
	}
	for release, parts := range map[definitions.Release][]string{
		definitions.R4: {`"equivalence","valueCode":"equivalent"`, `"source","valueUri":"urn:map"`, `"element","valueUri":"urn:tone"`},
		definitions.R5: {`"relationship","valueCode":"equivalent"`, `"originMap","valueCanonical":"urn:map|1"`, `"dependsOn"`, `"attribute","valueUri":"urn:light"`},
	} {
		json := string(ParametersJSON(got.Parameters(release)))
		for _, part := range parts {
			if !strings.Contains(json, part) {
				t.Errorf("%s: %s is not in %s", release, part, json)
			}
		}
	}
	for _, r := range relations {
		if relationship(r.r4) != r.r5 || relationship(equivalence(r.r5)) != r.r5 || inverse(inverse(r.r5)) != r.r5 {
			t.Errorf("%+v", r)
		}
	}
}
