package fhirpath

import (
	"time"

	"github.com/cockroachdb/apd/v3"

	"github.com/inglehealth/ingle/spec/fhir"
)

// definiteUnits are the UCUM units that may be added to dates and times; a
// and mo may not, since they are no calendar durations. FHIRPath §6.6.7.
var definiteUnits = map[string]string{"wk": "week", "d": "day", "h": "hour", "min": "minute", "s": "second", "ms": "millisecond"}

// temporalUnit returns the calendar unit that q counts.
func (q *Quantity) temporalUnit() (string, bool) {
	if q.calendar {
		return q.unit, true
	}
	if q.mapped {
		return map[string]string{"a": "year", "mo": "month"}[q.unit], true
	}
	if unit, ok := definiteUnits[q.unit]; ok {
		return unit, true
	}
	// 1 'month' is no UCUM, but HL7's suites mean the calendar by it.
	unit, ok := calendarUnits[q.unit]
	return unit, ok
}

// unitNanos are the units of fixed length.
var unitNanos = map[string]int64{"week": 7 * 86400e9, "day": 86400e9, "hour": 3600e9, "minute": 60e9, "second": 1e9, "millisecond": 1e6}

// add returns t + sign*q; ok is false when the result leaves the calendar.
// The caller has checked that q's unit is temporal.
//
// A quantity finer than t's precision counts for the whole units of that
// precision it contains (a year has 12 months or 365 days, a month 30 days).
// Above seconds the fraction of the quantity is ignored.
func (t *Temporal) add(q *Quantity, sign int) (Temporal, bool) {
	unit, _ := q.temporalUnit()
	count := new(apd.Decimal).Set(q.value)
	count.Negative = count.Negative != (sign < 0)
	if unit == "year" || unit == "month" {
		n, ok := truncated(count)
		if !ok || t.kind == KindTime {
			return *t, false
		}
		if unit == "year" {
			n *= 12
		}
		if t.precision == Year {
			n = n / 12 * 12
		}
		return t.addMonths(n)
	}
	var nanos int64
	if unit == "second" || unit == "millisecond" {
		d := new(apd.Decimal)
		if _, err := exact.Mul(d, count, apd.New(unitNanos[unit], 0)); err != nil {
			return *t, false
		}
		n, ok := truncated(d)
		if !ok {
			return *t, false
		}
		nanos = n
	} else {
		n, ok := truncated(count)
		const limit = 10000 * 366 * 24 * 60
		if !ok || n > limit || n < -limit {
			return *t, false
		}
		return t.addUnits(n, unit)
	}
	return t.addNanos(nanos/1e9, nanos%1e9)
}

// truncated is d without its fraction, as an int64 of at most 18 digits.
func truncated(d *apd.Decimal) (int64, bool) {
	var whole, fraction apd.Decimal
	if !inRange(d) {
		return 0, false
	}
	d.Modf(&whole, &fraction)
	n, ok := integerOf(&whole)
	const limit = 1e18
	return n, ok && n < limit && n > -limit
}

// addUnits adds n weeks, days, hours or minutes.
func (t *Temporal) addUnits(n int64, unit string) (Temporal, bool) {
	return t.addNanos(n*(unitNanos[unit]/1e9), 0)
}

func (t *Temporal) addMonths(n int64) (Temporal, bool) {
	r := *t
	months := int64(t.year)*12 + int64(t.month-1) + n
	if months < 12 || months >= 10000*12 {
		return r, false
	}
	r.year, r.month = int(months/12), int(months%12)+1
	r.day = min(r.day, fhir.DaysIn(r.year, r.month))
	return r, true
}

// addNanos adds seconds and nanoseconds, in whole units of t's precision.
func (t *Temporal) addNanos(seconds, nanos int64) (Temporal, bool) {
	switch t.precision {
	case Year:
		return t.addMonths(seconds / 86400 / 365 * 12)
	case Month:
		return t.addMonths(seconds / 86400 / 30)
	case Day:
		seconds, nanos = seconds/86400*86400, 0
	case Hour:
		seconds, nanos = seconds/3600*3600, 0
	case Minute:
		seconds, nanos = seconds/60*60, 0
	}
	days := seconds / 86400
	if t.kind == KindTime {
		days = 0
	}
	at := time.Date(t.year, time.Month(t.month), t.day+int(days), t.hour, t.minute, t.sec+int(seconds%86400), t.nanos+int(nanos), time.UTC)
	r := *t
	r.hour, r.minute, r.sec, r.nanos = at.Hour(), at.Minute(), at.Second(), at.Nanosecond()
	if r.nanos != 0 && r.precision >= Second {
		r.precision, r.fraction = Millisecond, max(r.fraction, 3)
	}
	if t.kind == KindTime {
		return r, true
	}
	r.year, r.month, r.day = at.Year(), int(at.Month()), at.Day()
	return r, r.year >= 1 && r.year <= 9999
}
