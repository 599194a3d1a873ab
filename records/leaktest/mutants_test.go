package leaktest_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// mutant is the door with one filter left out: in a file, one text in the place of
// another. database is where it is to be found; "": sqlite.
type mutant struct{ name, file, from, to, database string }

var mutants = []mutant{
	{"_include", "include.go", "in.s.many(ctx, in.r, keys[:n])", "(&Session{door: in.s.door}).many(ctx, in.r, keys[:n])", ""},
	{"_revinclude", "include.go", "in.s.only([]string{include.Source}, smart.Search, points[:n])", "(&Session{door: in.s.door}).only(nil, smart.Search, points[:n])", ""},
	{"_total", "search.go", "	page, err := r.Search(ctx, q)\n", "	bare := *q\n	bare.Filter, bare.After = nil, \"\"\n	page, err := r.Search(ctx, q)\n	if err == nil && page.Total >= 0 {\n		page.Total, err = r.Count(ctx, &bare)\n	}\n", ""},
	{"_summary=count", "search.go", "	q.Filter, q.Bytes = s.only(q.Types, smart.Search, q.Filter), d.pageBytes()\n", "	if q.Summary != search.SummaryCount {\n		q.Filter = s.only(q.Types, smart.Search, q.Filter)\n	}\n", ""},
	{"_sort", "search.go", "	q.Filter, q.Bytes = s.only(q.Types, smart.Search, q.Filter), d.pageBytes()\n", "	if len(q.Sort) == 0 {\n		q.Filter = s.only(q.Types, smart.Search, q.Filter)\n	}\n", ""},
	{"later pages", "search.go", "	q.Filter, q.Bytes = s.only(q.Types, smart.Search, q.Filter), d.pageBytes()\n", "	if req.After == \"\" {\n		q.Filter = s.only(q.Types, smart.Search, q.Filter)\n	}\n", ""},
	{"chains, _has and _list", "access.go", "if s.access == nil || x == nil {", "if true {", ""},
	{"read", "read.go", "	if filter == nil {\n		return record, nil\n	}\n	if record.Deleted {", "	if true {\n		return record, nil\n	}\n	if record.Deleted {", ""},
	{"vread", "read.go", "} else if !shown {", "} else if false && !shown {", ""},
	{"history", "history.go", "		if shown {\n			kept", "		if shown || true {\n			kept", ""},
	{"history of a type", "history.go", "q.Filter = s.filter(typesOf(r.Type), reading)", "q.Filter = nil", ""},
	{"batch", "batch.go", "res.Search, err = s.search(ctx, r, res.SearchOf)", "res.Search, err = (&Session{door: s.door}).search(ctx, r, res.SearchOf)", ""},
	{"$everything", "everything.go", "Filter: w.s.only(w.types, seeing, append(filter[:len(filter):len(filter)], w.since...))", "Filter: append(filter[:len(filter):len(filter)], w.since...)", ""},
	{"$graphql", "graphql.go", "g.s.many(ctx, d.store, keys[:n])", "(&Session{door: d}).many(ctx, d.store, keys[:n])", ""},
	{"$lastn", "lastn.go", "s.narrow(q.Types, q.Filter)", "s.veil(q.Filter)", ""},
	{"$docref", "docref.go", "p.s.narrow(types, filter)", "p.s.veil(filter)", ""},
	{"views", "table.go", "t.s.only(q.Types, smart.Search, q.Filter)", "t.s.veil(q.Filter)", ""},
	{"conditional writes", "condition.go", "s.narrow(q.Types, q.Filter)", "s.veil(q.Filter)", ""},
	{"the change feed", "changes.go", "if err != nil || !shown ||", "if err != nil ||", ""},
	{"references in writes", "access.go", "if s.access == nil || !s.limited(string(k.Type)) || s.access.Knows(k) {", "if true {", ""},
	{"deletes", "access.go", "	return errHidden\n", "	return nil\n", ""},
	{"what policies come to", "../store/sqldb/decided.go", "return one.condition, ok", "return one.condition*0 + holdsNever, ok", ""},
	{"policies in memory", "../store/sqldb/governing.go", "s.Lo <= at && s.Until > at {", "false {", ""},
	{"changes of what is in memory", "../store/sqlite/governing.go", "r.spans = append(r.spans, s)", "_ = s", ""},
	{"owners in memory", "../store/sqldb/decider.go", "owner := most\n", "owner := int64(nobody)\n", ""},
	{"deletes under what is hidden", "referrers.go", "bool { return !seen[k] }", "bool { return false && !seen[k] }", ""},
	{"what a database is told of policies", "../store/sqldb/packing.go", "one.condition != holdsNever || n > after {", "n > after {", "postgres"},
	{"kinds of which a database is told", "../store/sqldb/packing.go", "at, ok := w.records[choices.kinds[i]]", "at, ok := w.records[choices.kinds[i]%2]", "postgres"},
	{"policies of the owners of one resource", "../store/sqldb/one.go", "r.settled.policies = policiesOf(owners)", "_ = policiesOf(owners)", "postgres"},
	{"labels that a read says", "../store/sqldb/hints.go", "if h.marked {", "if false {", "postgres"},
	{"labels that outlines tell of", "../store/sqldb/outlined.go", "is = is || slices", "is = is && slices", "postgres"},
	{"the policy of one patient", "../store/sqldb/settled.go", "s.policies = []int64{s.owner.number}", "s.policies = nil", "postgres"},
	{"another policy than the one remembered", "../store/sqldb/recalled.go", "o.changed || policyOf(owners) != o.number", "o.changed && policyOf(owners) != o.number", "postgres"},
	{"notifications", "subscriptionmatch.go", "matchSource{door: b.l.d}); !ok || err != nil {", "matchSource{door: b.l.d}); !ok && false || err != nil {", ""},
	{"notifications again", "subscriptionmessage.go", "if shown, err = t.shows(ctx, record); err != nil || !shown {", "if shown, err = t.shows(ctx, record); err != nil {", ""},
	{"what goes along with notifications", "subscriptionmessage.go", "teller.inclusion(t.s.door.store,", "(&Session{door: t.s.door}).inclusion(t.s.door.store,", ""},
	{"how a resource was", "subscriptionmatch.go", "if c.After == nil || hit.Former {", "if c.After == nil {", ""},
	{"how a resource was, by FHIRPath", "../engine/subscribe/set.go", "return r.path != nil || r.query", "return r.query", ""},
	{"absolute references of consents", "../engine/access/consent.go", `fhir.LocalReference(literal, strings.TrimRight(r.server, "/"))`, `fhir.LocalReference(literal, "")`, ""},
	{"references of consents to versions", "../engine/access/consent.go", "fhir.LocalReference(literal,", `fhir.LocalReference(strings.Replace(literal, "/_history/", "/", 1),`, ""},
	{"versions of data", "../engine/access/consent.go", "datum{meaning, key.String()}", "datum{meaning, n.Find(\"reference\", \"reference\").Text()}", ""},
	{"what is told of something deleted", "../store/sqldb/beside.go", `t+".version > 0")`, `t+".deleted = 0")`, ""},
	{"masks", "mask.go", "if s.masks == nil || r.Deleted || !s.concerned(r) {", "if true {", ""},
	{"masks of references", "../engine/mask/apply.go", "hideReferences(t, paths, keep)", "hideReferences(t, nil, keep)", ""},
	{"narratives of what is masked", "../engine/mask/apply.go", "if err := hideNarratives(t); err != nil {", "if err != nil {", ""},
	{"writes over what is masked", "mask.go", "	if part {\n", "	if part && false {\n", ""},
	{"notifications for who asks", "subscriptionmessage.go", "if err != nil || !shown || t.asks == nil {", "if true {", ""},
}

