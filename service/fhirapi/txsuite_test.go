package fhirapi_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/internal/testdata"
	"github.com/inglehealth/ingle/internal/testpackage"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/web"
)

// txSuite is a part of HL7's tests of terminology servers.
type txSuite struct {
	Name  string
	Mode  string
	Setup []string
	Tests []txTest
}

type txTest struct {
	Name, Operation, Mode, Request, Response, Profile string
	Response2                                         string
	Language                                          string `json:"Accept-Language"`
	HTTPCode                                          string `json:"http-code"`
}

// TestHL7sTerminologyServerTestsPass runs the suites that are for every
// server. testdata/tx-ecosystem.txt names the tests that do not pass, each with
// the reason: no other may fail, and none of these may pass.
func TestHL7sTerminologyServerTestsPass(t *testing.T) {
	dir := testdata.Dir(t, "terminology", "tx-ecosystem")
	s := newServer(t, func(_ *records.Policy, _ *web.Config, c *records.Config) { c.Definitions = testpackage.R5(t) })
	var file struct{ Suites []txSuite }
	readJSON(t, filepath.Join(dir, "test-cases.json"), &file)
	failing := txFailing(t)
	passed, all := 0, 0
	for _, suite := range file.Suites {
		if suite.Mode != "" && suite.Mode != "general" {
			continue
		}
		setup := txSetup(t, dir, suite.Setup)
		for _, test := range suite.Tests {
			all++
			name := suite.Name + "/" + test.Name
			problem := test.run(t, s, dir, setup)
			reason, known := failing[name]
			switch {
			case problem != "" && !known:
				t.Errorf("%s: %s", name, problem)
			case problem == "" && known:
				t.Errorf("%s passes, though testdata/tx-ecosystem.txt says: %s", name, reason)
			case problem == "":
				passed++
			}
		}
	}
	t.Logf("%d of %d pass", passed, all)
}

// txFailing reads the tests that are known not to pass.
func txFailing(t *testing.T) map[string]string {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "tx-ecosystem.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out := map[string]string{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		name, reason, ok := strings.Cut(lines.Text(), ": ")
		if ok && !strings.HasPrefix(name, "#") {
			out[name] = reason
		}
	}
	return out
}

func readJSON(t *testing.T, file string, v any) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(b, []byte("\ufeff"))))
	d.UseNumber()
	if err := d.Decode(v); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// txSetup are the resources of a suite as parameters.
func txSetup(t *testing.T, dir string, files []string) []any {
	t.Helper()
	var out []any
	for _, f := range files {
		var r any
		readJSON(t, filepath.Join(dir, f), &r)
		out = append(out, map[string]any{"name": "tx-resource", "resource": elements(r)})
	}
	return out
}

// elements leaves out what is no element of FHIR: names with a colon.
func elements(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name := range v {
			if strings.Contains(name, ":") {
				delete(v, name)
			}
			v[name] = elements(v[name])
			if v[name] == nil {
				delete(v, name)
			}
		}
	case []any:
		for i := range v {
			v[i] = elements(v[i])
		}
	}
	return v
}

var txPaths = map[string]string{
	"expand": "/ValueSet/$expand", "validate-code": "/ValueSet/$validate-code", "cs-validate-code": "/CodeSystem/$validate-code",
	"lookup": "/CodeSystem/$lookup", "translate": "/ConceptMap/$translate", "batch-validate": "/ValueSet/$batch-validate-code",
}

// run says what is wrong, "" when nothing is.
func (x txTest) run(t *testing.T, s *server, dir string, setup []any) string {
	t.Helper()
	var a *answer
	switch x.Operation {
	case "metadata":
		a = s.get("/metadata")
	case "term-caps":
		a = s.get("/metadata?mode=terminology")
	default:
		var request map[string]any
		readJSON(t, filepath.Join(dir, x.Request), &request)
		list, _ := elements(request).(map[string]any)["parameter"].([]any)
		if x.Profile != "" {
			var profile map[string]any
			readJSON(t, filepath.Join(dir, x.Profile), &profile)
			list = append(list, profile["parameter"].([]any)...)
		}
		delete(request, "id")
		request["parameter"] = append(list, setup...)
		body, err := json.Marshal(request)
		if err != nil {
			t.Fatal(err)
		}
		var header []string
		if x.Language != "" {
			header = append(header, "Accept-Language", x.Language)
		}
		a = s.do("POST", txPaths[x.Operation], string(body), header...)
	}
	want := x.HTTPCode
	if want == "" {
		want = "2xx"
	}
	if got := fmt.Sprint(a.StatusCode); got[0] != want[0] {
		return fmt.Sprintf("status %s, want %s: %.1500s", got, want, a.body)
	}
	problem := x.compare(t, dir, x.Response, a)
	if problem != "" && x.Response2 != "" {
		return x.compare(t, dir, x.Response2, a)
	}
	return problem
}

func (x txTest) compare(t *testing.T, dir, file string, a *answer) string {
	t.Helper()
	var expected, actual any
	readJSON(t, filepath.Join(dir, file), &expected)
	d := json.NewDecoder(strings.NewReader(a.body))
	d.UseNumber()
	if err := d.Decode(&actual); err != nil {
		return err.Error()
	}
	problem := txDiffer("", expected, actual, x.Operation == "metadata" || x.Operation == "term-caps")
	if problem != "" && os.Getenv("TX_SHOW") != "" {
		problem += "\n   " + a.body
	}
	return problem
}

