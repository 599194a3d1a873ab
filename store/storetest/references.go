package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

var referenceCases = []testCase{
	{"what is only referred to was never there", onlyReferredTo},
	{"what was referred to first comes in the order of its creation", referredToFirst},
	{"what was referred to may begin with the version it had elsewhere", referredToElsewhere},
	{"many at once may be what others refer to already", manyReferredTo},
	{"resources of one transaction may refer to each other", circle},
	{"a transaction that failed referred to nothing", failedReference},
	{"a reference outlives the expunge of what it refers to", targetExpunged},
	{"what is expunged with all that refers to it can come again", bothExpunged},
	{"references sort by what they refer to, be it there or not", sortByReference},
	{"a reference that changes leaves nothing of the former one", referenceChanges},
	{"creating what others refer to at the same time loses no reference", referenceRace},
	{"a parameter that repeats another's references is searched by the target's type", repeated},
	{"a parameter that unites others is searched by their values", united},
	{"values that differ only beside the index key replace each other", besideKey},
}

func subjectIs(k string) search.Expr {
	return search.Reference{Param: subject, Type: string(key(k).Type), ID: string(key(k).ID)}
}

func subjectFemale() search.Expr {
	return search.Chain{Param: subject, Target: "Patient", X: tokenIs(gender, "", "female")}
}

// refers puts an observation of a patient.
func (b bench) refers(id, patient string) store.Write {
	return b.put("Observation/"+id, store.Any, "", refer(subject, "Patient/"+patient), token(status, "", "final"))
}

func (b bench) female(id string, expect int64) store.Write {
	return b.put("Patient/"+id, expect, "", token(gender, "", "female"))
}

func onlyReferredTo(t *testing.T, b bench) {
	b.write(t, b.refers("o", "p"))
	p := key("Patient/p")
	if _, err := b.Read(b.ctx, p); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("read: %v", err)
	}
	for v := range int64(3) {
		if _, err := b.ReadVersion(b.ctx, p, v); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("version %d: %v", v, err)
		}
	}
	if got, err := b.ReadMany(b.ctx, []fhir.Key{p, key("Observation/o")}); names(got) != "Observation/o" || err != nil {
		t.Errorf("read many: %s, %v", names(got), err)
	}
	if got, err := b.Versions(b.ctx, []fhir.Key{p}); len(got) != 0 || err != nil {
		t.Errorf("versions: %v, %v", got, err)
	}
	many := []fhir.Key{p}
	for i := range 40 {
		many = append(many, fhir.Key{Type: "Patient", ID: fhir.ID(fmt.Sprint(i))})
	}
	if got, err := b.Versions(b.ctx, many); len(got) != 0 || err != nil {
		t.Errorf("versions of many: %v, %v", got, err)
	}
	for _, x := range []search.Expr{nil, search.IDs{"p"}, search.Missing{Param: gender, Want: true}, search.Not{X: tokenIs(gender, "", "male")}} {
		if got := b.search(t, patients(x)); got != "" {
			t.Errorf("%v finds %s", x, got)
		}
	}
	if got := b.search(t, observations(search.Chain{Param: subject, Target: "Patient", X: search.Not{X: tokenIs(gender, "", "male")}})); got != "" {
		t.Errorf("the chain leads to %s", got)
	}
	if got := b.search(t, observations(subjectIs("Patient/p"))); got != "Observation/o" {
		t.Errorf("by the reference: %q", got)
	}
	if h := b.history(t, store.HistoryQuery{Type: "Patient", ID: "p"}); h.Total != 0 {
		t.Errorf("a history of %d", h.Total)
	}
	if s, err := b.Stats(b.ctx); s["Patient"] != 0 || err != nil {
		t.Errorf("stats: %v, %v", s, err)
	}
	for r, err := range b.Each(b.ctx, "Patient", 0) {
		t.Errorf("each: %s, %v", r.Key, err)
	}
	if err := b.require("Patient/p"); !errors.Is(err, store.ErrMissing) {
		t.Errorf("require: %v", err)
	}
	wrong, ok := errors.AsType[*store.VersionError](func() error { _, err := b.try(b.female("p", 1)); return err }())
	if !ok || wrong.Current != 0 {
		t.Errorf("an update: %v", wrong)
	}
	if got, err := b.Referrers(b.ctx, p, 10); len(got) != 1 || got[0] != key("Observation/o") || err != nil {
		t.Errorf("referrers: %v, %v", got, err)
	}
	b.expunge(t, store.Expunge{Key: p, Everything: true}, 0)
}

