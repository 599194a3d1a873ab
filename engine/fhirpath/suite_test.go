package fhirpath_test

import (
	"bufio"
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/engine/fhirpath"
	"github.com/inglehealth/ingle/internal/testdata"
	"github.com/inglehealth/ingle/internal/testpackage"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

// suiteTest is a test of HL7's suite.
type suiteTest struct {
	Name       string `xml:"name,attr"`
	Input      string `xml:"inputfile,attr"`
	Predicate  bool   `xml:"predicate,attr"`
	Mode       string `xml:"mode,attr"`
	Expression struct {
		Invalid string `xml:"invalid,attr"`
		Text    string `xml:",chardata"`
	} `xml:"expression"`
	Outputs []struct {
		Type string `xml:"type,attr"`
		Text string `xml:",chardata"`
	} `xml:"output"`
}

type suite struct {
	Groups []struct {
		Name  string      `xml:"name,attr"`
		Tests []suiteTest `xml:"test"`
	} `xml:"group"`
}

// suiteErrors reads testdata/suite-errors.txt: cases where the suite itself
// is wrong, as "release test reason".
func suiteErrors(t *testing.T, release string) map[string]string {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "suite-errors.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	listed := map[string]string{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		parts := strings.SplitN(line, " ", 3)
		if len(parts) < 3 {
			t.Fatalf("%q has no reason", line)
		}
		if parts[0] == release || parts[0] == "all" {
			listed[parts[1]] = parts[2]
		}
	}
	return listed
}

func release(t testing.TB, name string) *definitions.Definitions {
	t.Helper()
	switch name {
	case "r4":
		return definitions.MustBuiltIn(definitions.R4)
	case "r4b":
		return definitions.MustBuiltIn(definitions.R4B)
	}
	return testpackage.R5(t)
}

func TestHL7SuiteForR4(t *testing.T)  { runSuite(t, "r4") }
func TestHL7SuiteForR4B(t *testing.T) { runSuite(t, "r4b") }
func TestHL7SuiteForR5(t *testing.T)  { runSuite(t, "r5") }

func runSuite(t *testing.T, name string) {
	dir := testdata.Dir(t, "fhirpath", name)
	d := release(t, name)
	src, err := os.ReadFile(filepath.Join(dir, "tests-fhir-"+name+".xml"))
	if err != nil {
		t.Fatal(err)
	}
	var s suite
	if err := xml.Unmarshal(src, &s); err != nil {
		t.Fatal(err)
	}
	listed := suiteErrors(t, name)
	inputs := map[string]fhir.Node{}
	total, passed := 0, 0
	seen := map[string]bool{}
	for _, g := range s.Groups {
		for _, test := range g.Tests {
			total++
			seen[test.Name] = true
			problem := test.run(t, d, filepath.Join(dir, "input"), inputs)
			reason, known := listed[test.Name]
			switch {
			case problem == "" && known:
				t.Errorf("%s: passes, but suite-errors.txt lists it: %s", test.Name, reason)
			case problem != "" && !known:
				t.Errorf("%s: %s\n\t%s", test.Name, strings.TrimSpace(test.Expression.Text), problem)
			}
			if problem == "" {
				passed++
			}
		}
	}
	for test := range listed {
		if !seen[test] {
			t.Errorf("suite-errors.txt lists %s, which is not in the suite", test)
		}
	}
	t.Logf("%s: %d of %d cases pass, %d are listed errors of the suite", name, passed, total, len(listed))
}

