package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/store"
)

var (
	value = search.Param{Type: "Observation", Code: "value", Kind: definitions.SearchQuantity}
	note  = search.Param{Type: "Observation", Code: "note", Kind: definitions.SearchString}
	score = search.Param{Type: "Observation", Code: "score", Kind: definitions.SearchNumber}
	rule  = search.Param{Type: "Observation", Code: "rule", Kind: definitions.SearchURI}
	seen  = search.Param{Type: "Observation", Code: "seen", Kind: definitions.SearchDate, Once: true}
)

// many has so many patients and observations that a search by what most of them
// have is not worth sorting, and a matcher in memory that knows the same.
type many struct {
	bench
	memory *search.Memory
	writes []store.Write
}

const (
	manyPatients     = 130
	manyObservations = 2600
)

func (m *many) add(k string, entries ...search.Entry) {
	m.writes = append(m.writes, m.put(k, 0, "", entries...))
	m.memory.Put(search.Document{Key: key(k), Updated: epoch, Entries: entries})
}

// fillMany gives every patient twenty observations in turn, each with the code c,
// one to three quantities in two units, two dates, one of them long at times, two
// notes, two scores, two rules, and one day on which it was seen; some refer to a
// second patient.
func fillMany(t *testing.T, b bench) many {
	m := many{bench: b, memory: search.NewMemory()}
	for i := range manyPatients {
		m.add(fmt.Sprintf("Patient/p%03d", i), token(gender, "", []string{"male", "female"}[i%2]), text(family, fmt.Sprintf("Ng%d", i%13)))
	}
	for i := range manyObservations {
		entries := []search.Entry{
			token(code, "s", "c"), token(status, "st", []string{"final", "draft", "amended"}[i%3]), refer(subject, fmt.Sprintf("Patient/p%03d", i%manyPatients)),
			day(date, i*7%50), day(date, 100+i*11%300), text(note, fmt.Sprintf("about %d", i%70)), text(note, fmt.Sprintf("about %d too", i*3%90)),
			day(seen, i*3%400), scored(i%40, i%8 == 0), scored(i*7%60, false),
			{Param: rule, URL: fmt.Sprintf("http://rules/%d/a", i%30)}, {Param: rule, URL: fmt.Sprintf("http://rules/%d", i%50)},
		}
		if i%10 == 0 {
			entries = append(entries, refer(subject, fmt.Sprintf("Patient/p%03d", (i+3)%manyPatients)))
			entries[3].Time.Hi += 1 << 50
			entries[7].Time.Hi += 1 << 50
		}
		for n := range 1 + i%3 {
			entries = append(entries, quantity(float64((i*13+n*7)%97), []string{"m", "cm"}[(i+n)%2], i%9 == 0))
		}
		m.add(fmt.Sprintf("Observation/o%04d", i), entries...)
	}
	b.write(t, m.writes...)
	return m
}

// scored is a number, wide when it is only known to be that or more.
func scored(n int, wide bool) search.Entry {
	e := search.Entry{Param: score, Number: search.NumberRange{Value: float64(n), Lo: float64(n), Hi: float64(n)}}
	if wide {
		e.Number.Hi = search.MaxNumber
	}
	return e
}

// quantity is a length in m or cm; wide, it is only known to be that or more.
func quantity(v float64, unit string, wide bool) search.Entry {
	number := search.NumberRange{Value: v, Lo: v, Hi: v}
	if wide {
		number.Hi = search.MaxNumber
	}
	e := search.Entry{Param: value, Number: number, System: "ucum", Code: unit, Canonical: metres(number, unit)}
	return e
}

func metres(n search.NumberRange, unit string) *search.CanonicalQuantity {
	if unit == "cm" {
		n.Value, n.Lo = n.Value/100, n.Lo/100
		if n.Hi < search.MaxNumber {
			n.Hi /= 100
		}
	}
	return &search.CanonicalQuantity{Range: n, Unit: "m"}
}

func lengthAbove(v float64, unit string) search.Expr {
	n := search.NumberRange{Value: v, Lo: v, Hi: v}
	return search.Quantity{Param: value, Prefix: search.GT, Range: n, System: "ucum", Unit: unit, Canonical: metres(n, unit)}
}

