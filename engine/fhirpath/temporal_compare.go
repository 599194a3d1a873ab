package fhirpath

import "github.com/inglehealth/ingle/spec/fhir"

// instant is a point on the time line: seconds and nanoseconds.
type instant struct {
	sec  int64
	nano int64
}

func (a instant) compare(b instant) int {
	switch {
	case a.sec != b.sec && a.sec < b.sec, a.sec == b.sec && a.nano < b.nano:
		return -1
	case a == b:
		return 0
	}
	return 1
}

// Local times are between 14 hours ahead of and 12 hours behind UTC.
const (
	hoursAhead  = 14
	hoursBehind = 12
)

// span is the range of instants t may mean, as if it were in its own zone or,
// without one, in UTC. Seconds and fractions are points.
func (t *Temporal) span() (lo, hi instant) {
	seconds := func(year, month, day, hour, minute, sec int) int64 {
		return daysFromCivil(year, month, day)*86400 + int64(hour*3600+minute*60+sec) - int64(t.offset)*60
	}
	lo = instant{seconds(t.year, t.month, t.day, t.hour, t.minute, t.sec), int64(t.nanos)}
	const last = 999_999_999
	switch t.precision {
	case Year:
		hi = instant{seconds(t.year, 12, 31, 23, 59, 59), last}
	case Month:
		hi = instant{seconds(t.year, t.month, fhir.DaysIn(t.year, t.month), 23, 59, 59), last}
	case Day:
		hi = instant{seconds(t.year, t.month, t.day, 23, 59, 59), last}
	case Hour:
		hi = instant{seconds(t.year, t.month, t.day, t.hour, 59, 59), last}
	case Minute:
		hi = instant{seconds(t.year, t.month, t.day, t.hour, t.minute, 59), last}
	default:
		hi = lo
	}
	return lo, hi
}

// daysFromCivil counts days from 1970-01-01 in the Gregorian calendar.
func daysFromCivil(y, m, d int) int64 {
	if m <= 2 {
		y--
	}
	era := y / 400
	yoe := y - era*400
	mp := (m + 9) % 12
	doy := (153*mp+2)/5 + d - 1
	doe := yoe*365 + yoe/4 - yoe/100 + doy
	return int64(era*146097+doe) - 719468
}

// compareTemporal orders a and b; ok is false when their precision or a
// missing time zone leaves it open, which FHIRPath answers with empty.
// FHIRPath §6.1.1 and §6.2.
func compareTemporal(a, b *Temporal) (order int, ok bool) {
	alo, ahi := a.span()
	blo, bhi := b.span()
	if a.kind != KindTime && a.zoned != b.zoned {
		lo, hi := &alo, &ahi
		if a.zoned {
			lo, hi = &blo, &bhi
		}
		lo.sec -= hoursAhead * 3600
		hi.sec += hoursBehind * 3600
	}
	switch {
	case ahi.compare(blo) < 0:
		return -1, true
	case alo.compare(bhi) > 0:
		return 1, true
	case alo == blo && ahi == bhi && min(a.precision, Second) == min(b.precision, Second):
		return 0, true
	}
	return 0, false
}

// equivalentTemporal is ~: precisions must be the same.
func equivalentTemporal(a, b *Temporal) bool {
	order, ok := compareTemporal(a, b)
	return ok && order == 0
}
