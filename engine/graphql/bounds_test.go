package graphql_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/engine/graphql"
)

// nested is extension{extension{... of a depth.
func nested(depth int) string {
	return strings.Repeat("{extension", depth) + "{url" + strings.Repeat("}", depth+1)
}

func TestWhatIsTooLargeIsRefusedWithItsLimit(t *testing.T) {
	w := r4(t, peter, practitioner, clinic)
	w.refused("Patient/peter", nested(50), "more than 25 fields deep", "Depth")
	w.refused("Patient/peter", nested(20_000), "cannot be read")
	w.refused("Patient/peter", "{ a: "+strings.Repeat("[", 100_000)+"}", "cannot be read")
	w.refused("Patient/peter", `{ name(use: `+strings.Repeat("[", 900)+strings.Repeat("]", 900)+`) { use } }`, "use is a value")
	var aliases strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&aliases, "a%d: active ", i)
	}
	w.refused("Patient/peter", "{"+aliases.String()+"}", "more than 2000 fields", "Fields")
	w.refused("Patient/peter", "{"+strings.Repeat("id ", 30_000)+"}", "token limit")
	w.refused("Patient/peter", "{ id }#"+strings.Repeat("x", 300_000), "longer than 256 KiB")

	// Each fragment uses the next twice, which is 2^40 fields.
	var doubling strings.Builder
	doubling.WriteString("{ extension { ...f0 } }")
	for i := range 40 {
		fmt.Fprintf(&doubling, " fragment f%d on Extension { a: extension { ...f%d } b: extension { ...f%d } }", i, i+1, i+1)
	}
	doubling.WriteString(" fragment f40 on Extension { url }")
	w.refused("Patient/peter", doubling.String(), "limit")
	w.refused("", strings.Replace(doubling.String(), "{ extension { ...f0 } }", "{ PatientList { extension { ...f0 } } }", 1), "limit")

	got, err := w.ask("Patient/peter", "query($x: String) { id }", `{"x":"`+strings.Repeat("y", 2<<20)+`"}`)
	refusal(t, "huge variables", got, err, "variables are longer than 1.0 MiB")
	got, err = w.ask("Patient/peter", "query($x: [String]) { id }", `{"x":`+strings.Repeat("[", 200_000)+strings.Repeat("]", 200_000)+`}`)
	refusal(t, "deep variables", got, err)
}

func TestFragmentsThatContainThemselvesAreRefused(t *testing.T) {
	w := r4(t, peter)
	w.refused("Patient/peter", `{ ...a } fragment a on Patient { id ...a }`, "a → a")
	w.refused("Patient/peter", `{ ...a } fragment a on Patient { id ...b } fragment b on Patient { contact { name { ...c } } } fragment c on HumanName { ... { ...a } }`, "may not contain itself")
	w.refused("Patient/peter", `{ id } fragment a on Patient { id } fragment a on Patient { id }`, "two fragments")
}

func TestResourcesThatReferToEachOtherEndAtTheDepthOfTheQuery(t *testing.T) {
	w := r4(t, `{"resourceType":"Organization","id":"a","partOf":{"reference":"Organization/b"}}`, `{"resourceType":"Organization","id":"b","partOf":{"reference":"Organization/a"}}`)
	depth := 6
	query := strings.Repeat("{ partOf { resource { ... on Organization ", depth) + "{ id }" + strings.Repeat("} } }", depth)
	got, err := w.ask("Organization/a", query)
	if err != nil || strings.Count(got, "partOf") != depth || len(w.reads) != 2 {
		t.Errorf("%s, %v, %d reads", got, err, len(w.reads))
	}
}

func TestAnAnswerThatWouldBeHugeIsRefused(t *testing.T) {
	w := r4(t, `{"resourceType":"Patient","id":"p","name":[`+strings.Repeat(`{"given":["a","b","c","d","e","f","g","h"]},`, 500)+`{"family":"x"}]}`)
	var fields strings.Builder
	for i := range 500 {
		fmt.Fprintf(&fields, "n%d: name { given family } ", i)
	}
	query := "{" + fields.String() + "}"
	got, err := w.askWithin(graphql.Limits{Answer: 1 << 20}, "Patient/p", query)
	refusal(t, query[:40], got[:min(len(got), 100)], err, "larger than 1.0 MiB", "Answer")
	got, err = w.askWithin(graphql.Limits{Answer: 1 << 20}, "", introspectionQuery)
	refusal(t, "introspection", got[:min(len(got), 100)], err, "Answer")
}

func TestAQueryEndsWithItsContext(t *testing.T) {
	w := r4(t, peter)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.schema.Execute(ctx, graphql.Request{Query: "{ id }"}, w.trees["Patient/peter"], w, graphql.Limits{}); !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v", err)
	}
}

func TestSeveralErrorsAreToldAtOnce(t *testing.T) {
	w := r4(t, peter)
	_, err := w.ask("Patient/peter", `{ nam { x } activ birthDat }`)
	if f, ok := errors.AsType[*graphql.Failure](err); !ok || len(f.Errors) != 3 {
		t.Errorf("the errors are %v", err)
	}
	_, err = w.ask("Patient/peter", "{"+strings.Repeat("wrong ", 500)+"}")
	if f, ok := errors.AsType[*graphql.Failure](err); !ok || len(f.Errors) != 20 {
		t.Errorf("the errors are %v", err)
	}
}
