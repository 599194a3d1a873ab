package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// Bench measures a store. open gives a new, empty one; Bench closes it. The
// resources are observations with as many index rows as real ones have.
func Bench(b *testing.B, open func(b *testing.B) store.Store) {
	for _, c := range []struct {
		name string
		run  func(b *testing.B, s load)
	}{
		{"create", benchCreate}, {"create in parallel", benchCreateParallel}, {"update", benchUpdate},
		{"transactions of four in parallel", benchTransactions}, {"import by 500", benchImport},
		{"transactions of sixteen among many", benchAmongMany},
		{"read", benchRead}, {"read in parallel", benchReadParallel}, {"search", benchSearch}, {"pages", benchPages},
	} {
		b.Run(c.name, func(b *testing.B) {
			s := open(b)
			b.Cleanup(func() {
				if err := s.Close(); err != nil {
					b.Error(err)
				}
			})
			c.run(b, load{Store: s, ctx: context.Background(), next: new(atomic.Int64)})
		})
	}
}

// load makes resources for a store under measurement.
type load struct {
	store.Store
	ctx  context.Context
	next *atomic.Int64
}

const (
	patientsOfLoad = 500
	codesOfLoad    = 60
)

// observation is the nth resource: of one of 500 patients, with one of 60
// codes, and a date of its own.
func (l load) observation(n int64) store.Write { return l.observationAt(n, n) }

func (l load) observationAt(n, at int64) store.Write {
	r := rand.New(rand.NewPCG(uint64(n), 7)) //nolint:gosec // made-up resources have to be the same each time
	k := fhir.Key{Type: "Observation", ID: fhir.ID(fmt.Sprintf("%016x-%08x", r.Uint64(), n))}
	patient := fmt.Sprintf("p%04d", r.IntN(patientsOfLoad))
	loinc := fmt.Sprintf("%05d-%d", 10_000+r.IntN(codesOfLoad), r.IntN(codesOfLoad)%10)
	amount := float64(r.IntN(30_000)) / 100
	json := fmt.Appendf(nil, `{"resourceType":"Observation","id":%q,"meta":{"versionId":"1","lastUpdated":"2026-03-01T12:00:00Z"},"status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory","display":"laboratory"}]}],"code":{"coding":[{"system":"http://loinc.org","code":%q,"display":"Some measurement of something in blood"}],"text":"Some measurement of something in blood"},"subject":{"reference":"Patient/%s"},"encounter":{"reference":"Encounter/%x"},"effectiveDateTime":"2026-03-01T12:00:00Z","issued":"2026-03-01T12:00:00Z","valueQuantity":{"value":%v,"unit":"mg/dL","system":"http://unitsofmeasure.org","code":"mg/dL"}}`,
		k.ID, loinc, patient, r.Uint64(), amount)
	p := func(code string, kind definitions.SearchType) search.Param {
		return search.Param{Type: "Observation", Code: code, Kind: kind}
	}
	point := search.NumberRange{Value: amount, Lo: amount, Hi: amount}
	measured := search.Entry{Number: point, System: "http://unitsofmeasure.org", Code: "mg/dL", Text: "mg/dL",
		Canonical: &search.CanonicalQuantity{Range: search.NumberRange{Value: amount * 10, Lo: amount * 10, Hi: amount * 10}, Unit: "g.m-3"}}
	quantity := func(code string) search.Entry {
		e := measured
		e.Param = p(code, definitions.SearchQuantity)
		return e
	}
	pair := func(code string) search.Entry {
		first := search.Entry{Param: search.Param{Kind: definitions.SearchToken}, System: "http://loinc.org", Code: loinc}
		second := measured
		second.Param.Kind = definitions.SearchQuantity
		return search.Entry{Param: p(code, definitions.SearchComposite), Parts: []search.Entry{first, second}}
	}
	reference := func(code, t, id string) search.Entry {
		return search.Entry{Param: p(code, definitions.SearchReference), RefType: t, RefID: id}
	}
	repeats := reference("patient", "Patient", patient)
	repeats.Param.Of = "Observation.subject:Patient"
	return store.Write{
		Key: k, Updated: epoch, Method: "POST", Release: definitions.R4, Body: l.Pack(json, []search.Entry{
			token(p("status", definitions.SearchToken), "http://hl7.org/fhir/observation-status", "final"),
			token(p("category", definitions.SearchToken), "http://terminology.hl7.org/CodeSystem/observation-category", "laboratory"),
			token(p("code", definitions.SearchToken), "http://loinc.org", loinc),
			reference("subject", "Patient", patient), repeats,
			reference("encounter", "Encounter", fmt.Sprintf("%x", r.Uint64())),
			day(p("date", definitions.SearchDate), int(at%3650)),
			quantity("value-quantity"), pair("code-value-quantity"),
		}),
	}
}