func referredToFirst(t *testing.T, b bench) {
	b.write(t, b.refers("o1", "p"), b.refers("o2", "q"), b.refers("o3", "r"))
	b.write(t, b.female("x", 0))
	if r := b.write(t, b.female("q", store.Any)); r[0].Version != 1 {
		t.Errorf("%+v", r)
	}
	if r := b.write(t, b.female("p", 0)); r[0].Version != 1 {
		t.Errorf("%+v", r)
	}
	if r := b.write(t, b.remove("Patient/r", store.Any)); r[0].Version != 1 || !r[0].Deleted {
		t.Errorf("%+v", r)
	}
	b.write(t, b.refers("o4", "p"), b.refers("o5", "x"))
	if got := b.search(t, patients(nil)); got != "Patient/x Patient/q Patient/p" {
		t.Errorf("patients: %s", got)
	}
	if got := b.search(t, observations(subjectFemale())); got != "Observation/o1 Observation/o2 Observation/o4 Observation/o5" {
		t.Errorf("chain: %s", got)
	}
	if got := b.search(t, observations(subjectIs("Patient/p"))); got != "Observation/o1 Observation/o4" {
		t.Errorf("by reference: %s", got)
	}
	if got := b.search(t, observations(subjectIs("Patient/r"))); got != "Observation/o3" {
		t.Errorf("by a reference to what is deleted: %s", got)
	}
	has := search.Has{Source: "Observation", Param: subject, X: tokenIs(status, "", "final")}
	if got := b.search(t, patients(has)); got != "Patient/x Patient/q Patient/p" {
		t.Errorf("has: %s", got)
	}
	if _, err := b.try(b.female("p", 0)); !errors.Is(err, store.ErrVersion) {
		t.Errorf("created twice: %v", err)
	}
	if r, err := b.Changes(b.ctx, 0, 100, false); trace(r) != "Observation/o1/1 Observation/o2/1 Observation/o3/1 Patient/x/1 Patient/q/1 Patient/p/1 Patient/r/1x Observation/o4/1 Observation/o5/1" || err != nil {
		t.Errorf("changes: %s, %v", trace(r), err)
	}
}

func referredToElsewhere(t *testing.T, b bench) {
	ids := []string{"p", "q", "r", "s", "t"}
	for _, id := range ids {
		b.write(t, b.refers("o-"+id, id))
	}
	at := func(id string, version int64) store.Write {
		w := b.female(id, store.Any)
		if version == 7 {
			w.Expect = 0
		}
		w.Version = version
		return w
	}
	b.write(t, at("p", 7))
	b.write(t, at("q", 7), at("r", 7), at("s", 7), at("t", 7))
	for _, id := range ids {
		k := key("Patient/" + id)
		for v, want := range map[int64]bool{1: false, 7: true, 8: false} {
			if _, err := b.ReadVersion(b.ctx, k, v); want != (err == nil) || !want && !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s, version %d: %v", k, v, err)
			}
		}
		b.write(t, at(id, 9))
		if h := b.history(t, store.HistoryQuery{Type: "Patient", ID: fhir.ID(id)}); trace(h.Records) != fmt.Sprintf("Patient/%s/9 Patient/%s/7", id, id) || h.Total != 2 {
			t.Errorf("history: %s of %d", trace(h.Records), h.Total)
		}
	}
	if got := b.search(t, observations(subjectFemale())); got != "Observation/o-p Observation/o-q Observation/o-r Observation/o-s Observation/o-t" {
		t.Errorf("chain: %s", got)
	}
	b.expunge(t, store.Expunge{Key: key("Patient/p"), OldVersions: true}, 1)
	b.expunge(t, store.Expunge{Key: key("Patient/p"), Everything: true}, 1)
	b.write(t, at("p", 7))
	if r, err := b.Read(b.ctx, key("Patient/p")); r.Version != 7 || err != nil {
		t.Errorf("%+v, %v", r, err)
	}
}

