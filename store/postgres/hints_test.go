package postgres

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/sqldb"
)

// counted counts the statements of a search.
type counted struct {
	sqldb.DB
	n *int
}

func (c counted) Query(ctx context.Context, text string, args ...any) (sqldb.Rows, error) {
	*c.n++
	return c.DB.Query(ctx, text, args...)
}

func TestAReadBringsMostOfWhatPoliciesAskWhicheverProcessWrote(t *testing.T) {
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
	for kind, policy := range order {
		govern(policy)
		all, err := one.Policies(ctx, 0)
		if err != nil || len(all) != 1 {
			t.Fatal(all, err)
		}
		kinds.Add(all[0].Number, kind)
		mine, open := search.Entry{Param: subject, RefType: "Patient", RefID: "a"}, search.Entry{Param: visit, RefType: "Encounter", RefID: "e"}
		marked, when := search.Entry{Param: label, System: "s", Code: "secret"}, func(lo, hi int64) search.Entry {
			return search.Entry{Param: date, Time: search.TimeRange{Lo: lo, Hi: hi}}
		}
		for _, c := range []struct {
			what  string
			index []search.Entry
			visit []search.Entry // of the Encounter
			shown string         // by which policies, one statement each; with * two
		}{
			{"without a date", []search.Entry{mine, open}, nil, "[nothing][secret][secret then][other ids*]"},
			{"before", []search.Entry{mine, open, when(50, 100)}, nil, "[nothing][secret][period][secret then][other ids*]"},
			{"after", []search.Entry{mine, open, when(200, 201)}, nil, "[nothing][secret][period][secret then][other ids*]"},
			{"within", []search.Entry{mine, open, when(0, 1), when(199, 300)}, nil, "[nothing][secret][secret then][other ids*]"},
			{"labelled, before", []search.Entry{mine, open, marked, when(0, 1)}, nil, "[nothing][period][secret then][none but secret*][other ids*]"},
			{"of a labelled visit", []search.Entry{mine, open, when(0, 1)}, []search.Entry{{Param: theirs, System: "s", Code: "secret"}}, "[nothing][period][secret then][none but secret*][other ids*]"},
			{"of one that is labelled no more", []search.Entry{mine, open, when(0, 1)}, nil, "[nothing][secret][period][secret then][other ids*]"},
		} {
			put("Encounter e", c.visit...)
			put("Observation 1", c.index...)
			var page store.Page
			var statements int
			for range 3 { // the first learns what is asked, the second what the outlines are
				statements = 0
				var err error
				q := &search.Query{Types: []string{"Observation"}, Count: 10, Filter: search.And{search.IDs{"1"}, standing}}
				page, err = one.reader.Search(ctx, counted{pool{one.pool}, &statements}, q)
				if err != nil {
					t.Fatal(err)
				}
			}
			is := func(one string) bool { return strings.Contains(c.shown, "["+policy+one+"]") }
			shown, want := is("") || is("*"), 2
			if is("") {
				want = 1
			}
			if got := len(page.Records) == 1; got != shown || statements != want {
				t.Errorf("%s, by a policy that asks for %q: shown %v in %d statements, want %v in %d", c.what, policy, got, statements, shown, want)
			}
		}
	}
}
