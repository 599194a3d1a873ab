package fhirpath

import (
	"math"

	"github.com/cockroachdb/apd/v3"
)

// FHIRPath §5.7 Math. The input is one number or, for abs, ceiling and the
// like, one quantity; a result outside of the real numbers is empty.
func init() {
	register(
		numeric("abs", func(d *apd.Decimal) (*apd.Decimal, bool) {
			r := new(apd.Decimal)
			return r.Abs(d), true
		}, true),
		numeric("ceiling", func(d *apd.Decimal) (*apd.Decimal, bool) { return whole(d, apd.RoundCeiling) }, false),
		numeric("floor", func(d *apd.Decimal) (*apd.Decimal, bool) { return whole(d, apd.RoundFloor) }, false),
		numeric("truncate", func(d *apd.Decimal) (*apd.Decimal, bool) { return whole(d, apd.RoundDown) }, false),
		function{name: "round", max: 1, eval: round},
		overReals("exp", quotient.Exp),
		overReals("ln", quotient.Ln),
		overReals("sqrt", quotient.Sqrt),
		function{name: "log", min: 1, max: 1, eval: logarithm},
		function{name: "power", min: 1, max: 1, eval: power},
	)
}

// number evaluates the input of a function to one number or quantity.
func (e *evaluation) number(in []Value, at *Syntax) (Value, bool, error) {
	v, ok, err := e.one(in, at)
	if err != nil || !ok {
		return v, false, err
	}
	v = v.quantity()
	if valueless(v) {
		return v, false, nil
	}
	if !isNumber(v.kind) && v.kind != KindQuantity {
		return v, false, e.failed(at, "%s needs a number, not %s", title(at), describe(v))
	}
	return v, true, nil
}

// numeric makes a function that keeps integers integers and units units;
// otherwise its decimal result becomes an Integer unless same.
func numeric(name string, f func(*apd.Decimal) (*apd.Decimal, bool), same bool) function {
	return function{name: name, eval: func(e *evaluation, _ *scope, c *callOp, in, dst []Value) ([]Value, error) {
		v, ok, err := e.number(in, c.at)
		if err != nil || !ok {
			return dst, err
		}
		switch v.kind {
		case KindInteger, KindLong:
			if name != "abs" || v.num >= 0 {
				return append(dst, v), nil
			}
			if n, ok := negated(v); ok {
				dst = append(dst, n)
			}
			return dst, nil
		case KindQuantity:
			q := *v.data.(*Quantity)
			if q.value, ok = f(q.value); ok {
				dst = append(dst, Value{kind: KindQuantity, data: &q})
			}
			return dst, nil
		}
		d, ok := f(v.data.(*apd.Decimal))
		if !ok {
			return dst, nil
		}
		if i, ok := integerOf(d); ok && fitsInteger(i) && !same {
			return append(dst, Integer(int32(i))), nil
		}
		return append(dst, Decimal(d)), nil
	}}
}

func whole(d *apd.Decimal, mode apd.Rounder) (*apd.Decimal, bool) {
	ctx := exact
	ctx.Rounding = mode
	ctx.Precision = wholeDigits
	r := new(apd.Decimal)
	_, err := ctx.Quantize(r, d, 0)
	return r, err == nil && r.Form == apd.Finite
}

func round(e *evaluation, s *scope, c *callOp, in, dst []Value) ([]Value, error) {
	v, ok, err := e.number(in, c.at)
	if err != nil || !ok {
		return dst, err
	}
	places := int64(0)
	if len(c.args) == 1 {
		if places, ok, err = e.integer(s, c.args[0], c.at); err != nil || !ok {
			return dst, err
		}
		if places < 0 || places > maxDigits {
			return nil, e.failed(c.at, "round() needs a number of digits from 0 to %d", maxDigits)
		}
	}
	if q, isQuantity := v.data.(*Quantity); isQuantity {
		r := *q
		if r.value, ok = quantized(q.value, int32(places)); ok {
			dst = append(dst, Value{kind: KindQuantity, data: &r})
		}
		return dst, nil
	}
	d, _ := v.decimal()
	if d, ok = quantized(d, int32(places)); ok {
		dst = append(dst, Decimal(d))
	}
	return dst, nil
}

// overReals makes a function over the real numbers.
func overReals(name string, f func(d, x *apd.Decimal) (apd.Condition, error)) function {
	return function{name: name, eval: func(e *evaluation, _ *scope, c *callOp, in, dst []Value) ([]Value, error) {
		v, ok, err := e.number(in, c.at)
		if err != nil || !ok || v.kind == KindQuantity {
			return dst, err
		}
		if err := e.step(transcendental); err != nil {
			return nil, err
		}
		d, _ := v.decimal()
		r, ok := applied(name, f, d)
		if !ok {
			return dst, nil
		}
		return append(dst, Decimal(r)), nil
	}}
}

