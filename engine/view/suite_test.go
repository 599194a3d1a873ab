package view_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/engine/fhirpath"
	"github.com/inglehealth/ingle/engine/view"
	"github.com/inglehealth/ingle/internal/testdata"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

// suiteFile is a file of the guide's conformance tests.
type suiteFile struct {
	Title     string
	Resources []json.RawMessage
	Tests     []struct {
		Title         string
		View          map[string]any
		Expect        []map[string]any
		ExpectColumns []string
		ExpectError   bool
	}
}

// suiteTests is how many tests the suite has.
const suiteTests = 79

func TestTheConformanceSuiteOfSQLOnFHIRPasses(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(testdata.Dir(t, "sql-on-fhir"), "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	run := 0
	for _, path := range files {
		if filepath.Base(path) == "manifest.json" {
			continue
		}
		var f suiteFile
		if err := json.Unmarshal(readFile(t, path), &f); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		for _, test := range f.Tests {
			run++
			t.Run(f.Title+"/"+test.Title, func(t *testing.T) {
				test.View["resourceType"] = "ViewDefinition"
				columns, rows, err := runView(test.View, f.Resources)
				switch {
				case test.ExpectError && err == nil:
					t.Fatal("an error is expected, and there is none")
				case test.ExpectError:
					t.Log(err)
					return
				case err != nil:
					t.Fatal(err)
				}
				if test.ExpectColumns != nil && !slices.Equal(columns, test.ExpectColumns) {
					t.Errorf("columns are %v, want %v", columns, test.ExpectColumns)
				}
				// The suite says nothing of the order of rows.
				got, want := canonical(rows), canonical(test.Expect)
				if !slices.Equal(got, want) {
					t.Errorf("rows are\n%v\nwant\n%v", got, want)
				}
			})
		}
	}
	if run != suiteTests {
		t.Errorf("%d tests were run, the suite has %d", run, suiteTests)
	}
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// mended makes FHIR of two resources of the suite that are none: one has an
// empty list, one a time without seconds. No expected row depends on them.
var mended = strings.NewReplacer(",\n   \"extension\": []", "", `"12:34"`, `"12:34:00"`)

// runView runs a view over resources and reads its JSON back.
func runView(definition any, resources []json.RawMessage) (columns []string, rows []map[string]any, err error) {
	d := definitions.MustBuiltIn(definitions.R4)
	text, err := json.Marshal(definition)
	if err != nil {
		return nil, nil, err
	}
	tree, err := fhir.ParseJSON(d, text, fhir.Limits{})
	if err != nil {
		return nil, nil, err
	}
	v, err := view.Compile(d, tree.Root())
	if err != nil {
		return nil, nil, err
	}
	for _, c := range v.Columns {
		columns = append(columns, c.Name)
	}
	for _, text := range resources {
		resource, err := fhir.ParseJSON(d, []byte(mended.Replace(string(text))), fhir.Limits{})
		if err != nil {
			return nil, nil, err
		}
		err = v.Run(context.Background(), fhirpath.Env{}, resource.Root(), func(row view.Row) error {
			var cells map[string]any
			dec := json.NewDecoder(bytes.NewReader(v.AppendJSON(nil, row)))
			dec.UseNumber()
			err := dec.Decode(&cells)
			rows = append(rows, cells)
			return err
		})
		if err != nil {
			return nil, nil, err
		}
	}
	return columns, rows, nil
}

// canonical writes rows so that equal ones are equal: sorted, numbers by value.
func canonical(rows []map[string]any) []string {
	out := make([]string, len(rows))
	for i, row := range rows {
		out[i] = fmt.Sprint(byValue(row))
	}
	slices.Sort(out)
	return out
}

func byValue(v any) any {
	switch v := v.(type) {
	case map[string]any:
		m := map[string]any{}
		for k, e := range v {
			m[k] = byValue(e)
		}
		return m
	case []any:
		list := make([]any, len(v))
		for i, e := range v {
			list[i] = byValue(e)
		}
		return list
	case json.Number:
		r, _ := new(big.Rat).SetString(v.String())
		return "number " + r.String()
	case float64:
		r, _ := new(big.Rat).SetString(fmt.Sprint(v))
		return "number " + r.String()
	case string:
		return fmt.Sprintf("%q", v)
	}
	return v
}
