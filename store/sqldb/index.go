package sqldb

import (
	"fmt"
	"slices"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/store"
)

// Namer gives numbers to names, making new ones where needed.
type Namer interface {
	Number(space Space, text string) (int64, error)
}

// Index is a resource's index entries as rows.
type Index struct {
	Rows    []Row // sorted, without duplicates
	Outline int64 // for resource.outline: number of what they and others have in common
}

// NewIndex turns entries into rows.
func NewIndex(n Namer, entries []search.Entry) (Index, error) {
	x := indexer{namer: n, rows: make([]Row, 0, len(entries)+4)}
	params := make([]int64, 0, len(entries))
	var param int64
	var last *search.Entry
	for i := range entries {
		e := &entries[i]
		if last == nil || e.Param != last.Param {
			var err error
			if param, err = n.Number(ParamSpace, paramName(e.Param.Type, e.Param.Code)); err != nil {
				return Index{}, err
			}
			params = append(params, param)
		}
		x.entry(param, e)
		last = e
	}
	if x.err != nil {
		return Index{}, x.err
	}
	slices.SortFunc(x.rows, func(a, b Row) int { return compareRows(&a, &b) })
	x.rows = slices.CompactFunc(x.rows, func(a, b Row) bool { return compareRows(&a, &b) == 0 })
	number(x.rows)
	slices.Sort(params)
	if len(params) == 0 {
		return Index{}, nil
	}
	outline, err := n.Number(OutlineSpace, outlineOf(x.rows, slices.Compact(params)))
	return Index{x.rows, outline}, err
}

// NewSystems adds to set the systems of entries that are not in the cache.
func (n *Names) NewSystems(set map[string]bool, entries []search.Entry) {
	for i := range entries {
		e := &entries[i]
		if e.System != "" && !set[e.System] {
			if text := Clean(e.System); !set[text] {
				if _, ok := n.Known(SystemSpace, text); !ok {
					set[text] = true
				}
			}
		}
		n.NewSystems(set, e.Parts)
	}
}

// Diff compares the former rows with x's and returns what has to go and what
// has to come.
func (x *Index) Diff(old []Row) (gone, come []Row) {
	if len(old) == 0 {
		return nil, x.Rows
	}
	i, j := 0, 0
	for i < len(old) && j < len(x.Rows) {
		switch c := compareRows(&old[i], &x.Rows[j]); {
		case c < 0:
			gone = append(gone, old[i])
			i++
		case c > 0:
			come = append(come, x.Rows[j])
			j++
		default:
			if !old[i].equal(&x.Rows[j]) {
				gone, come = append(gone, old[i]), append(come, x.Rows[j])
			}
			i, j = i+1, j+1
		}
	}
	return append(gone, old[i:]...), append(come, x.Rows[j:]...)
}

// Count adds to c what replacing the former rows with x's changes.
func (x *Index) Count(c *store.ReindexCount, gone, come []Row) {
	c.Replaced++
	c.Added += int64(len(come))
	c.Removed += int64(len(gone))
	c.Unchanged += int64(len(x.Rows) - len(come))
}

// Own is the copy of the rows for resource.idx, where it lies when the body's
// is not of these rows. It is never empty.
func (x *Index) Own() []byte { return appendRows([]byte{ownCopy}, x.Rows, nil) }

// ownCopy begins a copy in resource.idx.
const ownCopy = 1

type indexer struct {
	namer      Namer
	rows       []Row
	composites int64
	err        error
}

func (x *indexer) entry(param int64, e *search.Entry) {
	if p, ok := phraseOf(e); ok {
		x.rows = append(x.rows, Row{Table: PhraseTable, Param: param, Value: Value{System: x.number(p.Space, p.Text)}})
	}
	switch e.Param.Kind {
	case definitions.SearchToken:
		if e.Code != "" || e.System != "" {
			x.rows = append(x.rows, Row{Table: TokenTable, Param: param, Value: x.token(e)})
		}
	case definitions.SearchReference:
		switch {
		case e.RefID != "" && e.Param.Of != "": // the row of the parameter that it repeats
		case e.RefID != "":
			x.rows = append(x.rows, Row{Table: ReferenceTable, Param: param, Value: x.reference(e)})
		case e.URL != "":
			x.rows = append(x.rows, Row{Table: URITable, Param: param, Value: Value{Text: Clean(e.URL), Extra: Clean(e.Version)}})
		case e.Code != "" || e.System != "":
			x.rows = append(x.rows, Row{Table: TokenTable, Param: param, Value: x.token(e)})
		}
	case definitions.SearchString:
		x.rows = append(x.rows, Row{Table: StringTable, Param: param, Value: Value{Text: Clean(e.Norm), More: Clean(e.Text)}})
	case definitions.SearchURI:
		x.rows = append(x.rows, Row{Table: URITable, Param: param, Value: Value{Text: Clean(e.URL), Extra: Clean(e.Version)}})
	case definitions.SearchDate:
		x.rows = append(x.rows, Row{Table: DateTable, Param: param, Value: Value{TimeLo: e.Time.Lo, TimeHi: e.Time.Hi}})
	case definitions.SearchNumber:
		x.rows = append(x.rows, Row{Table: NumberTable, Param: param, Value: Value{Lo: e.Number.Lo, Hi: e.Number.Hi, Sort: e.Number.Value}})
	case definitions.SearchQuantity:
		x.quantity(param, e)
	case definitions.SearchComposite:
		x.composite(param, e)
	case definitions.SearchSpecial:
		if e.Point != (search.Point{}) {
			x.rows = append(x.rows, Row{Table: PositionTable, Param: param, Value: Value{Lo: e.Point.X, Hi: e.Point.Y, Sort: e.Point.Z}})
		}
	default:
		x.fail(fmt.Errorf("sqldb: parameter %s of %s has no kind", e.Param.Code, e.Param.Type))
	}
}

