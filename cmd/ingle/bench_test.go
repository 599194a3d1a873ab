package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/client/bench"
)

// person is a transaction as Synthea writes it: one patient with 12 visits.
func person(number int) string {
	id := func(kind, n int) string { return fmt.Sprintf("%08x-0000-4000-8000-%012x", kind, number*100+n) }
	var entries []string
	add := func(id, kind, rest string) {
		entries = append(entries, fmt.Sprintf(`{"fullUrl":"urn:uuid:%s","resource":{"resourceType":%q,"id":%q,%s},"request":{"method":"POST","url":%q}}`, id, kind, id, rest, kind))
	}
	subject := `"subject":{"reference":"urn:uuid:` + id(0, 0) + `"}`
	add(id(0, 0), "Patient", fmt.Sprintf(`"identifier":[{"system":"urn:mrn","value":"m-%d"}]`, number))
	for n := range 12 {
		add(id(1, n), "Encounter", `"status":"finished","class":{"code":"AMB"},`+subject)
		for part := range 2 {
			add(id(2+part, n), "Observation", fmt.Sprintf(`"status":"final","code":{"coding":[{"system":"http://loinc.org","code":"8302-2","display":"Body height"}]},%s,`+
				`"encounter":{"reference":"urn:uuid:%s"},"effectiveDateTime":"2019-%02d-01","valueQuantity":{"value":%d,"system":"http://unitsofmeasure.org","code":"cm"}`,
				subject, id(1, n), n+1, 100+n*part))
		}
	}
	add(id(4, 0), "Condition", `"code":{"coding":[{"system":"http://snomed.info/sct","code":"195967001","display":"Asthma attack"}]},`+subject)
	return `{"resourceType":"Bundle","type":"transaction","entry":[` + strings.Join(entries, ",") + `]}`
}

func people(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "people.ndjson")
	if err := os.WriteFile(path, []byte(person(1)+"\n"+person(2)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestEverySearchOfTheBenchmarkIsAnswered(t *testing.T) {
	p := startServer(t, "--data", filepath.Join(t.TempDir(), "data"))
	results, err := bench.Run(t.Context(), bench.Options{BaseURL: p.url, From: []string{people(t)}, Fill: 38 * 10,
		Workloads: []string{"search", "counts"}, Concurrency: 2, Warmup: time.Millisecond, Duration: 200 * time.Millisecond})
	if err != nil || len(results) != 13 {
		t.Fatalf("%d results, %v", len(results), err)
	}
	for _, r := range results {
		if r.NotAnswered != "" || r.Failed > 0 || r.Requests == 0 {
			t.Errorf("%s", r)
		}
	}
}

func TestTheBenchmarkExportsAllThatThereIs(t *testing.T) {
	p := startServer(t, "--data", filepath.Join(t.TempDir(), "data"))
	results, err := bench.Run(t.Context(), bench.Options{BaseURL: p.url, From: []string{people(t)}, Fill: 380, Workloads: []string{"export"}})
	if err != nil || len(results) != 1 {
		t.Fatalf("%d results, %v", len(results), err)
	}
	if r := results[0]; r.NotAnswered != "" || r.ResourcesPerSecond <= 0 || !strings.Contains(r.String(), fmt.Sprintf("%d resources in 4 files", r.Resources)) {
		t.Errorf("%s", r)
	}
}

func TestAPopulationThatBenchWritesIsImportedWhole(t *testing.T) {
	dir, from := t.TempDir(), people(t)
	out := filepath.Join(dir, "out.ndjson.gz")
	if code, stdout, stderr := invoke(t, "bench", "--from", from, from, "--fill", "200", "--write", out); code != 0 || !strings.HasPrefix(stdout, "228 resources written") {
		t.Fatalf("%d %s %s", code, stdout, stderr)
	}
	// The file is given twice, so its two Bundles come twice in each copy.
	if code, stdout, stderr := invoke(t, "import", "--data", filepath.Join(dir, "data"), out); code != 0 || !strings.HasPrefix(stdout, "152 accepted + 76 matched + 0 refused = 228 resources") {
		t.Errorf("%d %s %s", code, stdout, stderr)
	}
}

func TestBenchSaysWhatIsMissingOfAPopulation(t *testing.T) {
	from := people(t)
	for _, x := range []struct {
		want string
		args []string
	}{
		{"--url", nil},
		{"--fill N", []string{"--from", from, "--write", "x"}},
		{"--write needs --from", []string{"--write", "x", "--fill", "1"}},
		{"come after --from", []string{"--url", "http://127.0.0.1:1", from}},
	} {
		if code, _, stderr := invoke(t, append([]string{"bench"}, x.args...)...); code != 2 || !strings.Contains(stderr, x.want) {
			t.Errorf("%q: %d %s", x.args, code, stderr)
		}
	}
}

func TestMatchingIsMeasuredWithoutAServer(t *testing.T) {
	var out strings.Builder
	c := benchCommand{Workload: []string{matching}, Duration: 10 * time.Millisecond}
	if err := c.Run(t.Context(), &Main{Stdout: &out}); err != nil || !strings.Contains(out.String(), "changes/s  1000 subscriptions") {
		t.Errorf("%q %v", out.String(), err)
	}
}
