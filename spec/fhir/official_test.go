package fhir_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/internal/testdata"
	"github.com/inglehealth/ingle/internal/testpackage"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

// exampleSet is the official examples of one release.
type exampleSet struct {
	file  string
	count int
	defs  func(testing.TB) *definitions.Definitions
	// refused are the examples that break a rule of FHIR themselves: name and
	// what the message says. The test fails when one of them is accepted.
	refused map[string]string
}

func builtIn(r definitions.Release) func(testing.TB) *definitions.Definitions {
	return func(testing.TB) *definitions.Definitions { return definitions.MustBuiltIn(r) }
}

// R5's json.html#primitive: integer64 is a JSON string; these
// examples have it as a number. With quotes put round it they must pass.
const integer64AsNumber = "must be a JSON string"

var exampleSets = []exampleSet{
	{file: "examples-r4.zip", count: 600, defs: builtIn(definitions.R4)},
	{file: "examples-r4b.zip", count: 616, defs: builtIn(definitions.R4B)},
	{file: "examples-r5.zip", count: 733, defs: testpackage.R5, refused: map[string]string{
		"communication-example-fm-solicited-attachment.json": integer64AsNumber,
		"documentreference-example-comprehensive.json":       integer64AsNumber,
		"location-wash-dc-metro.json":                        integer64AsNumber,
		"notification-empty.json":                            integer64AsNumber,
		"notification-handshake.json":                        integer64AsNumber,
		"notification-id-only-with-patient.json":             integer64AsNumber,
		"notification-id-only.json":                          integer64AsNumber,
		"notification-message-full-resource.json":            integer64AsNumber,
		"notification-query-event.json":                      integer64AsNumber,
	}},
}

// integer64 finds the elements of that type that the examples have as numbers.
var integer64 = regexp.MustCompile(`"(size|eventsSinceSubscriptionStart|eventNumber)"\s*:\s*([0-9]+)`)

func TestOfficialExamplesComeBackUnchanged(t *testing.T) {
	for _, set := range exampleSets {
		t.Run(strings.TrimSuffix(set.file, ".zip"), func(t *testing.T) {
			d := set.defs(t)
			files := maps.Collect(testdata.Zipped(t, testdata.Dir(t, "examples", set.file)))
			if len(files) != set.count {
				t.Errorf("%d examples, want %d", len(files), set.count)
			}
			for _, name := range slices.Sorted(maps.Keys(files)) {
				src := bytes.TrimPrefix(files[name], []byte("\ufeff"))
				if reason, ok := set.refused[name]; ok {
					if _, err := fhir.ParseJSON(d, src, fhir.Limits{}); err == nil || !strings.Contains(err.Error(), reason) {
						t.Errorf("%s: %v; want it refused: %s", name, err, reason)
					}
					roundTrip(t, d, name, integer64.ReplaceAll(src, []byte(`"$1" : "$2"`)))
					continue
				}
				roundTrip(t, d, name, src)
			}
		})
	}
}

// roundTrip takes src through JSON, and through XML and back.
func roundTrip(t *testing.T, d *definitions.Definitions, name string, src []byte) {
	tree, err := fhir.ParseJSON(d, src, fhir.Limits{})
	if err != nil {
		t.Errorf("%s: %.1000v", name, err)
		return
	}
	want := compact(t, src)
	if got := tree.Root().AppendJSON(nil); !bytes.Equal(got, want) {
		t.Errorf("%s: JSON differs:\n%.500s\n%.500s", name, got, want)
	}
	if got := compact(t, tree.Root().AppendJSONIndent(nil)); !bytes.Equal(got, want) {
		t.Errorf("%s: indented JSON differs:\n%.500s\n%.500s", name, got, want)
	}
	again, err := fhir.ParseJSON(d, want, fhir.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if got := again.Root().AppendJSON(nil); !bytes.Equal(got, want) {
		t.Errorf("%s: compact JSON is not copied byte for byte", name)
	}
	plain := plainJSON(t, src)
	for _, pretty := range []bool{false, true} {
		x, err := tree.Root().AppendXML([]byte(fhir.XMLHeader), pretty)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		fromXML, err := fhir.ParseXML(d, x, fhir.Limits{})
		if err != nil {
			t.Errorf("%s: own XML is refused: %.1000v", name, err)
			return
		}
		if !fromXML.Root().Equal(tree.Root()) {
			t.Errorf("%s: differs after XML", name)
		}
		if pretty {
			continue
		}
		// The same by way of JSON and a comparison that knows nothing of trees.
		if got := plainJSON(t, fromXML.Root().AppendJSON(nil)); got != plain {
			t.Errorf("%s: JSON after XML differs:\n%s", name, firstDifference(got, plain))
		}
	}
}

// plainJSON is src with the names of objects sorted and numbers as written.
func plainJSON(t testing.TB, src []byte) string {
	var v any
	dec := json.NewDecoder(bytes.NewReader(src))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func firstDifference(a, b string) string {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	from := max(0, i-60)
	return "  " + a[from:min(len(a), i+120)] + "\n  " + b[from:min(len(b), i+120)]
}

// twins are the differences between the official XML and JSON of one example
// that are theirs, not ours.
var twins = map[string]string{
	"observation-decimal": "the JSON writes 1.0e0 as 1.0 and 0.0000000000000000000001 as 1E-22",
	"observation-example": "the JSON has no extension",
}

func TestOfficialXMLIsTheSameResourceAsItsJSONTwin(t *testing.T) {
	dir := testdata.Dir(t, "examples", "fhir-test-cases-r4")
	files, err := filepath.Glob(filepath.Join(dir, "*.xml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no XML examples: %v", err)
	}
	d := definitions.MustBuiltIn(definitions.R4)
	paired := 0
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".xml")
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		tree, err := fhir.ParseXML(d, src, fhir.Limits{})
		if err != nil {
			t.Errorf("%s: %.1000v", name, err)
			continue
		}
		twin, err := os.ReadFile(filepath.Join(dir, name+".json"))
		if err != nil {
			roundTrip(t, d, name, tree.Root().AppendJSON(nil))
			continue
		}
		paired++
		got, want := plainJSON(t, tree.Root().AppendJSON(nil)), plainJSON(t, twin)
		if _, excepted := twins[name]; excepted != (got != want) {
			t.Errorf("%s: differs from its JSON, or no longer does:\n%s", name, firstDifference(got, want))
		}
	}
	if paired == 0 {
		t.Error("no XML example has a JSON twin")
	}
	files, err = filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		roundTrip(t, d, filepath.Base(file), src)
	}
}

func compact(t testing.TB, b []byte) []byte {
	var c bytes.Buffer
	if err := json.Compact(&c, b); err != nil {
		t.Fatal(err)
	}
	return c.Bytes()
}