// run returns what is wrong, or "".
func (s suiteTest) run(t *testing.T, d *definitions.Definitions, dir string, inputs map[string]fhir.Node) string {
	var input fhirpath.Collection
	typeName := ""
	if s.Input != "" {
		n, ok := inputs[s.Input]
		if !ok {
			n = parseInput(t, d, filepath.Join(dir, s.Input))
			inputs[s.Input] = n
		}
		if n.IsZero() {
			return "the input is not FHIR"
		}
		input, typeName = fhirpath.Collection{fhirpath.NodeValue(n)}, n.Type().Name
	}
	invalid := s.Expression.Invalid
	x, err := fhirpath.Compile(s.Expression.Text)
	if err != nil {
		if invalid != "" {
			return ""
		}
		return err.Error()
	}
	if invalid == "syntax" {
		return "compiles, but should not"
	}
	if err := x.Check(d, typeName); err != nil && !strings.HasPrefix(s.Mode, "lenient") {
		if invalid != "" {
			return ""
		}
		return "check: " + err.Error()
	}
	env := &fhirpath.Env{Definitions: d, Strict: true, Now: time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC), Terminology: genders{d}}
	got, err := x.Evaluate(context.Background(), env, input)
	if invalid != "" {
		if err == nil {
			return fmt.Sprintf("gives %v, but should fail", got)
		}
		return ""
	}
	if err != nil {
		return err.Error()
	}
	if s.Predicate {
		holds := len(got) > 0
		if len(got) == 1 {
			if b, ok := got[0].Truth(); ok {
				holds = b
			}
		}
		got = fhirpath.Collection{fhirpath.Boolean(holds)}
	}
	if len(got) != len(s.Outputs) {
		return fmt.Sprintf("gives %v, want %v", got, s.Outputs)
	}
	for i, want := range s.Outputs {
		if text := outputText(got[i]); text != want.Text && "@"+text != want.Text && "@T"+text != want.Text {
			return fmt.Sprintf("item %d is %s, want %s", i, text, want.Text)
		}
		if name := outputType(got[i]); want.Type != "" && name != want.Type && !(name == "date" && want.Type == "dateTime") {
			return fmt.Sprintf("item %d is a %s, want %s", i, name, want.Type)
		}
	}
	return ""
}

func outputText(v fhirpath.Value) string { return v.String() }

// outputType is the name of a type as the suite writes it: that of FHIR for
// the System types too. The suite has no date of month precision; it calls
// that a dateTime.
func outputType(v fhirpath.Value) string {
	_, name, _ := strings.Cut(v.TypeName(), ".")
	if strings.HasPrefix(v.TypeName(), "System.") && name != "Quantity" {
		name = strings.ToLower(name[:1]) + name[1:]
	}
	return name
}

func parseInput(t *testing.T, d *definitions.Definitions, path string) fhir.Node {
	t.Helper()
	if filepath.Base(path) == "observation-example.xml" {
		// R4's copy has the extension after status, where XML does not allow it;
		// R5's is the same resource in order.
		path = testdata.Dir(t, "fhirpath", "r5", "input", "observation-example.xml")
	}
	src, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	parse := fhir.ParseJSON
	if strings.HasSuffix(path, ".xml") {
		parse = fhir.ParseXML
	}
	tree, err := parse(d, src, fhir.Limits{})
	if err != nil {
		if strings.Contains(path, "ccda") {
			return fhir.Node{}
		}
		t.Fatalf("%s: %v", filepath.Base(path), err)
	}
	return tree.Root()
}

// genders knows one value set, as the suite's terminology tests need.
type genders struct{ d *definitions.Definitions }

const genderValueSet = "http://hl7.org/fhir/ValueSet/administrative-gender"

var genderCodes = []string{"male", "female", "other", "unknown"}

func (g genders) MemberOf(_ context.Context, url string, concepts []fhirpath.Concept) (member, ok bool, err error) {
	for _, c := range concepts {
		for _, code := range genderCodes {
			member = member || c.Code == code
		}
	}
	return member, url == genderValueSet, nil
}

func (g genders) Subsumes(_ context.Context, _, a, b string) (string, error) {
	switch {
	case a == b:
		return "equivalent", nil
	case strings.HasPrefix(b, a):
		return "subsumes", nil
	case strings.HasPrefix(a, b):
		return "subsumed-by", nil
	}
	return "not-subsumed", nil
}

func (g genders) Operation(ctx context.Context, call fhirpath.TerminologyCall) (fhir.Node, error) {
	text := ""
	switch call.Name {
	case "expand":
		for _, code := range genderCodes {
			text += fmt.Sprintf(`,{"system":"http://hl7.org/fhir/administrative-gender","code":%q}`, code)
		}
		text = `{"resourceType":"ValueSet","status":"active","expansion":{"timestamp":"2026-01-01","contains":[` + text[1:] + `]}}`
	case "validateVS":
		member, _, _ := g.MemberOf(ctx, call.URL, call.Concepts)
		text = fmt.Sprintf(`{"resourceType":"Parameters","parameter":[{"name":"result","valueBoolean":%t}]}`, member)
	default:
		return fhir.Node{}, io.ErrUnexpectedEOF
	}
	tree, err := fhir.ParseJSON(g.d, []byte(text), fhir.Limits{})
	if err != nil {
		return fhir.Node{}, err
	}
	return tree.Root(), nil
}
