// Package testdata finds the shared test data: conformance suites, example
// resources and synthetic patients that are not part of the repository.
package testdata

import (
	"os"
	"path/filepath"
	"testing"
)

// Dir returns the path of a folder or file of the shared test data, looked up
// in $INGLE_TESTDATA or in ../shared/data beside the repository. When it is
// absent the test is skipped with a message; where CI=true it fails, since
// there a skipped suite would pass for a green one.
func Dir(t testing.TB, elem ...string) string {
	t.Helper()
	root := os.Getenv("INGLE_TESTDATA")
	if root == "" {
		root = filepath.Join(repository(t), "..", "shared", "data")
	}
	path := filepath.Join(append([]string{root}, elem...)...)
	if _, err := os.Stat(path); err != nil {
		const how = "shared test data is absent: %v\nset INGLE_TESTDATA to its folder"
		if os.Getenv("CI") == "true" {
			t.Fatalf(how, err)
		}
		t.Skipf(how, err)
	}
	return path
}

// repository is the folder above the package under test that has go.mod: what is built with
// -trimpath does not know where its files were.
func repository(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod is above the package under test")
		}
		dir = filepath.Dir(dir)
	}
}
