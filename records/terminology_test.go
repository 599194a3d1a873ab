package records_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/engine/terminology"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
)

// asked are the parameters of a terminology operation, in the form of a query.
func asked(t testing.TB, reference, query string) records.TerminologyRequest {
	t.Helper()
	r := records.TerminologyRequest{Key: key(reference)}
	for _, p := range pairs(t, query) {
		r.Inputs = append(r.Inputs, terminology.Input{Name: p.Name, Text: p.Value})
	}
	return r
}

// codes are those of an expansion, each with a space before it.
func codes(t testing.TB, s *records.Session, reference, query string) string {
	t.Helper()
	out := ""
	for part := range strings.SplitSeq(string(must(s.Expand(t.Context(), asked(t, reference, query)))(t)), `"code":"`) {
		if code, _, ok := strings.Cut(part, `"`); ok && !strings.HasPrefix(part, "{") {
			out += " " + code
		}
	}
	return out
}

func putValueSet(t testing.TB, s *records.Session, id, url, version string, codes ...string) {
	t.Helper()
	list := ""
	for i, code := range codes {
		if i > 0 {
			list += ","
		}
		list += fmt.Sprintf(`{"code":%q}`, code)
	}
	put(t, s, "ValueSet/"+id, `{"resourceType":"ValueSet","id":%q,"url":%q,"version":%q,"status":"active","compose":{"include":[{"system":"urn:x","concept":[%s]}]}}`, id, url, version, list)
}

const gender = "http://hl7.org/fhir/ValueSet/administrative-gender"

func TestAStoredValueSetGoesBeforeAPackagesOfTheSameVersion(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		if got := codes(t, s, "ValueSet/", "url="+gender); got != " male female other unknown" {
			t.Fatalf("of the package:%s", got)
		}
		putValueSet(t, s, "g", gender, "4.0.1", "m", "w")
		for _, query := range []string{"url=" + gender, "url=" + gender + "|4.0.1", "url=" + gender + "&valueSetVersion=4.0.1"} {
			if got := codes(t, s, "ValueSet/", query); got != " m w" {
				t.Errorf("%s:%s", query, got)
			}
		}
		putValueSet(t, s, "g", gender, "3.0.0", "m")
		if got := codes(t, s, "ValueSet/", "url="+gender); got != " male female other unknown" {
			t.Errorf("an older one was taken:%s", got)
		}
		if got := codes(t, s, "ValueSet/", "url="+gender+"|3.0.0"); got != " m" {
			t.Errorf("the older one by its version:%s", got)
		}
		if got := codes(t, s, "ValueSet/g", ""); got != " m" {
			t.Errorf("on the instance:%s", got)
		}
		must(s.Delete(t.Context(), key("ValueSet/g"), records.DeleteOptions{}))(t)
		_, err := s.Expand(t.Context(), asked(t, "ValueSet/", "url="+gender+"|3.0.0"))
		refused(t, err, fault.NotFound, "3.0.0")
		_, err = s.Expand(t.Context(), asked(t, "ValueSet/g", ""))
		refused(t, err, fault.Gone)
	})
}

func TestAChangeOfAnotherProcessIsSeenAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		one, two := db.session(t, records.Policy{}), db.session(t, records.Policy{})
		put(t, one, "CodeSystem/x", `{"resourceType":"CodeSystem","id":"x","url":"urn:x","status":"active","content":"complete","concept":[{"code":"a"}]}`)
		put(t, one, "ValueSet/x", `{"resourceType":"ValueSet","id":"x","url":"urn:all","status":"active","compose":{"include":[{"system":"urn:x"}]}}`)
		for i, list := range []string{"a", "a b", "c"} {
			concepts := `{"code":"` + strings.ReplaceAll(list, " ", `"},{"code":"`) + `"}`
			put(t, []*records.Session{one, two}[i%2], "CodeSystem/x", `{"resourceType":"CodeSystem","id":"x","url":"urn:x","status":"active","content":"complete","concept":[%s]}`, concepts)
			for _, s := range []*records.Session{one, two} {
				if got := codes(t, s, "ValueSet/", "url=urn:all"); got != " "+list {
					t.Errorf("%s:%s", list, got)
				}
			}
		}
	})
}

