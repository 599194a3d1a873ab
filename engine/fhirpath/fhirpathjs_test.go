package fhirpath_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/engine/fhirpath"
	"github.com/inglehealth/ingle/internal/testdata"
	"github.com/inglehealth/ingle/spec/fhir"
)

// jsCase is a test case of fhirpath.js.
type jsCase struct {
	expressions             []string
	input, model, context   string
	result                  []any
	fails, given, hasObject bool
	variables               map[string]fhirpath.Collection
}

// collect finds the cases below node. Cases about the file's own subject, and
// those that read a resource without knowing its types, are left out: they
// are not FHIR.
func collect(node any, subject bool, found *[]jsCase) {
	switch node := node.(type) {
	case []any:
		for _, n := range node {
			collect(n, subject, found)
		}
	case map[string]any:
		if node["expression"] == nil {
			for key, n := range node {
				if key == "tests" || strings.HasPrefix(key, "group") {
					collect(n, subject, found)
				}
			}
			return
		}
		c := jsCase{variables: map[string]fhirpath.Collection{}}
		switch x := node["expression"].(type) {
		case string:
			c.expressions = []string{x}
		case []any:
			for _, e := range x {
				c.expressions = append(c.expressions, fmt.Sprint(e))
			}
		}
		c.input, _ = node["inputfile"].(string)
		c.model, _ = node["model"].(string)
		c.context, _ = node["context"].(string)
		c.result, c.given = node["result"].([]any)
		c.fails = node["error"] == "true"
		for _, r := range c.result {
			_, plain := r.(string)
			c.hasObject = c.hasObject || !plain
		}
		if vars, ok := node["variables"].(map[string]any); ok {
			for name, v := range vars {
				c.variables[name] = fhirpath.Collection{fhirpath.String(fmt.Sprint(v))}
				if v == "2" {
					c.variables[name] = fhirpath.Collection{fhirpath.Integer(2)}
				}
			}
		}
		if _, known := map[string]bool{"": true, "r4": true, "r5": true}[c.model]; !known || c.input == "" && subject || c.input != "" && c.model == "" ||
			node["disable"] == "true" || !c.given && !c.fails {
			return
		}
		*found = append(*found, c)
	}
}

// TestCasesOfFHIRPathJS runs NLM's cases for R4 and R5 as a further
// regression; where its reading differs from HL7's suites or from strict
// FHIR, testdata/fhirpathjs-differences.txt says why.
func TestCasesOfFHIRPathJS(t *testing.T) {
	dir := testdata.Dir(t, "fhirpath", "fhirpath.js-cases")
	files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	listed := differences(t)
	used := map[string]bool{}
	inputs := map[string]fhir.Node{}
	total, passed := 0, 0
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		root, ok := parseYAML(string(src)).(map[string]any)
		if !ok {
			t.Fatalf("%s is not read", file)
		}
		var cases []jsCase
		collect(root["tests"], root["subject"] != nil, &cases)
		for _, c := range cases {
			for _, expression := range c.expressions {
				key := filepath.Base(file) + " " + strings.Join(strings.Fields(expression), " ")
				problem, ran := c.run(t, dir, expression, inputs)
				if !ran {
					continue
				}
				total++
				if problem == "" {
					passed++
				} else if listed[key] {
					used[key] = true
				} else {
					t.Errorf("%s\n\t%s", key, problem)
				}
			}
		}
	}
	for key := range listed {
		if !used[key] {
			t.Errorf("fhirpathjs-differences.txt lists a case that does not fail: %s", key)
		}
	}
	if total < 1900 {
		t.Errorf("only %d cases were found", total)
	}
	t.Logf("%d of %d cases pass, %d differ as listed", passed, total, len(used))
}

// differences reads the list: a line "# reason" and under it "file
// expression" lines.
func differences(t *testing.T) map[string]bool {
	t.Helper()
	src, err := os.ReadFile(filepath.Join("testdata", "fhirpathjs-differences.txt"))
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for line := range strings.Lines(string(src)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			listed[line] = true
		}
	}
	return listed
}

// run returns what is wrong; ran is false when the input is not valid FHIR.
func (c jsCase) run(t *testing.T, dir, expression string, inputs map[string]fhir.Node) (problem string, ran bool) {
	model := c.model
	if model == "" {
		model = "r4"
	}
	d := release(t, model)
	var input fhirpath.Collection
	if c.input != "" {
		key := model + " " + c.input
		n, ok := inputs[key]
		if !ok {
			src, err := os.ReadFile(filepath.Join(dir, "resources", model, c.input))
			if err != nil {
				src, _ = os.ReadFile(filepath.Join(dir, "resources", "r4", c.input))
			}
			if tree, err := fhir.ParseJSON(d, src, fhir.Limits{}); err == nil {
				n = tree.Root()
			}
			inputs[key] = n
		}
		if n.IsZero() {
			return "", false
		}
		input = fhirpath.Collection{fhirpath.NodeValue(n)}
	}
	if c.context != "" {
		expression = c.context + ".select(" + expression + ")"
	}
	env := &fhirpath.Env{Definitions: d, Variables: c.variables, Terminology: genders{d}, Strict: true,
		Now: time.Date(2026, 5, 4, 10, 11, 12, 345_000_000, time.UTC)}
	var got fhirpath.Collection
	x, err := fhirpath.Compile(expression)
	if err == nil {
		got, err = x.Evaluate(context.Background(), env, input)
	}
	switch {
	case c.fails && err == nil:
		return fmt.Sprintf("gives %s, but should fail", texts(got)), true
	case c.fails:
		return "", true
	case err != nil:
		return err.Error(), true
	case len(got) != len(c.result):
		return fmt.Sprintf("gives %s, want %v", texts(got), c.result), true
	case c.hasObject:
		return "", true
	}
	for i, want := range c.result {
		if !matches(got[i], want.(string)) {
			return fmt.Sprintf("gives %s, want %v", texts(got), c.result), true
		}
	}
	return "", true
}

// matches compares with a result of YAML, where 1.50 and 1.5 are the same
// number.
func matches(v fhirpath.Value, want string) bool {
	if v.String() == want {
		return true
	}
	d, ok := v.Number()
	if !ok {
		return false
	}
	var a, b float64
	if _, err := fmt.Sscan(want, &b); err != nil {
		return false
	}
	a, _ = d.Float64()
	return a == b
}
