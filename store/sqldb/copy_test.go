package sqldb

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
)

// numbers gives names their numbers in the order in which they are asked for.
type numbers map[name]int64

func (n numbers) Number(space Space, text string) (int64, error) {
	k := name{space, text}
	if n[k] == 0 {
		n[k] = int64(len(n) + 1)
	}
	return n[k], nil
}

// outline is the text of an index's outline.
func (n numbers) outline(x *Index) string {
	for k, id := range n {
		if k.space == OutlineSpace && id == x.Outline {
			return k.text
		}
	}
	return ""
}

// someEntries makes entries of every kind, many of them alike.
func someEntries(r *rand.Rand) []search.Entry {
	texts := []string{"", "final", "8480-6", "a6c0d12d-1b9c", `with "quotes"`, "päth", strings.Repeat("long ", 50)}
	text := func() string { return texts[r.IntN(len(texts))] }
	floats := []float64{0, 1, -2.5, 148, 0.1, 12.61057721343547, 1e300, -1e-9, search.MinNumber, search.MaxNumber}
	bounds := func() search.NumberRange {
		v := floats[r.IntN(len(floats))]
		n := search.NumberRange{Value: v, Lo: v, Hi: v}
		switch r.IntN(4) {
		case 0:
			n.Hi = search.MaxNumber
		case 1:
			n.Lo, n.Value = search.MinNumber, floats[r.IntN(len(floats))]
		}
		return n
	}
	kinds := []definitions.SearchType{definitions.SearchToken, definitions.SearchString, definitions.SearchReference, definitions.SearchURI,
		definitions.SearchDate, definitions.SearchNumber, definitions.SearchQuantity}
	whole := append([]definitions.SearchType{definitions.SearchSpecial}, kinds...)
	value := func(kind definitions.SearchType) (e search.Entry) {
		switch e.Param.Kind = kind; kind {
		case definitions.SearchToken:
			e.System, e.Code, e.Text = text(), text(), text()
		case definitions.SearchString:
			e.Norm, e.Text = text(), text()
		case definitions.SearchReference:
			e.RefType, e.RefID, e.Version = []string{"Patient", "Group"}[r.IntN(2)], text(), text()
			if e.RefID == "" {
				e.RefType, e.URL = "", "urn:"+text()
			}
		case definitions.SearchURI:
			e.URL, e.Version = text(), text()
		case definitions.SearchDate:
			e.Time.Lo = []int64{search.MinTime, -7, 0, 1_700_000_000_000_000, 1_700_000_000_123_456}[r.IntN(5)]
			e.Time.Hi = e.Time.Lo + []int64{1, 1_000_000, 86_400_000_000}[r.IntN(3)]
			if r.IntN(5) == 0 && e.Time.Lo != search.MinTime {
				e.Time.Hi = search.MaxTime
			}
		case definitions.SearchNumber:
			e.Number = bounds()
		case definitions.SearchSpecial:
			e.Point = search.Point{X: floats[r.IntN(len(floats))], Y: r.Float64(), Z: floats[r.IntN(len(floats))]}
		case definitions.SearchQuantity:
			e.Number, e.System, e.Code, e.Text = bounds(), text(), text(), text()
			if r.IntN(2) == 0 {
				e.Canonical = &search.CanonicalQuantity{Range: bounds(), Unit: text()}
			}
		}
		return e
	}
	entries := make([]search.Entry, r.IntN(30))
	for i := range entries {
		kind := whole[r.IntN(len(whole))]
		entries[i] = value(kind)
		if r.IntN(4) == 0 {
			parts := []search.Entry{value(kinds[r.IntN(len(kinds))]), value(definitions.SearchQuantity), value(kinds[r.IntN(len(kinds))])}
			if i > 0 && entries[i-1].Param.Kind == definitions.SearchQuantity {
				parts[1] = entries[i-1]
				parts[1].Param = search.Param{Kind: definitions.SearchQuantity}
			}
			kind = definitions.SearchComposite
			entries[i] = search.Entry{Parts: parts[:1+r.IntN(3)]}
		}
		entries[i].Param = search.Param{Type: "Observation", Code: fmt.Sprint(kind, r.IntN(3)), Kind: kind}
	}
	return entries
}

func TestACopyGivesTheRowsBack(t *testing.T) {
	n := numbers{}
	json := []byte(`{"resourceType":"Observation","status":"final","code":{"coding":[{"code":"8480-6"}]},"subject":{"reference":"Patient/a6c0d12d-1b9c"},"x":"päth"}`)
	for seed := range uint64(3000) {
		index, err := NewIndex(n, someEntries(rand.New(rand.NewPCG(seed, 5))))
		if err != nil {
			t.Fatal(err)
		}
		outline := n.outline(&index)
		for _, json := range [][]byte{json, nil} {
			rows, err := decodeRows(outline, index.copy(json), json)
			if diff := cmp.Diff(index.Rows, rows, cmp.Comparer(func(a, b float64) bool { return a == b })); len(index.Rows)+len(rows) > 0 && diff != "" || err != nil {
				t.Fatalf("seed %d: %v\n%s\n%s", seed, err, outline, diff)
			}
		}
		rows, err := decodeRows(outline, index.Own()[1:], nil)
		if gone, come := index.Diff(rows); len(gone) > 0 || len(come) > 0 || err != nil {
			t.Fatalf("seed %d: %d rows are gone and %d come, %v", seed, len(gone), len(come), err)
		}
	}
}