func TestWhatASessionCannotSeeDoesNotExpand(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		door := db.door(t, records.Policy{})
		all := door.Session(records.Principal{}, nil)
		some := door.Session(records.Principal{}, only{search.Not{X: search.IDs{"secret"}}})
		put(t, all, "CodeSystem/secret", `{"resourceType":"CodeSystem","id":"secret","url":"urn:x","status":"active","content":"complete","concept":[{"code":"a","display":"A"}]}`)
		put(t, all, "ValueSet/open", `{"resourceType":"ValueSet","id":"open","url":"urn:all","status":"active","compose":{"include":[{"system":"urn:x"}]}}`)
		put(t, all, "ConceptMap/secret", `{"resourceType":"ConceptMap","id":"secret","url":"urn:map","status":"active","group":[{"source":"urn:x","target":"urn:y","element":[{"code":"a","target":[{"code":"b","equivalence":"equal"}]}]}]}`)
		if got := codes(t, all, "ValueSet/", "url=urn:all"); got != " a" {
			t.Fatalf("it expands to%s", got)
		}
		_, err := some.Expand(t.Context(), asked(t, "ValueSet/", "url=urn:all"))
		refused(t, err, fault.Unprocessable, "urn:x")
		_, err = some.Lookup(t.Context(), asked(t, "CodeSystem/", "system=urn:x&code=a"))
		refused(t, err, fault.NotFound, "urn:x")
		_, err = some.Lookup(t.Context(), asked(t, "CodeSystem/secret", "code=a"))
		refused(t, err, fault.NotFound)
		_, err = some.Subsumes(t.Context(), asked(t, "CodeSystem/", "system=urn:x&codeA=a&codeB=a"))
		refused(t, err, fault.NotFound, "urn:x")
		_, err = some.Translate(t.Context(), asked(t, "ConceptMap/", "url=urn:map&system=urn:x&code=a"))
		refused(t, err, fault.NotFound, "urn:map")
		if got := must(some.Translate(t.Context(), asked(t, "ConceptMap/", "system=urn:x&code=a")))(t); !contains(got, `"result","valueBoolean":false`) {
			t.Errorf("%s", got)
		}
		if got := must(some.ValidateCode(t.Context(), asked(t, "ValueSet/", "url=urn:all&system=urn:x&code=a")))(t); !contains(got, `"result","valueBoolean":false`) || contains(got, `"A"`) {
			t.Errorf("%s", got)
		}
		if got := must(all.ValidateCode(t.Context(), asked(t, "ValueSet/", "url=urn:all&system=urn:x&code=a&display=a")))(t); !contains(got, `"result","valueBoolean":true`) {
			t.Errorf("%s", got)
		}
	})
}

func TestFHIRPathAsksStoredValueSetsAndMaps(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		door := db.door(t, records.Policy{})
		s, blind := door.Session(records.Principal{}, nil), door.Session(records.Principal{}, only{search.Not{X: search.TypeIs{"ValueSet", "CodeSystem", "ConceptMap"}}})
		put(t, s, "CodeSystem/x", `{"resourceType":"CodeSystem","id":"x","url":"urn:x","status":"active","content":"complete","concept":[{"code":"a","display":"Alpha","concept":[{"code":"b"}]}]}`)
		put(t, s, "ValueSet/x", `{"resourceType":"ValueSet","id":"x","url":"urn:all","status":"active","compose":{"include":[{"system":"urn:x"}]}}`)
		put(t, s, "ConceptMap/x", `{"resourceType":"ConceptMap","id":"x","url":"urn:map","status":"active","group":[{"source":"urn:x","target":"urn:y","element":[{"code":"a","target":[{"code":"z","equivalence":"equal"}]}]}]}`)
		content := `{"resourceType":"Observation","status":"final","code":{"coding":[{"system":"urn:x","code":"a"}]},"valueCodeableConcept":{"coding":[{"system":"urn:x","code":"q"}]}}`
		for expression, want := range map[string]string{
			"code.memberOf('urn:all')":  "true",
			"value.memberOf('urn:all')": "false",
			"code.memberOf('urn:none')": "",
			"status.memberOf('http://hl7.org/fhir/ValueSet/observation-status')":                                                "true",
			"%terminologies.expand('urn:all').expansion.contains.code":                                                          "a",
			"%terminologies.expand('urn:all', 'excludeNested=true').expansion.total":                                            "2",
			"%terminologies.expand('urn:none').exists()":                                                                        "false",
			"%terminologies.lookup(code.coding).parameter.where(name = 'display').value":                                        "Alpha",
			"%terminologies.validateVS('urn:all', code.coding).parameter.where(name = 'result').value":                          "true",
			"%terminologies.validateVS('urn:all', value).parameter.where(name = 'result').value":                                "false",
			"%terminologies.validateCS('urn:x', 'b').parameter.where(name = 'result').value":                                    "true",
			"%terminologies.subsumes('urn:x', 'a', 'b')":                                                                        "subsumes",
			"%terminologies.translate('urn:map', code).parameter.where(name = 'match').part.where(name = 'concept').value.code": "z",
		} {
			got := must(s.Evaluate(t.Context(), records.EvaluateRequest{Expression: expression, Content: &records.Content{JSON: []byte(content)}}))(t)
			text := ""
			for _, v := range got.Evaluations[0].Result {
				if n, ok := v.Node(); ok {
					text += n.Text()
				} else {
					text += v.String()
				}
			}
			if text != want {
				t.Errorf("%s: %q, want %q", expression, text, want)
			}
		}
		got := must(blind.Evaluate(t.Context(), records.EvaluateRequest{Expression: "code.memberOf('urn:all')", Content: &records.Content{JSON: []byte(content)}}))(t)
		if len(got.Evaluations[0].Result) != 0 {
			t.Errorf("who cannot see the value set is told %v", got.Evaluations[0].Result)
		}
	})
}

