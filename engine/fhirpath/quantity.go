package fhirpath

import (
	"strings"

	"github.com/cockroachdb/apd/v3"

	"github.com/inglehealth/ingle/spec/ucum"
)

// Quantity is a System.Quantity: a number with a UCUM unit, or with a
// calendar duration. It is immutable.
type Quantity struct {
	value    *apd.Decimal
	unit     string // UCUM code, or the singular keyword ("day")
	calendar bool
	// mapped marks a quantity of a FHIR element in UCUM years or months, which
	// FHIR lets stand for calendar years and months too. R4 §2.1.9.1.
	mapped bool
	// system is the code system of unit when it is not UCUM. Such a quantity is
	// comparable with those of the same unit only.
	system string
}

// Value is the number; it must not be changed.
func (q *Quantity) Value() *apd.Decimal { return q.value }

// Unit is the UCUM code, or the singular of a calendar duration ("day").
func (q *Quantity) Unit() string { return q.unit }

// Calendar says whether the unit is a calendar duration.
func (q *Quantity) Calendar() bool { return q.calendar }

// System is the code system of the unit; "" for a calendar duration.
func (q *Quantity) System() string {
	switch {
	case q.calendar:
		return ""
	case q.system != "":
		return q.system
	}
	return ucumSystem
}

func (q *Quantity) sameUnit(o *Quantity) bool {
	return q.unit == o.unit && q.calendar == o.calendar && q.system == o.system
}

// String is the literal that means q: 1.5 'mg', 4 days.
func (q *Quantity) String() string {
	text := formatDecimal(q.value)
	if !q.calendar {
		var b strings.Builder
		quote(&b, q.unit, '\'')
		return text + " " + b.String()
	}
	if q.value.Cmp(apd.New(1, 0)) == 0 {
		return text + " " + q.unit
	}
	return text + " " + q.unit + "s"
}

// definiteCode maps calendar durations to the UCUM unit that is as long; for
// years and months that holds for equivalence only.
var definiteCode = map[string]string{"year": "a", "month": "mo", "week": "wk", "day": "d", "hour": "h", "minute": "min", "second": "s", "millisecond": "ms"}

// months returns q counted in calendar months.
func (q *Quantity) months() (*apd.Decimal, bool) {
	unit := q.unit
	if q.mapped {
		unit = map[string]string{"a": "year", "mo": "month"}[q.unit]
	}
	switch {
	case !q.calendar && !q.mapped:
	case unit == "month":
		return q.value, true
	case unit == "year":
		d := new(apd.Decimal)
		_, err := exact.Mul(d, q.value, apd.New(12, 0))
		return d, err == nil
	}
	return nil, false
}

// calendarDays are the days that calendar durations count for where they are
// converted into each other. FHIRPath 3.0 §5.5.9.
var calendarDays = map[string]int64{"year": 365, "month": 30, "week": 7, "day": 1}

// days returns a calendar duration counted in days.
func (q *Quantity) days() (*apd.Decimal, bool) {
	unit := q.unit
	if q.mapped {
		unit = map[string]string{"a": "year", "mo": "month"}[q.unit]
	}
	if !q.calendar && !q.mapped {
		return nil, false
	}
	d := new(apd.Decimal)
	if n, ok := calendarDays[unit]; ok {
		_, err := exact.Mul(d, q.value, apd.New(n, 0))
		return d, err == nil
	}
	var nanos apd.Decimal
	if _, err := exact.Mul(&nanos, q.value, apd.New(unitNanos[unit], 0)); err != nil {
		return nil, false
	}
	_, err := quotient.Quo(d, &nanos, apd.New(unitNanos["day"], 0))
	return d, err == nil
}

// indefinite says whether q is in years or months, of which UCUM's and the
// calendar's are not the same.
func (q *Quantity) indefinite() bool {
	if q.calendar {
		return q.unit == "year" || q.unit == "month"
	}
	return q.unit == "a" || q.unit == "mo"
}

// definite returns q's UCUM unit; loose lets calendar years and months be
// UCUM's.
func (q *Quantity) definite(loose bool) (ucum.Unit, bool) {
	code := q.unit
	if q.system != "" {
		return ucum.Unit{}, false
	}
	if q.calendar {
		if !loose && (code == "year" || code == "month") {
			return ucum.Unit{}, false
		}
		code = definiteCode[code]
	}
	u, err := ucum.Parse(code)
	return u, err == nil
}

// compareQuantity orders a and b; ok is false when their units cannot be
// compared.
func compareQuantity(a, b *Quantity, loose bool) (order int, ok bool) {
	if a.sameUnit(b) {
		return a.value.Cmp(b.value), true
	}
	if a.calendar || b.calendar {
		if am, ok := a.months(); ok {
			if bm, ok := b.months(); ok {
				return am.Cmp(bm), true
			}
		}
		if ad, ok := a.days(); ok {
			if bd, ok := b.days(); ok {
				return ad.Cmp(bd), true
			}
		}
		if !loose && (a.indefinite() || b.indefinite()) {
			return 0, false
		}
	}
	au, aok := a.definite(loose)
	bu, bok := b.definite(loose)
	if !aok || !bok {
		return 0, false
	}
	order, err := ucum.Compare(a.value, au, b.value, bu)
	return order, err == nil
}

