package synth

import (
	"fmt"
	"math"
	"time"
)

// yearLength is the mean length of a year, by which the tables count.
const yearLength = 365.25 * 24 * float64(time.Hour)

// clock is the clinic's time, the whole year.
var clock = time.FixedZone("", -5*60*60)

// day is the day of an instant where the clinic is, as its midnight there.
func day(t time.Time) time.Time {
	y, m, d := t.In(clock).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, clock)
}

// later is the day so many years later, or earlier when negative.
func later(t time.Time, years float64) time.Time {
	return day(t.Add(time.Duration(math.Round(years * yearLength))))
}

// years are those from one day to another.
func years(from, to time.Time) float64 { return float64(to.Sub(from)) / yearLength }

// workday is the nearest day on which the clinic is open.
func workday(t time.Time) time.Time {
	switch t.Weekday() {
	case time.Saturday:
		return t.AddDate(0, 0, -1)
	case time.Sunday:
		return t.AddDate(0, 0, -2)
	}
	return t
}

// date and instant write times as FHIR has them.
func date(t time.Time) string { return t.Format(time.DateOnly) }

func instant(t time.Time) string { return t.Format(time.RFC3339) }

// readDay reads a date of the tables.
func readDay(s string) time.Time {
	t, err := time.ParseInLocation(time.DateOnly, s, clock)
	if err != nil {
		panic(fmt.Sprintf("synth: %v", err)) // the tables are embedded
	}
	return t
}
