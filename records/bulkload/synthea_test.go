package bulkload_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/internal/testdata"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/bulkload"
)

// sets are the folders of the shared synthetic patients, with the number of
// resources in each.
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
			for _, path := range testdata.Files(t, "*.ndjson.gz", "synthea", set.name) {
				switch name := filepath.Base(path); {
				case name == "big-tx.bundle.ndjson.gz", set.name == "uscore-hiv-2021" && strings.HasPrefix(name, "infra"):
					// Whole in the soak only.
				case strings.HasPrefix(name, "infra"), strings.HasPrefix(name, "ref"), set.name == "bulk-export-2024":
					files = append(files, path)
				default:
					head := bytes.Join(slices.Collect(testdata.Lines(t, path, 2)), []byte("\n"))
					files = append(files, w.file(t, strings.TrimSuffix(name, ".gz"), string(head)))
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
			o := w.options(testdata.Files(t, "*.ndjson.gz", "synthea", set.name)...)
			began := time.Now()
			r, err := bulkload.Run(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			took := time.Since(began)
			balanced(t, r)
			if r.Resources != set.resources || r.Refused > 0 {
				t.Errorf("%d resources read, %d refused, want %d and none", r.Resources, r.Refused, set.resources)
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
