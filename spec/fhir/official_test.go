package fhir_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"
	"testing"

	"github.com/inglehealth/ingle/internal/testdata"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

func zipped(t testing.TB, file string) map[string][]byte {
	z, err := zip.OpenReader(testdata.Dir(t, "examples", file))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	files := map[string][]byte{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[f.Name] = b
	}
	return files
}

func compact(t testing.TB, b []byte) []byte {
	var c bytes.Buffer
	if err := json.Compact(&c, b); err != nil {
		t.Fatal(err)
	}
	return c.Bytes()
}

func TestX(t *testing.T) {
	for file, d := range map[string]*definitions.Definitions{"examples-r4.zip": definitions.MustBuiltIn(definitions.R4), "examples-r4b.zip": definitions.MustBuiltIn(definitions.R4B)} {
		for name, b := range zipped(t, file) {
			b = bytes.TrimPrefix(b, []byte("\ufeff"))
			tree, err := fhir.ParseJSON(d, b, fhir.Limits{})
			if err != nil {
				s := err.Error()
				t.Errorf("%s: %s", name, s[:min(len(s), 600)])
				continue
			}
			want := compact(t, b)
			if got := tree.Root().AppendJSON(nil); !bytes.Equal(got, want) {
				t.Errorf("%s: differs\n%.300s\n%.300s", name, got, want)
			}
			x, err := tree.Root().AppendXML(nil, false)
			if err != nil {
				t.Error(name, err)
			}
			tree2, err := fhir.ParseXML(d, x, fhir.Limits{})
			if err != nil {
				s := err.Error()
				t.Errorf("%s: %s", name, s[:min(len(s), 600)])
				continue
			}
			if !tree2.Root().Equal(tree.Root()) {
				t.Errorf("%s differs by xml", name)
			}
			j := tree2.Root().AppendJSON(nil)
			tree3, err := fhir.ParseJSON(d, j, fhir.Limits{})
			if err != nil {
				s := err.Error()
				t.Errorf("%s: %s", name, s[:min(len(s), 600)])
				continue
			}
			if !tree3.Root().Equal(tree.Root()) {
				t.Errorf("%s differs by xml json", name)
			}
			if r := (tree3.Root().AppendJSON(nil)); !bytes.Equal(r, j) {
				t.Errorf("%s differs by again", name)
			}
		}
	}
}
