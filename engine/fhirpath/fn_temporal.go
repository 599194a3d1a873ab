package fhirpath

import "github.com/cockroachdb/apd/v3"

// FHIRPath 3.0 §5.9.3 Date and time components. What a value does not
// specify is empty; strings are converted.
func init() {
	part := func(name string, get func(t *Temporal) (Value, bool)) function {
		return function{name: name, eval: func(e *evaluation, _ *scope, c *callOp, in, dst []Value) ([]Value, error) {
			v, ok, err := e.one(in, c.at)
			if err != nil || !ok {
				return dst, err
			}
			v = v.system()
			if v.kind == KindString {
				if v, ok = toDateTime(v); !ok {
					return dst, nil
				}
			}
			t, ok := v.data.(*Temporal)
			if !ok {
				return dst, nil
			}
			if r, ok := get(t); ok {
				dst = append(dst, r)
			}
			return dst, nil
		}}
	}
	number := func(name string, least Precision, get func(t *Temporal) int) function {
		return part(name, func(t *Temporal) (Value, bool) {
			return Integer(int32(get(t))), t.precision >= least && (least >= Hour || t.kind != KindTime)
		})
	}
	register(
		number("yearOf", Year, func(t *Temporal) int { return t.year }),
		number("monthOf", Month, func(t *Temporal) int { return t.month }),
		number("dayOf", Day, func(t *Temporal) int { return t.day }),
		number("hourOf", Hour, func(t *Temporal) int { return t.hour }),
		number("minuteOf", Minute, func(t *Temporal) int { return t.minute }),
		number("secondOf", Second, func(t *Temporal) int { return t.sec }),
		number("millisecondOf", Millisecond, func(t *Temporal) int { return t.nanos / 1_000_000 }),
		part("timezoneOffsetOf", func(t *Temporal) (Value, bool) {
			d := new(apd.Decimal)
			if _, err := quotient.Quo(d, apd.New(int64(t.offset), 0), apd.New(60, 0)); err != nil {
				return Value{}, false
			}
			return Decimal(tidied(d)), t.zoned
		}),
		part("dateOf", func(t *Temporal) (Value, bool) { return temporalValue(t.dateOf()), t.kind != KindTime }),
		part("timeOf", func(t *Temporal) (Value, bool) {
			return temporalValue(t.timeOf()), t.kind == KindDateTime && t.precision >= Hour
		}),
	)
}
