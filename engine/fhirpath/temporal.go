package fhirpath

import (
	"fmt"
	"strings"
	"time"

	"github.com/inglehealth/ingle/spec/fhir"
)

// Precision is how far a date, date-time or time is specified.
type Precision uint8

// The precisions. Second and Millisecond compare as one: seconds with or
// without a fraction. FHIRPath §6.1.1.
const (
	Year Precision = iota
	Month
	Day
	Hour
	Minute
	Second
	Millisecond
)

// Temporal is a System.Date, DateTime or Time with its precision and, for a
// DateTime, its time zone if it has one. It is immutable.
type Temporal struct {
	kind              Kind
	precision         Precision
	year              int
	month, day        int // 1 when not specified
	hour, minute, sec int
	nanos             int
	fraction          int // digits of the fraction of a second
	zoned, utc        bool
	offset            int // minutes east of UTC
}

func temporalValue(t Temporal) Value { return Value{kind: t.kind, data: &t} }

// Precision returns how far t is specified.
func (t *Temporal) Precision() Precision { return t.precision }

// Bounds returns the first and last instant that t may mean, in UTC; a value
// without a time zone is taken to be in loc.
func (t *Temporal) Bounds(loc *time.Location) (first, last time.Time) {
	zone := loc
	if t.zoned {
		zone = time.FixedZone("", t.offset*60)
	}
	first = time.Date(t.year, time.Month(t.month), t.day, t.hour, t.minute, t.sec, t.nanos, zone)
	switch t.precision {
	case Year:
		last = first.AddDate(1, 0, 0)
	case Month:
		last = first.AddDate(0, 1, 0)
	case Day:
		last = first.AddDate(0, 0, 1)
	case Hour:
		last = first.Add(time.Hour)
	case Minute:
		last = first.Add(time.Minute)
	case Second:
		last = first.Add(time.Second)
	default:
		return first.UTC(), first.UTC()
	}
	return first.UTC(), last.Add(-1).UTC()
}

// scanner reads fixed-width digits.
type scanner struct {
	s string
	i int
}

func (c *scanner) done() bool { return c.i == len(c.s) }

func (c *scanner) at(b byte) bool {
	if c.i < len(c.s) && c.s[c.i] == b {
		c.i++
		return true
	}
	return false
}

func (c *scanner) digits(n int) (int, bool) {
	if c.i+n > len(c.s) {
		return 0, false
	}
	v := 0
	for _, b := range []byte(c.s[c.i : c.i+n]) {
		if !isDigit(b) {
			return 0, false
		}
		v = v*10 + int(b-'0')
	}
	c.i += n
	return v, true
}

func (c *scanner) date(t *Temporal) bool {
	var ok bool
	t.month, t.day, t.precision = 1, 1, Year
	if t.year, ok = c.digits(4); !ok || t.year == 0 {
		return false
	}
	if !c.at('-') {
		return true
	}
	if t.month, ok = c.digits(2); !ok || t.month < 1 || t.month > 12 {
		return false
	}
	t.precision = Month
	if !c.at('-') {
		return true
	}
	t.day, ok = c.digits(2)
	t.precision = Day
	return ok && t.day >= 1 && t.day <= fhir.DaysIn(t.year, t.month)
}

func (c *scanner) clock(t *Temporal) bool {
	var ok bool
	if t.hour, ok = c.digits(2); !ok || t.hour > 23 {
		return false
	}
	t.precision = Hour
	if !c.at(':') {
		return true
	}
	if t.minute, ok = c.digits(2); !ok || t.minute > 59 {
		return false
	}
	t.precision = Minute
	if !c.at(':') {
		return true
	}
	// 60 is a leap second.
	if t.sec, ok = c.digits(2); !ok || t.sec > 60 {
		return false
	}
	t.precision = Second
	if !c.at('.') {
		return true
	}
	t.precision = Millisecond
	unit := 100_000_000
	for c.i < len(c.s) && isDigit(c.s[c.i]) {
		t.nanos += int(c.s[c.i]-'0') * unit
		unit /= 10
		t.fraction++
		c.i++
	}
	return t.fraction > 0
}