// equivalentQuantity is ~: the values agree when one is converted into the
// unit of the other and both are rounded to the coarser precision.
func equivalentQuantity(a, b *Quantity) bool {
	if a.sameUnit(b) {
		return equivalentDecimal(a.value, b.value)
	}
	if order, ok := compareQuantity(a, b, true); ok && order == 0 {
		return true
	}
	au, aok := a.definite(true)
	bu, bok := b.definite(true)
	if !aok || !bok {
		return false
	}
	if v, err := bu.Convert(b.value, au); err == nil && equivalentDecimal(a.value, v) {
		return true
	}
	v, err := au.Convert(a.value, bu)
	return err == nil && equivalentDecimal(v, b.value)
}

// converted returns q in another unit.
func (q *Quantity) converted(unit string, calendar bool) (*Quantity, bool) {
	if q.unit == unit && q.calendar == calendar {
		return q, true
	}
	to := &Quantity{unit: unit, calendar: calendar, value: apd.New(1, 0)}
	if each, ok := to.months(); ok {
		if m, ok := q.months(); ok {
			d := new(apd.Decimal)
			_, err := quotient.Quo(d, m, each)
			to.value = tidied(d)
			return to, err == nil
		}
	}
	if calendar {
		if each, ok := to.days(); ok {
			if n, ok := q.days(); ok {
				d := new(apd.Decimal)
				_, err := quotient.Quo(d, n, each)
				to.value = tidied(d)
				return to, err == nil
			}
		}
	}
	if q.calendar != calendar && (q.indefinite() || to.indefinite()) {
		return nil, false
	}
	from, ok1 := q.definite(false)
	into, ok2 := to.definite(false)
	if !ok1 || !ok2 {
		return nil, false
	}
	v, err := from.Convert(q.value, into)
	to.value = v
	return to, err == nil
}

// plus is q + sign*o in the more granular of the two units; ok is false when
// their dimensions differ.
func (q *Quantity) plus(o *Quantity, sign int) (*Quantity, bool) {
	unit, calendar := q.unit, q.calendar
	if q.system != "" || o.system != "" {
		return nil, false
	}
	if !q.sameUnit(o) {
		one := &Quantity{value: apd.New(1, 0), unit: q.unit, calendar: q.calendar, mapped: q.mapped}
		// Calendar durations stay such, and only they can hold both.
		if c, ok := one.converted(o.unit, o.calendar); ok && (c.value.Cmp(one.value) > 0 || o.calendar && !q.calendar) {
			unit, calendar = o.unit, o.calendar
		}
	}
	a, ok1 := q.converted(unit, calendar)
	b, ok2 := o.converted(unit, calendar)
	if !ok1 || !ok2 {
		return nil, false
	}
	d := new(apd.Decimal)
	var err error
	if sign > 0 {
		_, err = exact.Add(d, a.value, b.value)
	} else {
		_, err = exact.Sub(d, a.value, b.value)
	}
	return &Quantity{value: d, unit: unit, calendar: calendar}, err == nil && inRange(d)
}

// times is q * o, or q / o with divide; ok is false when a unit cannot be
// multiplied or o is zero.
func (q *Quantity) times(o *Quantity, divide bool) (*Quantity, bool) {
	if divide && o.value.IsZero() {
		return nil, false
	}
	combine := exact.Mul
	if divide {
		combine = quotient.Quo
	}
	plain := func(keep *Quantity) (*Quantity, bool) {
		d := new(apd.Decimal)
		_, err := combine(d, q.value, o.value)
		if divide {
			d = tidied(d)
		}
		r := *keep
		r.value = d
		return &r, err == nil && inRange(d)
	}
	switch {
	case dimensionless(o):
		return plain(q)
	case dimensionless(q) && !divide:
		return plain(o)
	case divide && q.sameUnit(o):
		return plain(&Quantity{unit: "1"})
	}
	a, ok1 := q.definite(true)
	b, ok2 := o.definite(true)
	if !ok1 || !ok2 {
		return nil, false
	}
	multiply := ucum.Multiply
	if divide {
		multiply = ucum.Divide
	}
	v, u, err := multiply(q.value, a, o.value, b)
	if err != nil {
		return nil, false
	}
	return &Quantity{value: v, unit: u.String()}, true
}

func dimensionless(q *Quantity) bool {
	if q.calendar || q.system != "" {
		return false
	}
	if q.unit == "1" {
		return true
	}
	u, err := ucum.Parse(q.unit)
	if err != nil || u.Canonical() != "1" || u.Special() {
		return false
	}
	factor, err := u.Canonicalize(apd.New(1, 0))
	return err == nil && factor.Cmp(apd.New(1, 0)) == 0
}