func (l load) put(b *testing.B, do func(context.Context, func(context.Context, store.Tx) error) error, writes ...store.Write) {
	err := do(l.ctx, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Put(ctx, writes)
		return err
	})
	if err != nil {
		b.Error(err)
	}
}

// fill imports n resources.
func (l load) fill(b *testing.B, n int) {
	b.Helper()
	for n > 0 {
		writes := make([]store.Write, min(n, 500))
		for i := range writes {
			writes[i] = l.observation(l.next.Add(1))
		}
		l.put(b, l.Import, writes...)
		n -= len(writes)
	}
	if err := l.Flush(l.ctx); err != nil {
		b.Fatal(err)
	}
}

func benchCreate(b *testing.B, l load) {
	for b.Loop() {
		l.put(b, l.Write, l.observation(l.next.Add(1)))
	}
}

func benchCreateParallel(b *testing.B, l load) {
	b.SetParallelism(8)
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			l.put(b, l.Write, l.observation(l.next.Add(1)))
		}
	})
}

func benchUpdate(b *testing.B, l load) {
	l.fill(b, 1000)
	i := int64(0)
	for b.Loop() {
		w := l.observationAt(i%1000+1, i)
		w.Expect = store.Any
		l.put(b, l.Write, w)
		i++
	}
}

func benchTransactions(b *testing.B, l load) {
	b.SetParallelism(8)
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			n := l.next.Add(4)
			l.put(b, l.Write, l.observation(n), l.observation(n-1), l.observation(n-2), l.observation(n-3))
		}
	})
}

// benchAmongMany creates and deletes in a store whose pages do not all change
// with each commit.
func benchAmongMany(b *testing.B, l load) {
	l.fill(b, 100_000)
	old := int64(1)
	for b.Loop() {
		writes := make([]store.Write, 0, 16)
		for range 12 {
			writes = append(writes, l.observation(l.next.Add(1)))
		}
		for range 4 {
			old = (old + 7919) % 100_000
			writes = append(writes, store.Write{Key: l.observation(old).Key, Expect: store.Any, Updated: epoch, Method: "DELETE", Release: definitions.R4})
		}
		l.put(b, l.Write, writes...)
	}
}

func benchImport(b *testing.B, l load) {
	const size = 500
	n := 0
	for b.Loop() {
		writes := make([]store.Write, size)
		for i := range writes {
			writes[i] = l.observation(l.next.Add(1))
		}
		l.put(b, l.Import, writes...)
		n += size
	}
	if err := l.Flush(l.ctx); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "resources/s")
}

const benchFill = 20_000

func benchRead(b *testing.B, l load) {
	keys := l.filled(b)
	i := 0
	for b.Loop() {
		l.read(b, keys[i%len(keys)])
		i += 7919
	}
}

// filled fills the store and returns the keys.
func (l load) filled(b *testing.B) []fhir.Key {
	l.fill(b, benchFill)
	keys := make([]fhir.Key, benchFill)
	for i := range keys {
		keys[i] = l.observation(int64(i) + 1).Key
	}
	return keys
}

func (l load) read(b *testing.B, k fhir.Key) {
	if _, err := l.Read(l.ctx, k); err != nil {
		b.Error(err)
	}
}

