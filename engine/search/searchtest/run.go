package searchtest

import (
	"context"
	"embed"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

// Base is the base URL of the server that scripts are about.
const Base = "https://fhir.example.org/r4"

//go:embed testdata/*.txt
var scripts embed.FS

// A Target is an evaluator under test: a store, or the matcher in memory.
type Target interface {
	// Put creates or replaces a resource with its index entries.
	Put(ctx context.Context, resource *fhir.Tree, entries []search.Entry, updated time.Time) error
	// Delete deletes a resource that exists.
	Delete(ctx context.Context, key fhir.Key) error
	// Search answers one page of q.
	Search(ctx context.Context, q *search.Query) (search.Found, error)
}

// Packages are how a test comes by what is not built in: those of
// internal/testpackage.
type Packages struct {
	R5   func(t testing.TB) *definitions.Definitions
	Load func(t testing.TB, base *definitions.Definitions, files ...string) *definitions.Definitions
}

// Run runs every script that comes with the package with a release's
// parameters, each on a new, empty target.
func (p Packages) Run(t *testing.T, release definitions.Release, open func(t *testing.T) Target) {
	t.Helper()
	catalog := p.Catalog(t, release)
	for name, script := range readScripts(t) {
		script = of(script, release)
		if len(script) == 0 {
			continue
		}
		t.Run(name, func(t *testing.T) {
			r := &run{t: t, name: name + ".txt", packages: p, catalog: catalog, target: open(t), part: newPart()}
			for _, c := range script {
				r.command(c)
			}
		})
	}
}

// readScripts reads the scripts by their names.
func readScripts(t *testing.T) map[string][]command {
	t.Helper()
	files, err := scripts.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]command{}
	for _, file := range files {
		f, err := scripts.Open("testdata/" + file.Name())
		if err != nil {
			t.Fatal(err)
		}
		script, err := readScript(f)
		_ = f.Close()
		if err != nil {
			t.Fatalf("%s: %v", file.Name(), err)
		}
		all[strings.TrimSuffix(file.Name(), ".txt")] = script
	}
	return all
}

// Catalog returns the catalog that scripts are run with for a release.
func (p Packages) Catalog(t testing.TB, release definitions.Release) *search.Catalog {
	t.Helper()
	var d *definitions.Definitions
	if release == definitions.R5 {
		d = p.R5(t)
	} else {
		d = definitions.MustBuiltIn(release)
	}
	catalog, err := search.NewCatalog(d, Base)
	if err != nil {
		t.Fatal(err)
	}
	catalog.Content = true
	return catalog
}

// run is the state of one script.
type run struct {
	t        *testing.T
	name     string
	packages Packages
	catalog  *search.Catalog
	target   Target
	part     part // of the target, as somebody sees it from whom the rest is hidden
	updated  time.Time
	now      time.Time
	terms    terms
}

func (r *run) fail(line int, format string, args ...any) {
	r.t.Helper()
	r.t.Errorf("%s:%d: %s", r.name, line, fmt.Sprintf(format, args...))
}

func (r *run) command(c command) {
	var err error
	switch c.verb {
	case "updated":
		r.updated, err = time.Parse(time.RFC3339Nano, c.rest)
	case "now":
		r.now, err = time.Parse(time.RFC3339Nano, c.rest)
	case "valueset":
		err = r.terms.define(c.rest)
	case "fill":
		err = r.terms.fill(c.rest)
	case "hierarchy":
		err = r.terms.relate(c.rest)
	case "put":
		err = r.put([]byte(c.rest))
	case "delete":
		var key fhir.Key
		if key, err = keyOf("", c.rest); err == nil {
			r.part.delete(key)
			err = r.target.Delete(r.t.Context(), key)
		}
	case "package":
		r.catalog, err = search.NewCatalog(r.packages.Load(r.t, r.catalog.Definitions(), c.rest), Base)
	case "query":
		r.query(c)
	default:
		err = fmt.Errorf("unknown command %q", c.verb)
	}
	if err != nil {
		r.t.Fatalf("%s:%d: %v", r.name, c.line, err)
	}
}

