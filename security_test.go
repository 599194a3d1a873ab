package ingle

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	namedPackage = regexp.MustCompile("`([a-z/]+)` (`(?:Test|Fuzz)\\w+`(?:, `(?:Test|Fuzz)\\w+`)*)")
	namedTest    = regexp.MustCompile(`\w+`)
)

func TestEveryTestThatSecurityNamesExists(t *testing.T) {
	text, err := os.ReadFile("SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "|") || !strings.Contains(line, "`Test") {
			continue
		}
		rows++
		for _, named := range namedPackage.FindAllStringSubmatch(line, -1) {
			for _, name := range namedTest.FindAllString(named[2], -1) {
				if !hasTest(t, named[1], name) {
					t.Errorf("%s has no %s", named[1], name)
				}
			}
		}
	}
	if rows < 15 {
		t.Errorf("SECURITY.md names the tests of %d attacks", rows)
	}
}

// hasTest says whether a test file of a package has a function.
func hasTest(t *testing.T, folder, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "\nfunc "+name+"(") {
			return true
		}
	}
	return false
}
