package testdata

import (
	"archive/zip"
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"iter"
	"os"
	"path/filepath"
	"testing"
)

// Files returns the files of a folder of the shared test data whose names
// match pattern, as filepath.Glob has it. That there is none fails the test.
func Files(t testing.TB, pattern string, elem ...string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(Dir(t, elem...), pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("no file %s in %s: %v", pattern, filepath.Join(elem...), err)
	}
	return files
}

// Lines yields the first lines of a gzipped file without their ends and
// without those that are empty, most of them at the most. Each is a slice of
// its own. What cannot be read fails the test.
func Lines(t testing.TB, file string, most int) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		t.Helper()
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		for r := bufio.NewReaderSize(z, 1<<20); most > 0; {
			line, err := r.ReadBytes('\n')
			if err != nil && !errors.Is(err, io.EOF) {
				t.Fatal(err)
			}
			if line = bytes.TrimSpace(line); len(line) > 0 {
				if most--; !yield(line) {
					return
				}
			}
			if err != nil {
				return
			}
		}
	}
}

// Zipped yields the names and contents of the files in a zip archive, in its
// order. What cannot be read fails the test.
func Zipped(t testing.TB, archive string) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		t.Helper()
		z, err := zip.OpenReader(archive)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = z.Close() }()
		for _, f := range z.File {
			r, err := f.Open()
			if err != nil {
				t.Fatal(err)
			}
			content, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			if !yield(f.Name, content) {
				return
			}
		}
	}
}