func benchReadParallel(b *testing.B, l load) {
	keys := l.filled(b)
	var i atomic.Int64
	b.ResetTimer()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			l.read(b, keys[int(i.Add(7919))%len(keys)])
		}
	})
}

func benchSearch(b *testing.B, l load) {
	l.fill(b, benchFill)
	o := func(code string, kind definitions.SearchType) search.Param {
		return search.Param{Type: "Observation", Code: code, Kind: kind}
	}
	aCode := l.observation(1).Body.Index[2]
	codeIs := search.Token{Param: o("code", definitions.SearchToken), System: aCode.System, Code: aCode.Code}
	final := search.Token{Param: o("status", definitions.SearchToken), AnySystem: true, Code: "final"}
	referred := l.observation(1).Body.Index[4]
	patient := search.Reference{Param: referred.Param, Type: "Patient", ID: referred.RefID}
	byDate := []search.SortKey{{Param: o("date", definitions.SearchDate), Desc: true}}
	month := search.Date{Param: o("date", definitions.SearchDate), Prefix: search.GE, Range: dayRange(100)}
	for _, c := range []struct {
		name  string
		query search.Query
	}{
		{"code", search.Query{Filter: codeIs}},
		{"patient", search.Query{Filter: patient}},
		{"patient and code", search.Query{Filter: search.And{patient, codeIs}}},
		{"status and code", search.Query{Filter: search.And{final, codeIs}}},
		{"patient by date", search.Query{Filter: patient, Sort: byDate}},
		{"all by date", search.Query{Sort: byDate}},
		{"since a day by date", search.Query{Filter: month, Sort: byDate}},
		{"value above", search.Query{Filter: search.And{codeIs, search.Quantity{Param: o("value-quantity", definitions.SearchQuantity),
			Prefix: search.GT, Range: search.NumberRange{Value: 250, Lo: 249.5, Hi: 250.5}, AnySystem: true, Unit: "mg/dL"}}}},
		{"code with total", search.Query{Filter: codeIs, Total: search.TotalAccurate}},
		{"status with total", search.Query{Filter: final, Total: search.TotalAccurate}},
	} {
		b.Run(c.name, func(b *testing.B) {
			c.query.Types, c.query.Count = []string{"Observation"}, 20
			for b.Loop() {
				p, err := l.Search(l.ctx, &c.query)
				if err != nil || len(p.Records) == 0 {
					b.Fatalf("%d records, %v", len(p.Records), err)
				}
			}
		})
	}
}

// benchPages measures the first page of a walk and the thousandth, which cost
// the same.
func benchPages(b *testing.B, l load) {
	l.fill(b, benchFill+1000) // the page measured is not the last one
	date := search.Param{Type: "Observation", Code: "date", Kind: definitions.SearchDate}
	final := search.Token{Param: search.Param{Type: "Observation", Code: "status", Kind: definitions.SearchToken}, AnySystem: true, Code: "final"}
	const size = 20
	for name, q := range map[string]search.Query{
		"all":            {},
		"status":         {Filter: final},
		"all by date":    {Sort: []search.SortKey{{Param: date, Desc: true}}},
		"status by date": {Filter: final, Sort: []search.SortKey{{Param: date}}},
		"by last update": {Sort: []search.SortKey{{Param: search.Param{Type: "Observation", Code: "_lastUpdated", Kind: definitions.SearchDate}}}},
	} {
		q.Types = []string{"Observation"}
		for _, page := range []int{1, benchFill / size} {
			if page > 1 {
				q.Count = (page - 1) * size
				before, err := l.Search(l.ctx, &q)
				if err != nil || before.Next == "" {
					b.Fatalf("no page after %d records, %v", len(before.Records), err)
				}
				q.After = before.Next
			}
			q.Count = size
			b.Run(fmt.Sprintf("%s, page %d", name, page), func(b *testing.B) {
				for b.Loop() {
					if p, err := l.Search(l.ctx, &q); err != nil || len(p.Records) != size {
						b.Fatalf("%d records, %v", len(p.Records), err)
					}
				}
			})
		}
	}
}
