package fhirpath_test

import (
	"context"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/engine/fhirpath"
	"github.com/inglehealth/ingle/internal/testdata"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

// examples parses the official examples of a release, every nth of them.
func examples(t testing.TB, release string, d *definitions.Definitions, nth int) map[string]fhir.Node {
	t.Helper()
	nodes, i := map[string]fhir.Node{}, -1
	for name, src := range testdata.Zipped(t, testdata.Dir(t, "examples", "examples-"+release+".zip")) {
		if i++; path.Ext(name) != ".json" || i%nth != 0 {
			continue
		}
		if tree, err := fhir.ParseJSON(d, src, fhir.Limits{}); err == nil {
			nodes[path.Base(name)] = tree.Root()
		}
	}
	return nodes
}

// compiled caches expressions for the tests.
type compiled map[string]*fhirpath.Expression

func (c compiled) get(t testing.TB, source string) *fhirpath.Expression {
	x := c[source]
	if x == nil {
		var err error
		if x, err = fhirpath.Compile(source); err != nil {
			t.Fatal(err)
		}
		c[source] = x
	}
	return x
}

func TestSearchParametersFindThemselvesInTheOfficialExamplesWithoutError(t *testing.T) {
	for _, name := range []string{"r4", "r4b", "r5"} {
		d := release(t, name)
		cache := compiled{}
		env := &fhirpath.Env{Definitions: d}
		values := 0
		for file, root := range examples(t, name, d, 1) {
			for _, p := range d.SearchParameters(root.Type().Name) {
				if p.Expression == "" {
					continue
				}
				got, err := cache.get(t, p.Expression).Evaluate(context.Background(), env, fhirpath.Collection{fhirpath.NodeValue(root)})
				if err != nil {
					t.Errorf("%s: %s %s: %v", file, p.Code, p.Expression, err)
				}
				values += len(got)
				for _, c := range p.Components {
					for _, v := range got {
						if _, err := cache.get(t, c.Expression).Evaluate(context.Background(), env, fhirpath.Collection{v}); err != nil {
							t.Errorf("%s: %s %s: %v", file, p.Code, c.Expression, err)
						}
					}
				}
			}
		}
		t.Logf("%s: %d values", name, values)
	}
}

// broken are the invariants that official examples do break: the
// questionnaires generated from resources repeat their linkIds and have groups
// without items, and four examples have elements without content.
func broken(file, key string) bool {
	switch key {
	case "que-1", "que-2":
		return strings.HasSuffix(file, "-questionnaire.json")
	case "ele-1":
		return file == "claim-example-vision-glasses-3tier.json" || file == "claim-example-vision-glasses.json" || file == "medicationexample0301.json"
	case "txt-1", "txt-2":
		return file == "eventdefinition-example.json"
	}
	return false
}

func TestInvariantsHoldInTheOfficialExamples(t *testing.T) {
	for _, name := range []string{"r4", "r4b", "r5"} {
		d := release(t, name)
		cache := compiled{}
		env := &fhirpath.Env{Definitions: d, Terminology: genders{d}, Now: time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)}
		checked := 0
		for file, root := range examples(t, name, d, 2) {
			check := func(n fhir.Node, list []*definitions.Invariant) {
				for _, i := range list {
					if i.Expression == "" || i.Severity != "error" {
						continue
					}
					checked++
					holds, err := cache.get(t, i.Expression).Holds(context.Background(), env, n)
					if err != nil {
						t.Errorf("%s: %s: %s %s: %v", file, n.Path(), i.Key, i.Expression, err)
					} else if !holds && !broken(file, i.Key) {
						t.Errorf("%s: %s: %s: %s", file, n.Path(), i.Key, i.Expression)
					}
				}
			}
			visit := func(n fhir.Node) {
				for typ := n.Type(); typ != nil; typ = typ.Base {
					check(n, typ.Invariants)
				}
				if e := n.Element(); e != nil {
					check(n, e.Invariants)
				}
			}
			visit(root)
			for n := range root.Descendants() {
				visit(n)
			}
		}
		t.Logf("%s: %d invariants checked", name, checked)
	}
}
