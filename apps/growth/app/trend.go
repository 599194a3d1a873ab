package app

import (
	"fmt"
	"html/template"
	"time"

	"github.com/inglehealth/ingle/apps/kit"
)

// trend is how a vital sign developed.
type trend struct {
	Name, Unit string
	Latest     string
	When       string
	Curve      template.HTML
	Range      string // reference range that came with the latest value that has one; "" for none
	Rows       []measured
	More       bool // there are more than Rows
}

// measured is a line of the table of a trend.
type measured struct{ When, Value string }

// follow shows values; nil when there is none. A second line may go with them.
func follow(name, unit string, first, second []value) *trend {
	if len(first) == 0 {
		return nil
	}
	t := &trend{Name: name, Unit: unit}
	c := kit.Curve{Title: name + " in " + unit + " over time; the table has the values", Unit: unit, Along: func(v float64) string {
		return time.Unix(int64(v), 0).UTC().Format("Jan 2006")
	}}
	for i, values := range [][]value{first, second} {
		line := kit.Line{Class: []string{"own", "own second"}[i], Dots: len(values) <= 60}
		for _, v := range values {
			line.Points = append(line.Points, kit.Point{X: float64(v.At.Unix()), Y: v.Number})
		}
		if len(line.Points) > 0 {
			c.Lines = append(c.Lines, line)
		}
	}
	if len(second) > 0 {
		c.Lines[0].Name, c.Lines[1].Name = systolic.Name, diastolic.Name
	}
	if second == nil {
		t.Range, c.Low, c.High = ranged(first, unit)
	}
	t.Curve = c.SVG()
	beside := map[time.Time]float64{}
	for _, v := range second {
		beside[v.At] = v.Number
	}
	for i := len(first) - 1; i >= 0; i-- {
		v := first[i]
		text := number(v.Number)
		if other, ok := beside[v.At]; ok {
			text += " / " + number(other)
		}
		if len(t.Rows) == shownRows {
			t.More = true
			break
		}
		t.Rows = append(t.Rows, measured{v.When, text})
	}
	t.Latest, t.When = t.Rows[0].Value, t.Rows[0].When
	return t
}

// ranged is the reference range of the latest value that has one.
func ranged(all []value, unit string) (text string, low, high float64) {
	for i := len(all) - 1; i >= 0; i-- {
		r := all[i].Range
		if r == nil {
			continue
		}
		low, hasLow := r.Low.Float()
		high, hasHigh := r.High.Float()
		if hasLow && hasHigh && high > low {
			return fmt.Sprintf("%s to %s %s", number(low), number(high), unit), low, high
		}
		return r.Text, 0, 0
	}
	return "", 0, 0
}
