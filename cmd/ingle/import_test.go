package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/internal/testdata"
	"github.com/inglehealth/ingle/records/bulkload"
)

// invoke runs a command line and returns its exit code and output.
func invoke(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	m := &Main{Args: args, Stdout: &out, Stderr: &errs}
	code = m.Run(t.Context())
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	return code, out.String(), errs.String()
}

func TestImportEndsWithItsSumAndNamesWhatItRefused(t *testing.T) {
	dir := t.TempDir()
	file, report := filepath.Join(dir, "a.ndjson"), filepath.Join(dir, "refused.tsv")
	text := `{"resourceType":"Patient","id":"a"}` + "\n{broken\n" + `{"resourceType":"Patient","id":"b"}` + "\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, "data")
	code, stdout, stderr := invoke(t, "import", "--data", data, "--report", report, file)
	if code != 1 || !strings.HasPrefix(stdout, "2 accepted + 0 matched + 1 refused = 3 resources, of 3 lines") || !strings.Contains(stderr, "1 resource was refused; "+report+" names it with the reason") {
		t.Errorf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
	if got := refusedAs(1200, "r.tsv"); got != "1,200 resources were refused; r.tsv names them with the reasons" {
		t.Error(got)
	}
	if content, err := os.ReadFile(report); err != nil || !strings.Contains(string(content), file+"\t2\t") {
		t.Errorf("the report says %q, %v", content, err)
	}
	if _, stdout, _ := invoke(t, "import", "--data", data, "--report", report, file); !strings.HasPrefix(stdout, "0 accepted + 2 matched + 1 refused = 3 resources") {
		t.Errorf("the second time: %s", stdout)
	}
}

func TestImportGoesIntoTheTenantThatIsNamed(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a.json")
	if err := os.WriteFile(file, []byte(`{"resourceType":"Patient","id":"a"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, "data")
	if code, stdout, stderr := invoke(t, "import", "--data", data, "--tenant", "east", file); code != 0 || !strings.Contains(stdout, "1 accepted") {
		t.Errorf("%d %s %s", code, stdout, stderr)
	}
	if _, stdout, _ := invoke(t, "import", "--data", data, file); !strings.Contains(stdout, "1 accepted") {
		t.Errorf("it was in the default tenant already: %s", stdout)
	}
	if code, _, stderr := invoke(t, "import", "--data", data, "--tenant", "east,west", file); code != 2 || !strings.Contains(stderr, "one tenant") {
		t.Errorf("two tenants: %d %s", code, stderr)
	}
}

// References to the server itself are local whichever way its address is written.
func TestAnImportKnowsTheServerByItsPublicURL(t *testing.T) {
	dir := t.TempDir()
	for i, base := range []string{"https://ehr.example", "https://ehr.example/", "https://ehr.example/fhir", "https://ehr.example/fhir/"} {
		file, data := filepath.Join(dir, fmt.Sprintf("%d.ndjson", i)), filepath.Join(dir, fmt.Sprint(i))
		text := `{"resourceType":"Observation","id":"o","status":"final","code":{"text":"x"},"subject":{"reference":"https://ehr.example/fhir/Patient/nobody"}}` + "\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		report := filepath.Join(dir, "report")
		if code, stdout, _ := invoke(t, "import", "--data", data, "--base-url", base, "--report", report, file); code != 1 || !strings.Contains(stdout, "1 refused") {
			t.Errorf("%s: %s", base, stdout)
		}
		if content, err := os.ReadFile(report); err != nil || !strings.Contains(string(content), "Patient/nobody does not exist here") {
			t.Errorf("%s: %s %v", base, content, err)
		}
	}
}

func TestProgressIsPlainLinesWithoutATerminal(t *testing.T) {
	var out bytes.Buffer
	m := newMeter(&out, true)
	m.progress(1, 2, "nothing yet", "a.ndjson") // too early to say something
	m.shown = time.Time{}
	m.progress(1, 2, importing(bulkload.Progress{Counts: bulkload.Counts{Resources: 1200, Refused: 3}}), "a.ndjson")
	m.close()
	if got, want := out.String(), " 50 %  1,200 resources, 3 refused  (a.ndjson)\n"; got != want {
		t.Errorf("it says %q, want %q", got, want)
	}
}

func TestAPackageThatIsLoadedLaterFindsWhatWasThereAfterAReindex(t *testing.T) {
	dir := t.TempDir()
	file, data := filepath.Join(dir, "a.ndjson"), filepath.Join(dir, "data")
	guide := testdata.Dir(t, "packages", "hl7.fhir.us.core-6.1.0.tgz")
	if err := os.WriteFile(file, []byte(`{"resourceType":"Patient","id":"p","extension":[{"url":"http://hl7.org/fhir/us/core/StructureDefinition/us-core-race","extension":[`+
		`{"url":"ombCategory","valueCoding":{"system":"urn:oid:2.16.840.1.113883.6.238","code":"2106-3"}},{"url":"text","valueString":"White"}]}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := invoke(t, "import", "--data", data, file); code != 0 {
		t.Fatal(stderr)
	}
	found := func() int {
		p := startServer(t, "--data", data, "--package", guide)
		defer p.kill()
		_, body := send(t.Context(), client, "GET", p.url+"/Patient?race=2106-3", "")
		return strings.Count(body, `"fullUrl"`)
	}
	before := found()
	if code, _, stderr := invoke(t, "reindex", "--data", data, "--package", guide); code != 0 {
		t.Fatal(stderr)
	}
	if after := found(); before != 0 || after != 1 {
		t.Errorf("%d found before, %d after", before, after)
	}
}
