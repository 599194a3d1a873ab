package fhirpath_test

import (
	"context"
	"testing"
	"time"

	"github.com/inglehealth/ingle/engine/fhirpath"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

func TestEveryInvariantAndSearchParameterOfTheReleasesCompiles(t *testing.T) {
	for _, name := range []string{"r4", "r4b", "r5"} {
		t.Run(name, func(t *testing.T) {
			d := release(t, name)
			invariants, parameters := 0, 0
			seen := map[string]bool{}
			compile := func(what, expression string, count *int) *fhirpath.Expression {
				*count++
				x, err := fhirpath.Compile(expression)
				if err != nil {
					t.Errorf("%s: %s: %v", what, expression, err)
				}
				return x
			}
			for _, resource := range d.ResourceTypes() {
				for _, p := range d.SearchParameters(resource) {
					if p.Expression == "" || seen[p.URL] {
						continue
					}
					seen[p.URL] = true
					compile("search parameter "+p.Code, p.Expression, &parameters)
					for _, c := range p.Components {
						compile("component of "+p.Code, c.Expression, &parameters)
					}
				}
			}
			visited := map[*definitions.Type]bool{}
			var visit func(typ *definitions.Type)
			visit = func(typ *definitions.Type) {
				if typ == nil || visited[typ] {
					return
				}
				visited[typ] = true
				visit(typ.Base)
				for _, i := range typ.Invariants {
					if i.Expression != "" {
						compile(typ.Name+" "+i.Key, i.Expression, &invariants)
					}
				}
				for _, e := range typ.Elements {
					for _, i := range e.Invariants {
						if i.Expression != "" {
							compile(e.Path+" "+i.Key, i.Expression, &invariants)
						}
					}
					for _, ref := range e.Types {
						visit(ref.Type)
					}
				}
			}
			for _, resource := range d.ResourceTypes() {
				visit(d.Type(resource))
			}
			if invariants < 300 || parameters < 300 {
				t.Errorf("only %d invariants and %d search parameters were found", invariants, parameters)
			}
			t.Logf("%d invariants, %d search parameters", invariants, parameters)
		})
	}
}

func TestSearchParametersAreAcceptedByTheCheckerForTheirTypes(t *testing.T) {
	d := release(t, "r4")
	for _, resource := range d.ResourceTypes() {
		for _, p := range d.SearchParameters(resource) {
			if p.Expression == "" {
				continue
			}
			x, err := fhirpath.Compile(p.Expression)
			if err != nil {
				t.Fatal(err)
			}
			if err := x.Check(d, resource); err != nil {
				t.Errorf("%s %s: %s: %v", resource, p.Code, p.Expression, err)
			}
		}
	}
}

func eval(t testing.TB, expression string, env *fhirpath.Env, input fhirpath.Collection) fhirpath.Collection {
	t.Helper()
	x, err := fhirpath.Compile(expression)
	if err != nil {
		t.Fatal(err)
	}
	if env == nil {
		env = &fhirpath.Env{Definitions: definitions.MustBuiltIn(definitions.R4), Now: time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)}
	}
	got, err := x.Evaluate(context.Background(), env, input)
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return got
}

func resource(t testing.TB, text string) fhir.Node {
	t.Helper()
	tree, err := fhir.ParseJSON(definitions.MustBuiltIn(definitions.R4), []byte(text), fhir.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return tree.Root()
}
