package postgres

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

func TestWhatIsHiddenTakesAsManyStatementsAsWhatIsMissing(t *testing.T) {
	ctx := context.WithoutCancel(t.Context())
	one, other := processes(t)
	param := func(code, typ string, kind definitions.SearchType) search.Param {
		return search.Param{Code: code, Type: typ, Kind: kind}
	}
	subject, visit := param("subject", "Observation", definitions.SearchReference), param("encounter", "Observation", definitions.SearchReference)
	label, theirs := param("_security", "Observation", definitions.SearchToken), param("_security", "Encounter", definitions.SearchToken)
	date := param("date", "Observation", definitions.SearchDate)
	put := func(reference string, index ...search.Entry) {
		t.Helper()
		var typ, id string
		if _, err := fmt.Sscanf(reference, "%s %s", &typ, &id); err != nil {
			t.Fatal(err)
		}
		err := other.Write(ctx, func(ctx context.Context, tx store.Tx) error {
			_, err := tx.Put(ctx, []store.Write{{Key: fhir.Key{Type: fhir.Type(typ), ID: fhir.ID(id)}, Expect: store.Any, Updated: time.Now(), Method: "PUT", Release: definitions.R4,
				Body: other.Pack(fmt.Appendf(nil, `{"resourceType":"%s","id":"%s"}`, typ, id), index)}})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	token := func(p search.Param, code string) search.Token { return search.Token{Param: p, System: "s", Code: code} }
	period := search.Date{Param: date, Prefix: search.AP, Range: search.TimeRange{Lo: 100, Hi: 200}}
	undated := search.Missing{Param: date, Want: true}
	secret := search.Or{token(label, "secret"), search.Chain{Param: visit, Target: "Encounter", X: token(theirs, "secret")}}
	asks := map[string]search.Expr{
		"nothing": search.Or{}, "all": search.And{}, "secret": secret, "period": search.Or{period, undated}, "secret then": search.And{secret, search.Or{period, undated}},
		"none but secret": search.Not{X: secret}, "by id": search.IDs{"1"}, "other ids": search.IDs{"2"},
	}
	order := []string{"nothing", "all", "secret", "period", "secret then", "none but secret", "by id", "other ids"}
	each, kinds := search.NewDecisions(func(kind int) search.Expr { return asks[order[kind]] }), new(search.Kinds)
	standing := search.Standing{X: search.Not{X: search.Governed{Params: []search.Param{subject}, Sole: true, Kinds: kinds, Each: each}}, At: 5, Made: new(search.Made)}
	govern := func(policy string) {
		t.Helper()
		err := other.Write(ctx, func(ctx context.Context, tx store.Tx) error {
			if err := tx.Lock(ctx, "policies"); err != nil {
				return err
			}
			return tx.Govern(ctx, "a", []store.PolicySpan{{Lo: 0, Until: 10, Policy: policy}})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	put("Patient a")
	put("Encounter e")
	govern("all")
	all, err := one.Policies(ctx, 0)
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	kinds.Add(all[0].Number, 1)
	mine, open := search.Entry{Param: subject, RefType: "Patient", RefID: "a"}, search.Entry{Param: visit, RefType: "Encounter", RefID: "e"}
	read := func(id string) (n int) {
		q := &search.Query{Types: []string{"Observation"}, Count: 10, Filter: search.And{search.IDs{id}, standing}}
		page, err := one.reader.Search(ctx, counted{pool{one.pool}, &n}, q)
		if err != nil || len(page.Records) != 0 {
			t.Fatal(err, page.Records)
		}
		return n
	}
	put("Observation 0", mine, open)
	govern("secret")
	all, _ = one.Policies(ctx, 0)
	for _, p := range all {
		if _, is := kinds.Of(p.Number); !is {
			kinds.Add(p.Number, 2)
		}
	}
	for range 3 { // what is shown has what is asked, and the outlines, learned
		q := &search.Query{Types: []string{"Observation"}, Count: 10, Filter: search.And{search.IDs{"0"}, standing}}
		if page, err := one.reader.Search(ctx, pool{one.pool}, q); err != nil || len(page.Records) != 1 {
			t.Fatal(page.Records, err)
		}
	}
	govern("period")
	all, err = one.Policies(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		if _, is := kinds.Of(p.Number); !is {
			kinds.Add(p.Number, 1)
		}
	}
	// No resource has the system of the label that a policy asks for.
	for range 2 {
		if m, h := read("missing"), read("0"); m != h {
			t.Errorf("a label of a system that nothing has: missing %d statements, hidden %d", m, h)
		}
	}
	for i := range 3 { // what another process wrote has an outline that is new here
		id := fmt.Sprintf("hidden%d", i)
		put("Observation "+id, mine, open, search.Entry{Param: param(fmt.Sprintf("p%d", i), "Observation", definitions.SearchToken), System: "s", Code: "x"})
		read("missing") // the system is new
		if m, h := read("missing"), read(id); m != h {
			t.Errorf("an outline of another process: missing %d statements, hidden %d, then %d", m, h, read(id))
		}
	}
}