func manyReferredTo(t *testing.T, b bench) {
	const n = 60
	var refers, creates []store.Write
	var want []string
	for i := range n {
		id := fmt.Sprint(i)
		if i%3 == 0 {
			refers = append(refers, b.refers(id, id))
			want = append(want, "Observation/"+id)
		}
		creates = append(creates, b.female(id, 0))
	}
	b.write(t, refers...)
	for i, r := range b.write(t, creates...) {
		if r.Version != 1 || r.Key != creates[i].Key {
			t.Errorf("%+v", r)
		}
	}
	page, err := b.Search(b.ctx, observations(subjectFemale()))
	slices.Sort(want)
	if got := names(page.Records); got != fmt.Sprint(want)[1:len(fmt.Sprint(want))-1] || err != nil {
		t.Errorf("chain: %s, %v", got, err)
	}
	page, err = b.Search(b.ctx, patients(nil))
	if len(page.Records) != n || page.Records[0].Key.ID != "0" || page.Records[n-1].Key.ID != fhir.ID(fmt.Sprint(n-1)) || err != nil {
		t.Errorf("%d patients from %s, %v", len(page.Records), page.Records[0].Key, err)
	}
	if _, err := b.try(b.female("new", 0), b.female("newer", 0), b.female("newest", 0), b.female("3", 0)); !errors.Is(err, store.ErrVersion) {
		t.Errorf("created twice: %v", err)
	}
}

func circle(t *testing.T, b bench) {
	partOf := search.Param{Type: "Observation", Code: "part-of", Kind: definitions.SearchReference}
	link := func(from, to string) store.Write {
		return b.put("Observation/"+from, store.Any, "", refer(partOf, "Observation/"+to), token(code, "", from))
	}
	b.write(t, link("a", "b"), link("b", "c"), link("c", "a"), link("self", "self"))
	for of, by := range map[string]string{"b": "a", "c": "b", "a": "c", "self": "self"} {
		x := search.Chain{Param: partOf, Target: "Observation", X: tokenIs(code, "", of)}
		if got := b.search(t, observations(x)); got != "Observation/"+by {
			t.Errorf("to %s: %q", of, got)
		}
	}
	if got, err := b.Referrers(b.ctx, key("Observation/self"), 5); len(got) != 0 || err != nil {
		t.Errorf("a resource is no referrer of itself: %v, %v", got, err)
	}
}

func failedReference(t *testing.T, b bench) {
	err := b.Write(b.ctx, func(ctx context.Context, tx store.Tx) error {
		if _, err := tx.Put(ctx, []store.Write{b.refers("o", "p"), b.female("q", 0)}); err != nil {
			return err
		}
		page, err := tx.Search(ctx, observations(subjectIs("Patient/p")))
		if len(page.Records) != 1 || err != nil {
			t.Errorf("in the transaction: %d, %v", len(page.Records), err)
		}
		return errGivenUp
	})
	if !errors.Is(err, errGivenUp) {
		t.Fatal(err)
	}
	b.write(t, b.refers("o1", "q"), b.refers("o2", "p"))
	b.write(t, b.female("p", 0), b.female("q", 0))
	if got := b.search(t, observations(subjectFemale())); got != "Observation/o1 Observation/o2" {
		t.Error(got)
	}
}

