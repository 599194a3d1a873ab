package records

import (
	"fmt"
	"testing"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store/sqlite"
)

func TestAValueSetIsListedOnceForWhatASessionSees(t *testing.T) {
	db, err := sqlite.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	door, err := Open(t.Context(), Config{Store: db, Definitions: definitions.MustBuiltIn(definitions.R4), Base: "http://example.org"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = door.Close() })
	s := door.Session(Principal{}, nil)
	list := func(s *Session, valueSet string) *search.CodeList {
		t.Helper()
		codes, err := s.terms(t.Context(), door.release("")).Codes(valueSet, 100)
		if err != nil {
			t.Fatal(err)
		}
		return codes
	}
	put := func(json string) {
		t.Helper()
		tree, err := fhir.ParseJSON(door.release("").defs, []byte(json), fhir.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Update(t.Context(), tree.Key(), Content{JSON: []byte(json)}, UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	set := func(id, include string) {
		t.Helper()
		put(fmt.Sprintf(`{"resourceType":"ValueSet","id":%q,"url":"urn:%[1]s","status":"active","compose":{"include":[%s]}}`, id, include))
	}

	genders := list(s, "http://hl7.org/fhir/ValueSet/administrative-gender")
	if again := list(s, "http://hl7.org/fhir/ValueSet/administrative-gender"); again != genders {
		t.Error("a package's value set is listed twice")
	}
	set("inner", `{"system":"urn:s","concept":[{"code":"a"}]}`)
	set("outer", `{"valueSet":["urn:inner"]},{"system":"urn:t"}`)
	system := `{"resourceType":"CodeSystem","id":"t","url":"urn:t","status":"active","content":"complete","concept":[{"code":"%s"}]}`
	put(fmt.Sprintf(system, "b"))

	last := list(s, "urn:outer")
	same := func(what, want string) {
		t.Helper()
		now := list(s, "urn:outer")
		if now != last {
			t.Errorf("%s: listed anew", what)
		}
		checkCodes(t, now, want)
	}
	anew := func(what, want string) {
		t.Helper()
		now := list(s, "urn:outer")
		if now == last {
			t.Errorf("%s: not listed anew", what)
		}
		checkCodes(t, now, want)
		last = now
	}
	same("nothing changed", "a b")
	if list(s, "ValueSet/outer") != last {
		t.Error("listed anew under its id")
	}
	set("other", `{"system":"urn:s","concept":[{"code":"x"}]}`)
	same("another value set", "a b")
	set("inner", `{"system":"urn:s","concept":[{"code":"a"},{"code":"c"}]}`)
	anew("the value set inside", "a c b")
	put(fmt.Sprintf(system, "d"))
	anew("the code system", "a c d")
	set("outer", `{"valueSet":["urn:inner"]}`)
	anew("the value set itself", "a c")
	same("the code system, of which it has nothing", "a c")

	narrow := door.Session(Principal{}, onlyHere{search.Not{X: search.IDs{"inner"}}})
	if _, err := narrow.terms(t.Context(), door.release("")).Codes("urn:outer", 100); err == nil {
		t.Error("who cannot see the value set inside is given its codes")
	}
}

// onlyHere is access to what an expression holds of, for everything.
type onlyHere struct{ search.Expr }

func (o onlyHere) May(fhir.Type, smart.Interactions) bool          { return true }
func (o onlyHere) Filter([]string, smart.Interactions) search.Expr { return o.Expr }
func (o onlyHere) Knows(fhir.Key) bool                             { return false }
func (o onlyHere) Narrows(fhir.Type, smart.Interactions) bool      { return true }

func checkCodes(t *testing.T, list *search.CodeList, want string) {
	t.Helper()
	got := ""
	for i, c := range list.Codings() {
		if i > 0 {
			got += " "
		}
		got += c.Code
	}
	if got != want {
		t.Errorf("codes %q, want %q", got, want)
	}
}
