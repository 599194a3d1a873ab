package audit

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inglehealth/ingle/internal/pgtest"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/postgres"
	"github.com/inglehealth/ingle/store/sqlite"
)

// drawn is some event; the same for the same numbers.
func drawn(r *rand.Rand, n int) *Event {
	one := func(of ...string) string { return of[r.IntN(len(of))] }
	e := seen(fmt.Sprintf("p%d %d %d", r.IntN(50), n%400, r.IntN(400)))
	e.Time = start.Add(time.Duration(n) * time.Second)
	e.Kind = Kind(one("read", "search", "update", "batch", "sign-in", "token-issue", "history"))
	e.Status = []int{200, 200, 200, 404, 500}[r.IntN(5)]
	e.Agent.Login, e.Agent.Client, e.Agent.Token = one("okafor", "park", "rare")+fmt.Sprint(r.IntN(20)), one("chart", "growth"), fmt.Sprint("t", n/10)
	if r.IntN(20) == 0 {
		e.Entities = []Entity{{Deletes, fmt.Sprintf("Organization/%d", r.IntN(9)), 1}}
	}
	if r.IntN(9) == 0 {
		e.Why = append(e.Why, fmt.Sprintf("role nurse rules[%d]", r.IntN(40)))
		e.Consents = []Counted{{e.Patients[0].Key, fmt.Sprintf("Consent/%d", r.IntN(60)), 2}}
	}
	if r.IntN(30) == 0 {
		e.Hidden = Hidden{Key: "Observation/" + fmt.Sprint(r.IntN(400)), By: []string{fmt.Sprintf("Consent/%d", r.IntN(60))}}
	}
	return e
}

// onBoth runs a test on the stores of both databases.
func onBoth(t *testing.T, f func(t *testing.T, s store.Audit)) {
	t.Run("sqlite", func(t *testing.T) {
		s, err := sqlite.Open(t.Context(), t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = s.Close() }()
		f(t, s)
	})
	t.Run("postgres", func(t *testing.T) {
		s, err := postgres.Open(t.Context(), pgtest.URL(t), pgtest.Schema())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = s.Close() }()
		f(t, s)
	})
}

// numbers are those of all events that a query finds, page by page, and how many pages
// there were.
func numbers(t testing.TB, s store.Audit, q Query) (all []int64, pages int) {
	t.Helper()
	for {
		found, err := Find(t.Context(), s, q)
		if err != nil {
			t.Fatal(err)
		}
		pages++
		for _, e := range found.Events {
			all = append(all, e.Number)
		}
		switch {
		case found.Next < 0:
			return all, pages
		case q.Newest:
			q.Before = found.Next
		default:
			q.From = found.Next
		}
	}
}