func targetExpunged(t *testing.T, b bench) {
	b.write(t, b.female("p", 0), b.female("x", 0))
	b.write(t, b.female("p", 1), b.refers("o", "p"))
	b.expunge(t, store.Expunge{Key: key("Patient/p"), Everything: true}, 2)
	if _, err := b.Read(b.ctx, key("Patient/p")); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("read: %v", err)
	}
	if got := b.search(t, observations(subjectIs("Patient/p"))); got != "Observation/o" {
		t.Errorf("by the reference: %q", got)
	}
	if got := b.search(t, observations(subjectFemale())); got != "" {
		t.Errorf("the chain leads to %s", got)
	}
	if r := b.write(t, b.female("p", 0)); r[0].Version != 1 {
		t.Errorf("%+v", r)
	}
	if got := b.search(t, observations(subjectFemale())); got != "Observation/o" {
		t.Errorf("the chain leads to %q", got)
	}
	if got := b.search(t, patients(nil)); got != "Patient/x Patient/p" {
		t.Errorf("patients: %s", got)
	}
}

func bothExpunged(t *testing.T, b bench) {
	b.write(t, b.female("p", 0), b.refers("o", "p"), b.refers("o2", "never"))
	b.expunge(t, store.Expunge{Key: key("Patient/p"), Everything: true}, 1)
	b.expunge(t, store.Expunge{Everything: true}, 2)
	if got := b.search(t, query(nil, nil)); got != "" {
		t.Error(got)
	}
	b.write(t, b.refers("o", "p"))
	b.write(t, b.female("p", 0), b.female("never", 0))
	if got := b.search(t, observations(subjectFemale())); got != "Observation/o" {
		t.Errorf("the chain leads to %q", got)
	}
}

func sortByReference(t *testing.T, b bench) {
	b.write(t, b.female("b", 0), b.female("d", 0))
	b.write(t, b.refers("1", "d"), b.refers("2", "c"), b.refers("3", "b"), b.refers("4", "a"),
		b.put("Observation/5", 0, ""), b.put("Observation/6", 0, "", refer(subject, "Group/z")))
	for _, c := range []struct {
		desc bool
		want string
	}{{false, "6 4 3 2 1 5"}, {true, "1 2 3 4 6 5"}} {
		q := search.Query{Types: []string{"Observation"}, Count: 2, Sort: []search.SortKey{{Param: subject, Desc: c.desc}}}
		if got := fmt.Sprint(b.all(t, q, nil)); got != "["+c.want+"]" {
			t.Errorf("descending %t: %s", c.desc, got)
		}
	}
}

func referenceChanges(t *testing.T, b bench) {
	b.write(t, b.refers("o", "p"), b.refers("o2", "p"))
	b.write(t, b.refers("o", "q"))
	b.write(t, b.female("q", 0))
	b.write(t, b.refers("o", "r"), b.remove("Observation/o2", 1))
	for of, want := range map[string]string{"p": "", "q": "", "r": "Observation/o"} {
		if got := b.search(t, observations(subjectIs("Patient/"+of))); got != want {
			t.Errorf("%s: %q", of, got)
		}
		if got, err := b.Referrers(b.ctx, key("Patient/"+of), 5); (len(got) > 0) != (want != "") || err != nil {
			t.Errorf("referrers of %s: %v, %v", of, got, err)
		}
	}
}

func referenceRace(t *testing.T, b bench) {
	const rounds, each = 40, 4
	for round := range rounds {
		id := fmt.Sprintf("p%d", round)
		var wg sync.WaitGroup
		run := func(w ...store.Write) {
			wg.Go(func() {
				if _, err := b.try(w...); err != nil {
					t.Errorf("%s: %v", id, err)
				}
			})
		}
		for i := range each {
			run(b.refers(fmt.Sprintf("%d-%d", round, i), id), b.refers(fmt.Sprintf("%d-%d-x", round, i), "x-"+id))
			if i == each/2 {
				run(b.female(id, 0), b.female("x-"+id, store.Any))
			}
		}
		wg.Wait()
	}
	page, err := b.Search(b.ctx, observations(subjectFemale()))
	if len(page.Records) != 2*rounds*each || err != nil {
		t.Errorf("%d of %d references lead to their patient, %v", len(page.Records), 2*rounds*each, err)
	}
}

