package fhir

const (
	noDate     = "is no date: write it as 2023, 2023-02 or 2023-02-28"
	noDateTime = "is no dateTime: write it as 2023, 2023-02, 2023-02-28 or 2023-02-28T13:28:17+01:00 (with seconds and zone)"
	noInstant  = "is no instant: write it as 2023-02-28T13:28:17.239+01:00 (with seconds and zone)"
	noTime     = "is no time: write it as 13:28:17 (with seconds, without zone)"
	noDay      = "is no day of the calendar"
)

// digits2 reads two digits at s[i:], -1 when there are none.
func digits2(s string, i int) int {
	if i+2 > len(s) || s[i]-'0' > 9 || s[i+1]-'0' > 9 {
		return -1
	}
	return int(s[i]-'0')*10 + int(s[i+1]-'0')
}

// scanDate reads the date s begins with; n is its length (4, 7 or 10), 0 when
// there is none, -1 when it is well written but there is no such day.
func scanDate(s string) (n int) {
	century, year := digits2(s, 0), digits2(s, 2)
	if century < 0 || year < 0 {
		return 0
	}
	year += century * 100
	if year == 0 {
		return -1
	}
	if len(s) == 4 || s[4] != '-' {
		return 4
	}
	month := digits2(s, 5)
	if month < 0 {
		return 0
	}
	if month < 1 || month > 12 {
		return -1
	}
	if len(s) == 7 || s[7] != '-' {
		return 7
	}
	day := digits2(s, 8)
	if day < 0 {
		return 0
	}
	if day < 1 || day > DaysIn(year, month) {
		return -1
	}
	return 10
}

// DaysIn is the number of days of a month, 1 to 12, of the Gregorian calendar.
func DaysIn(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// scanTime reads hh:mm:ss with an optional fraction; 0 when there is none.
func scanTime(s string) (n int) {
	hour, minute, second := digits2(s, 0), digits2(s, 3), digits2(s, 6)
	if hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60 || s[2] != ':' || s[5] != ':' {
		return 0
	}
	n = 8
	if n < len(s) && s[n] == '.' {
		n++
		for n < len(s) && s[n]-'0' <= 9 {
			n++
		}
		if n == 9 {
			return 0
		}
	}
	return n
}

// isZone says whether s is Z or an offset of at most 14 hours.
func isZone(s string) bool {
	if s == "Z" {
		return true
	}
	if len(s) != 6 || s[0] != '+' && s[0] != '-' || s[3] != ':' {
		return false
	}
	hour, minute := digits2(s, 1), digits2(s, 4)
	return hour >= 0 && minute >= 0 && minute <= 59 && (hour < 14 || hour == 14 && minute == 0)
}

func checkDate(s string) string {
	switch n := scanDate(s); {
	case n < 0:
		return noDay
	case n == 0 || n != len(s):
		return noDate
	}
	return ""
}

func checkDateTime(s string) string {
	n := scanDate(s)
	switch {
	case n < 0:
		return noDay
	case n > 0 && n == len(s):
		return ""
	case n != 10 || s[10] != 'T':
		return noDateTime
	}
	if t := scanTime(s[11:]); t == 0 || !isZone(s[11+t:]) {
		return noDateTime
	}
	return ""
}

func checkInstant(s string) string {
	n := scanDate(s)
	switch {
	case n < 0:
		return noDay
	case n != 10 || len(s) == 10 || s[10] != 'T':
		return noInstant
	}
	if t := scanTime(s[11:]); t == 0 || !isZone(s[11+t:]) {
		return noInstant
	}
	return ""
}

func checkTime(s string) string {
	if n := scanTime(s); n == 0 || n != len(s) {
		return noTime
	}
	return ""
}
