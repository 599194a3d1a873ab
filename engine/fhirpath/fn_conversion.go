package fhirpath

import (
	"strconv"
	"strings"

	"github.com/cockroachdb/apd/v3"
)

// FHIRPath §5.5 Conversion.
func init() {
	register(function{name: "iif", min: 2, max: 3, eval: iif})
	convert := func(name string, to func(Value) (Value, bool)) {
		register(
			function{name: "to" + name, eval: func(e *evaluation, _ *scope, c *callOp, in, dst []Value) ([]Value, error) {
				v, ok, err := e.one(in, c.at)
				if err == nil {
					err = e.weighed(in)
				}
				if err != nil || !ok {
					return dst, err
				}
				if r, ok := to(v.quantity()); ok {
					dst = append(dst, r)
				}
				return dst, nil
			}},
			function{name: "convertsTo" + name, test: func(e *evaluation, _ *scope, c *callOp, in []Value) (truth, error) {
				v, ok, err := e.one(in, c.at)
				if err == nil {
					err = e.weighed(in)
				}
				if err != nil || !ok {
					return unknown, err
				}
				_, converts := to(v.quantity())
				return truthOf(converts), nil
			}},
		)
	}
	convert("Boolean", toBoolean)
	convert("Integer", toInteger)
	convert("Long", toLong)
	convert("Decimal", toDecimal)
	convert("String", toString)
	convert("Date", toDate)
	convert("DateTime", toDateTime)
	convert("Time", toTime)
	register(
		function{name: "toQuantity", max: 1, eval: func(e *evaluation, s *scope, c *callOp, in, dst []Value) ([]Value, error) {
			v, ok, err := e.quantityIn(s, c, in)
			if err != nil || !ok {
				return dst, err
			}
			return append(dst, v), nil
		}},
		function{name: "convertsToQuantity", max: 1, test: func(e *evaluation, s *scope, c *callOp, in []Value) (truth, error) {
			_, ok, err := e.quantityIn(s, c, in)
			if err != nil || len(in) == 0 {
				return unknown, err
			}
			return truthOf(ok), nil
		}},
	)
}

// iif evaluates only the branch it takes. Its input, of at most one item, is
// the focus of its arguments.
func iif(e *evaluation, s *scope, c *callOp, in, dst []Value) ([]Value, error) {
	inner := s
	if c.input != nil {
		if _, _, err := e.one(in, c.at); err != nil {
			return nil, err
		}
		inner = e.scope(in, s)
		defer e.drop(inner)
	}
	t, err := e.truth(inner, c.args[0], c.at)
	if err != nil {
		return nil, err
	}
	switch {
	case t == isTrue:
		return e.inner(inner, c.args[1], dst)
	case len(c.args) == 3:
		return e.inner(inner, c.args[2], dst)
	}
	return dst, nil
}

func toBoolean(v Value) (Value, bool) {
	switch v.kind {
	case KindBoolean:
		return v, true
	case KindString:
		switch strings.ToLower(v.data.(string)) {
		case "true", "t", "yes", "y", "1", "1.0":
			return Boolean(true), true
		case "false", "f", "no", "n", "0", "0.0":
			return Boolean(false), true
		}
	case KindInteger, KindLong, KindDecimal:
		d, _ := v.decimal()
		if d.IsZero() {
			return Boolean(false), true
		}
		return Boolean(true), d.Cmp(apd.New(1, 0)) == 0
	}
	return Value{}, false
}

// wholeNumber parses (+|-)?[0-9]+.
func wholeNumber(v Value) (int64, bool) {
	switch v.kind {
	case KindInteger, KindLong, KindBoolean:
		return v.num, true
	case KindString:
		s := v.data.(string)
		if strings.Contains(s, "_") {
			return 0, false
		}
		i, err := strconv.ParseInt(s, 10, 64)
		return i, err == nil
	}
	return 0, false
}

func toInteger(v Value) (Value, bool) {
	i, ok := wholeNumber(v)
	return Value{kind: KindInteger, num: i}, ok && fitsInteger(i)
}

func toLong(v Value) (Value, bool) {
	i, ok := wholeNumber(v)
	return Long(i), ok
}