// Ways that a search without an order goes.
const (
	alongValues     = "along the index of the driving criterion, in the order of its values"
	acrossReference = "along the references"
)

var ownOrders = []struct {
	name   string
	typ    string
	filter search.Expr
	way    string
}{
	{"a quantity", "Observation", lengthAbove(-1, "cm"), alongValues},
	{"a quantity and a code", "Observation", search.And{lengthAbove(1, "cm"), search.Not{X: tokenIs(status, "st", "draft")}}, alongValues},
	{"a quantity of any unit", "Observation", search.Quantity{Param: value, Prefix: search.GE, AnySystem: true}, ""},
	{"a date", "Observation", search.Date{Param: date, Prefix: search.GE, Range: dayRange(20)}, alongValues},
	{"two dates", "Observation", search.And{search.Date{Param: date, Prefix: search.LE, Range: dayRange(350)}, search.Date{Param: date, Prefix: search.GT, Range: dayRange(10)}}, alongValues},
	{"a day that each has once", "Observation", search.And{search.Date{Param: seen, Prefix: search.LT, Range: dayRange(300)}, search.Date{Param: seen, Prefix: search.GE, Range: dayRange(50)}}, alongValues},
	{"a number", "Observation", search.Number{Param: score, Prefix: search.GT, Range: search.NumberRange{Value: 12, Lo: 12, Hi: 12}}, alongValues},
	{"a URL and what is below", "Observation", search.URI{Param: rule, Mode: search.URIBelow, Value: "http://rules"}, alongValues},
	{"a text", "Observation", search.String{Param: note, Value: "about"}, alongValues},
	{"part of a text", "Observation", search.String{Param: note, Mode: search.StringContains, Value: "bout"}, alongValues},
	{"its reverse by a code", "Patient", search.Has{Source: "Observation", Param: subject, X: tokenIs(code, "s", "c")}, acrossReference},
	{"its reverse and more", "Patient", search.And{search.Has{Source: "Observation", Param: subject, X: tokenIs(status, "st", "final")}, search.Not{X: tokenIs(gender, "", "male")}}, acrossReference},
	{"its reverse by few", "Patient", search.Has{Source: "Observation", Param: subject, X: search.And{search.IDs(manyIDs(0, 900)), tokenIs(status, "st", "final")}}, acrossReference},
	{"a chain by a code", "Observation", search.Chain{Param: subject, Target: "Patient", X: tokenIs(gender, "", "male")}, acrossReference},
	{"a chain by a text", "Observation", search.Chain{Param: subject, Target: "Patient", X: search.String{Param: family, Value: "ng1"}}, acrossReference},
	{"a chain or what it contains", "Observation", search.Or{search.Chain{Param: subject, Target: "Patient", X: tokenIs(gender, "", "male")}, search.String{Param: note, Value: "about 7"}}, acrossReference},
}

func manyIDs(from, to int) []string {
	var ids []string
	for i := from; i < to; i++ {
		ids = append(ids, fmt.Sprintf("o%04d", i))
	}
	return ids
}

// ownOrder asks for what too many have to sort them: whatever order the pages are
// in, together they have each match once, as in memory.
func ownOrder(t *testing.T, b bench) {
	m := fillMany(t, b)
	for i, c := range ownOrders {
		q := search.Query{Types: []string{c.typ}, Filter: c.filter, Count: []int{97, 499}[i%2]}
		_, x, err := b.Explain(b.ctx, &q)
		if err != nil || !strings.HasSuffix(x.Way, c.way) {
			t.Errorf("%s: %v, by the way %q", c.name, err, x.Way)
		}
		for _, s := range x.Statements {
			if s.Purpose != store.NameStatement && s.Touched < 0 {
				t.Errorf("%s: the rows read of the %s are not told: %s", c.name, s.Purpose, s.SQL)
			}
		}
		m.walk(t, c.name, q, nil)
	}
}