func (x *indexer) token(e *search.Entry) Value {
	return Value{Text: Clean(e.Code), System: x.system(e.System)}
}

func (x *indexer) reference(e *search.Entry) Value {
	return Value{Text: Clean(e.RefID), System: x.number(TypeSpace, e.RefType), Extra: Clean(e.Version)}
}

func (x *indexer) quantity(param int64, e *search.Entry) {
	own := Value{Unit: x.unit(e), Lo: e.Number.Lo, Hi: e.Number.Hi, Sort: e.Number.Value, Sorts: e.Canonical == nil}
	x.rows = append(x.rows, Row{Table: QuantityTable, Param: param, Value: own})
	if c := e.Canonical; c != nil {
		x.rows = append(x.rows, Row{Table: QuantityTable, Param: param, Value: Value{
			Unit: x.canonical(c.Unit), Lo: c.Range.Lo, Hi: c.Range.Hi, Sort: c.Range.Value, Sorts: true,
		}})
	}
}

// unit is the number of a quantity's system, code and text.
func (x *indexer) unit(e *search.Entry) int64 {
	return x.number(UnitSpace, unitName(x.system(e.System), e.Code, e.Text))
}

// canonical is the number of a canonical unit.
func (x *indexer) canonical(unit string) int64 {
	return x.number(UnitSpace, unitName(CanonicalSystem, unit, ""))
}

func (x *indexer) composite(param int64, e *search.Entry) {
	if len(e.Parts) == 0 {
		return
	}
	x.composites++
	var front Value
	first := 0
	if isText(e.Parts[0].Param.Kind) {
		front, first = x.part(&e.Parts[0]), 1
	}
	for i := first; i < max(len(e.Parts), first+1); i++ {
		r := Row{Table: CompositeTable, Param: param, Entry: x.composites, Part: int64(i), Value: front}
		r.Of = new(Value)
		if i < len(e.Parts) {
			*r.Of = x.part(&e.Parts[i])
		}
		x.rows = append(x.rows, r)
	}
}

// isText says whether a part of this kind can stand in front of the others.
func isText(kind definitions.SearchType) bool {
	switch kind {
	case definitions.SearchToken, definitions.SearchReference, definitions.SearchString, definitions.SearchURI:
		return true
	}
	return false
}

func (x *indexer) part(e *search.Entry) Value {
	switch e.Param.Kind {
	case definitions.SearchToken:
		return x.token(e)
	case definitions.SearchReference:
		if e.RefID != "" {
			return x.reference(e)
		}
		return Value{Text: Clean(e.URL), System: URLReference, Extra: Clean(e.Version)}
	case definitions.SearchString:
		return Value{Text: Clean(e.Norm), More: Clean(e.Text)}
	case definitions.SearchURI:
		return Value{Text: Clean(e.URL)}
	case definitions.SearchDate:
		return Value{Lo: float64(e.Time.Lo), Hi: float64(e.Time.Hi)}
	case definitions.SearchNumber:
		return Value{Lo: e.Number.Lo, Hi: e.Number.Hi}
	case definitions.SearchQuantity:
		v := Value{Unit: x.unit(e), Lo: e.Number.Lo, Hi: e.Number.Hi}
		if c := e.Canonical; c != nil {
			v.CanonicalUnit, v.CanonicalLo, v.CanonicalHi = x.canonical(c.Unit), c.Range.Lo, c.Range.Hi
		}
		return v
	}
	x.fail(fmt.Errorf("sqldb: a composite cannot have a part of kind %q", e.Param.Kind))
	return Value{}
}

func (x *indexer) system(uri string) int64 {
	if uri == "" {
		return NoSystem
	}
	return x.number(SystemSpace, uri)
}

func (x *indexer) number(space Space, text string) int64 {
	n, err := x.namer.Number(space, Clean(text))
	x.fail(err)
	return n
}

func (x *indexer) fail(err error) {
	if x.err == nil {
		x.err = err
	}
}
