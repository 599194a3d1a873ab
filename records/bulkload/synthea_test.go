package bulkload_test

import (
	"bufio"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/internal/testdata"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/bulkload"
)

// sets are the folders of the shared synthetic patients, with the number of
// resources in each and the files in need of which resources are refused: a
// bulk export without its Observations and DiagnosticReports.
var sets = []struct {
	name      string
	resources int64
}{
	{"uscore311-2021", 64536 + 778},
	{"uscore-hiv-2021", 31613 + 4764},
	{"base-2019", 121245},
	{"bulk-export-2024", 7160},
	{"big-transaction", 25000 + 9},
}

// TestAPartOfEverySyntheaSetIsAccountedFor loads the infrastructure, and the
// first lines of all else, and everything a second time.
func TestAPartOfEverySyntheaSetIsAccountedFor(t *testing.T) {
	for _, set := range sets {
		t.Run(set.name, func(t *testing.T) {
			w := newWorld(t, records.DefaultPolicy())
			var files []string
			for _, path := range setFiles(t, set.name) {
				switch name := filepath.Base(path); {
				case name == "big-tx.bundle.ndjson.gz", set.name == "uscore-hiv-2021" && strings.HasPrefix(name, "infra"):
					// Whole in the soak only.
				case strings.HasPrefix(name, "infra"), strings.HasPrefix(name, "ref"), set.name == "bulk-export-2024":
					files = append(files, path)
				default:
					files = append(files, w.file(t, strings.TrimSuffix(name, ".gz"), head(t, path, 2)))
				}
			}
			first := w.load(t, files...)
			second := w.load(t, files...)
			if first.Accepted == 0 || second.Matched != first.Accepted+first.Matched || second.Accepted != 0 {
				t.Errorf("first %+v, then %+v", first.Counts, second.Counts)
			}
			t.Logf("%+v, %d refusals in the report", first.Counts, len(w.refusals(t)))
		})
	}
}

func TestSoakEverySyntheaSetIsAccountedFor(t *testing.T) {
	if os.Getenv("INGLE_SOAK") == "" {
		t.Skip("a long run: make soak")
	}
	for _, set := range sets {
		t.Run(set.name, func(t *testing.T) {
			w := newWorld(t, records.DefaultPolicy())
			o := w.options(setFiles(t, set.name)...)
			began := time.Now()
			r, err := bulkload.Run(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			took := time.Since(began)
			balanced(t, r)
			if r.Resources != set.resources {
				t.Errorf("%d resources read, want %d", r.Resources, set.resources)
			}
			if report := w.refusals(t); int64(len(report)) != r.Refused {
				t.Errorf("%d refusals reported, %d counted", len(report), r.Refused)
			}
			t.Logf("%+v in %v: %.0f resources/s", r.Counts, took.Round(time.Millisecond), float64(r.Resources)/took.Seconds())
			for i, line := range w.refusals(t) {
				if i < 5 {
					t.Log(line)
				}
			}
		})
	}
}

func setFiles(t testing.TB, set string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(testdata.Dir(t, "synthea", set), "*.ndjson.gz"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	return files
}

// head returns the first lines of a gzipped file.
func head(t testing.TB, path string, lines int) string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(z)
	var text strings.Builder
	for range lines {
		line, err := r.ReadString('\n')
		text.WriteString(line)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return text.String()
}