// walk compares all pages of a search with what memory finds.
func (m many) walk(t *testing.T, name string, q search.Query, between func(page int)) {
	t.Helper()
	whole := q
	whole.Count, whole.Total = 10_000, search.TotalAccurate
	if total, err := m.Count(m.ctx, &whole); between == nil && (err != nil || total != int64(m.found(t, whole))) {
		t.Errorf("%s: counted %d: %v", name, total, err)
	}
	found, err := m.memory.Search(m.ctx, &whole)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, k := range found.Keys {
		want = append(want, string(k.ID))
	}
	var got []string
	for _, id := range m.all(t, q, between) {
		if !strings.HasPrefix(id, "new") {
			got = append(got, id)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if len(want) < 60 || !slices.Equal(got, want) {
		t.Errorf("%s, pages of %d: found %d, %d of them different ones, not %d", name, q.Count, len(got), len(slices.Compact(got)), len(want))
	}
}

// found is how many memory finds.
func (m many) found(t *testing.T, q search.Query) int {
	t.Helper()
	found, err := m.memory.Search(m.ctx, &q)
	if err != nil {
		t.Fatal(err)
	}
	return len(found.Keys)
}

// ownOrderWhileWriting has others come before, behind and beside the pages: what
// nobody touches comes once, and what was there to begin with in the same order.
func ownOrderWhileWriting(t *testing.T, b bench) {
	m := fillMany(t, b)
	for i, c := range ownOrders {
		count := 97
		if c.typ == "Patient" { // of which there are few
			count = 37
		}
		m.walk(t, c.name, search.Query{Types: []string{c.typ}, Filter: c.filter, Count: count}, func(page int) {
			if page > 4 {
				return
			}
			k := fmt.Sprintf("new%d-%d", i, page)
			b.write(t, b.put("Patient/"+k, 0, "", token(gender, "", "male"), text(family, "Ng")),
				b.put("Observation/"+k, 0, "", token(code, "s", "c"), token(status, "st", "final"), refer(subject, "Patient/"+k), refer(subject, "Patient/p001"),
					day(date, page*60), text(note, "about 3"), quantity(float64(page*20), "m", page%2 == 0), quantity(5, "yd", false)))
		})
	}
}

// repeatedRows has more rows of one resource than a walk takes at once.
func repeatedRows(t *testing.T, b bench) {
	var writes []store.Write
	for i := range 3 {
		var codes []search.Entry
		for n := range 400 {
			codes = append(codes, token(code, fmt.Sprintf("s%d", n), "c"))
		}
		p := fmt.Sprintf("Patient/p%d", i)
		writes = append(writes, b.put(p, 0, ""), b.put(fmt.Sprintf("Observation/o%d", i), 0, "", append(codes, refer(subject, p))...),
			b.put(fmt.Sprintf("Observation/again%d", i), 0, "", token(code, "s", "c"), refer(subject, p)))
	}
	b.write(t, writes...)
	q := search.Query{Types: []string{"Patient"}, Filter: search.Has{Source: "Observation", Param: subject, X: search.Token{Param: code, AnySystem: true, Code: "c"}}, Count: 2}
	if got := b.all(t, q, nil); !slices.Equal(got, []string{"p0", "p1", "p2"}) {
		t.Errorf("found %v", got)
	}
}

// ownOrderCursor is good for its query only, and only while it leads somewhere.
func ownOrderCursor(t *testing.T, b bench) {
	fillMany(t, b)
	q := search.Query{Types: []string{"Observation"}, Filter: lengthAbove(-1, "m"), Count: 10}
	page, err := b.Search(b.ctx, &q)
	if err != nil || page.Next == "" {
		t.Fatalf("the first page: %v", err)
	}
	q.After, q.Sort = page.Next, []search.SortKey{{Param: date}}
	if _, err := b.Search(b.ctx, &q); !errors.Is(err, store.ErrBadCursor) {
		t.Errorf("with _sort: %v", err)
	}
	q.Sort, q.Filter = nil, lengthAbove(-2, "m")
	if _, err := b.Search(b.ctx, &q); !errors.Is(err, store.ErrBadCursor) {
		t.Errorf("of another query: %v", err)
	}
}