func TestASearchByWhatBlocksSumUpFindsWhatLookingAtAllFinds(t *testing.T) {
	onBoth(t, func(t *testing.T, s store.Audit) {
		r := rand.New(rand.NewPCG(1, 2))
		l, err := Open(t.Context(), Config{Store: s, Secret: plain{'k'}, Origin: base, SealEvery: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }()
		n := 0
		for n < 2000 {
			var group []byte
			for range 1 + r.IntN(60) {
				group = drawn(r, n).append(group)
				n++
			}
			if err := s.AppendAudit(t.Context(), group); err != nil {
				t.Fatal(err)
			}
			if err := l.Seal(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		for number := range 40 { // what is erased is not found, and hides nothing else
			if err := Erase(t.Context(), s, int64(number*17)); err != nil {
				t.Fatal(err)
			}
		}
		draw := []func() string{
			func() string { return fmt.Sprintf("entity=Observation/%d", r.IntN(500)) },
			func() string { return fmt.Sprintf("entity=Organization/%d,Consent/%d", r.IntN(9), r.IntN(60)) },
			func() string { return "action=" + string("CRUDE"[r.IntN(5)]) },
			func() string { return "action=http://hl7.org/fhir/audit-event-action|D" },
			func() string { return fmt.Sprintf("outcome=%d", []int{0, 4, 8, 12}[r.IntN(4)]) },
			func() string { return "outcome=http://terminology.hl7.org/CodeSystem/audit-event-outcome|8,4" },
			func() string {
				return "type=" + []string{"rest", "110114", systemDICOM + "|", "|rest", systemDICOM + "|110114"}[r.IntN(5)]
			},
			func() string {
				return "subtype=" + []string{"read", "110122", "token-issue,search", "vread"}[r.IntN(4)]
			},
			func() string { return fmt.Sprintf("altid=rare%d", r.IntN(25)) },
			func() string { return "agent=" + []string{"growth,nobody", "nobody,none"}[r.IntN(2)] },
			func() string { return fmt.Sprintf("policy=%snurse#rules-%d", rolePolicy, r.IntN(50)) },
			func() string { return fmt.Sprintf("policy=%st%d", jtiPolicy, r.IntN(250)) },
			func() string { return fmt.Sprintf("patient=p%d", r.IntN(55)) },
			func() string { return "date=ge2026-03-01T08:20:00Z" },
			func() string { return "_sort=date" },
		}
		for range 400 {
			text := draw[r.IntN(len(draw))]()
			for range r.IntN(3) {
				text += "&" + draw[r.IntN(len(draw))]()
			}
			selection := parse(t, text)
			if r.IntN(2) == 0 {
				selection.Whole()
			}
			q := selection.query
			q.Patient, q.Newest, q.Limit = selection.patient, selection.Newest, 1+r.IntN(40)
			found, _ := numbers(t, s, q)
			q.needs = nil
			want, _ := numbers(t, s, q)
			if diff := cmp.Diff(want, found); diff != "" {
				t.Fatalf("%s: %s", text, diff)
			}
		}
	})
}

func TestASummaryPassesFewOtherTerms(t *testing.T) {
	var has []term
	for n := range 15_000 { // what comes again makes it no longer
		has = append(has, termOf(termTouched, fmt.Sprintf("Observation/%d", n%5000)))
	}
	s := summary(has)
	if most := 1 + (5000*bitsPerTerm+7)/8; len(s) > most {
		t.Errorf("%d bytes, %d are enough", len(s), most)
	}
	passed := 0
	for n := range 50_000 {
		there := n < 5000
		if ok := may(s, [][]term{{termOf(termTouched, fmt.Sprintf("Observation/%d", n))}}); there && !ok {
			t.Fatalf("term %d is not found", n)
		} else if !there && ok {
			passed++
		}
	}
	if passed > 45_000*3/100 {
		t.Errorf("%d of 45000 others pass", passed)
	}
	if may(s, [][]term{{termOf(termLogin, "nobody-7")}, {termOf(termTouched, "Observation/1")}}) {
		t.Error("one of two needs is enough")
	}
	if !may(nil, [][]term{{1}}) {
		t.Error("a block of which nothing is known is passed over")
	}
}

func TestWhatIsErasedGoesFromTheSummaryOfItsBlock(t *testing.T) {
	b := newBench(t)
	b.record(seen("maria 1"), seen("walter 2"))
	b.seal()
	before := b.summaries()
	if err := b.Erase(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	after := b.summaries()
	walter := [][]term{{termOf(termTouched, "Patient/walter")}}
	if !may(before[0], walter) || may(after[0], walter) || !may(after[0], [][]term{{termOf(termTouched, "Patient/maria")}}) {
		t.Errorf("%x, then %x", before, after)
	}
}

// summaries are those of all blocks.
func (b *bench) summaries() (all [][]byte) {
	b.t.Helper()
	blocks, err := b.store.AuditBlocks(b.t.Context(), store.AuditRange{Summaries: true, Limit: 1000})
	if err != nil {
		b.t.Fatal(err)
	}
	for _, one := range blocks {
		all = append(all, one.Summary)
	}
	return all
}

func TestEventsOfAnEarlierVersionAreReadAndFound(t *testing.T) {
	b := newBench(t)
	now := seen("maria 1")
	now.Time = start
	group := now.append(nil)
	// Without the mark and the terms.
	terms := now.terms(nil)
	at := 1 + len(binary.AppendVarint(nil, start.UnixMicro())) + len(salt{}) + 1 + 8*len(now.keys())
	if group[0] != 1 || int(group[at]) != len(terms) {
		t.Fatalf("the group is %x", group)
	}
	old := append(bytes.Clone(group[1:at]), group[at+1+4*len(terms):]...)
	if err := b.store.AppendAudit(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	b.seal()
	if all := b.summaries(); len(all) != 1 || all[0] != nil {
		t.Errorf("%x", all)
	}
	if diff := cmp.Diff([]string{"log.0.0"}, b.ids(parse(t, "entity=Observation/1&outcome=0&action=E"))); diff != "" {
		t.Error(diff)
	}
	expect(t, "a log with events of an earlier version", b.problems(Verification{}))
}
