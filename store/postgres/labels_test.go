package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// labelled is an Observation that is labelled itself, or whose Encounter is.
type labelled struct {
	label, visit string
	dated        bool // within the period that policies name
}

func TestSearchesOfPatientsWhosePoliciesAskForOtherLabelsAreOneStatement(t *testing.T) {
	ctx := context.WithoutCancel(t.Context())
	s, _ := processes(t)
	param := func(code, typ string, kind definitions.SearchType) search.Param {
		return search.Param{Code: code, Type: typ, Kind: kind}
	}
	subject, visit := param("subject", "Observation", definitions.SearchReference), param("encounter", "Observation", definitions.SearchReference)
	own, theirs := param("_security", "Observation", definitions.SearchToken), param("_security", "Encounter", definitions.SearchToken)
	date := param("date", "Observation", definitions.SearchDate)
	has := func(labels ...string) search.Expr {
		var any, of search.Or
		for _, l := range labels {
			any, of = append(any, search.Token{Param: own, System: "s", Code: l}), append(of, search.Token{Param: theirs, System: "s", Code: l})
		}
		return append(any, search.Chain{Param: visit, Target: "Encounter", X: of})
	}
	period := search.Date{Param: date, Prefix: search.AP, Range: search.TimeRange{Lo: 100, Hi: 200}}
	is := func(labels ...string) func(labelled) bool {
		return func(o labelled) bool { return slices.Contains(labels, o.label) || slices.Contains(labels, o.visit) }
	}
	never, always := func(labelled) bool { return false }, func(labelled) bool { return true }
	policies := []struct {
		name         string
		hides, opens search.Expr
		hidden, open func(labelled) bool
		alike        bool // labels alone are asked for
	}{
		{"nothing", search.Or{}, search.Or{}, never, never, true},
		{"a", has("a"), search.Or{}, is("a"), never, true},
		{"b and c", has("b", "c"), search.Or{}, is("b", "c"), never, true},
		{"opens", search.Or{}, search.And{}, never, always, true},
		{"a, opens", has("a"), search.And{}, is("a"), always, true},
		{"all", search.And{}, search.Or{}, always, never, false},
		{"a period", period, search.Or{}, func(o labelled) bool { return o.dated }, never, false},
		{"a in a period", search.And{has("a"), period}, search.Or{}, func(o labelled) bool { return o.dated && is("a")(o) }, never, false},
		{"all but a", search.Not{X: has("a")}, search.Or{}, func(o labelled) bool { return !is("a")(o) }, never, false},
		{"opens a period", has("b"), period, is("b"), func(o labelled) bool { return o.dated }, false},
		{"a code that has the separator", has("a\x1fb"), search.Or{}, is("a\x1fb"), never, false},
		{"codes that are not text", has("\x00d", "\xffd"), search.Or{}, is("\x00d", "\xffd"), never, true},
	}
	labels := []string{"", "a", "b", "c", "sealed", "other", "a\x1fb", "\x00d"}
	var observations []labelled
	for _, l := range labels {
		observations = append(observations, labelled{l, "", false}, labelled{"", l, true}, labelled{l, "sealed", true}, labelled{"b", l, false})
	}
	put := func(typ, id string, index ...search.Entry) store.Write {
		return store.Write{Key: fhir.Key{Type: fhir.Type(typ), ID: fhir.ID(id)}, Updated: time.Now(), Method: "PUT", Release: definitions.R4,
			Body: s.Pack(fmt.Appendf(nil, `{"resourceType":%q,"id":%q}`, typ, id), index)}
	}
	for i, p := range policies {
		patient := fmt.Sprint("p", i)
		err := s.Write(ctx, func(ctx context.Context, tx store.Tx) error {
			writes := []store.Write{put("Patient", patient)}
			for n, l := range labels {
				writes = append(writes, put("Encounter", fmt.Sprint("e", i, "-", n), search.Entry{Param: theirs, System: "s", Code: l}))
			}
			for n, o := range observations {
				index := []search.Entry{{Param: subject, RefType: "Patient", RefID: patient}, {Param: own, System: "s", Code: o.label},
					{Param: visit, RefType: "Encounter", RefID: fmt.Sprint("e", i, "-", slices.Index(labels, o.visit))}}
				if o.dated {
					index = append(index, search.Entry{Param: date, Time: search.TimeRange{Lo: 150, Hi: 151}})
				}
				writes = append(writes, put("Observation", fmt.Sprint("o", i, "-", n), index...))
			}
			if _, err := tx.Put(ctx, writes); err != nil {
				return err
			}
			if err := tx.Lock(ctx, "policies"); err != nil {
				return err
			}
			return tx.Govern(ctx, fhir.ID(patient), []store.PolicySpan{{Lo: 0, Until: 10, Policy: p.name}})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	there, err := s.Policies(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	kinds := new(search.Kinds)
	for i, p := range there {
		if p.Text != policies[i].name {
			t.Fatal(there)
		}
		kinds.Add(p.Number, i)
	}
	asked := func(of func(i int) search.Expr) search.Expr {
		return search.Governed{Params: []search.Param{subject}, Sole: true, Kinds: kinds, Each: search.NewDecisions(of)}
	}
	hides, opens := asked(func(i int) search.Expr { return policies[i].hides }), asked(func(i int) search.Expr { return policies[i].opens })
	standing := search.Standing{X: search.Not{X: search.Or{hides, search.And{has("sealed"), search.Not{X: opens}}}}, At: 5, Made: new(search.Made)}
	alike := map[string]bool{}
	for range 2 { // the first learns what is asked
		clear(alike)
		for i, p := range policies {
			q := &search.Query{Types: []string{"Observation"}, Count: 100, Filter: search.And{search.Reference{Param: subject, Type: "Patient", ID: fmt.Sprint("p", i)}, standing}}
			var texts []string
			page, err := s.reader.Search(ctx, told{pool{s.pool}, &texts}, q)
			if err != nil {
				t.Fatal(err)
			}
			var shown, want []string
			for _, r := range page.Records {
				shown = append(shown, string(r.Key.ID))
			}
			for n, o := range observations {
				if !p.hidden(o) && (!is("sealed")(o) || p.open(o)) {
					want = append(want, fmt.Sprint("o", i, "-", n))
				}
			}
			if slices.Sort(shown); !slices.Equal(shown, slices.Sorted(slices.Values(want))) {
				t.Errorf("%s: %q are shown, want %q", p.name, shown, want)
			}
			if n, err := s.Count(ctx, q); err != nil || int(n) != len(want) {
				t.Errorf("%s: %d are counted, want %d; %v", p.name, n, len(want), err)
			}
			if p.alike {
				alike[texts[len(texts)-1]] = true
			}
		}
	}
	if len(alike) != 1 {
		t.Errorf("the statements for policies that ask for labels alone are %d: %v", len(alike), alike)
	}
}

func TestQueriesForOtherLabelsGoTogether(t *testing.T) {
	s, _ := processes(t)
	text := "SELECT n.n FROM unnest(ARRAY['a', 'b', 'c'] COLLATE \"C\") WITH ORDINALITY AS n (code, n) WHERE n.code = ANY (string_to_array($1, chr(31))) ORDER BY n.n"
	var batch []*asked
	for _, codes := range []string{"", "b", "a\x1fc", "d"} {
		batch = append(batch, &asked{text: text, args: []any{codes}, done: make(chan struct{})})
	}
	if all := s.goings(batch); len(all) != 1 || !strings.Contains(all[0].text, "string_to_array(asking.a1") {
		t.Fatalf("%d go: %+v", len(all), all)
	}
	if err := s.runTogether(batch); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"[]", "[2]", "[1 3]", "[]"} {
		numbers := []int64{}
		for batch[i].rows.Next() {
			var n int64
			if err := batch[i].rows.Scan(&n); err != nil {
				t.Fatal(err)
			}
			numbers = append(numbers, n)
		}
		if fmt.Sprint(numbers) != want {
			t.Errorf("of %q %v, want %s", batch[i].args[0], numbers, want)
		}
	}
}