func toDecimal(v Value) (Value, bool) {
	switch v.kind {
	case KindDecimal:
		return v, true
	case KindInteger, KindLong:
		return Decimal(apd.New(v.num, 0)), true
	case KindBoolean:
		return Decimal(apd.New(v.num*10, -1)), true
	case KindString:
		s := v.data.(string)
		d, ok := parseDecimal(s)
		if !ok || strings.ContainsAny(s, "eE") || strings.HasPrefix(s, ".") || strings.HasSuffix(s, ".") {
			return v, false
		}
		return Decimal(d), true
	}
	return Value{}, false
}

func toString(v Value) (Value, bool) {
	text, ok := v.text()
	return String(text), ok
}

func toDate(v Value) (Value, bool) {
	switch v.kind {
	case KindDate:
		return v, true
	case KindDateTime:
		return temporalValue(v.data.(*Temporal).dateOf()), true
	case KindString:
		if t, ok := parseDateTime(v.data.(string)); ok {
			return temporalValue(t.dateOf()), true
		}
	}
	return Value{}, false
}

func toDateTime(v Value) (Value, bool) {
	switch v.kind {
	case KindDateTime:
		return v, true
	case KindDate:
		t := *v.data.(*Temporal)
		t.kind = KindDateTime
		return temporalValue(t), true
	case KindString:
		t, ok := parseDateTime(v.data.(string))
		return temporalValue(t), ok
	}
	return Value{}, false
}

func toTime(v Value) (Value, bool) {
	switch v.kind {
	case KindTime:
		return v, true
	case KindString:
		t, ok := parseTime(strings.TrimPrefix(v.data.(string), "T"))
		return temporalValue(t), ok
	}
	return Value{}, false
}

// quantityIn converts the input of toQuantity(unit) and its kin; ok is false
// when it does not convert.
func (e *evaluation) quantityIn(s *scope, c *callOp, in []Value) (Value, bool, error) {
	v, ok, err := e.one(in, c.at)
	if err != nil || !ok {
		return v, false, err
	}
	if v.kind == KindNode && v.node.Type().Is("Quantity") && !v.node.Child("comparator").IsZero() {
		return v, false, e.failed(c.at, "a Quantity with a comparator is a range, not a value")
	}
	v, ok = toQuantity(v.quantity())
	if len(c.args) == 0 || !ok {
		return v, ok, nil
	}
	unit, given, err := e.text(s, c.args[0], c.at)
	if err != nil || !given {
		return v, false, err
	}
	calendar := false
	if singular, ok := calendarUnits[unit]; ok {
		unit, calendar = singular, true
	}
	q, ok := v.data.(*Quantity).converted(unit, calendar)
	return Value{kind: KindQuantity, data: q}, ok, nil
}

func toQuantity(v Value) (Value, bool) {
	switch v.kind {
	case KindQuantity:
		return v, v.data.(*Quantity).system == ""
	case KindInteger, KindLong, KindDecimal:
		d, _ := v.decimal()
		return QuantityOf(d, "1"), true
	case KindBoolean:
		return QuantityOf(apd.New(v.num*10, -1), "1"), true
	case KindString:
		q, ok := parseQuantity(v.data.(string))
		return Value{kind: KindQuantity, data: q}, ok
	}
	return Value{}, false
}

// parseQuantity reads a number, alone or with a unit in quotes or a calendar
// keyword.
func parseQuantity(s string) (*Quantity, bool) {
	n := strings.IndexFunc(s, func(r rune) bool { return !strings.ContainsRune("+-.0123456789", r) })
	number, rest := s, ""
	if n >= 0 {
		number, rest = s[:n], strings.TrimSpace(s[n:])
	}
	v, ok := toDecimal(String(number))
	if !ok {
		return nil, false
	}
	q := &Quantity{value: v.data.(*apd.Decimal), unit: "1"}
	if rest == "" {
		return q, n < 0
	}
	if unit, ok := calendarUnits[rest]; ok {
		q.unit, q.calendar = unit, true
		return q, true
	}
	if len(rest) < 3 || rest[0] != '\'' || rest[len(rest)-1] != '\'' {
		return nil, false
	}
	q.unit = rest[1 : len(rest)-1]
	return q, true
}
