package search

import (
	"strings"

	"github.com/inglehealth/ingle/spec/fhir"
)

const (
	microsecond int64 = 1
	second            = 1_000_000 * microsecond
	minute            = 60 * second
	hour              = 60 * minute
	day               = 24 * hour
)

// ParseTime reads a date, dateTime or instant of any precision, from year to
// fraction of a second, as the range that it stands for (§3.1.1.4.7). Without
// a time zone it is taken as UTC. Minutes without seconds are allowed, as in
// search values. The second result is false when s is not such a value.
func ParseTime(s string) (TimeRange, bool) {
	year, rest, ok := digits(s, 4)
	if !ok || year == 0 {
		return TimeRange{}, false
	}
	if rest == "" {
		return TimeRange{days(year, 1, 1) * day, days(year+1, 1, 1) * day}, true
	}
	month, rest, ok := digits(after(rest, '-'), 2)
	if !ok || month < 1 || month > 12 {
		return TimeRange{}, false
	}
	if rest == "" {
		next, nextYear := month+1, year
		if next == 13 {
			next, nextYear = 1, year+1
		}
		return TimeRange{days(year, month, 1) * day, days(nextYear, next, 1) * day}, true
	}
	d, rest, ok := digits(after(rest, '-'), 2)
	if !ok || d < 1 || d > fhir.DaysIn(year, month) {
		return TimeRange{}, false
	}
	start := days(year, month, d) * day
	if rest == "" {
		return TimeRange{start, start + day}, true
	}
	return clock(start, after(rest, 'T'))
}

// clock reads the part of a dateTime after T.
func clock(start int64, s string) (TimeRange, bool) {
	h, rest, ok := digits(s, 2)
	if !ok || h > 23 {
		return TimeRange{}, false
	}
	m, rest, ok := digits(after(rest, ':'), 2)
	if !ok || m > 59 {
		return TimeRange{}, false
	}
	start += int64(h)*hour + int64(m)*minute
	precision := minute
	if strings.HasPrefix(rest, ":") {
		var sec int
		sec, rest, ok = digits(rest[1:], 2)
		if !ok || sec > 60 { // 60 is a leap second
			return TimeRange{}, false
		}
		start += int64(sec) * second
		precision = second
		if strings.HasPrefix(rest, ".") {
			n := 1
			for n < len(rest) && isDigit(rest[n]) {
				if precision > microsecond {
					precision /= 10
					start += int64(rest[n]-'0') * precision
				}
				n++
			}
			if n == 1 {
				return TimeRange{}, false
			}
			rest = rest[n:]
		}
	}
	offset, ok := zone(rest)
	if !ok {
		return TimeRange{}, false
	}
	start -= offset
	return TimeRange{start, start + precision}, true
}

// zone reads a time zone offset. A blank stands for the plus sign that a
// client forgot to escape in a URL.
func zone(s string) (int64, bool) {
	if s == "" || s == "Z" || s == "z" {
		return 0, true
	}
	sign := s[0]
	if sign != '+' && sign != '-' && sign != ' ' {
		return 0, false
	}
	h, rest, ok := digits(s[1:], 2)
	if !ok || h > 14 {
		return 0, false
	}
	m, rest, ok := digits(after(rest, ':'), 2)
	if !ok || m > 59 || rest != "" {
		return 0, false
	}
	offset := int64(h)*hour + int64(m)*minute
	if sign == '-' {
		offset = -offset
	}
	return offset, true
}

// digits reads exactly n digits at the start of s.
func digits(s string, n int) (value int, rest string, ok bool) {
	if len(s) < n {
		return 0, "", false
	}
	for i := range n {
		if !isDigit(s[i]) {
			return 0, "", false
		}
		value = value*10 + int(s[i]-'0')
	}
	return value, s[n:], true
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// after returns what follows the separator at the start of s, or "", which no
// caller takes for digits.
func after(s string, separator byte) string {
	if s == "" || s[0] != separator {
		return ""
	}
	return s[1:]
}

// days counts from 1970-01-01 in the proleptic Gregorian calendar.
func days(year, month, d int) int64 {
	y := year
	if month <= 2 {
		y--
	}
	era := y / 400
	yoe := y - era*400
	doy := (153*((month+9)%12)+2)/5 + d - 1
	doe := yoe*365 + yoe/4 - yoe/100 + doy
	return int64(era)*146097 + int64(doe) - 719468
}
