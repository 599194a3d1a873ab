package fhirpath

import (
	"math/bits"

	"github.com/cockroachdb/apd/v3"
)

// arithmetic holds the operators of FHIRPath §6.6. An empty operand gives
// empty, except for &.
var arithmetic map[string]func(e *evaluation, at *Syntax, a, b, dst []Value) ([]Value, error)

func init() {
	arithmetic = map[string]func(e *evaluation, at *Syntax, a, b, dst []Value) ([]Value, error){
		"&": concatenate,
	}
	for _, name := range []string{"+", "-", "*", "/", "div", "mod"} {
		arithmetic[name] = calculate
	}
}

func concatenate(e *evaluation, at *Syntax, a, b, dst []Value) ([]Value, error) {
	left, _, err := e.onText(a, at)
	if err != nil {
		return nil, err
	}
	right, _, err := e.onText(b, at)
	if err != nil {
		return nil, err
	}
	return e.appendText(dst, left+right)
}

// appendText adds a computed string, refusing one over the limits.
func (e *evaluation) appendText(dst []Value, s string) ([]Value, error) {
	if len(s) > e.limits.Text {
		return nil, &LimitError{Limit: "bytes of text", Max: e.limits.Text}
	}
	if e.written += len(s); e.written > e.limits.Texts {
		return nil, &LimitError{Limit: "bytes of text in all", Max: e.limits.Texts}
	}
	return append(dst, String(s)), e.step(1 + len(s)>>10)
}

func calculate(e *evaluation, at *Syntax, a, b, dst []Value) ([]Value, error) {
	va, aok, err := e.one(a, at)
	if err != nil {
		return nil, err
	}
	vb, bok, err := e.one(b, at)
	if err != nil || !aok || !bok {
		return dst, err
	}
	va, vb = va.quantity(), vb.quantity()
	if valueless(va) || valueless(vb) {
		return dst, nil
	}
	v, known, ok := Value{}, false, false
	switch {
	case va.kind == KindString && vb.kind == KindString && at.Text == "+":
		return e.appendText(dst, va.data.(string)+vb.data.(string))
	case isTemporal(va.kind):
		if q, isQuantity := vb.data.(*Quantity); isQuantity && (at.Text == "+" || at.Text == "-") {
			if _, temporal := q.temporalUnit(); !temporal {
				return nil, e.failed(at, "%s is no duration that can be added to a date or time; use calendar units such as 1 month", q)
			}
			sign := 1
			if at.Text == "-" {
				sign = -1
			}
			t, fits := va.data.(*Temporal).add(q, sign)
			v, known, ok = temporalValue(t), fits, true
		}
	case va.kind == KindQuantity || vb.kind == KindQuantity:
		v, known, ok = quantityArithmetic(at.Text, va, vb)
	case isNumber(va.kind) && isNumber(vb.kind):
		ok = true
		if va.kind == KindDecimal || vb.kind == KindDecimal || at.Text == "/" {
			v, known = decimalArithmetic(at.Text, va, vb)
		} else {
			v, known = integerArithmetic(at.Text, va, vb)
		}
	}
	if !ok {
		return nil, e.failed(at, "'%s' has no meaning between %s and %s", at.Text, describe(va), describe(vb))
	}
	if !known {
		return dst, nil
	}
	return append(dst, v), nil
}

// integerArithmetic works on Integer and Long; known is false for overflow
// and division by zero.
func integerArithmetic(operator string, a, b Value) (v Value, known bool) {
	v = Value{kind: KindInteger}
	if a.kind == KindLong || b.kind == KindLong {
		v.kind = KindLong
	}
	x, y := a.num, b.num
	switch operator {
	case "+":
		v.num = x + y
		known = (v.num > x) == (y > 0)
	case "-":
		v.num = x - y
		known = (v.num < x) == (y > 0)
	case "*":
		hi, lo := bits.Mul64(magnitude(x), magnitude(y))
		v.num = x * y
		known = hi == 0 && lo == magnitude(v.num) && (v.num == 0 || (v.num < 0) == ((x < 0) != (y < 0)))
	case "div":
		if known = y != 0 && (y != -1 || x != -x || x == 0); known {
			v.num = x / y
		}
	case "mod":
		if known = y != 0; known && y != -1 {
			v.num = x % y
		}
	}
	return v, known && (v.kind == KindLong || fitsInteger(v.num))
}

func magnitude(i int64) uint64 {
	if i < 0 {
		return -uint64(i)
	}
	return uint64(i)
}

func decimalArithmetic(operator string, a, b Value) (v Value, known bool) {
	x, _ := a.decimal()
	y, _ := b.decimal()
	d := new(apd.Decimal)
	var err error
	switch operator {
	case "+":
		_, err = exact.Add(d, x, y)
	case "-":
		_, err = exact.Sub(d, x, y)
	case "*":
		_, err = exact.Mul(d, x, y)
	case "/":
		if y.IsZero() {
			return v, false
		}
		if _, err = quotient.Quo(d, x, y); err == nil {
			d = tidied(d)
		}
	case "div":
		if y.IsZero() {
			return v, false
		}
		if _, err = exact.QuoInteger(d, x, y); err != nil {
			return v, false
		}
		i, ok := integerOf(d)
		switch {
		case ok && fitsInteger(i):
			return Integer(int32(i)), true
		case ok:
			return Long(i), true
		}
	case "mod":
		if y.IsZero() {
			return v, false
		}
		_, err = exact.Rem(d, x, y)
	}
	return Decimal(d), err == nil && inRange(d)
}

// quantityArithmetic adds and multiplies quantities; a number is a quantity
// of unit 1.
func quantityArithmetic(operator string, a, b Value) (v Value, known, ok bool) {
	x, xok := asQuantity(a)
	y, yok := asQuantity(b)
	if !xok || !yok {
		return v, false, false
	}
	var q *Quantity
	switch operator {
	case "+":
		q, known = x.plus(y, 1)
	case "-":
		q, known = x.plus(y, -1)
	case "*":
		q, known = x.times(y, false)
	case "/":
		q, known = x.times(y, true)
	default:
		return v, false, false
	}
	return Value{kind: KindQuantity, data: q}, known, true
}