func repeated(t *testing.T, b bench) {
	patient := search.Param{Type: "Observation", Code: "patient", Kind: definitions.SearchReference, Of: "Observation.subject:Patient"}
	of := func(id, target string) store.Write {
		entries := []search.Entry{refer(subject, target)}
		if key(target).Type == "Patient" {
			entries = append(entries, refer(patient, target))
		}
		return b.put("Observation/"+id, 0, "", entries...)
	}
	url := search.Entry{URL: "urn:p"}
	url.Param = patient
	b.write(t, of("1", "Patient/a"), of("2", "Group/a"), of("3", "Patient/b"), b.put("Observation/4", 0, "", url), b.put("Observation/5", 0, ""))
	b.write(t, b.female("a", 0), b.put("Group/a", 0, "", token(search.Param{Type: "Group", Code: "gender", Kind: definitions.SearchToken}, "", "female")))
	is := func(p search.Param, typeName, id string) search.Expr {
		return search.Reference{Param: p, Type: typeName, ID: id}
	}
	for what, c := range map[string]struct {
		x    search.Expr
		want string
	}{
		"the patient":                {is(patient, "Patient", "a"), "Observation/1"},
		"another type":               {is(patient, "Group", "a"), ""},
		"either type":                {search.Or{is(patient, "Group", "a"), is(patient, "Patient", "a")}, "Observation/1"},
		"an id of any type":          {is(patient, "", "a"), "Observation/1"},
		"an id of any type, subject": {is(subject, "", "a"), "Observation/1 Observation/2"},
		"a URL":                      {search.Reference{Param: patient, URL: "urn:p"}, "Observation/4"},
		"a URL, subject":             {search.Reference{Param: subject, URL: "urn:p"}, ""},
		"missing":                    {search.Missing{Param: patient, Want: true}, "Observation/2 Observation/5"},
		"not missing":                {search.Missing{Param: patient}, "Observation/1 Observation/3 Observation/4"},
		"chain":                      {search.Chain{Param: patient, Target: "Patient", X: tokenIs(gender, "", "female")}, "Observation/1"},
		"chain to another type":      {search.Chain{Param: patient, Target: "Group", X: search.Not{X: tokenIs(gender, "", "")}}, ""},
		"not":                        {search.Not{X: is(patient, "Patient", "a")}, "Observation/2 Observation/3 Observation/4 Observation/5"},
	} {
		if got := b.search(t, observations(c.x)); got != c.want {
			t.Errorf("%s: %q, want %q", what, got, c.want)
		}
	}
	has := search.Has{Source: "Observation", Param: patient, X: search.Not{X: tokenIs(code, "", "none")}}
	if got := b.search(t, query([]string{"Patient", "Group"}, has)); got != "Patient/a" {
		t.Errorf("has: %q", got)
	}
	for desc, want := range map[bool]string{false: "[1 3 4 2 5]", true: "[4 3 1 2 5]"} {
		q := search.Query{Types: []string{"Observation"}, Count: 2, Sort: []search.SortKey{{Param: patient, Desc: desc}}}
		if got := fmt.Sprint(b.all(t, q, nil)); got != want {
			t.Errorf("sorted, descending %t: %s", desc, got)
		}
	}
	both := patient
	both.Type, both.Of = search.System, "Observation.subject:Patient,Encounter.subject:Patient"
	if got := b.search(t, query([]string{"Observation", "Encounter"}, is(both, "Patient", "a"))); got != "Observation/1" {
		t.Errorf("over two types: %q", got)
	}
}

