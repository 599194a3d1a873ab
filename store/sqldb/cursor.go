package sqldb

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math"
	"sync"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/store"
)

// position is the place of the last row of a page: its sort keys (int64,
// float64, string or nil) and rid, and of a search without an order, in which
// one it came.
type position struct {
	keys []any
	rid  int64
	own  ownOrder
}

// fingerprint identifies a query: a cursor is good only for the one it comes
// from.
func fingerprint(parts ...string) uint64 {
	h := fnv.New64a()
	for _, p := range parts {
		h.Write([]byte(p))
		h.Write([]byte{0})
	}
	return h.Sum64()
}

// prints tell the query of a position apart from others: by what was asked, and where
// the position lies along a part of the filter, by the whole of it.
type prints func(at position) uint64

func queryPrints(q *search.Query) prints {
	of := func(x search.Expr) uint64 {
		var b bytes.Buffer
		describe(&b, x)
		return fingerprint(fmt.Sprintf("%q", q.Types), b.String(), fmt.Sprintf("%+v", q.Sort))
	}
	asked := sync.OnceValue(func() uint64 { return of(q.Asked) })
	whole := sync.OnceValue(func() uint64 { return of(q.Filter) })
	return func(at position) uint64 {
		if q.Bound && at.own.driver == 0 {
			return asked()
		}
		return whole()
	}
}

// describe writes a tree so that equal trees give equal text. The range of an
// approximate comparison depends on the time of the request, so what was written
// stands for it.
func describe(b *bytes.Buffer, x search.Expr) {
	switch x := x.(type) {
	case nil:
		b.WriteString("nil")
	case search.And:
		describeAll(b, "and", x)
	case search.Or:
		describeAll(b, "or", x)
	case search.Not:
		describeAll(b, "not", []search.Expr{x.X})
	case search.Other:
		describeAll(b, "other", []search.Expr{x.X})
	case search.Chain:
		fmt.Fprintf(b, "chain %+v %q %d", x.Param, x.Target, x.Former)
		describeAll(b, "", []search.Expr{x.X})
	case search.Has:
		fmt.Fprintf(b, "has %+v %q", x.Param, x.Source)
		describeAll(b, "", []search.Expr{x.X})
	case search.Standing:
		describe(b, x.X)
	case search.Governed:
		b.WriteString("governed")
		if x.Lacking {
			b.WriteString(" lacking")
		}
	case search.Referred:
		describeAll(b, "referred", []search.Expr{x.X})
	case search.Beside:
		fmt.Fprintf(b, "beside %+v %q %+v %+v %+v", x.By, x.Type, x.Except, x.About, x.Aside)
		describeAll(b, "", []search.Expr{x.X})
	case search.Composite:
		fmt.Fprintf(b, "composite %+v", x.Param)
		describeAll(b, "", x.Parts)
	case search.Date:
		if x.Written != (search.TimeRange{}) {
			x.Range = search.TimeRange{}
		}
		fmt.Fprintf(b, "%T%+q", x, fmt.Sprintf("%+v", x))
	case search.LastUpdated:
		if x.Written != (search.TimeRange{}) {
			x.Range = search.TimeRange{}
		}
		fmt.Fprintf(b, "%T%+v", x, x)
	case search.Quantity:
		canonical := x.Canonical
		x.Canonical = nil
		fmt.Fprintf(b, "%T%+q", x, fmt.Sprintf("%+v", x))
		if canonical != nil {
			fmt.Fprintf(b, "%+v", *canonical)
		}
	default:
		fmt.Fprintf(b, "%T%+q", x, fmt.Sprintf("%+v", x))
	}
}

func describeAll(b *bytes.Buffer, name string, xs []search.Expr) {
	b.WriteString(name)
	b.WriteByte('(')
	for _, x := range xs {
		describe(b, x)
		b.WriteByte(';')
	}
	b.WriteByte(')')
}

// encode writes a cursor.
func (p position) encode(query prints) string {
	b := binary.BigEndian.AppendUint64(nil, query(p))
	b = binary.AppendVarint(b, p.rid)
	b = binary.AppendVarint(b, p.own.driver)
	if p.own.driver > 0 {
		for _, n := range []int64{p.own.param, p.own.unit, p.own.part} {
			b = binary.AppendVarint(b, n)
		}
	}
	for _, k := range p.keys {
		switch k := k.(type) {
		case nil:
			b = append(b, 0)
		case int64:
			b = binary.AppendVarint(append(b, 1), k)
		case float64:
			b = binary.BigEndian.AppendUint64(append(b, 2), math.Float64bits(k))
		case string:
			b = append(binary.AppendUvarint(append(b, 3), uint64(len(k))), k...)
		}
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// decodePosition reads a cursor of a query with so many sort keys. It fails
// with store.ErrBadCursor.
func decodePosition(cursor string, query prints, keys []sortKey) (position, error) {
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(b) < 8 {
		return position{}, store.ErrBadCursor
	}
	d := decoder{b: b[8:]}
	p := position{rid: d.varint(), own: ownOrder{driver: d.varint()}}
	own := p.own.driver > 0
	if binary.BigEndian.Uint64(b) != query(p) || own && len(keys) > 0 {
		return position{}, store.ErrBadCursor
	}
	if own {
		p.own.place = place{d.varint(), d.varint(), d.varint()}
		keys = make([]sortKey, 1)
	}
	p.keys = make([]any, len(keys))
	for i, k := range keys {
		switch kind := d.byte(); {
		case kind == 0 && !own:
		case kind == 1 && (own || k.kind == intValue):
			p.keys[i] = d.varint()
		case kind == 2 && (own || k.kind == floatValue):
			p.keys[i] = d.bits()
		case kind == 3 && (own || k.kind == textValue):
			p.keys[i] = Clean(d.bytes(d.uvarint()))
		default:
			d.bad = true
		}
	}
	if d.bad || len(d.b) > 0 {
		return position{}, store.ErrBadCursor
	}
	return p, nil
}
