package validate

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/internal/testdata"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// suiteCase is a case of HL7's validator suite.
type suiteCase struct {
	Name, File, Version, Module string
	Java                        json.RawMessage
	UseTest                     *bool `json:"use-test"`
	Packages, Supporting        []string
	Profiles                    []string
	Profile                     *struct {
		Source, Version string
		Supporting      []string
		Java            json.RawMessage
	}
}

// outsideTheCore are the modules of the suite that ask for more than the
// definitions of R4: terminology servers, other formats, signatures.
var outsideTheCore = []string{"tx", "tx-advanced", "cda", "cdshooks", "shc", "dsig", "json5", "matchetype", "logical", "fmt", "ai", "sd", "xver", "security", "api", "scoring", "measure", "versions"}

// TestHL7sValidatorSuite compares the answer, error or no error, with that of
// HL7's validator for the cases that R4 and the case's own profiles decide.
// Where the answers differ, testdata/hl7-suite.txt gives the reason.
func TestHL7sValidatorSuite(t *testing.T) {
	dir := testdata.Dir(t, "validator")
	text, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct {
		Cases []suiteCase `json:"test-cases"`
	}
	if err := json.Unmarshal(text, &manifest); err != nil {
		t.Fatal(err)
	}
	listed := exceptions(t, "hl7-suite.txt")
	same, n := 0, 0
	check := func(name string, got, want bool, why string) {
		n++
		if got == want {
			same++
		}
		if differs := got != want; differs != (listed[name] != "") {
			t.Errorf("%s: error here %v, of HL7's validator %v, listed %q\n%s", name, got, want, listed[name], why)
		}
		delete(listed, name)
	}
	for _, c := range manifest.Cases {
		if c.Version != "4.0" && c.Version != "4.0.1" || len(c.Packages) > 0 || slices.Contains(outsideTheCore, c.Module) || c.Java == nil ||
			c.UseTest != nil && !*c.UseTest || strings.Contains(string(c.Java), "java/R5.") {
			continue
		}
		src, err := os.ReadFile(filepath.Join(dir, c.File))
		if err != nil {
			continue // some files are too large to be shared
		}
		extra, ok := readAll(t, dir, append(c.Supporting, c.Profiles...))
		if !ok {
			continue
		}
		if want, ok := outcome(t, dir, c.Java); ok {
			issues := suiteIssues(t, extra, c.File, src, nil)
			check(c.Name, len(issues) > 0, want, fmt.Sprint(issues))
		}
		if c.Profile == nil || c.Profile.Java == nil {
			continue
		}
		more, ok := readAll(t, dir, append(c.Profile.Supporting, c.Profile.Source))
		want, known := outcome(t, dir, c.Profile.Java)
		if !ok || !known || len(more) == 0 {
			continue
		}
		var head struct{ URL string }
		if err := json.Unmarshal([]byte(more[len(more)-1]), &head); err != nil {
			t.Fatal(err)
		}
		issues := suiteIssues(t, append(slices.Clone(extra), more...), c.File, src, []string{head.URL})
		check(c.Name+"#profile", len(issues) > 0, want, fmt.Sprint(issues))
	}
	for name := range listed {
		t.Errorf("%s is listed but no case that is asked", name)
	}
	t.Logf("%d of %d answers are the same", same, n)
}

// readAll reads resources as JSON; ok is false when one is not there.
func readAll(t *testing.T, dir string, names []string) (out []string, ok bool) {
	for _, name := range names {
		src, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, false
		}
		if strings.HasSuffix(name, ".xml") {
			tree, err := fhir.ParseXML(definitions.MustBuiltIn(definitions.R4), src, fhir.Limits{})
			if err != nil {
				return nil, false
			}
			src = tree.Root().AppendJSON(nil)
		}
		out = append(out, string(src))
	}
	return out, true
}

// outcome says whether HL7's validator found an error.
func outcome(t *testing.T, dir string, ref json.RawMessage) (failed, ok bool) {
	var name string
	content := []byte(ref)
	if json.Unmarshal(ref, &name) == nil {
		var err error
		if content, err = os.ReadFile(filepath.Join(dir, "outcomes", name)); err != nil {
			return false, false
		}
	}
	var o struct{ Issue []struct{ Severity string } }
	if err := json.Unmarshal(content, &o); err != nil {
		t.Fatal(err)
	}
	for _, i := range o.Issue {
		failed = failed || i.Severity == "error" || i.Severity == "fatal"
	}
	return failed, true
}

// suiteIssues are the errors that Ingle finds.
func suiteIssues(t *testing.T, extra []string, file string, src []byte, profiles []string) []fault.Issue {
	d := definitions.MustBuiltIn(definitions.R4)
	if len(extra) > 0 {
		var err error
		if d, err = pack(t, d, extra...); err != nil {
			return []fault.Issue{{Severity: fault.ErrorLevel, Message: err.Error()}}
		}
	}
	read := fhir.ParseJSON
	if strings.HasSuffix(file, ".xml") {
		read = fhir.ParseXML
	}
	tree, err := read(d, src, fhir.Limits{})
	if err != nil {
		return []fault.Issue{{Severity: fault.ErrorLevel, Message: err.Error()}}
	}
	sight := New(d, Options{}).With(nil)
	sight.Questionnaires = among(d, extra)
	return errorsOf(sight.Validate(context.Background(), tree, profiles))
}

// among finds resources of the case by their canonical.
func among(d *definitions.Definitions, resources []string) Questionnaires {
	return func(_ context.Context, canonical string) (fhir.Node, error) {
		url, version, _ := strings.Cut(canonical, "|")
		for _, src := range resources {
			tree, err := fhir.ParseJSON(d, []byte(src), fhir.Limits{})
			if err != nil {
				return fhir.Node{}, err
			}
			root := tree.Root()
			if root.Child("url").Text() == url && (version == "" || root.Child("version").Text() == version) {
				return root, nil
			}
		}
		return fhir.Node{}, nil
	}
}
