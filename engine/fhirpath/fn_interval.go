package fhirpath

// FHIRPath 3.0 §5.11 Date and time intervals: duration counts whole periods
// between two values, difference the boundaries crossed.
func init() {
	interval := func(name string, count func(a, b *Temporal, unit string) int64) function {
		return function{name: name, min: 2, max: 2, eval: func(e *evaluation, s *scope, c *callOp, in, dst []Value) ([]Value, error) {
			a, aok, err := e.temporal(in, c.at)
			if err != nil {
				return nil, err
			}
			other, err := e.inner(s, c.args[0], e.buffer())
			if err != nil {
				return nil, err
			}
			b, bok, err := e.temporal(other, c.at)
			e.release(other)
			if err != nil {
				return nil, err
			}
			unit, ok, err := e.text(s, c.args[1], c.at)
			if err != nil || !ok || !aok || !bok {
				return dst, err
			}
			unit, known := calendarUnits[unit]
			if !known {
				return nil, e.failed(c.at, "%s counts years, months, weeks, days, hours, minutes, seconds or milliseconds", title(c.at))
			}
			if (a.kind == KindTime) != (b.kind == KindTime) || a.kind == KindTime && unitPrecision[unit] < Hour {
				return nil, e.failed(c.at, "%s cannot count each %s between %s and %s", title(c.at), unit, a, b)
			}
			if need := unitPrecision[unit]; a.precision < need || b.precision < need || need >= Hour && a.zoned != b.zoned {
				return dst, nil
			}
			n := Long(count(a, b, unit))
			if fitsInteger(n.num) {
				n.kind = KindInteger
			}
			return append(dst, n), nil
		}}
	}
	register(interval("duration", duration), interval("difference", difference))
}

// unitPrecision is how far a value must be specified for a unit to be counted.
var unitPrecision = map[string]Precision{"year": Year, "month": Month, "week": Day, "day": Day, "hour": Hour,
	"minute": Minute, "second": Second, "millisecond": Millisecond}

// temporal evaluates a collection to at most one date or time.
func (e *evaluation) temporal(c []Value, at *Syntax) (*Temporal, bool, error) {
	v, ok, err := e.one(c, at)
	if err != nil || !ok {
		return nil, false, err
	}
	sys := v.system()
	if t, ok := sys.data.(*Temporal); ok {
		return t, true, nil
	}
	if valueless(v) {
		return nil, false, nil
	}
	return nil, false, e.failed(at, "%s needs a date or time, not %s", title(at), describe(sys))
}

// local is the time on the clock of t's own zone, as if that were UTC.
func (t *Temporal) local() instant {
	lo, _ := t.span()
	lo.sec += int64(t.offset) * 60
	return lo
}

func duration(a, b *Temporal, unit string) int64 {
	switch unit {
	case "year", "month":
		x, y := a.local(), b.local()
		if y.compare(x) < 0 {
			return -duration(b, a, unit)
		}
		months := int64(b.year-a.year)*12 + int64(b.month-a.month)
		// The last month is whole once its day and time of day have come; the end
		// of a shorter month stands for a day that it lacks.
		if whole, ok := a.addMonths(months); ok && whole.local().compare(y) > 0 {
			months--
		}
		if unit == "year" {
			return months / 12
		}
		return months
	case "week", "day":
		x, y := a.local(), b.local()
		return nanosBetween(x, y, unitNanos[unit])
	}
	x, _ := a.span()
	y, _ := b.span()
	return nanosBetween(x, y, unitNanos[unit])
}

// nanosBetween is how many whole units lie between two instants.
func nanosBetween(x, y instant, unit int64) int64 {
	if y.compare(x) < 0 {
		return -nanosBetween(y, x, unit)
	}
	if unit >= 1e9 {
		seconds := y.sec - x.sec
		if y.nano < x.nano {
			seconds--
		}
		return seconds / (unit / 1e9)
	}
	return (y.sec-x.sec)*(1e9/unit) + floorDiv(y.nano-x.nano, unit)
}

func difference(a, b *Temporal, unit string) int64 {
	switch unit {
	case "year":
		return int64(b.year - a.year)
	case "month":
		return int64(b.year-a.year)*12 + int64(b.month-a.month)
	case "week":
		// Weeks begin on Sunday; 1970-01-01 was a Thursday.
		return floorDiv(floorDiv(b.local().sec, 86400)+4, 7) - floorDiv(floorDiv(a.local().sec, 86400)+4, 7)
	case "day":
		return floorDiv(b.local().sec, 86400) - floorDiv(a.local().sec, 86400)
	case "millisecond":
		x, _ := a.span()
		y, _ := b.span()
		return (y.sec-x.sec)*1000 + y.nano/1e6 - x.nano/1e6
	}
	x, _ := a.span()
	y, _ := b.span()
	seconds := unitNanos[unit] / 1e9
	return floorDiv(y.sec, seconds) - floorDiv(x.sec, seconds)
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
