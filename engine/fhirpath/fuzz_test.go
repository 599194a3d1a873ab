package fhirpath_test

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/inglehealth/ingle/engine/fhirpath"
	"github.com/inglehealth/ingle/spec/definitions"
)

// seeds are expressions of every kind.
var seeds = []string{
	"Patient.name.given", "name[0].given | name.family", "1 + 2 * 3 - -4 div 5 mod 6", "'a' & {} + \"b\"",
	"@2015-02-04T14:34:28.5+10:00 > today()", "@T14:30 + 3 hours", "4 days = 4.0 'd'", "5L * 2", "%`vs-x` ~ %ucum",
	"Observation.value as Quantity", "value is FHIR.`Period`", "true implies (false xor true and {})",
	"name.where(use = 'official' and $index > 0).select($this.given.first())", "a.sort(-b, c desc)", "x.contains",
	"iif(a, b, c).defineVariable('v', 1).select(%v)", "(1|2|3).aggregate($this + $total, 0)", "`a b`.`c\\`d`",
	"Coding { system: 'x', code : 'y' }", "FHIR.Patient { : }", "'\\u0041\\n\\\\'.replaceMatches('[a-z]', '$1')", "1 /* c */ // d",
	"a.resolve() is Patient", "text.div.htmlChecks()", "2 'mg'.toQuantity('g').value.round(2)", "descendants().count()", "((((1))))",
}

// FuzzCompile shows that Compile never panics, and that an expression printed
// from its tree parses into the same tree.
func FuzzCompile(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		x, err := fhirpath.Compile(src)
		if err != nil {
			return
		}
		printed := x.Syntax().String()
		again, err := fhirpath.Compile(printed)
		if err != nil {
			t.Fatalf("%q is printed as %q, which does not compile: %v", src, printed, err)
		}
		if !same(x.Syntax(), again.Syntax()) {
			t.Fatalf("%q is printed as %q, which means something else", src, printed)
		}
	})
}

// same compares trees without positions.
func same(a, b *fhirpath.Syntax) bool {
	if a == nil || b == nil {
		return a == b
	}
	if a.Kind != b.Kind || a.Text != b.Text || a.Unit != b.Unit || a.Calendar != b.Calendar || a.Descending != b.Descending ||
		len(a.Args) != len(b.Args) || !reflect.DeepEqual(a.Names, b.Names) || !same(a.Input, b.Input) {
		return false
	}
	for i := range a.Args {
		if !same(a.Args[i], b.Args[i]) {
			return false
		}
	}
	return true
}

// FuzzEvaluate shows that evaluation and checking never panic and keep to
// their limits.
func FuzzEvaluate(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	d := definitions.MustBuiltIn(definitions.R4)
	input := fhirpath.Collection{fhirpath.NodeValue(resource(f, patient))}
	env := &fhirpath.Env{Definitions: d, Now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Terminology: genders{d},
		Limits: fhirpath.Limits{Steps: 20_000, Items: 2_000, Text: 20_000}}
	f.Fuzz(func(t *testing.T, src string) {
		x, err := fhirpath.Compile(src)
		if err != nil {
			return
		}
		if err := x.Check(d, "Patient"); err != nil {
			if _, ok := errors.AsType[*fhirpath.SemanticError](err); !ok {
				t.Fatalf("%q: Check gives %T", src, err)
			}
		}
		start := time.Now()
		// Whatever an arbitrary expression gives, an error too, is well.
		got, _ := x.Evaluate(context.Background(), env, input)
		if took := time.Since(start); took > time.Minute {
			t.Fatalf("%q took %v", src, took)
		}
		for _, v := range got {
			_ = v.String()
		}
	})
}