func (c *scanner) zone(t *Temporal) bool {
	if c.at('Z') {
		t.zoned, t.utc = true, true
		return true
	}
	sign := 1
	if c.at('-') {
		sign = -1
	} else if !c.at('+') {
		return true
	}
	h, ok := c.digits(2)
	if !ok || !c.at(':') {
		return false
	}
	m, ok := c.digits(2)
	t.zoned, t.offset = true, sign*(h*60+m)
	return ok && m < 60 && h*60+m <= 14*60
}

// parseDate reads YYYY, YYYY-MM or YYYY-MM-DD.
func parseDate(s string) (Temporal, bool) {
	c, t := scanner{s: s}, Temporal{kind: KindDate}
	ok := c.date(&t)
	return t, ok && c.done()
}

// parseDateTime reads a date, alone or with T and a time of any precision,
// which a time zone may follow.
func parseDateTime(s string) (Temporal, bool) {
	c, t := scanner{s: s}, Temporal{kind: KindDateTime}
	if !c.date(&t) {
		return t, false
	}
	if c.at('T') && !c.done() {
		if t.precision != Day || !c.clock(&t) || !c.zone(&t) {
			return t, false
		}
	}
	return t, c.done()
}

// parseTime reads hh, hh:mm or hh:mm:ss with a fraction.
func parseTime(s string) (Temporal, bool) {
	c, t := scanner{s: s}, Temporal{kind: KindTime, year: 1970, month: 1, day: 1}
	ok := c.clock(&t)
	return t, ok && c.done()
}

// temporalAt makes a DateTime of millisecond precision in now's zone.
func temporalAt(now time.Time) Temporal {
	_, seconds := now.Zone()
	return Temporal{kind: KindDateTime, precision: Millisecond, year: now.Year(), month: int(now.Month()), day: now.Day(),
		hour: now.Hour(), minute: now.Minute(), sec: now.Second(), nanos: now.Nanosecond() / 1e6 * 1e6, fraction: 3,
		zoned: true, utc: seconds == 0, offset: seconds / 60}
}

// dateOf is the date part of t.
func (t *Temporal) dateOf() Temporal {
	return Temporal{kind: KindDate, precision: min(t.precision, Day), year: t.year, month: t.month, day: t.day}
}

// timeOf is the time part of t.
func (t *Temporal) timeOf() Temporal {
	return Temporal{kind: KindTime, precision: t.precision, year: 1970, month: 1, day: 1,
		hour: t.hour, minute: t.minute, sec: t.sec, nanos: t.nanos, fraction: t.fraction}
}

// String is the ISO 8601 text, as toString() gives it.
func (t *Temporal) String() string {
	var b strings.Builder
	if t.kind != KindTime {
		fmt.Fprintf(&b, "%04d", t.year)
		if t.precision >= Month {
			fmt.Fprintf(&b, "-%02d", t.month)
		}
		if t.precision >= Day {
			fmt.Fprintf(&b, "-%02d", t.day)
		}
		if t.precision >= Hour {
			b.WriteByte('T')
		}
	}
	if t.precision >= Hour {
		fmt.Fprintf(&b, "%02d", t.hour)
	}
	if t.precision >= Minute {
		fmt.Fprintf(&b, ":%02d", t.minute)
	}
	if t.precision >= Second {
		fmt.Fprintf(&b, ":%02d", t.sec)
	}
	if t.precision == Millisecond {
		b.WriteByte('.')
		b.WriteString(fmt.Sprintf("%09d000000000", t.nanos)[:min(t.fraction, 18)])
	}
	switch {
	case t.utc:
		b.WriteByte('Z')
	case t.zoned:
		sign, m := '+', t.offset
		if m < 0 {
			sign, m = '-', -m
		}
		fmt.Fprintf(&b, "%c%02d:%02d", sign, m/60, m%60)
	}
	return b.String()
}
