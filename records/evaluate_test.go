package records_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
)

func contains(b []byte, s string) bool { return bytes.Contains(b, []byte(s)) }

func TestFhirPathIsEvaluatedOverStoredResourcesAndFollowsReferences(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		put(t, s, "Patient/p", `{"resourceType":"Patient","id":"p","name":[{"family":"A","given":["x","y"]},{"family":"B"}]}`)
		observation(t, s, "o", "Patient/p")
		res := must(s.Evaluate(t.Context(), records.EvaluateRequest{Expression: "subject.resolve().name.family.trace('t')", Key: key("Observation/o")}))(t)
		if len(res.Evaluations) != 1 || len(res.Evaluations[0].Result) != 2 || len(res.Evaluations[0].Traces) != 1 {
			t.Fatalf("%+v", res)
		}
		content := body(`{"resourceType":"Patient","name":[{"family":"A","given":["x","y"]},{"family":"B"}]}`)
		res = must(s.Evaluate(t.Context(), records.EvaluateRequest{Expression: "given.count()", Context: "name", Content: &content}))(t)
		if len(res.Evaluations) != 2 || res.Evaluations[1].Focus != "Patient.name[1]" || res.Evaluations[0].Result[0].String() != "2" {
			t.Fatalf("%+v", res)
		}
		_, err := s.Evaluate(t.Context(), records.EvaluateRequest{Expression: "name..family", Key: key("Patient/p")})
		refused(t, err, fault.Invalid, "expression")
		_, err = s.Evaluate(t.Context(), records.EvaluateRequest{Expression: "name", Key: key("Patient/none")})
		refused(t, err, fault.NotFound)
	})
}

func TestFhirPathResolvesCanonicals(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		put(t, s, "Questionnaire/q", `{"resourceType":"Questionnaire","id":"q","url":"http://example.org/q","version":"2","status":"active"}`)
		put(t, s, "ValueSet/v", `{"resourceType":"ValueSet","id":"v","url":"http://example.org/v","status":"active"}`)
		for canonical, want := range map[string]string{
			"http://example.org/q": "q", "http://example.org/q|2": "q", "http://example.org/q|1": "", "http://example.org/v": "", "http://example.org/none": "",
		} {
			answers := body(`{"resourceType":"QuestionnaireResponse","questionnaire":"%s","status":"completed"}`, canonical)
			res := must(s.Evaluate(t.Context(), records.EvaluateRequest{Expression: "questionnaire.resolve().id", Content: &answers}))(t)
			got := ""
			for _, v := range res.Evaluations[0].Result {
				got += v.String()
			}
			if got != want {
				t.Errorf("%s resolves to %q, want %q", canonical, got, want)
			}
		}
	})
}

func TestFhirPathSeesTheContentOfABinary(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		put(t, s, "Binary/b", `{"resourceType":"Binary","id":"b","contentType":"text/plain","data":"aGVsbG8="}`)
		res := must(s.Evaluate(t.Context(), records.EvaluateRequest{Expression: "data | data.id | 'Binary/b'.resolve().data", Key: key("Binary/b")}))(t)
		if got := res.Evaluations[0].Result; len(got) != 1 || got[0].String() != "aGVsbG8=" {
			t.Errorf("the data is %v", got)
		}
	})
}

func TestAnEvaluationWhoseAnswerWouldBeHugeIsRefused(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		put(t, s, "Patient/p", `{"resourceType":"Patient","id":"p","name":[{"family":"%s"}]}`, strings.Repeat("x", 20_000))
		content := body(`{"resourceType":"Patient","contact":[%s{"gender":"male"}]}`, strings.Repeat(`{"name":{"family":"A"}},`, 1500))
		for _, r := range []records.EvaluateRequest{
			{Expression: "descendants().combine(descendants()).combine(descendants())"},
			{Expression: "%resource.contact", Context: "contact"},
			{Expression: "contact.select('" + strings.Repeat("x", 12_000) + "')"},
			{Expression: "contact.trace('a').trace('b').trace('c').trace('d').trace('e').trace('f').trace('g').count()"},
			{Expression: "contact.select('Patient/p'.resolve())"},
		} {
			r.Content = &content
			_, err := s.Evaluate(t.Context(), r)
			refused(t, err, fault.Unprocessable, "take(100)")
		}
	})
}