func TestTextsOfTheBodyTakeLittleRoomInACopy(t *testing.T) {
	id := strings.Repeat("0123456789abcdef", 2)
	index, err := NewIndex(numbers{}, []search.Entry{{Param: search.Param{Type: "Observation", Code: "subject", Kind: definitions.SearchReference}, RefType: "Patient", RefID: id}})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(index.copy([]byte(`{"subject":{"reference":"Patient/` + id + `"}}`))); n > 2 {
		t.Errorf("an id that stands in the body takes %d bytes", n)
	}
	if n := len(index.copy(nil)); n < len(id) {
		t.Errorf("an id that does not takes %d bytes", n)
	}
	var longer strings.Builder // each begins as id does
	for n := range 300 {
		fmt.Fprintf(&longer, `"%s-%d",`, id, n)
	}
	if n := len(index.copy([]byte(longer.String() + `"` + id + `"`))); n >= len(id) {
		t.Errorf("an id that stands in the body, behind longer ones, takes %d bytes", n)
	}
}

// BenchmarkCopyOfManyCodes is the copy of a code list, whose codes begin alike.
func BenchmarkCopyOfManyCodes(b *testing.B) {
	var entries []search.Entry
	var json strings.Builder
	for n := range 2000 {
		code := fmt.Sprintf("c%d", n)
		entries = append(entries, search.Entry{Param: search.Param{Type: "CodeSystem", Code: "code", Kind: definitions.SearchToken}, Code: code})
		fmt.Fprintf(&json, `{"code":"%s"},`, code)
	}
	index, err := NewIndex(numbers{}, entries)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		index.copy([]byte(json.String()))
	}
}

func TestTheOutlineNamesEveryParameterThatHasAValue(t *testing.T) {
	n := numbers{}
	subject := search.Param{Type: "Observation", Code: "subject", Kind: definitions.SearchReference}
	patient := search.Param{Type: "Observation", Code: "patient", Kind: definitions.SearchReference, Of: "Observation.subject:Patient"}
	index, err := NewIndex(n, []search.Entry{{Param: subject, RefType: "Patient", RefID: "p"}, {Param: patient, RefType: "Patient", RefID: "p"},
		{Param: search.Param{Type: "Observation", Code: "code", Kind: definitions.SearchToken}, Text: "only a text"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(index.Rows) != 2 || index.Rows[1].Table != PhraseTable || index.Rows[0].Param != n[name{ParamSpace, "subject Observation"}] {
		t.Errorf("%+v", index.Rows)
	}
	for _, code := range []string{"subject", "patient", "code"} {
		if part := fmt.Sprintf(",%d:", n[name{ParamSpace, code + " Observation"}]); strings.Count(n.outline(&index), part) != 1 {
			t.Errorf("%s: %q in %q", code, part, n.outline(&index))
		}
	}
}

func FuzzADamagedCopyIsRefusedOrRead(f *testing.F) {
	n := numbers{}
	for seed := range uint64(20) {
		index, err := NewIndex(n, someEntries(rand.New(rand.NewPCG(seed, 5))))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(n.outline(&index), index.copy(nil), []byte(`"final"`))
	}
	f.Add(",1:8.0.0.0.0+", []byte{200, 200, 200, 200, 1}, []byte(nil))
	f.Fuzz(func(t *testing.T, outline string, copied, json []byte) {
		rows, err := decodeRows(outline, copied, json)
		if err == nil && len(rows) > len(copied)+strings.Count(outline, ",")+1 {
			t.Errorf("%d rows of %d bytes", len(rows), len(copied))
		}
	})
}

func FuzzNumbersComeBack(f *testing.F) {
	for _, v := range []float64{0, 1, 0.1, -12.61057721343547, math.MaxFloat64, math.SmallestNonzeroFloat64, 1 << 53, 1.0000005} {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, v float64) {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			t.Skip()
		}
		var e encoder
		e.float(v)
		d := decoder{b: e.dst}
		if got := d.float(); got != v || d.bad || len(d.b) > 0 {
			t.Errorf("%v became %v", v, got)
		}
	})
}

func TestAnOutlineStaysShortWhateverTheValues(t *testing.T) {
	n := numbers{}
	r := rand.New(rand.NewPCG(1, 2))
	var entries []search.Entry
	for range 200 {
		entries = append(entries, someEntries(r)...)
	}
	for i := range 500 {
		entries = append(entries, search.Entry{Param: search.Param{Type: "List", Code: "item", Kind: definitions.SearchReference}, RefType: fmt.Sprint("Type", i), RefID: "1"})
	}
	index, err := NewIndex(n, entries)
	if err != nil {
		t.Fatal(err)
	}
	params := map[string]bool{}
	for _, e := range entries {
		params[e.Param.Code] = true
	}
	// A composite of three parts, or a reference that is also a URL, has some groups.
	if outline := n.outline(&index); len(outline) > 40*len(params) || len(index.Rows) < 2000 {
		t.Errorf("%d rows of %d parameters have an outline of %d bytes", len(index.Rows), len(params), len(outline))
	}
	rows, err := decodeRows(n.outline(&index), index.copy(nil), nil)
	if gone, come := index.Diff(rows); len(gone) > 0 || len(come) > 0 || err != nil {
		t.Errorf("%d rows are gone and %d come, %v", len(gone), len(come), err)
	}
}
