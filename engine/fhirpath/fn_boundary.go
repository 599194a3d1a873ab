package fhirpath

import (
	"github.com/cockroachdb/apd/v3"

	"github.com/inglehealth/ingle/spec/fhir"
)

// maxPlaces is the greatest precision of lowBoundary and highBoundary.
const maxPlaces = 31

// FHIRPath 3.0 §5.9 lowBoundary, highBoundary, precision, comparable.
func init() {
	register(
		function{name: "lowBoundary", max: 1, eval: func(e *evaluation, s *scope, c *callOp, in, dst []Value) ([]Value, error) {
			return e.boundary(s, c, in, dst, false)
		}},
		function{name: "highBoundary", max: 1, eval: func(e *evaluation, s *scope, c *callOp, in, dst []Value) ([]Value, error) {
			return e.boundary(s, c, in, dst, true)
		}},
		function{name: "precision", eval: func(e *evaluation, _ *scope, c *callOp, in, dst []Value) ([]Value, error) {
			v, ok, err := e.one(in, c.at)
			if err != nil || !ok {
				return dst, err
			}
			v = v.system()
			switch data := v.data.(type) {
			case *apd.Decimal:
				return append(dst, Integer(scale(data))), nil
			case *Temporal:
				digits := precisionDigits[data.precision]
				if data.kind == KindTime {
					digits -= precisionDigits[Day]
				}
				return append(dst, Integer(int32(digits))), nil
			}
			if v.kind == KindInteger || v.kind == KindLong {
				return append(dst, Integer(0)), nil
			}
			return dst, nil
		}},
		function{name: "comparable", min: 1, max: 1, eval: func(e *evaluation, s *scope, c *callOp, in, dst []Value) ([]Value, error) {
			a, aok, err := e.one(in, c.at)
			if err != nil {
				return nil, err
			}
			b, bok, err := e.single(s, c.args[0], c.at)
			if err != nil || !aok || !bok {
				return dst, err
			}
			x, xok := asQuantity(a.quantity())
			y, yok := asQuantity(b.quantity())
			if !xok || !yok {
				return append(dst, Boolean(false)), nil
			}
			_, ok := compareQuantity(x, y, false)
			return append(dst, Boolean(ok)), nil
		}},
	)
}

// precisionDigits are the digits that a value of each precision is written
// with.
var precisionDigits = map[Precision]int{Year: 4, Month: 6, Day: 8, Hour: 10, Minute: 12, Second: 14, Millisecond: 17}

// precisionOf finds the precision with at most that many digits.
func precisionOf(digits int64) (Precision, bool) {
	for p := Year; p <= Millisecond; p++ {
		if int64(precisionDigits[p]) == digits {
			return p, true
		}
	}
	return 0, false
}

func (e *evaluation) boundary(s *scope, c *callOp, in, dst []Value, high bool) ([]Value, error) {
	v, ok, err := e.one(in, c.at)
	if err != nil || !ok {
		return dst, err
	}
	places, given := int64(-1), len(c.args) == 1
	if given {
		if places, ok, err = e.integer(s, c.args[0], c.at); err != nil || !ok {
			return dst, err
		}
		if places < 0 {
			return dst, nil
		}
	}
	v = v.quantity()
	switch v.kind {
	case KindInteger, KindLong, KindDecimal:
		d, _ := v.decimal()
		if d, ok = decimalBoundary(d, places, high); ok {
			dst = append(dst, Decimal(d))
		}
		return dst, nil
	case KindQuantity:
		q := *v.data.(*Quantity)
		if q.value, ok = decimalBoundary(q.value, places, high); ok {
			dst = append(dst, Value{kind: KindQuantity, data: &q})
		}
		return dst, nil
	case KindDate, KindDateTime, KindTime:
		if t, ok := v.data.(*Temporal).boundary(places, high); ok {
			dst = append(dst, temporalValue(t))
		}
		return dst, nil
	}
	if valueless(v) || indeterminate(v) {
		return dst, nil
	}
	return nil, e.failed(c.at, "%s needs a number, date, time or quantity, not %s", title(c.at), describe(v))
}

// decimalBoundary is half a unit of the last digit away from d, at the given
// number of places; -1 means 8. The bound nearer to zero is cut off, the one
// farther away is rounded, as HL7's suites have it.
func decimalBoundary(d *apd.Decimal, places int64, high bool) (*apd.Decimal, bool) {
	if places < 0 {
		places = 8
	}
	if places > maxPlaces {
		return nil, false
	}
	half := apd.New(5, -scale(d)-1)
	r := new(apd.Decimal)
	var err error
	if high {
		_, err = exact.Add(r, d, half)
	} else {
		_, err = exact.Sub(r, d, half)
	}
	if err != nil {
		return nil, false
	}
	ctx := exact
	ctx.Precision = wholeDigits
	if high == d.Negative && !d.IsZero() {
		ctx.Rounding = apd.RoundDown
	}
	negative := r.Negative
	if _, err = ctx.Quantize(r, r, -int32(places)); err != nil {
		return nil, false
	}
	r.Negative = negative
	return r, true
}

// boundary is the first or last moment that t may mean, written with as many
// digits as asked; -1 means all.
func (t *Temporal) boundary(digits int64, high bool) (Temporal, bool) {
	r := *t
	if t.kind == KindTime && digits >= 0 {
		digits += int64(precisionDigits[Day])
	}
	most := Millisecond
	if t.kind == KindDate {
		most = Day
	}
	want := most
	if digits >= 0 {
		p, ok := precisionOf(digits)
		if !ok || p > most || t.kind == KindTime && p < Hour {
			return r, false
		}
		want = p
	}
	if t.precision < Month {
		r.month = pick(high, 12, 1)
	}
	if t.precision < Day {
		r.day = pick(high, fhir.DaysIn(r.year, r.month), 1)
	}
	if t.precision < Hour {
		r.hour = pick(high, 23, 0)
	}
	if t.precision < Minute {
		r.minute = pick(high, 59, 0)
	}
	if t.precision < Second {
		r.sec = pick(high, 59, 0)
	}
	if t.precision < Millisecond {
		r.nanos = pick(high, 999_000_000, 0)
	}
	if t.kind == KindDateTime && want >= Hour && !r.zoned {
		r.zoned, r.offset = true, pick(high, -hoursBehind, hoursAhead)*60
	}
	r.precision = want
	if want == Millisecond {
		r.fraction = max(r.fraction, 3)
	} else {
		r.fraction, r.nanos = 0, 0
	}
	if want < Hour {
		r.zoned, r.utc, r.offset = false, false, 0
	}
	// What is finer than the precision does not count.
	for p, field := range map[Precision]*int{Month: &r.month, Day: &r.day, Hour: &r.hour, Minute: &r.minute, Second: &r.sec} {
		if want < p {
			*field = pick(p <= Day, 1, 0)
		}
	}
	return r, true
}

func pick(first bool, a, b int) int {
	if first {
		return a
	}
	return b
}
