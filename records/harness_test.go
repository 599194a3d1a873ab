package records_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
)

const base = "https://ehr.example/fhir"

// database opens stores. Stores of one database see the same records, as
// processes on one server do.
type database struct {
	name string
	open func(t testing.TB) store.Store
}

// onEach runs a test on every database.
func onEach(t *testing.T, test func(t *testing.T, db database)) {
	for _, name := range databaseNames {
		t.Run(name, func(t *testing.T) { test(t, newDatabase(t, name)) })
	}
}

func (db database) door(t testing.TB, policy records.Policy) *records.Door {
	t.Helper()
	d, err := records.Open(context.Background(), records.Config{
		Store: db.open(t), Definitions: definitions.MustBuiltIn(definitions.R4), Base: base, Policy: policy,
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// session is a session that sees everything.
func (db database) session(t testing.TB, policy records.Policy) *records.Session {
	t.Helper()
	return db.door(t, policy).Session(records.Principal{ID: "tester"}, nil)
}

// only is access to what an expression holds of, for everything.
type only struct{ search.Expr }

func (o only) May(fhir.Type, smart.Interactions) bool          { return true }
func (o only) Filter([]string, smart.Interactions) search.Expr { return o.Expr }
func (o only) Knows(fhir.Key) bool                             { return false }
func (o only) Narrows(fhir.Type, smart.Interactions) bool      { return true }

func body(format string, args ...any) records.Content {
	return records.Content{JSON: fmt.Appendf(nil, format, args...)}
}

func key(reference string) fhir.Key {
	typ, id, _ := strings.Cut(reference, "/")
	return fhir.Key{Type: fhir.Type(typ), ID: fhir.ID(id)}
}

func pairs(t testing.TB, query string) []search.Pair {
	t.Helper()
	p, err := records.ParseCriteria(query)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// put stores a resource under its id.
func put(t testing.TB, s *records.Session, reference, format string, args ...any) records.Result {
	t.Helper()
	res, err := s.Update(t.Context(), key(reference), body(format, args...), records.UpdateOptions{})
	if err != nil {
		t.Fatalf("%s: %v", reference, err)
	}
	return res
}

func patient(t testing.TB, s *records.Session, id string) records.Result {
	t.Helper()
	return put(t, s, "Patient/"+id, `{"resourceType":"Patient","id":%q,"name":[{"family":"Example"}]}`, id)
}

func observation(t testing.TB, s *records.Session, id, subject string) records.Result {
	t.Helper()
	return put(t, s, "Observation/"+id,
		`{"resourceType":"Observation","id":%q,"status":"final","code":{"text":"weight"},"subject":{"reference":%q}}`, id, subject)
}

// refused checks the kind of an error and that its text has every part.
func refused(t testing.TB, err error, kind fault.Kind, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("it was accepted, want a fault of kind %d", kind)
	}
	if _, ok := errors.AsType[*fault.Error](err); !ok {
		t.Fatalf("%T is no *fault.Error: %v", err, err)
	}
	if got := fault.KindOf(err); got != kind {
		t.Fatalf("kind %d, want %d: %v", got, kind, err)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Fatalf("the error does not say %q: %v", part, err)
		}
	}
}

// count is how many resources of a type match.
func count(t testing.TB, s *records.Session, typ, query string) int64 {
	t.Helper()
	res, err := s.Search(t.Context(), records.SearchRequest{Type: fhir.Type(typ), Pairs: append(pairs(t, query), search.Pair{Name: "_summary", Value: "count"})})
	if err != nil {
		t.Fatal(err)
	}
	return res.Total
}

// found are the references of a search's entries, includes marked with +.
func found(t testing.TB, s *records.Session, typ, query string) string {
	t.Helper()
	res, err := s.Search(t.Context(), records.SearchRequest{Type: fhir.Type(typ), Pairs: pairs(t, query)})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range res.Entries {
		name := e.Key.String()
		if e.Mode == records.ModeInclude {
			name = "+" + name
		}
		names = append(names, name)
	}
	return strings.Join(names, " ")
}

func must[T any](v T, err error) func(t testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// tokenSession is what a token with these scopes opens, with Patient/p in context.
func tokenSession(t testing.TB, d *records.Door, scopes string) *records.Session {
	t.Helper()
	list := must(smart.ParseScopes(scopes))(t)
	for _, one := range list.Resources() {
		if err := d.Ownership().Check(one); err != nil {
			t.Fatal(err)
		}
	}
	return d.Session(records.Principal{ID: "user", Client: "app"}, d.Ownership().Rules(access.Grant{
		Scopes: list, Patient: "p", User: key("Practitioner/dr"),
	}))
}