// TestAFilterThatIsLeftOutIsFound leaves out one filter of the door, another one each
// time but with CI=true. Beside all other tests it may take longer than a minute.
func TestAFilterThatIsLeftOutIsFound(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds the fuzzer anew")
	}
	which := rand.IntN(len(mutants))
	if os.Getenv("CI") == "true" { // as with gateSeed
		which = 0
	}
	mutants[which].find(t, 4*time.Minute)
}

// TestSoakAFilterThatIsLeftOutIsFound leaves out one filter of the door after the
// other, or that which INGLE_MUTANT names, and has the fuzzer find it.
func TestSoakAFilterThatIsLeftOutIsFound(t *testing.T) {
	if os.Getenv("INGLE_SOAK") == "" {
		t.Skip("INGLE_SOAK is not set")
	}
	for _, m := range mutants {
		if only := os.Getenv("INGLE_MUTANT"); only == "" || only == m.name {
			m.find(t, 4*time.Minute)
		}
	}
}

// find has the fuzzer find what is left out.
func (m mutant) find(t *testing.T, within time.Duration) {
	t.Run(m.name, func(t *testing.T) {
		took, said := runMutant(t, m.path(), m.text(t), cmp.Or(m.database, "sqlite"), within)
		t.Logf("found after %v: %s", took.Round(100*time.Millisecond), said)
	})
}

func (m mutant) path() string { return filepath.Join("..", m.file) }

// text is that of the file without the filter.
func (m mutant) text(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(m.path())
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(text), m.from) != 1 {
		t.Fatalf("%s: %s does not have %q once", m.name, m.file, m.from)
	}
	return strings.Replace(string(text), m.from, m.to, 1)
}

func TestEveryFilterThatIsToBeLeftOutIsThere(t *testing.T) {
	for _, m := range mutants {
		m.text(t)
	}
}

// runMutant runs the fuzzer against the door with a file replaced, until it finds
// something, and returns how long that took and what it was.
func runMutant(t *testing.T, file, text, database string, within time.Duration) (took time.Duration, said string) {
	t.Helper()
	file, err := filepath.Abs(file)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{file: write("mutant.go", []byte(text))}})
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(dir, "fuzzer")
	build := exec.CommandContext(t.Context(), "go", "test", "-vet=off", "-c", "-o", binary, "-overlay", write("overlay.json", overlay), ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	ctx, cancel := context.WithTimeout(t.Context(), within+2*time.Minute)
	defer cancel()
	test := "TestNothingHiddenIsTold"
	if strings.HasPrefix(filepath.Base(file), "subscription") || strings.Contains(file, "/engine/subscribe/") {
		test = "TestNothingHiddenIsNotified"
	}
	run := exec.CommandContext(ctx, binary, "-test.run=^"+test+"$/^"+database+"$")
	run.Env = append(os.Environ(), "INGLE_LEAK_TIME="+within.String(), "INGLE_SOAK=", "INGLE_LEAK_SEED=")
	start := time.Now()
	out, err := run.CombinedOutput()
	if _, failed := errors.AsType[*exec.ExitError](err); !failed || !strings.Contains(string(out), explained) {
		t.Fatalf("it is not found: %v\n%.3000s", err, out)
	}
	_, said, _ = strings.Cut(string(out), explained)
	said, _, _ = strings.Cut(said, "\n")
	return time.Since(start), said
}