// put loads a resource. Without "updated" each is a second younger than the
// one before.
func (r *run) put(json []byte) error {
	tree, err := fhir.ParseJSON(r.catalog.Definitions(), json, fhir.Limits{})
	if err != nil {
		return err
	}
	entries, err := r.catalog.Extract(r.t.Context(), tree)
	if err != nil {
		return err
	}
	if r.updated.IsZero() {
		r.updated = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	r.part.put(tree, entries, r.updated)
	err = r.target.Put(r.t.Context(), tree, entries, r.updated)
	r.updated = r.updated.Add(time.Second)
	return err
}

// query runs one query and checks what is expected of it.
func (r *run) query(c command) {
	r.t.Helper()
	url, lenient := strings.CutPrefix(c.rest, "lenient ")
	q, err := ParseURL(r.catalog, strings.TrimSpace(url), search.ParseOptions{Lenient: lenient, Now: r.now, Terminology: &r.terms})
	if len(c.more) == 0 {
		r.fail(c.line, "query without an expectation")
		return
	}
	if err != nil {
		for _, want := range c.more {
			if want.verb != "error" {
				r.fail(want.line, "%s: refused: %v", url, err)
			} else if !strings.Contains(err.Error(), want.rest) {
				r.fail(want.line, "%s: error is %q, want %q in it", url, err, want.rest)
			}
		}
		return
	}
	if err := r.checkApplied(strings.TrimSpace(url), q); err != nil {
		r.fail(c.line, "%s: %v", url, err)
	}
	found, err := r.target.Search(r.t.Context(), q)
	if err != nil {
		r.fail(c.line, "%s: %v", url, err)
		return
	}
	if err := r.part.check(r.t.Context(), r.target, q); err != nil {
		r.fail(c.line, "%s: %v", url, err)
	}
	for _, want := range c.more {
		if err := r.check(q, found, want); err != nil {
			r.fail(want.line, "%s: %v", url, err)
		}
	}
}

// checkApplied reads again what the self link would state: without leniency it
// is the same query.
func (r *run) checkApplied(url string, q *search.Query) error {
	path, _, _ := strings.Cut(url, "?")
	again, err := parsePairs(r.catalog, path, q.Applied, search.ParseOptions{Now: r.now, Terminology: &r.terms})
	if err != nil {
		return fmt.Errorf("the parameters applied are refused: %w", err)
	}
	want := *q
	want.After, want.Ignored = "", nil
	if !reflect.DeepEqual(&want, again) {
		return fmt.Errorf("the parameters applied mean %+v, not %+v", again, &want)
	}
	return nil
}

func (r *run) check(q *search.Query, found search.Found, want expectation) error {
	switch want.verb {
	case "ids", "none":
		return r.checkIDs(q, found, want)
	case "pages":
		return r.checkPages(q, want.rest)
	case "total":
		got := fmt.Sprint(found.Total)
		if found.Total < 0 {
			got = "-"
		}
		if got != want.rest {
			return fmt.Errorf("total is %s, want %s", got, want.rest)
		}
	case "ignored":
		var names []string
		for _, one := range q.Ignored {
			names = append(names, one.Name)
		}
		if got := strings.Join(names, " "); got != want.rest {
			return fmt.Errorf("ignored %q, want %q", got, want.rest)
		}
	case "error":
		return fmt.Errorf("accepted, want an error with %q", want.rest)
	default:
		return fmt.Errorf("unknown expectation %q", want.verb)
	}
	return nil
}

func (r *run) checkIDs(q *search.Query, found search.Found, want expectation) error {
	keys, err := keysOf(q, want.rest)
	if err != nil {
		return err
	}
	got := slices.Clone(found.Keys)
	if len(q.Sort) == 0 {
		slices.SortFunc(got, fhir.Key.Compare)
		slices.SortFunc(keys, fhir.Key.Compare)
	}
	if !slices.Equal(got, keys) {
		return fmt.Errorf("found %v, want %v", got, keys)
	}
	return r.checkWalk(q, found)
}

// checkWalk compares one page with the same result in small pages.
func (r *run) checkWalk(q *search.Query, whole search.Found) error {
	if q.Count == 0 || q.After != "" || whole.Next != "" {
		return nil
	}
	for _, size := range []int{1, 2} {
		small := *q
		small.Count, small.Total = size, search.TotalAccurate
		pages, total, err := Walk(r.t.Context(), r.target, &small)
		if err != nil {
			return fmt.Errorf("in pages of %d: %w", size, err)
		}
		if got := slices.Concat(pages...); !slices.Equal(got, whole.Keys) {
			return fmt.Errorf("in pages of %d found %v, in one %v", size, got, whole.Keys)
		}
		if total != int64(len(whole.Keys)) {
			return fmt.Errorf("total is %d of %d", total, len(whole.Keys))
		}
	}
	return nil
}

func (r *run) checkPages(q *search.Query, want string) error {
	pages, _, err := Walk(r.t.Context(), r.target, q)
	if err != nil {
		return err
	}
	var wanted [][]fhir.Key
	for page := range strings.SplitSeq(want, "/ ") {
		keys, err := keysOf(q, page)
		if err != nil {
			return err
		}
		wanted = append(wanted, keys)
	}
	if !slices.EqualFunc(pages, wanted, slices.Equal) {
		return fmt.Errorf("pages are %v, want %v", pages, wanted)
	}
	return nil
}

// Walk follows Next to the last page. It returns the keys of each page and the
// total of the first one.
func Walk(ctx context.Context, target Target, q *search.Query) (pages [][]fhir.Key, total int64, err error) {
	page := *q
	for {
		found, err := target.Search(ctx, &page)
		if err != nil {
			return pages, total, err
		}
		if len(pages) == 0 {
			total = found.Total
		}
		pages = append(pages, found.Keys)
		if found.Next == "" {
			return pages, total, nil
		}
		if len(found.Keys) == 0 || len(pages) > 1_000_000 {
			return pages, total, fmt.Errorf("an empty page, or a million of them, has a next one")
		}
		page.After = found.Next
	}
}

func keysOf(q *search.Query, ids string) ([]fhir.Key, error) {
	only := ""
	if len(q.Types) == 1 {
		only = q.Types[0]
	}
	var keys []fhir.Key
	for id := range strings.FieldsSeq(ids) {
		key, err := keyOf(only, id)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}

func keyOf(only, id string) (fhir.Key, error) {
	if typeName, rest, ok := strings.Cut(id, "/"); ok {
		only, id = typeName, rest
	}
	if only == "" {
		return fhir.Key{}, fmt.Errorf("%q needs its type, as in Patient/%s", id, id)
	}
	return fhir.Key{Type: fhir.Type(only), ID: fhir.ID(id)}, nil
}
