package fhirpath

import (
	"strconv"
	"strings"

	"github.com/cockroachdb/apd/v3"
)

// compile turns a tree into operations, choosing fast ones where the shape of
// the expression allows it.
func compile(s *Syntax) (op, error) {
	switch s.Kind {
	case SyntaxMember:
		return compilePath(s)
	case SyntaxCall:
		return compileCall(s)
	case SyntaxIndexer:
		return compileIndexer(s)
	case SyntaxBinary:
		return compileBinary(s)
	case SyntaxType:
		return compileTypeOperator(s)
	case SyntaxPolarity:
		if s.Args[0].Kind == SyntaxNumber && s.Text == "-" {
			v, err := literal(s.Args[0])
			if err != nil {
				return nil, err
			}
			v, _ = negated(v)
			return literalOp{v}, nil
		}
		operand, err := compile(s.Args[0])
		if err != nil {
			return nil, err
		}
		return polarityOp{s, operand}, nil
	case SyntaxVariable:
		return compileVariable(s), nil
	case SyntaxThis:
		switch s.Text {
		case "index":
			return indexOp{s}, nil
		case "total":
			return totalOp{}, nil
		}
		return thisOp{}, nil
	case SyntaxEmpty:
		return emptyOp{}, nil
	case SyntaxInstance:
		return compileInstance(s)
	}
	v, err := literal(s)
	if err != nil {
		return nil, err
	}
	if v.kind == KindInteger && !fitsInteger(v.num) {
		return nil, tooLarge(s)
	}
	return literalOp{v}, nil
}

func tooLarge(s *Syntax) error {
	return s.semanticError(s.Text + " does not fit into an Integer; write " + s.Text + "L or " + s.Text + ".0")
}

// literal is the value of a literal's node.
func literal(s *Syntax) (Value, error) {
	switch s.Kind {
	case SyntaxBoolean:
		return Boolean(s.Text == "true"), nil
	case SyntaxString:
		return String(s.Text), nil
	case SyntaxLong:
		i, err := strconv.ParseInt(s.Text, 10, 64)
		if err != nil {
			return Value{}, s.semanticError(s.Text + "L does not fit into 64 bits")
		}
		return Long(i), nil
	case SyntaxDate:
		t, _ := parseDate(s.Text)
		return temporalValue(t), nil
	case SyntaxDateTime:
		t, _ := parseDateTime(s.Text)
		return temporalValue(t), nil
	case SyntaxTime:
		t, _ := parseTime(s.Text)
		return temporalValue(t), nil
	case SyntaxQuantity:
		d, ok := parseDecimal(s.Text)
		if !ok {
			return Value{}, s.semanticError(s.Text + " has too many digits")
		}
		return Value{kind: KindQuantity, data: &Quantity{value: d, unit: s.Unit, calendar: s.Calendar}}, nil
	}
	if !strings.Contains(s.Text, ".") {
		i, err := strconv.ParseInt(s.Text, 10, 64)
		if err == nil && fitsInteger(i) {
			return Integer(int32(i)), nil
		}
		// -2147483648 is the negation of a number that does not fit by itself.
		if err == nil && i == 1<<31 {
			return Value{kind: KindInteger, num: i}, nil
		}
		return Value{}, tooLarge(s)
	}
	d, ok := parseDecimal(s.Text)
	if !ok {
		return Value{}, s.semanticError(s.Text + " has too many digits")
	}
	return Decimal(d), nil
}

type literalOp struct{ v Value }

func (o literalOp) eval(_ *evaluation, _ *scope, dst []Value) ([]Value, error) {
	return append(dst, o.v), nil
}

type emptyOp struct{}

func (emptyOp) eval(_ *evaluation, _ *scope, dst []Value) ([]Value, error) { return dst, nil }

type thisOp struct{}

func (thisOp) eval(e *evaluation, s *scope, dst []Value) ([]Value, error) {
	return append(dst, s.focus...), e.step(len(s.focus))
}

type indexOp struct{ at *Syntax }

func (o indexOp) eval(_ *evaluation, s *scope, dst []Value) ([]Value, error) {
	if s.index < 0 {
		return nil, o.at.semanticError("$index has a value only in where, select and the like")
	}
	return append(dst, Integer(int32(s.index))), nil
}

type totalOp struct{}

func (totalOp) eval(e *evaluation, s *scope, dst []Value) ([]Value, error) {
	return append(dst, s.total...), e.step(len(s.total))
}

type polarityOp struct {
	at      *Syntax
	operand op
}

func (o polarityOp) eval(e *evaluation, s *scope, dst []Value) ([]Value, error) {
	v, ok, err := e.single(s, o.operand, o.at)
	if err != nil || !ok {
		return dst, err
	}
	v = v.quantity()
	switch v.kind {
	case KindInteger, KindLong, KindDecimal, KindQuantity:
	default:
		return nil, e.failed(o.at, "%s needs a number, not %s", o.at.Text, describe(v))
	}
	if o.at.Text == "-" {
		if v, ok = negated(v); !ok {
			return dst, nil
		}
	}
	return append(dst, v), nil
}

// negated is -v; ok is false when v is no number or -v does not fit.
func negated(v Value) (Value, bool) {
	switch v.kind {
	case KindInteger:
		return Value{kind: KindInteger, num: -v.num}, fitsInteger(-v.num)
	case KindLong:
		return Value{kind: KindLong, num: -v.num}, v.num != -v.num || v.num == 0
	case KindDecimal:
		return Decimal(new(apd.Decimal).Neg(v.data.(*apd.Decimal))), true
	case KindQuantity:
		q := *v.data.(*Quantity)
		q.value = new(apd.Decimal).Neg(q.value)
		return Value{kind: KindQuantity, data: &q}, true
	}
	return v, false
}
