package storetest

import (
	"context"
	"maps"
	"testing"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

var governCases = []testCase{
	{"policies govern what belongs to a patient while they are in force", governs},
	{"what is kept of a standing expression holds at any time, for any owner, and with names that come later", stands},
	{"a policy is numbered once, and a new one raises the epoch", policiesAreNumbered},
	{"a policy that nobody has any more goes, and comes back with a new number", policiesGo},
	{"policies of a patient who is only referred to stay when the patient comes", governedBefore},
	{"a transaction that fails governs nobody", governsNobody},
}

func (b bench) govern(t *testing.T, patient fhir.ID, spans ...store.PolicySpan) {
	t.Helper()
	err := b.Write(b.ctx, func(ctx context.Context, tx store.Tx) error {
		if err := tx.Lock(ctx, "policies"); err != nil {
			return err
		}
		return tx.Govern(ctx, patient, spans)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// number is the number of a policy, 0 if there is none.
func (b bench) number(t *testing.T, text string) int64 {
	t.Helper()
	all, err := b.Policies(b.ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		if p.Text == text {
			return p.Number
		}
	}
	return 0
}

func governs(t *testing.T, b bench) {
	b.write(t, b.put("Patient/a", 0, ""), b.put("Patient/b", 0, ""), b.put("Group/a", 0, ""),
		b.put("Observation/1", 0, "", refer(subject, "Patient/a")), b.put("Observation/2", 0, "", refer(subject, "Patient/b")),
		b.put("Observation/3", 0, "", refer(subject, "Group/a")), b.put("Observation/4", 0, ""),
		b.put("Observation/5", 0, "", refer(subject, "Patient/a"), refer(subject, "Patient/b"), refer(subject, "Group/a")))
	b.govern(t, "a", store.PolicySpan{Lo: 10, Until: 20, Policy: "x"}, store.PolicySpan{Lo: 20, Until: 30, Policy: "y"})
	b.govern(t, "b", store.PolicySpan{Lo: search.MinTime, Until: search.MaxTime, Policy: "y"})
	x, y := b.number(t, "x"), b.number(t, "y")
	governed := func(at, after int64, numbers ...int64) search.Governed {
		return search.Governed{Params: []search.Param{subject}, Self: true, Policies: numbers, After: after, At: at}
	}
	lacking := func(at int64, numbers ...int64) search.Governed {
		return search.Governed{Params: []search.Param{subject}, Self: true, Policies: numbers, At: at, Lacking: true}
	}
	many := []int64{x, y}
	for n := range int64(2000) {
		many = append(many, 1_000_000+n)
	}
	for _, c := range []struct {
		x    search.Expr
		want string
	}{
		{governed(9, 0, x, y), "Patient/b Observation/2 Observation/5"},
		{governed(10, 0, x), "Patient/a Observation/1 Observation/5"},
		{governed(19, 0, x), "Patient/a Observation/1 Observation/5"},
		{governed(20, 0, x), ""},
		{governed(20, 0, y), "Patient/a Patient/b Observation/1 Observation/2 Observation/5"},
		{governed(29, 0, many...), "Patient/a Patient/b Observation/1 Observation/2 Observation/5"},
		{governed(10, x), "Patient/b Observation/2 Observation/5"},
		{governed(10, 0), ""},
		{search.Not{X: governed(10, 0, x)}, "Patient/b Group/a Observation/2 Observation/3 Observation/4"},
		{search.Governed{Params: []search.Param{subject}, Policies: []int64{x}, At: 10}, "Observation/1 Observation/5"},
		{search.Governed{Self: true, Policies: []int64{x}, At: 10}, "Patient/a"},
		{lacking(10, x), "Patient/b Observation/2 Observation/5"},
		{lacking(10, x, y), ""},
		{lacking(9, x, y), "Patient/a Observation/1 Observation/5"},
		{lacking(9), "Patient/a Patient/b Observation/1 Observation/2 Observation/5"},
		{search.Not{X: lacking(10, x)}, "Patient/a Group/a Observation/1 Observation/3 Observation/4"},
		{search.And{search.TypeIs{"Observation"}, governed(10, 0, x), lacking(10, x)}, "Observation/5"},
	} {
		q := query(nil, c.x)
		if got := b.search(t, q); got != c.want {
			t.Errorf("%.200s: %q, want %q", search.Describe(c.x).Text, got, c.want)
		}
	}
	if got, err := b.PoliciesOf(b.ctx, "a", 20); err != nil || len(got) != 1 || got[0] != y {
		t.Errorf("of a: %v, %v", got, err)
	}
	if got, err := b.PoliciesOf(b.ctx, "a", 30); err != nil || got != nil {
		t.Errorf("of a later: %v, %v", got, err)
	}
	before := b.marks(t, 20, "a", "b")
	if again := b.marks(t, 20, "a", "b"); before["a"] == before["b"] && before["a"].Patient != 0 || !maps.Equal(before, again) {
		t.Errorf("marks of two, and again: %v %v", before, again)
	}
	b.govern(t, "a", store.PolicySpan{Lo: 10, Until: 20, Policy: "x"}, store.PolicySpan{Lo: 20, Until: 30, Policy: "y"})
	if after := b.marks(t, 20, "a", "b"); after["a"] == before["a"] || after["b"] != before["b"] && after["b"].Patient != 0 {
		t.Errorf("after the same was written for a: %v, before %v", after, before)
	}
	if early := b.marks(t, 9, "a"); early["a"].Patient != 0 && early["a"].State != 0 {
		t.Errorf("before any policy has begun: %v", early)
	}
	b.govern(t, "a")
	if got := b.search(t, query(nil, governed(10, 0, x))); got != "" {
		t.Errorf("after they are gone: %s", got)
	}
	if after := b.marks(t, 20, "a"); after["a"] == before["a"] {
		t.Errorf("the mark is %v still", after)
	}
}

func (b bench) marks(t *testing.T, at int64, patients ...fhir.ID) map[fhir.ID]store.PolicyMark {
	t.Helper()
	marks, err := b.PolicyMarks(b.ctx, patients, at)
	if err != nil || len(marks) != len(patients) {
		t.Fatal(marks, err)
	}
	return marks
}

func stands(t *testing.T, b bench) {
	b.write(t, b.put("Patient/a", 0, ""), b.put("Patient/b", 0, ""),
		b.put("Observation/1", 0, "", refer(subject, "Patient/a")), b.put("Observation/2", 0, "", refer(subject, "Patient/b")), b.put("Observation/3", 0, ""))
	b.govern(t, "a", store.PolicySpan{Lo: 10, Until: 20, Policy: "x"}, store.PolicySpan{Lo: 20, Until: 30, Policy: "y"})
	b.govern(t, "b", store.PolicySpan{Lo: 25, Until: 40, Policy: "x"})
	policies := []int64{b.number(t, "x"), 1_000_001, 1_000_002, 1_000_003}
	made := new(search.Made)
	shown := func(at int64, others ...search.Expr) string {
		standing := search.Standing{At: at, Made: made, X: search.Not{X: search.Or{
			search.Governed{Params: []search.Param{subject}, Sole: true, Policies: policies}, tokenIs(status, "later", "hidden"),
		}}}
		return b.search(t, query([]string{"Observation"}, append(search.And(others), standing)))
	}
	of := func(id string) search.Expr { return search.Reference{Param: subject, Type: "Patient", ID: id} }
	check := func(when string, three string) {
		t.Helper()
		for _, c := range []struct {
			at     int64
			others []search.Expr
			want   string
		}{
			{9, nil, "Observation/1 Observation/2" + three},
			{10, nil, "Observation/2" + three},
			{20, nil, "Observation/1 Observation/2" + three},
			{25, nil, "Observation/1" + three},
			{10, []search.Expr{of("a")}, ""},
			{10, []search.Expr{of("b")}, "Observation/2"},
			{25, []search.Expr{of("a")}, "Observation/1"},
			{25, []search.Expr{of("b")}, ""},
			{10, []search.Expr{search.IDs{"1"}}, ""},
			{20, []search.Expr{search.IDs{"1"}}, "Observation/1"},
			{20, []search.Expr{search.IDs{"1"}, of("b")}, ""},
			{20, []search.Expr{search.Not{X: of("b")}}, "Observation/1" + three},
		} {
			if got := shown(c.at, c.others...); got != c.want {
				t.Errorf("%s, at %d with %v: %q, want %q", when, c.at, c.others, got, c.want)
			}
		}
	}
	check("before the name", " Observation/3")
	check("again", " Observation/3")
	b.write(t, b.put("Observation/3", 1, "", token(status, "later", "hidden")))
	check("with the name", "")
}

func policiesAreNumbered(t *testing.T, b bench) {
	b.write(t, b.put("Patient/a", 0, ""), b.put("Patient/b", 0, ""))
	epochs := func() int64 {
		n, err := b.Epoch(b.ctx)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := epochs()
	whole := store.PolicySpan{Lo: search.MinTime, Until: search.MaxTime, Policy: "x"}
	b.govern(t, "a", whole)
	first := epochs()
	if first == before {
		t.Error("a new policy did not raise the epoch")
	}
	b.govern(t, "b", whole)
	if epochs() != first {
		t.Error("a known policy raised the epoch")
	}
	n := b.number(t, "x")
	b.govern(t, "a", whole)
	whole.Policy = "y"
	b.govern(t, "b", whole)
	all, err := b.Policies(b.ctx, n)
	if err != nil || len(all) != 1 || all[0].Text != "y" || all[0].Number != n+1 {
		t.Errorf("after %d: %+v, %v", n, all, err)
	}
}

func policiesGo(t *testing.T, b bench) {
	b.write(t, b.put("Patient/a", 0, ""), b.put("Patient/b", 0, ""))
	span := func(text string) store.PolicySpan {
		return store.PolicySpan{Lo: search.MinTime, Until: search.MaxTime, Policy: text}
	}
	b.govern(t, "a", span("x"))
	b.govern(t, "b", span("x"))
	x := b.number(t, "x")
	b.govern(t, "a", span("y"))
	if got := b.number(t, "x"); got != x {
		t.Errorf("number of what one still has: %d, want %d", got, x)
	}
	b.govern(t, "b")
	if got := b.number(t, "x"); got != 0 {
		t.Errorf("number of what nobody has: %d", got)
	}
	before, err := b.Epoch(b.ctx)
	if err != nil {
		t.Fatal(err)
	}
	b.govern(t, "b", span("x"))
	if got := b.number(t, "x"); got <= b.number(t, "y") {
		t.Errorf("number of what comes back: %d", got)
	}
	if now, err := b.Epoch(b.ctx); err != nil || now == before {
		t.Errorf("what came back did not raise the epoch: %v", err)
	}
}

func governedBefore(t *testing.T, b bench) {
	b.write(t, b.put("Observation/1", 0, "", refer(subject, "Patient/a")))
	b.govern(t, "a", store.PolicySpan{Lo: 0, Until: 10, Policy: "x"})
	x := search.Governed{Params: []search.Param{subject}, Self: true, Policies: []int64{b.number(t, "x")}, At: 5}
	if got := b.search(t, query(nil, x)); got != "Observation/1" {
		t.Errorf("before: %s", got)
	}
	b.write(t, b.put("Patient/a", 0, ""))
	if got := b.search(t, query(nil, x)); got != "Observation/1 Patient/a" {
		t.Errorf("after: %s", got)
	}
}

func governsNobody(t *testing.T, b bench) {
	b.write(t, b.put("Patient/a", 0, ""))
	err := b.Write(b.ctx, func(ctx context.Context, tx store.Tx) error {
		if err := tx.Lock(ctx, "policies"); err != nil {
			return err
		}
		if err := tx.Govern(ctx, "a", []store.PolicySpan{{Lo: 0, Until: 10, Policy: "x"}}); err != nil {
			return err
		}
		return store.ErrVersion
	})
	if err == nil {
		t.Fatal("the transaction succeeded")
	}
	if got, err := b.PoliciesOf(b.ctx, "a", 5); err != nil || got != nil {
		t.Errorf("%v, %v", got, err)
	}
}
