package fhir_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"os"
	"testing"

	"github.com/inglehealth/ingle/internal/testdata"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

// syntheaBundle is a patient's transaction bundle of about size bytes or more.
func syntheaBundle(b testing.TB, size int) []byte {
	f, err := os.Open(testdata.Dir(b, "synthea", "uscore311-2021") + "/" + firstBundles(b))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		b.Fatal(err)
	}
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		if len(lines.Bytes()) >= size {
			return bytes.Clone(lines.Bytes())
		}
	}
	b.Fatal("no bundle is large enough")
	return nil
}

func firstBundles(b testing.TB) string {
	entries, err := os.ReadDir(testdata.Dir(b, "synthea", "uscore311-2021"))
	if err != nil {
		b.Fatal(err)
	}
	for _, e := range entries {
		if bytes.HasSuffix([]byte(e.Name()), []byte("-00.bundles.ndjson.gz")) {
			return e.Name()
		}
	}
	b.Fatal("no bundles")
	return ""
}

// syntheaResources are the entries of a bundle as documents of their own.
func syntheaResources(b testing.TB) (resources [][]byte, bytes int) {
	tree, err := fhir.ParseJSON(definitions.MustBuiltIn(definitions.R4), syntheaBundle(b, 1<<20), fhir.Limits{})
	if err != nil {
		b.Fatal(err)
	}
	for e := range tree.Root().All("entry") {
		r := e.Child("resource").AppendJSON(nil)
		resources = append(resources, r)
		bytes += len(r)
	}
	return resources, bytes
}

func BenchmarkParseJSONBundle(b *testing.B) {
	d := definitions.MustBuiltIn(definitions.R4)
	src := syntheaBundle(b, 1<<20)
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := fhir.ParseJSON(d, src, fhir.Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

// One iteration parses every resource of one patient, each on its own.
func BenchmarkParseJSONResources(b *testing.B) {
	d := definitions.MustBuiltIn(definitions.R4)
	resources, size := syntheaResources(b)
	b.SetBytes(int64(size))
	b.ReportMetric(float64(len(resources)), "resources/op")
	b.ReportAllocs()
	for b.Loop() {
		for _, src := range resources {
			if _, err := fhir.ParseJSON(d, src, fhir.Limits{}); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkAppendJSONUntouched(b *testing.B) {
	benchmarkWrite(b, func(t *fhir.Tree, dst []byte) []byte { return t.Root().AppendJSON(dst) })
}

func BenchmarkAppendJSONStamped(b *testing.B) {
	benchmarkWrite(b, func(t *fhir.Tree, dst []byte) []byte {
		t = t.Clone()
		if err := t.SetID("x"); err != nil {
			b.Fatal(err)
		}
		return t.Root().AppendJSON(dst)
	})
}

func BenchmarkAppendJSONIndent(b *testing.B) {
	benchmarkWrite(b, func(t *fhir.Tree, dst []byte) []byte { return t.Root().AppendJSONIndent(dst) })
}

func BenchmarkAppendXML(b *testing.B) {
	benchmarkWrite(b, func(t *fhir.Tree, dst []byte) []byte {
		dst, err := t.Root().AppendXML(dst, false)
		if err != nil {
			b.Fatal(err)
		}
		return dst
	})
}

func benchmarkWrite(b *testing.B, write func(*fhir.Tree, []byte) []byte) {
	tree, err := fhir.ParseJSON(definitions.MustBuiltIn(definitions.R4), syntheaBundle(b, 1<<20), fhir.Limits{})
	if err != nil {
		b.Fatal(err)
	}
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = write(tree, dst[:0])
	}
	b.SetBytes(int64(len(dst)))
}

func BenchmarkParseXML(b *testing.B) {
	d := definitions.MustBuiltIn(definitions.R4)
	tree, err := fhir.ParseJSON(d, syntheaBundle(b, 1<<20), fhir.Limits{})
	if err != nil {
		b.Fatal(err)
	}
	src, err := tree.Root().AppendXML(nil, false)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := fhir.ParseXML(d, src, fhir.Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}
