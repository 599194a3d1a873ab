package graphql_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/engine/fhirpath"
	"github.com/inglehealth/ingle/engine/graphql"
	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// world is a Fetcher over resources in memory, which counts what it is asked.
type world struct {
	t       testing.TB
	catalog *search.Catalog
	schema  *graphql.Schema
	memory  *search.Memory
	trees   map[string]*fhir.Tree

	reads    [][]string
	searches []graphql.Search
}

func newWorld(t testing.TB, d *definitions.Definitions, resources ...string) *world {
	t.Helper()
	catalog, err := search.NewCatalog(d, "")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, catalog: catalog, memory: search.NewMemory(), trees: map[string]*fhir.Tree{}}
	if w.schema, err = graphql.NewSchema(catalog); err != nil {
		t.Fatal(err)
	}
	for _, r := range resources {
		w.add(r)
	}
	return w
}

func r4(t testing.TB, resources ...string) *world {
	t.Helper()
	return newWorld(t, definitions.MustBuiltIn(definitions.R4), resources...)
}

func (w *world) add(resource string) {
	w.t.Helper()
	tree, err := fhir.ParseJSON(w.catalog.Definitions(), []byte(resource), fhir.Limits{})
	if err != nil {
		w.t.Fatal(err)
	}
	entries, err := w.catalog.Extract(context.Background(), tree)
	if err != nil {
		w.t.Fatal(err)
	}
	key := fhir.Key{Type: tree.Type(), ID: tree.ID()}
	w.trees[key.String()] = tree
	w.memory.Put(search.Document{Key: key, Updated: time.Unix(0, 0), Entries: entries})
}

func (w *world) Read(_ context.Context, references []string) ([]*fhir.Tree, error) {
	w.reads = append(w.reads, references)
	out := make([]*fhir.Tree, len(references))
	for i, r := range references {
		out[i] = w.trees[r]
	}
	return out, nil
}

func (w *world) Search(ctx context.Context, s graphql.Search) (*graphql.Page, error) {
	w.searches = append(w.searches, s)
	q, err := w.catalog.Parse(string(s.Type), s.Pairs, search.ParseOptions{})
	if err != nil {
		return nil, err
	}
	q.After = s.After
	found, err := w.memory.Search(ctx, q)
	if errors.Is(err, search.ErrCursor) {
		return nil, fault.Wrap(err, fault.Invalid, fault.CodeInvalid, "", "this page link does not belong to this search")
	}
	if err != nil {
		return nil, err
	}
	p := &graphql.Page{Total: found.Total, Next: found.Next, Size: q.Count}
	for _, k := range found.Keys {
		p.Trees = append(p.Trees, w.trees[k.String()])
	}
	return p, nil
}

func (w *world) Environment(tree *fhir.Tree) *fhirpath.Env {
	return &fhirpath.Env{Resource: tree.Root(), RootResource: tree.Root()}
}

func (w *world) Schema(definitions.Release) (*graphql.Schema, error) { return w.schema, nil }

// ask runs a query about the system, or a resource by its reference.
func (w *world) ask(on, query string, variables ...string) (string, error) {
	return w.askWithin(graphql.Limits{}, on, query, variables...)
}

func (w *world) askWithin(l graphql.Limits, on, query string, variables ...string) (string, error) {
	w.reads, w.searches = nil, nil
	r := graphql.Request{Query: query, Variables: []byte(strings.Join(variables, ""))}
	out, err := w.schema.Execute(context.Background(), r, w.trees[on], w, l)
	if err == nil && !json.Valid(out) {
		w.t.Errorf("%s: the answer is no JSON: %s", query, out)
	}
	return string(out), err
}

// gives checks the data of an answer.
func (w *world) gives(on, query, want string, variables ...string) {
	w.t.Helper()
	got, err := w.ask(on, query, variables...)
	if err != nil {
		w.t.Errorf("%s: %v", query, err)
		return
	}
	if want = `{"data":` + want + `}`; got != want {
		w.t.Errorf("%s\n got %s\nwant %s", query, got, want)
	}
}

// refused checks that a query fails with a message that has every part.
func (w *world) refused(on, query string, parts ...string) graphql.Error {
	w.t.Helper()
	got, err := w.ask(on, query)
	return refusal(w.t, query, got, err, parts...)
}

func refusal(t testing.TB, query, got string, err error, parts ...string) graphql.Error {
	t.Helper()
	f, ok := errors.AsType[*graphql.Failure](err)
	if !ok {
		t.Errorf("%s: it gave %s, %v", query, got, err)
		return graphql.Error{}
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%s: the error does not say %q: %v", query, part, err)
		}
	}
	if f.Kind == fault.Internal {
		t.Errorf("%s: an internal failure: %v", query, err)
	}
	return f.Errors[0]
}

const peter = `{"resourceType":"Patient","id":"peter","active":true,
 "identifier":[{"system":"urn:oid:1.2.3","value":"12345"}],
 "name":[{"use":"official","family":"Chalmers","given":["Peter","James"]},{"use":"usual","given":["Jim"]},
         {"use":"maiden","family":"Windsor","given":["Peter","James"]}],
 "birthDate":"1974-12-25","_birthDate":{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/patient-birthTime","valueDateTime":"1974-12-25T14:35:45-05:00"}]},
 "telecom":[{"system":"phone","value":"1","use":"home"},{"system":"phone","value":"2","use":"work"}],
 "extension":[{"url":"http://example.org/a","valueString":"some value"},{"url":"http://example.org/b","valueInteger":3}],
 "generalPractitioner":[{"reference":"Practitioner/gp"}],"managingOrganization":{"reference":"Organization/clinic"}}`

const (
	practitioner = `{"resourceType":"Practitioner","id":"gp","name":[{"family":"Careful"}]}`
	clinic       = `{"resourceType":"Organization","id":"clinic","name":"Clinic"}`
)

// weight is an observation.
func weight(id, patient, value string) string {
	return fmt.Sprintf(`{"resourceType":"Observation","id":%q,"status":"final","code":{"coding":[{"system":"http://loinc.org","code":"29463-7"}]},
"subject":{"reference":"Patient/%s"},"valueQuantity":{"value":%s,"unit":"kg"}}`, id, patient, value)
}
