package bulkload_test

import (
	"bufio"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/internal/pgtest"
	"github.com/inglehealth/ingle/internal/testdata"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/bulkload"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store/postgres"
	"github.com/inglehealth/ingle/store/sqlite"
)

// childOf names the folder that a child process of the tests works in.
const childOf = "INGLE_BULKLOAD_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childOf); dir != "" {
		fmt.Fprintln(os.Stdout, child(dir))
		return
	}
	os.Exit(pgtest.Main(m))
}

// child loads the folder's files and prints a line for each group stored.
func child(dir string) error {
	ctx := context.Background()
	s, err := sqlite.Open(ctx, filepath.Join(dir, "data"))
	if err != nil {
		return err
	}
	door, err := records.Open(ctx, records.Config{Store: s, Definitions: definitions.MustBuiltIn(definitions.R4),
		Base: "http://localhost:8080/fhir", Policy: records.DefaultPolicy()})
	if err != nil {
		return err
	}
	_, err = bulkload.Run(ctx, childOptions(door, dir, func(p bulkload.Progress) { fmt.Fprintln(os.Stdout, p.Accepted) }))
	return err
}

func childOptions(door *records.Door, dir string, progress func(bulkload.Progress)) bulkload.Options {
	return bulkload.Options{
		Session: door.Session(records.Principal{ID: "import"}, nil), Report: filepath.Join(dir, "refused.tsv"), Progress: progress,
		Files: []string{filepath.Join(dir, "a.ndjson"), filepath.Join(dir, "b.ndjson")},
		Batch: 40, Checkpoint: 20 * time.Millisecond, Lease: 1500 * time.Millisecond,
	}
}

func TestAProcessThatIsKilledLosesAndDoublesNothing(t *testing.T) {
	dir := t.TempDir()
	var text strings.Builder
	const n, broken = 6000, 12
	for i := range n {
		switch {
		case i%500 == 3:
			text.WriteString("{broken\n")
		case i%2 == 0:
			text.WriteString(`{"resourceType":"Patient","gender":"other"}` + "\n") // no id of its own
		default:
			text.WriteString(observation(fmt.Sprintf("o%d", i), "Patient/late") + "\n")
		}
	}
	for name, content := range map[string]string{"a.ndjson": text.String(), "b.ndjson": patient("late")} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, groups := range []int{12, 30} {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childOf+"="+dir)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for seen := 0; seen < groups && lines.Scan(); seen++ {
			if strings.HasPrefix(lines.Text(), "<nil>") {
				t.Fatal("it ended before it could be killed")
			}
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // it was killed
	}
	s, err := sqlite.Open(t.Context(), filepath.Join(dir, "data"))
	if err != nil {
		t.Fatal(err)
	}
	w := over(t, s, records.DefaultPolicy())
	waited := false
	o := childOptions(w.door, dir, nil)
	o.Waiting = func(time.Time) { waited = true }
	r, err := bulkload.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	balanced(t, r)
	if r.Resources != n+1 || r.Refused != broken || !r.Resumed || !waited {
		t.Errorf("%+v, waited for the lease of the killed one: %v", r, waited)
	}
	stats, err := w.store.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if wanted := map[fhir.Type]int64{"Patient": n/2 + 1, "Observation": n/2 - broken}; !maps.Equal(stats, wanted) {
		t.Errorf("there are %v, want %v", stats, wanted)
	}
	w.dir = dir
	if report := w.refusals(t); len(report) != broken {
		t.Errorf("%d refusals reported, want %d", len(report), broken)
	}
}

func TestFilesAreLoadedIntoPostgreSQL(t *testing.T) {
	s, err := postgres.Open(t.Context(), pgtest.URL(t), pgtest.Schema())
	if err != nil {
		t.Fatal(err)
	}
	w := over(t, s, records.DefaultPolicy())
	files := testdata.Files(t, "*.ndjson.gz", "synthea", "bulk-export-2024")
	first := w.load(t, files...)
	if first.Accepted == 0 || first.Resources != 7160 {
		t.Errorf("%+v", first.Counts)
	}
	second := w.load(t, files...)
	if second.Matched != first.Accepted+first.Matched || second.Accepted != 0 {
		t.Errorf("first %+v, then %+v", first.Counts, second.Counts)
	}
}
