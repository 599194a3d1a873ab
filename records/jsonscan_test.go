package records

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/inglehealth/ingle/spec/fhir"
)

// referencesIn finds the references by reading the JSON.
func referencesIn(v any, path []string) (all []string) {
	switch v := v.(type) {
	case []any:
		for _, one := range v {
			all = append(all, referencesIn(one, path)...)
		}
	case map[string]any:
		if len(path) > 0 {
			return referencesIn(v[path[0]], path[1:])
		}
		if text, ok := v["reference"].(string); ok {
			all = append(all, text)
		}
	}
	return all
}

func FuzzReferencesAreFoundWithoutReadingTheResource(f *testing.F) {
	for _, text := range []string{
		`{"subject":{"reference":"Patient/1"}}`, `{"a":"\"subject\":{\"reference\":\"Patient/0\"}","subject":{"display":"x","reference":"Patient\/1"}}`,
		`{"participant":[{"actor":{"reference":"Patient/1"}},{"actor":{"reference":"Location/2"}},{}]}`, `{"subject":[{"reference":"a"},{"reference":"b"}],"x":[1,[2,{"y":"]"}]]}`,
		`{"a":"\\","subject":{"reference":"Patient/1"}}`, `{ "subject" : { "reference" : "Patient/1" } }`, `{"subject":{"reference":1}}`, `[`, `{"`, `{"subject":`,
	} {
		f.Add(text, "subject")
		f.Add(text, "participant.actor")
	}
	f.Fuzz(func(t *testing.T, text, dotted string) {
		path := strings.Split(dotted, ".")
		var got []string
		referencesAt([]byte(text), path, func(literal []byte) { got = append(got, string(literal)) })
		var v any
		// Names that occur twice, and escapes in names, do not in what is stored.
		if !jsontext.Value(text).IsValid() || json.Unmarshal([]byte(text), &v) != nil || strings.Contains(text, `\u`) || strings.ContainsAny(dotted, `\"/`) {
			return
		}
		if want := referencesIn(v, path); !slices.Equal(got, want) {
			t.Errorf("%s at %s: %q, want %q", text, dotted, got, want)
		}
	})
}

func TestThePathsOfASearchParameterAreThoseOfItsType(t *testing.T) {
	for expression, want := range map[string]string{
		"AllergyIntolerance.patient | CarePlan.subject.where(resolve() is Patient) | Task.for": "for",
		"Task.for.where(resolve() is Patient)":                                                 "for",
		"Task.participant.actor.where(resolve() is Patient) | Task.owner":                      "participant.actor owner",
		"(Task.subject as Reference)":                                                          "subjectReference",
		"Observation.subject":                                                                  "",
	} {
		var got []string
		for _, p := range pathsIn(expression, "Task") {
			got = append(got, strings.Join(p, "."))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q", expression, got)
		}
	}
}

func TestWhomAResourceConcernsDoesNotDependOnAnotherOne(t *testing.T) {
	patients := func(ids ...fhir.ID) (keys []fhir.Key) {
		for _, id := range ids {
			keys = append(keys, fhir.Key{Type: "Patient", ID: id})
		}
		return keys
	}
	for text, want := range map[string][]fhir.Key{
		`{"actor":[{"reference":"Patient/a"}]}`:                                                    patients("a"),
		`{"actor":[{"reference":"Patient/a"},{"reference":"Group/g"},{"reference":"Patient/b"}]}`:  patients("a", "b"),
		`{"actor":[{"reference":"https://s/fhir/Patient/a"},{"reference":"Patient/b#x"}]}`:         patients("a", "b"),
		`{"actor":[{"reference":"Patient/b/_history/1"},{"reference":"https://s/fhirPatient/a"}]}`: patients("b"),
		`{"actor":[{"reference":"Patient/"},{"reference":"Patient/ä"},{"display":"Patient/a"}]}`:   nil,
	} {
		for _, another := range [][]fhir.Key{nil, patients("a"), patients("b"), patients("a", "b"), patients("a", "c"), patients("a", "b", "c"), patients("")} {
			before := slices.Clone(another)
			got := concerned([]byte(text), [][]string{{"actor"}}, "https://s/fhir", another)
			if _ = append(got, fhir.Key{}); !slices.Equal(got, want) || !slices.Equal(another, before) {
				t.Errorf("%s after %v: %v, want %v", text, another, got, want)
			}
		}
	}
}