func united(t *testing.T, b bench) {
	component := search.Param{Type: "Observation", Code: "component-code", Kind: definitions.SearchToken}
	combo := search.Param{Type: "Observation", Code: "combo-code", Kind: definitions.SearchToken, Of: "Observation.code,Observation.component-code"}
	b.write(t, b.put("Observation/1", 0, "", token(code, "s", "b")), b.put("Observation/2", 0, "", token(component, "s", "b"), token(code, "s", "c")),
		b.put("Observation/3", 0, "", token(status, "s", "b")), b.put("Observation/4", 0, "", token(component, "s", "a"), token(code, "s", "d")))
	for what, c := range map[string]struct {
		x    search.Expr
		want string
	}{
		"a value of either": {tokenIs(combo, "s", "b"), "Observation/1 Observation/2"},
		"neither's":         {tokenIs(combo, "s", "x"), ""},
		"missing":           {search.Missing{Param: combo, Want: true}, "Observation/3"},
		"not missing":       {search.Missing{Param: combo}, "Observation/1 Observation/2 Observation/4"},
		"not":               {search.Not{X: tokenIs(combo, "s", "b")}, "Observation/3 Observation/4"},
		"with another":      {search.And{tokenIs(combo, "s", "b"), tokenIs(combo, "s", "c")}, "Observation/2"},
	} {
		if got := b.search(t, observations(c.x)); got != c.want {
			t.Errorf("%s: %q, want %q", what, got, c.want)
		}
		if n, err := b.Count(b.ctx, observations(c.x)); int(n) != len(observationsIn(c.want)) || err != nil {
			t.Errorf("%s: %d counted, %v", what, n, err)
		}
	}
	for desc, want := range map[bool]string{false: "[4 1 2 3]", true: "[4 2 1 3]"} {
		q := search.Query{Types: []string{"Observation"}, Count: 2, Sort: []search.SortKey{{Param: combo, Desc: desc}}}
		if got := fmt.Sprint(b.all(t, q, nil)); got != want {
			t.Errorf("sorted, descending %t: %s", desc, got)
		}
	}
}

func observationsIn(list string) []string {
	var out []string
	for i := range list {
		if list[i] == '/' {
			out = append(out, list[i+1:])
		}
	}
	return out
}

func besideKey(t *testing.T, b bench) {
	amount := search.Param{Type: "Observation", Code: "value", Kind: definitions.SearchQuantity}
	pair := search.Param{Type: "Observation", Code: "pair", Kind: definitions.SearchComposite}
	measured := func(hi float64) search.Entry {
		return search.Entry{Param: amount, Number: search.NumberRange{Value: 1, Lo: 1, Hi: hi}, System: "s", Code: "u", Text: "u"}
	}
	coded := func(system string, hi float64) search.Entry {
		first := search.Entry{Param: search.Param{Kind: definitions.SearchToken}, System: system, Code: "c"}
		second := measured(hi)
		second.Param = search.Param{Kind: definitions.SearchQuantity}
		return search.Entry{Param: pair, Parts: []search.Entry{first, second}}
	}
	above := func(n float64) search.Quantity {
		return search.Quantity{Param: amount, Prefix: search.GT, Range: search.NumberRange{Value: n, Lo: n, Hi: n}, System: "s", Unit: "u"}
	}
	pairIs := func(system string, n float64) search.Expr {
		second := above(n)
		second.Param = search.Param{Kind: definitions.SearchQuantity}
		return search.Composite{Param: pair, Parts: []search.Expr{search.Token{System: system, Code: "c"}, second}}
	}
	const o = "Observation/o"
	steps := [][]search.Entry{
		{measured(1), measured(5), coded("s2", 5)},
		{measured(3), coded("s1", 5)},
		{measured(3), measured(2), measured(1), coded("s2", 3)},
		{measured(9), coded("s2", 9), coded("s1", 1)},
	}
	greatest := []float64{5, 3, 3, 9}
	system, greatestPair := []string{"s2", "s1", "s2", "s2"}, []float64{5, 5, 3, 9}
	for i, entries := range steps {
		b.write(t, b.put(o, store.Any, "", entries...))
		for n := range 10 {
			n := float64(n)
			for what, c := range map[string]struct {
				x    search.Expr
				want bool
			}{
				"amount":             {above(n), n < greatest[i]},
				"pair":               {pairIs(system[i], n), n < greatestPair[i]},
				"pair, of no system": {pairIs("", n), false},
			} {
				if got := b.search(t, observations(c.x)); (got == o) != c.want {
					t.Errorf("step %d: %s above %g: %q", i, what, n, got)
				}
			}
		}
	}
}