func TestValidateKnowsStoredValueSetsAndWritesKeepToTheRelease(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		const strange = `{"resourceType":"Patient","gender":"robot"}`
		errors := func() int {
			n := 0
			for _, i := range must(s.Validate(t.Context(), records.ValidateRequest{Type: "Patient", Content: &records.Content{JSON: []byte(strange)}}))(t) {
				if i.Severity == fault.ErrorLevel {
					n++
				}
			}
			return n
		}
		if errors() != 1 {
			t.Fatal("without the stored value set there must be an error")
		}
		put(t, s, "ValueSet/g", `{"resourceType":"ValueSet","id":"g","url":%q,"version":"4.0.1","status":"active","compose":{"include":[{"system":"urn:x","concept":[{"code":"robot"}]}]}}`, gender)
		if errors() != 0 {
			t.Error("the stored value set does not count")
		}
		_, err := s.Create(t.Context(), "Patient", body(strange), records.CreateOptions{})
		refused(t, err, fault.Unprocessable, "robot")
	})
}

func TestSearchesAskForCodesWithTheSessionsSight(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		door := db.door(t, records.Policy{})
		s := door.Session(records.Principal{}, nil)
		putValueSet(t, s, "v", "urn:v", "1", "a", "b")
		got := must(s.Terminology("").Codes(t.Context(), "urn:v", 10))(t)
		if len(got) != 2 || got[0] != (terminology.Coding{System: "urn:x", Code: "a"}) {
			t.Errorf("%v", got)
		}
		_, err := door.Session(records.Principal{}, only{search.IDs{"other"}}).Terminology("").Codes(t.Context(), "urn:v", 10)
		refused(t, err, fault.NotFound, "urn:v")
		if a := must(s.Terminology(definitions.R4).Member(t.Context(), "urn:v", terminology.Coding{System: "urn:x", Code: "b"}))(t); a != terminology.Yes {
			t.Errorf("%d", a)
		}
	})
}

func TestAValueSetThatComesAfterAnExpungedOneIsAnother(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{Expunge: true})
		put(t, s, "Observation/o", `{"resourceType":"Observation","id":"o","status":"final","code":{"coding":[{"system":"urn:x","code":"old"}]}}`)
		for _, code := range []string{"old", "new"} {
			putValueSet(t, s, "v", "urn:v", "1", code)
			if got := codes(t, s, "ValueSet/", "url=urn:v"); got != " "+code {
				t.Errorf("of %s:%s", code, got)
			}
			if n := count(t, s, "Observation", "code:in=urn:v"); (n == 1) != (code == "old") {
				t.Errorf("of %s: %d are found", code, n)
			}
			must(s.Expunge(t.Context(), records.ExpungeRequest{Key: key("ValueSet/v"), Everything: true}))(t)
		}
	})
}