// transcendental is how many steps exp, ln, sqrt, log and power take.
const transcendental = 600

// applied is f(d), where f is defined and its result is of a size that can be
// computed cheaply.
func applied(name string, f func(d, x *apd.Decimal) (apd.Condition, error), d *apd.Decimal) (*apd.Decimal, bool) {
	switch {
	case name == "ln" && d.Sign() <= 0, name == "sqrt" && d.Sign() < 0:
		return nil, false
	case name == "exp" && (d.Cmp(apd.New(900, 0)) > 0 || d.Cmp(apd.New(-900, 0)) < 0):
		return nil, false
	case d.IsZero() && name != "exp":
		return apd.New(0, 0), true
	}
	r := new(apd.Decimal)
	if _, err := f(r, d); err != nil || !inRange(r) {
		return nil, false
	}
	return tidied(r), true
}

// two evaluates input and argument to one number each.
func (e *evaluation) two(s *scope, c *callOp, in []Value) (a, b Value, ok bool, err error) {
	a, aok, err := e.number(in, c.at)
	if err != nil {
		return a, b, false, err
	}
	arg, err := e.inner(s, c.args[0], e.buffer())
	if err != nil {
		return a, b, false, err
	}
	b, bok, err := e.number(arg, c.at)
	e.release(arg)
	return a, b, aok && bok && a.kind != KindQuantity && b.kind != KindQuantity, err
}

func logarithm(e *evaluation, s *scope, c *callOp, in, dst []Value) ([]Value, error) {
	a, b, ok, err := e.two(s, c, in)
	if err != nil || !ok {
		return dst, err
	}
	x, _ := a.decimal()
	base, _ := b.decimal()
	if x.Sign() <= 0 || base.Sign() <= 0 || base.Cmp(apd.New(1, 0)) == 0 {
		return dst, nil
	}
	if err := e.step(2 * transcendental); err != nil {
		return nil, err
	}
	// Two more digits than the result shows, so that log(8, 2) is 3.
	ctx := quotient
	ctx.Precision += 4
	var p, q, r apd.Decimal
	if _, err := ctx.Ln(&p, x); err != nil {
		return dst, nil
	}
	if _, err := ctx.Ln(&q, base); err != nil {
		return dst, nil
	}
	if _, err := ctx.Quo(&r, &p, &q); err != nil {
		return dst, nil
	}
	d := new(apd.Decimal)
	if _, err := quotient.Round(d, &r); err != nil || !inRange(d) {
		return dst, nil
	}
	return append(dst, Decimal(tidied(d))), nil
}

// tidied drops trailing zeros after the decimal point.
func tidied(d *apd.Decimal) *apd.Decimal {
	r := new(apd.Decimal)
	r.Reduce(d)
	if r.Exponent > 0 {
		if whole, ok := quantized(r, 0); ok {
			return whole
		}
	}
	return r
}

func power(e *evaluation, s *scope, c *callOp, in, dst []Value) ([]Value, error) {
	a, b, ok, err := e.two(s, c, in)
	if err != nil || !ok {
		return dst, err
	}
	if a.kind != KindDecimal && b.kind != KindDecimal && b.num >= 0 {
		if i, ok := integerPower(a.num, b.num); ok && (a.kind == KindLong || b.kind == KindLong || fitsInteger(i)) {
			kind := max(a.kind, b.kind)
			return append(dst, Value{kind: kind, num: i}), nil
		}
	}
	x, _ := a.decimal()
	y, _ := b.decimal()
	if f, err := y.Float64(); err != nil || math.Abs(f) > 10_000 || x.IsZero() && f < 0 {
		return dst, nil
	}
	if err := e.step(transcendental); err != nil {
		return nil, err
	}
	ctx := quotient
	ctx.Precision += 4
	r, d := new(apd.Decimal), new(apd.Decimal)
	if _, err := ctx.Pow(r, x, y); err != nil || r.Form != apd.Finite {
		return dst, nil
	}
	if _, err := quotient.Round(d, r); err != nil || !inRange(d) {
		return dst, nil
	}
	return append(dst, Decimal(tidied(d))), nil
}

func integerPower(x, n int64) (int64, bool) {
	r := Long(1)
	for ; n > 0; n-- {
		var ok bool
		if r, ok = integerArithmetic("*", r, Long(x)); !ok {
			return 0, false
		}
		if r.num == 0 || r.num == 1 && x == 1 {
			break
		}
		if x == -1 {
			return 1 - 2*(n&1), true
		}
	}
	return r.num, true
}
