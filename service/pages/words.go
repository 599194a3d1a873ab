package pages

import (
	"cmp"
	"html/template"
	"strconv"
	"strings"
	"time"
)

// Words are what the templates of every page may call.
var Words = template.FuncMap{
	"moment": moment,
	"day":    day,
	"ago":    ago,
	"count":  Count[int],
	"number": Number,
	"join":   strings.Join,
	"first":  cmp.Or[string],
	"dict":   dict,
}

func moment(t time.Time) template.HTML {
	t = t.UTC()
	return template.HTML(`<time datetime="` + t.Format(time.RFC3339) + `">` + t.Format("2 January 2006, 15:04") + ` UTC</time>`) //nolint:gosec // digits and names of months
}

func day(t time.Time) template.HTML {
	t = t.UTC()
	return template.HTML(`<time datetime="` + t.Format(time.DateOnly) + `">` + t.Format("2 January 2006") + `</time>`) //nolint:gosec // digits and names of months
}

// ago says how long before now something was, in the greatest unit.
func ago(t, now time.Time) string {
	d := now.Sub(t)
	switch {
	case t.IsZero():
		return "never"
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return Count(int(d.Minutes()), "minute") + " ago"
	case d < 48*time.Hour:
		return Count(int(d.Hours()), "hour") + " ago"
	case d < 60*24*time.Hour:
		return Count(int(d.Hours()/24), "day") + " ago"
	case d < 730*24*time.Hour:
		return Count(int(d.Hours()/24/30.4), "month") + " ago"
	}
	return Count(int(d.Hours()/24/365.25), "year") + " ago"
}

// Count is a number with its noun: "1 app", "12,000 apps".
func Count[N int | int64](n N, noun string) string {
	if n != 1 {
		switch {
		case strings.HasSuffix(noun, "s"), strings.HasSuffix(noun, "x"):
			noun += "es"
		case strings.HasSuffix(noun, "ry"):
			noun = strings.TrimSuffix(noun, "y") + "ies"
		default:
			noun += "s"
		}
	}
	return Number(int64(n)) + " " + noun
}

// Number is a number with commas between thousands.
func Number(n int64) string {
	text := strconv.FormatInt(n, 10)
	from := 0
	if n < 0 {
		from = 1
	}
	for i := len(text) - 3; i > from; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// dict makes a map of names and values, for templates within templates.
func dict(pairs ...any) map[string]any {
	m := make(map[string]any, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		name, _ := pairs[i].(string)
		m[name] = pairs[i+1]
	}
	return m
}