// txDiffer says where an answer is not what a test expects. With subset, it
// may hold more.
func txDiffer(path string, expected, actual any, subset bool) string {
	switch e := expected.(type) {
	case map[string]any:
		a, ok := actual.(map[string]any)
		if !ok {
			return path + " is no object"
		}
		return txDifferObject(path, e, a, subset)
	case []any:
		a, ok := actual.([]any)
		if !ok {
			return path + " is no array"
		}
		return txDifferArray(path, e, a, subset)
	case string:
		a, ok := actual.(string)
		if !ok || !txMatches(e, a) {
			return fmt.Sprintf("%s is %q, want %q", path, actual, e)
		}
		return ""
	}
	if fmt.Sprint(expected) != fmt.Sprint(actual) {
		return fmt.Sprintf("%s is %v, want %v", path, actual, expected)
	}
	return ""
}

func txDifferObject(path string, e, a map[string]any, subset bool) string {
	var optional, counted []string
	for _, v := range list(e["$optional-properties$"]) {
		optional = append(optional, v.(string))
	}
	for _, v := range list(e["$count-arrays$"]) {
		counted = append(counted, v.(string))
	}
	for _, name := range slices.Sorted(maps.Keys(e)) {
		v, there := a[name]
		switch {
		case strings.HasPrefix(name, "$"), txIgnored(path, name):
		case !there:
			if !slices.Contains(optional, name) && !txOptional(e[name]) {
				return path + " has no " + name
			}
		case slices.Contains(counted, name):
			if x, y := len(list(e[name])), len(list(v)); x != y {
				return fmt.Sprintf("%s.%s has %d items, want %d", path, name, y, x)
			}
		default:
			if p := txDiffer(path+"."+name, e[name], v, subset); p != "" {
				return p
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(a)) {
		if _, ok := e[name]; !ok && !subset && !slices.Contains(optional, name) && !txIgnored(path, name) && !(path == "" && slices.Contains(txRepeated, name)) {
			return fmt.Sprintf("%s has %s: %v", path, name, a[name])
		}
	}
	return ""
}

// txIgnored says what the tests do not compare: narrative, meta, and
// issue.location, which repeats expression and which the files have or leave
// out at random.
func txIgnored(path, name string) bool {
	return name == "location" && strings.Contains(path, "issue") || name == "text" && !strings.HasSuffix(path, ".details") || name == "meta" || name == "id" && path == ""
}

// txRepeated is what this server repeats of a value set, and which some of the
// files leave out.
var txRepeated = []string{"description", "extension"}

func txOptional(v any) bool {
	if l, ok := v.([]any); ok {
		return len(l) > 0 && !slices.ContainsFunc(l, func(v any) bool { return !txOptional(v) })
	}
	m, ok := v.(map[string]any)
	if !ok {
		return false
	}
	_, optional := m["$optional$"]
	return optional
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}

// txDifferArray compares without minding order.
func txDifferArray(path string, e, a []any, subset bool) string {
	used := make([]bool, len(a))
	for _, round := range []bool{false, true} { // what must be there first
		for i, x := range e {
			if txOptional(x) != round {
				continue
			}
			found, closest := false, ""
			for j := range a {
				if used[j] {
					continue
				}
				p := txDiffer(fmt.Sprintf("%s[%d]", path, i), x, a[j], subset)
				if p == "" {
					used[j], found = true, true
					break
				}
				if len(p) > len(closest) && sameKind(x, a[j]) {
					closest = p
				}
			}
			if !found && !round {
				return fmt.Sprintf("%s misses %s (closest: %s)", path, short(x), closest)
			}
		}
	}
	for j := range a {
		if !used[j] && !subset {
			return fmt.Sprintf("%s has more: %s", path, short(a[j]))
		}
	}
	return ""
}

// sameKind says whether two items are about the same: to show the one that was
// most likely meant.
func sameKind(x, y any) bool {
	a, _ := x.(map[string]any)
	b, _ := y.(map[string]any)
	return a == nil || a["name"] == b["name"] && a["code"] == b["code"] && a["url"] == b["url"]
}

func short(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}

// txMatches compares a text with a pattern.
func txMatches(pattern, text string) bool {
	if before, after, ok := strings.Cut(pattern, "$version$"); ok {
		return strings.HasPrefix(text, before) && strings.HasSuffix(text, after)
	}
	if !strings.HasPrefix(pattern, "$") || !strings.HasSuffix(pattern, "$") {
		return pattern == text
	}
	name, rest, _ := strings.Cut(strings.Trim(pattern, "$"), ":")
	switch name {
	case "choice":
		return slices.Contains(strings.Split(rest, "|"), text)
	case "fragments":
		for part := range strings.SplitSeq(rest, "|") {
			if !strings.Contains(text, part) {
				return false
			}
		}
		return true
	case "external":
		_, part, _ := strings.Cut(rest, ":")
		return strings.Contains(text, part)
	case "uuid":
		return strings.HasPrefix(text, "urn:uuid:")
	case "url":
		return strings.Contains(text, "://")
	}
	return text != ""
}
