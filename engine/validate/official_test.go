package validate

import (
	"bytes"
	"context"
	"os"
	"path"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/internal/testdata"
	"github.com/inglehealth/ingle/internal/testpackage"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// eachExample calls f with each official example of a release.
func eachExample(t *testing.T, file string, f func(name string, content []byte)) {
	t.Helper()
	for entry, content := range testdata.Zipped(t, testdata.Dir(t, "examples", file)) {
		if strings.HasSuffix(entry, ".json") {
			f(path.Base(entry), bytes.TrimPrefix(content, []byte("\ufeff")))
		}
	}
}

// exceptions reads testdata/FILE: a name, a tab, and the reason why it does
// not validate.
func exceptions(t *testing.T, file string) map[string]string {
	t.Helper()
	text, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		name, reason, ok := strings.Cut(line, "\t")
		if !ok || reason == "" {
			t.Fatalf("%s: %q has no reason", file, line)
		}
		out[name] = reason
	}
	return out
}

func errorsOf(issues []fault.Issue) []fault.Issue {
	var out []fault.Issue
	for _, i := range issues {
		if i.Severity == fault.ErrorLevel {
			out = append(out, i)
		}
	}
	return out
}

func TestEveryOfficialExampleIsValid(t *testing.T) {
	for _, k := range []struct {
		file, exceptions string
		d                *definitions.Definitions
	}{
		{"examples-r4.zip", "examples-r4.txt", definitions.MustBuiltIn(definitions.R4)},
		{"examples-r4b.zip", "examples-r4b.txt", definitions.MustBuiltIn(definitions.R4B)},
		{"examples-r5.zip", "examples-r5.txt", testpackage.R5(t)},
	} {
		t.Run(string(k.d.Release), func(t *testing.T) {
			d := k.d
			v := New(d, Options{})
			listed := exceptions(t, k.exceptions)
			n := 0
			eachExample(t, k.file, func(name string, content []byte) {
				tree, err := fhir.ParseJSON(d, content, fhir.Limits{})
				if err != nil {
					if listed[name] == "" {
						t.Errorf("%s: %v", name, err)
					}
					delete(listed, name)
					return
				}
				n++
				found := errorsOf(v.Check(context.Background(), tree))
				if reason := listed[name]; (len(found) > 0) != (reason != "") {
					t.Errorf("%s: listed %q, found %v", name, reason, found)
				}
				delete(listed, name)
			})
			for name := range listed {
				t.Errorf("%s is listed but not among the examples", name)
			}
			t.Logf("%d examples", n)
		})
	}
}
