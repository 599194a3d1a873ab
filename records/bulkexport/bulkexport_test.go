package bulkexport_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/bulkexport"
	"github.com/inglehealth/ingle/records/bulkload"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store/sqlite"
)

func newSession(t *testing.T) *records.Session {
	t.Helper()
	s, err := sqlite.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	door, err := records.Open(t.Context(), records.Config{
		Store: s, Definitions: definitions.MustBuiltIn(definitions.R4), Others: []*definitions.Definitions{definitions.MustBuiltIn(definitions.R4B)},
		Base: "http://localhost:8080/fhir", Policy: records.DefaultPolicy(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := door.Close(); err != nil {
			t.Error(err)
		}
	})
	return door.Session(records.Principal{ID: "export"}, nil)
}

func put(t *testing.T, s *records.Session, reference, text string, release ...definitions.Release) {
	t.Helper()
	c := records.Content{JSON: []byte(text)}
	if release != nil {
		c.Release = release[0]
	}
	typ, id, _ := strings.Cut(reference, "/")
	if _, err := s.Update(t.Context(), fhir.Key{Type: fhir.Type(typ), ID: fhir.ID(id)}, c, records.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// fill stores n patients, some things that refer to them, and a deleted one.
func fill(t *testing.T, s *records.Session, n int) {
	t.Helper()
	var b strings.Builder
	b.WriteString(`{"resourceType":"Bundle","type":"batch","entry":[`)
	for i := range n {
		fmt.Fprintf(&b, `{"resource":{"resourceType":"Patient","id":"p%d","name":[{"family":"Family %d"}],"multipleBirthInteger":%d},"request":{"method":"PUT","url":"Patient/p%d"}},`, i, i, i, i)
	}
	content := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("content "), 5000))
	b.WriteString(`{"resource":{"resourceType":"Binary","id":"b","contentType":"text/plain","data":"` + content + `"},"request":{"method":"PUT","url":"Binary/b"}}]}`)
	if _, err := s.Bundle(t.Context(), records.Content{JSON: []byte(b.String())}, records.BundleOptions{}); err != nil {
		t.Fatal(err)
	}
	put(t, s, "Patient/gone", `{"resourceType":"Patient","id":"gone"}`)
	if _, err := s.Delete(t.Context(), fhir.Key{Type: "Patient", ID: "gone"}, records.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	put(t, s, "Observation/o", `{"resourceType":"Observation","id":"o","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/p1"},"valueQuantity":{"value":1.50}}`)
	put(t, s, "Patient/p0", `{"resourceType":"Patient","id":"p0","gender":"other"}`)
}

func export(t *testing.T, o bulkexport.Options) bulkexport.Result {
	t.Helper()
	r, err := bulkexport.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// lines reads what an export wrote and holds it against the manifest.
func lines(t *testing.T, dir string) map[string][]string {
	t.Helper()
	var m bulkexport.Manifest
	text, err := os.ReadFile(filepath.Join(dir, bulkexport.ManifestFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	found := map[string][]string{}
	var count int64
	for _, o := range m.Output {
		content, err := os.ReadFile(filepath.Join(dir, o.URL))
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(content)
		if o.SHA256 != hex.EncodeToString(sum[:]) || o.Size != int64(len(content)) {
			t.Errorf("%s: %d bytes, %x; the manifest says %+v", o.URL, len(content), sum, o)
		}
		if strings.HasSuffix(o.URL, ".gz") {
			z, err := gzip.NewReader(bytes.NewReader(content))
			if err != nil {
				t.Fatal(err)
			}
			if content, err = io.ReadAll(z); err != nil {
				t.Fatal(err)
			}
		}
		scan := bufio.NewScanner(bytes.NewReader(content))
		scan.Buffer(nil, 1<<20)
		for scan.Scan() {
			found[o.URL] = append(found[o.URL], scan.Text())
		}
		if o.Count != int64(len(found[o.URL])) {
			t.Errorf("%s has %d lines, the manifest says %d", o.URL, len(found[o.URL]), o.Count)
		}
		count += o.Count
	}
	if count != m.Count {
		t.Errorf("%d lines, the manifest says %d", count, m.Count)
	}
	return found
}

// content is a resource without what each store gives it.
var version = regexp.MustCompile(`"meta":\{"versionId":"\d+","lastUpdated":"[^"]+"\}`)

func content(line string) string { return version.ReplaceAllString(line, `"meta":{}`) }

func TestWhatIsExportedImportsAgainToTheSameResources(t *testing.T) {
	s := newSession(t)
	fill(t, s, 300)
	put(t, s, "Patient/b4", `{"resourceType":"Patient","id":"b4"}`, definitions.R4B)
	for _, zipped := range []bool{false, true} {
		dir, ending := filepath.Join(t.TempDir(), "out"), ".ndjson"
		if zipped {
			ending += ".gz"
		}
		r := export(t, bulkexport.Options{Session: s, Dir: dir, Gzip: zipped})
		first := lines(t, dir)
		if r.Count != 303 || r.Resumed || len(first["Patient"+ending]) != 300 || len(first["Patient.R4B"+ending]) != 1 {
			t.Errorf("%d resources in %v", r.Count, r.Output)
		}
		other := newSession(t)
		files := map[definitions.Release][]string{}
		for _, o := range r.Output {
			files[o.FHIRRelease] = append(files[o.FHIRRelease], filepath.Join(dir, o.URL))
		}
		for release, list := range files {
			loaded, err := bulkload.Run(t.Context(), bulkload.Options{Session: other, Release: release, Files: list})
			if err != nil || loaded.Refused > 0 {
				t.Fatalf("%+v %v", loaded, err)
			}
		}
		again := filepath.Join(t.TempDir(), "again")
		export(t, bulkexport.Options{Session: other, Dir: again, Gzip: zipped})
		second := lines(t, again)
		if len(second) != len(first) {
			t.Errorf("%d files became %d", len(first), len(second))
		}
		for name, want := range first {
			got := second[name]
			for _, list := range [][]string{want, got} {
				for i := range list {
					list[i] = content(list[i])
				}
				slices.Sort(list)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s differs: %d and %d lines", name, len(want), len(got))
			}
		}
	}
}

func TestTypesAndTimesChooseWhatIsExported(t *testing.T) {
	s := newSession(t)
	fill(t, s, 10)
	dir := t.TempDir()
	r := export(t, bulkexport.Options{Session: s, Dir: dir, Types: []fhir.Type{"Observation"}})
	if found := lines(t, dir); r.Count != 1 || len(found) != 1 || len(found["Observation.ndjson"]) != 1 {
		t.Errorf("%v", found)
	}
	dir = t.TempDir()
	r = export(t, bulkexport.Options{Session: s, Dir: dir, Since: time.Now().Add(time.Hour)})
	if lines(t, dir); r.Count != 0 || r.Since == nil {
		t.Errorf("%+v", r)
	}
}

func TestAnExportThatWasInterruptedGoesOnWithoutLosingOrDoublingLines(t *testing.T) {
	s := newSession(t)
	fill(t, s, 2000)
	whole := t.TempDir()
	export(t, bulkexport.Options{Session: s, Dir: whole})
	want := lines(t, whole)
	for _, zipped := range []bool{false, true} {
		dir := t.TempDir()
		runs := 0
		for {
			ctx, cancel := context.WithCancel(t.Context())
			ticks := 0
			o := bulkexport.Options{
				Session: s, Dir: dir, Gzip: zipped, Checkpoint: time.Nanosecond,
				Progress: func(bulkexport.Progress) {
					if ticks++; ticks == 3 {
						cancel()
					}
				},
			}
			r, err := bulkexport.Run(ctx, o)
			cancel()
			runs++
			if err == nil {
				if !r.Resumed {
					t.Error("the last run does not say that it resumed")
				}
				break
			}
			if !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			if runs == 1 {
				// What changes meanwhile makes no difference.
				put(t, s, "Patient/p1999", `{"resourceType":"Patient","id":"p1999","gender":"female"}`)
				put(t, s, "Patient/new", `{"resourceType":"Patient","id":"new"}`)
			}
			// What a killed run wrote after its checkpoint, half a line of it.
			files, err := filepath.Glob(filepath.Join(dir, "*"))
			if err != nil {
				t.Fatal(err)
			}
			for _, path := range files {
				f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := f.WriteString(`{"resourceType":"Pat`); err != nil {
					t.Fatal(err)
				}
				if err := f.Close(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if runs < 3 {
			t.Errorf("only %d runs", runs)
		}
		if !zipped {
			if got := lines(t, dir); !slices.Equal(got["Patient.ndjson"], want["Patient.ndjson"]) || len(got) != len(want) {
				t.Errorf("%d patients in parts, %d as a whole", len(got["Patient.ndjson"]), len(want["Patient.ndjson"]))
			}
		} else if got := lines(t, dir)["Patient.ndjson.gz"]; len(got) != len(want["Patient.ndjson"])+1 {
			t.Errorf("%d patients in parts", len(got))
		}
	}
}

func TestAFolderThatHoldsSomethingElseIsRefused(t *testing.T) {
	s := newSession(t)
	fill(t, s, 3)
	dir := t.TempDir()
	export(t, bulkexport.Options{Session: s, Dir: dir})
	for _, o := range []bulkexport.Options{{Session: s, Dir: dir}, {Session: s, Dir: dir, Gzip: true}} {
		if _, err := bulkexport.Run(t.Context(), o); !errors.Is(err, bulkexport.ErrNotEmpty) {
			t.Errorf("%v", err)
		}
	}
}
