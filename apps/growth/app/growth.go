package app

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/inglehealth/ingle/apps/kit"
)

// growth is how one measure of a child developed, beside a reference.
type growth struct {
	Name, Unit string
	Rows       []grown // the latest first
	Curve      template.HTML
	References string // by which there are percentiles; "" for none
	More       bool   // there are more than Rows
}

// grown is one measurement of a child.
type grown struct {
	When, Age, Value, Percentile, Z string
	Beyond                          bool // below the 3rd or above the 97th percentile
}

// lines are the percentiles that are drawn.
var lines = []struct {
	name, class string
	z           float64
}{
	{"3rd", "norm", -1.880793608}, {"15th", "norm", -1.036433389}, {"50th", "norm middle", 0}, {"85th", "norm", 1.036433389}, {"97th", "norm", 1.880793608},
}

// shownRows bounds a table.
const shownRows = 40

// grow shows the values of a measure; nil when there is none.
func (r references) grow(name, unit string, m measure, sex string, born time.Time, all []value) *growth {
	g := &growth{Name: name, Unit: unit}
	own := kit.Line{Class: "own", Dots: true}
	used := map[string]bool{}
	for _, v := range all {
		days := v.At.Sub(born).Hours() / 24
		if days < 0 {
			continue
		}
		row := grown{When: v.When, Age: age(days), Value: strconv.FormatFloat(v.Number, 'f', 1, 64)}
		if l, reference, ok := r.at(m, sex, days); ok {
			z := l.z(v.Number)
			row.Percentile, row.Z, row.Beyond = ordinal(percentile(z)), signed(z), math.Abs(z) > lines[len(lines)-1].z
			used[reference] = true
		}
		g.Rows = append(g.Rows, row)
		own.Points = append(own.Points, kit.Point{X: days / 365.25, Y: v.Number})
	}
	if len(g.Rows) == 0 {
		return nil
	}
	c := kit.Curve{
		Title: name + " by age, in " + unit + ", beside percentiles; the table has the values", Unit: unit,
		Lines: append(r.drawn(m, sex, own.Points), own), Along: func(v float64) string { return number(v) + " y" },
	}
	g.Curve = c.SVG()
	slices.Reverse(g.Rows)
	if len(g.Rows) > shownRows {
		g.Rows, g.More = g.Rows[:shownRows], true
	}
	var names []string
	for _, n := range []string{who, cdc} {
		if used[n] {
			names = append(names, map[string]string{who: "WHO Child Growth Standards (2006) until 2 years", cdc: "CDC Growth Charts (2000) from 2 to 20 years"}[n])
		}
	}
	g.References = strings.Join(names, ", ")
	return g
}

// drawn are the percentiles over the ages of some points, and a year around.
func (r references) drawn(m measure, sex string, own []kit.Point) []kit.Line {
	from, to := max(own[0].X-1, 0), min(own[len(own)-1].X+1, 20)
	var all []kit.Line
	for _, l := range lines {
		line := kit.Line{Name: l.name, Class: l.class}
		for i := range 61 {
			years := from + (to-from)*float64(i)/60
			if at, _, ok := r.at(m, sex, years*365.25); ok {
				line.Points = append(line.Points, kit.Point{X: years, Y: at.value(l.z)})
			}
		}
		if len(line.Points) > 1 {
			all = append(all, line)
		}
	}
	return all
}

// age is how old somebody is, in short: "3 y 2 mo".
func age(days float64) string {
	months := int(days / month)
	switch {
	case days < 2*month:
		return fmt.Sprintf("%d days", int(days))
	case months < 24:
		return fmt.Sprintf("%d mo", months)
	case months%12 == 0:
		return fmt.Sprintf("%d y", months/12)
	}
	return fmt.Sprintf("%d y %d mo", months/12, months%12)
}

// ordinal is a percentile, as far as it can be told.
func ordinal(p float64) string {
	switch {
	case p < .1:
		return "below the 0.1st"
	case p > 99.9:
		return "above the 99.9th"
	case p < 1 || p > 99:
		return fmt.Sprintf("%.1f", p)
	}
	return strconv.Itoa(int(math.Round(p)))
}

// signed is a z. Beyond 3 the tail of a reference is not known well.
func signed(z float64) string {
	switch {
	case z > 3:
		return "above +3"
	case z < -3:
		return "below −3"
	}
	return strings.Replace(fmt.Sprintf("%+.2f", z), "-", "−", 1)
}

func number(v float64) string { return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64) }