func TestAnEvaluationReadsABoundedAmountOfResources(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		var references []string
		for i := range 6 {
			put(t, s, fmt.Sprintf("Basic/b%d", i), `{"resourceType":"Basic","id":"b%d","code":{"text":"x"},"extension":[%s{"url":"http://x","valueBoolean":true}]}`,
				i, strings.Repeat(`{"url":"http://x","valueString":"`+strings.Repeat("x", 500_000)+`"},`, 12))
			references = append(references, fmt.Sprintf("'Basic/b%d'", i))
		}
		content := body(`{"resourceType":"Patient"}`)
		many := "(" + strings.Join(references, "|") + ")"
		_, err := s.Evaluate(t.Context(), records.EvaluateRequest{Expression: many + ".resolve().count()", Content: &content})
		refused(t, err, fault.Unprocessable, "resolve()")
		res := must(s.Evaluate(t.Context(), records.EvaluateRequest{Expression: "(1|2|3|4|5|6|7|8).select('Basic/b1'.resolve()).count()", Content: &content}))(t)
		if got := res.Evaluations[0].Result[0].String(); got != "8" {
			t.Errorf("the same resource eight times: %s", got)
		}
	})
}

func TestValidateComparesAnswersWithAStoredQuestionnaire(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		put(t, s, "Questionnaire/q", `{"resourceType":"Questionnaire","id":"q","url":"http://example.org/q","version":"2","status":"active","item":[{"linkId":"a","type":"boolean"}]}`)
		for canonical, wrong := range map[string]bool{"http://example.org/q": true, "http://example.org/q|2": true, "http://example.org/q|1": false} {
			answers := body(`{"resourceType":"QuestionnaireResponse","questionnaire":"%s","status":"completed","item":[{"linkId":"a","answer":[{"valueString":"yes"}]}]}`, canonical)
			issues := must(s.Validate(t.Context(), records.ValidateRequest{Type: "QuestionnaireResponse", Content: &answers}))(t)
			if got := len(issues) > 0 && issues[0].Severity == fault.ErrorLevel; got != wrong {
				t.Errorf("%s: %v", canonical, issues)
			}
		}
	})
}

func TestValidateAnswersWithIssuesAndWritesNothing(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		patient(t, s, "p")
		observation(t, s, "o", "Patient/p")
		issues := func(r records.ValidateRequest) string {
			t.Helper()
			var lines []string
			for _, i := range must(s.Validate(t.Context(), r))(t) {
				if i.Severity == fault.ErrorLevel {
					lines = append(lines, i.String())
				}
			}
			return strings.Join(lines, "\n")
		}
		bad := body(`{"resourceType":"Patient","nope":1}`)
		if got := issues(records.ValidateRequest{Type: "Patient", Content: &bad}); !strings.Contains(got, "nope") {
			t.Errorf("an unknown element: %q", got)
		}
		dangling := body(`{"resourceType":"Observation","status":"final","code":{"text":"c"},"subject":{"reference":"Patient/none"}}`)
		if got := issues(records.ValidateRequest{Type: "Observation", Content: &dangling, Mode: "create"}); !strings.Contains(got, "Patient/none") {
			t.Errorf("a dangling reference: %q", got)
		}
		if got := issues(records.ValidateRequest{Type: "Patient", ID: "p", Mode: "delete"}); !strings.Contains(got, "Observation/o") {
			t.Errorf("a delete that would fail: %q", got)
		}
		if got := issues(records.ValidateRequest{Type: "Observation", ID: "o", Mode: "delete"}); got != "" {
			t.Errorf("a delete that would succeed: %q", got)
		}
		if got := issues(records.ValidateRequest{Type: "Patient", ID: "p"}); got != "" {
			t.Errorf("what is stored: %q", got)
		}
		_, err := s.Validate(t.Context(), records.ValidateRequest{Type: "Patient", Mode: "what"})
		refused(t, err, fault.Invalid, "mode")
		if count(t, s, "", "_type=Patient,Observation") != 2 {
			t.Error("something was written")
		}
	})
}

func TestEachResourceKnowsItsRelease(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		d, err := records.Open(t.Context(), records.Config{
			Store: db.open(t), Base: base,
			Definitions: definitions.MustBuiltIn(definitions.R4),
			Others:      []*definitions.Definitions{definitions.MustBuiltIn(definitions.R4B)},
		})
		if err != nil {
			t.Fatal(err)
		}
		s := d.Session(records.Principal{}, nil)
		c := body(`{"resourceType":"Ingredient","status":"active","for":[{"display":"x"}],"role":{"text":"r"},"substance":{"code":{"concept":{"text":"s"}}}}`)
		_, err = s.Create(t.Context(), "Ingredient", records.Content{JSON: bytes.Clone(c.JSON)}, records.CreateOptions{})
		refused(t, err, fault.Invalid, "Ingredient")
		c.Release = definitions.R4B
		res := must(s.Create(t.Context(), "Ingredient", c, records.CreateOptions{}))(t)
		if got := must(s.Read(t.Context(), res.Key, records.ReadOptions{}))(t); got.Release != definitions.R4B {
			t.Fatalf("%s is of %s", got.Key, got.Release)
		}
		if p := must(d.Reindex(t.Context(), records.ReindexOptions{}))(t); p.Written != 1 {
			t.Fatalf("%+v", p)
		}
	})
}
