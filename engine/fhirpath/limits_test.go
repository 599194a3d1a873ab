package fhirpath_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/engine/fhirpath"
	"github.com/inglehealth/ingle/spec/definitions"
)

func TestEveryStepThatTakesLongIsCounted(t *testing.T) {
	many := `{"resourceType":"Patient","name":[` + strings.Repeat(`{"given":["a"]},`, 3000) + `{"given":["b"]}]}`
	input := fhirpath.Collection{fhirpath.NodeValue(resource(t, many))}
	env := &fhirpath.Env{Definitions: definitions.MustBuiltIn(definitions.R4), Limits: fhirpath.Limits{Steps: 3000}}
	const ten = "(0|1|2|3|4|5|6|7|8|9)"
	hundred := ten + ".select(" + ten + ")"
	text := "'" + strings.Repeat("a", 8000) + "'"
	if _, err := fhirpath.MustCompile(hundred+".count()").Evaluate(t.Context(), env, input); err != nil {
		t.Fatal(err)
	}
	for _, each := range []string{
		"2.5.power(9999.25)", "99.5.ln()", text + ".toChars().count()", text + ".split('').count()", text + ".substring(7999)",
		"'a'.matches('[a-z]{1,500}' & $this.toString())", "%factory.withProperty(%resource, 'gender', 'male').gender",
		"%resource.gender", "%resource.select(name.use.exists())", "%resource.name.last().pathname()",
		"(%resource | 1).count()", "%resource = 1",
	} {
		_, err := fhirpath.MustCompile(hundred+".select("+each+")").Evaluate(context.Background(), env, input)
		if limit, ok := errors.AsType[*fhirpath.LimitError](err); !ok || limit.Limit != "steps" {
			t.Errorf("%.80s gives %v", each, err)
		}
	}
}

func TestEvaluationsMayShareTheirLimits(t *testing.T) {
	env := &fhirpath.Env{Limits: fhirpath.Limits{Steps: 5000}, Used: new(fhirpath.Usage)}
	x := fhirpath.MustCompile("(1|2|3).select($this + 1)")
	for n := range 2000 {
		_, err := x.Evaluate(t.Context(), env, nil)
		if limit, ok := errors.AsType[*fhirpath.LimitError](err); ok {
			if n < 10 || limit.Max != 5000 {
				t.Errorf("evaluation %d: %v", n, err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Error("2000 evaluations took no more than 5000 steps")
}

func TestAnUnknownFlagOfAPatternIsRefused(t *testing.T) {
	for _, expression := range []string{"'A'.matches('a', 'x')", "'A'.matchesFull('a', 'gi')", "'A'.replaceMatches('a', 'b', 'I')"} {
		_, err := fhirpath.MustCompile(expression).Evaluate(t.Context(), nil, nil)
		if err == nil || !strings.Contains(err.Error(), "the flags are i") {
			t.Errorf("%s gives %v", expression, err)
		}
	}
	if got := texts(eval(t, "'A'.matches('^a$', 'im')", nil, nil)); got != "true" {
		t.Errorf("known flags give %q", got)
	}
}
