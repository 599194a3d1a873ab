package pages

import (
	"cmp"
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"
	"time"
)

// Chart is a line chart over time, drawn as SVG. Its points are also a table for who
// cannot see it.
type Chart struct {
	ID     string // unique on the page
	Title  string
	Unit   string
	Series []Series
	// Low and High are the reference range of the first series; NaN: open to that
	// side. Both zero: there is none.
	Low, High float64
	Height    int // in units of a width of 600; 0: 200
}

// Series is one line.
type Series struct {
	Name   string
	Points []Point
}

// Point is a value at a time.
type Point struct {
	Time  time.Time
	Value float64
	Text  string // the value as it was reported; "": made of Value
	Link  string // of the point; "" for none
}

func (p Point) text() string {
	if p.Text != "" {
		return p.Text
	}
	return strconv.FormatFloat(p.Value, 'f', -1, 64)
}

func (c Chart) ranged() bool { return c.Low != 0 || c.High != 0 }

// out says whether a value is outside of the reference range.
func (c Chart) out(v float64) bool { return c.ranged() && (v < c.Low || v > c.High) }

// The places of the drawing.
const (
	chartWidth  = 600.0
	chartLeft   = 44.0
	chartRight  = 12.0
	chartTop    = 10.0
	chartBottom = 30.0
)

// HTML draws the chart, "" when there are no points.
func (c Chart) HTML() template.HTML {
	from, to, low, high, n := c.bounds()
	if n == 0 {
		return ""
	}
	height := float64(c.Height)
	if height == 0 {
		height = 200
	}
	x := func(t time.Time) float64 {
		if !to.After(from) {
			return chartLeft + (chartWidth-chartLeft-chartRight)/2
		}
		return chartLeft + (chartWidth-chartLeft-chartRight)*float64(t.Sub(from))/float64(to.Sub(from))
	}
	y := func(v float64) float64 {
		return chartTop + (height-chartTop-chartBottom)*(high-v)/(high-low)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<figure class="chart"><figcaption id="%s-t">%s%s</figcaption>`, esc(c.ID), esc(c.Title), esc(c.unit()))
	fmt.Fprintf(&b, `<svg viewBox="0 0 %g %g" role="img" aria-labelledby="%s-t %s-d"><desc id="%s-d">%s</desc>`, chartWidth, height, esc(c.ID), esc(c.ID), esc(c.ID), esc(c.Words()))
	if c.ranged() {
		top, bottom := chartTop, height-chartBottom
		if !math.IsNaN(c.High) {
			top = max(top, y(c.High))
		}
		if !math.IsNaN(c.Low) {
			bottom = min(bottom, y(c.Low))
		}
		if bottom > top {
			fmt.Fprintf(&b, `<rect class="band" x="%g" y="%.1f" width="%g" height="%.1f"/>`, chartLeft, top, chartWidth-chartLeft-chartRight, bottom-top)
		}
	}
	for _, tick := range ticks(low, high) {
		fmt.Fprintf(&b, `<line class="axis" x1="%g" x2="%g" y1="%.1f" y2="%.1f"/><text x="%g" y="%.1f" text-anchor="end">%s</text>`,
			chartLeft, chartWidth-chartRight, y(tick), y(tick), chartLeft-6, y(tick)+4, strconv.FormatFloat(tick, 'g', 6, 64))
	}
	for i, t := range dates(from, to) {
		anchor := "middle"
		if i == 0 {
			anchor = "start"
		} else if x(t) > chartWidth-60 {
			anchor = "end"
		}
		fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" text-anchor="%s">%s</text>`, x(t), height-6, anchor, dateLabel(t, to.Sub(from)))
	}
	for i, s := range c.Series {
		kind := i%4 + 1
		var line []string
		for _, p := range s.Points {
			line = append(line, fmt.Sprintf("%.1f,%.1f", x(p.Time), y(p.Value)))
		}
		fmt.Fprintf(&b, `<polyline class="line s%d" points="%s"/>`, kind, strings.Join(line, " "))
		for _, p := range s.Points {
			class := "dot f" + strconv.Itoa(kind)
			shape := fmt.Sprintf(`<circle class="%%s" cx="%.1f" cy="%.1f" r="3.5">%%s</circle>`, x(p.Time), y(p.Value))
			if i == 0 && c.out(p.Value) {
				class = "dot out"
				shape = fmt.Sprintf(`<rect class="%%s" x="%.1f" y="%.1f" width="8" height="8">%%s</rect>`, x(p.Time)-4, y(p.Value)-4)
			}
			title := "<title>" + esc(named(s.Name)+p.text()+c.unit()+", "+p.Time.Format("2 Jan 2006")) + "</title>"
			fmt.Fprintf(&b, shape, class, title)
		}
	}
	b.WriteString(`</svg>`)
	if len(c.Series) > 1 {
		b.WriteString(`<p class="soft">`)
		for i, s := range c.Series {
			fmt.Fprintf(&b, `<svg class="key" viewBox="0 0 30 8" width="30" height="8" aria-hidden="true"><line class="line s%d" x1="0" y1="4" x2="30" y2="4"/></svg> %s `, i%4+1, esc(s.Name))
		}
		b.WriteString(`</p>`)
	}
	b.WriteString(c.table())
	b.WriteString(`</figure>`)
	return template.HTML(b.String()) //nolint:gosec // every text in it is escaped
}

func named(name string) string {
	if name == "" {
		return ""
	}
	return name + " "
}

func (c Chart) unit() string {
	if c.Unit == "" {
		return ""
	}
	return " " + c.Unit
}

// Words say what the chart shows.
func (c Chart) Words() string {
	var all []string
	for _, s := range c.Series {
		if len(s.Points) == 0 {
			continue
		}
		first, last := s.Points[0], s.Points[len(s.Points)-1]
		words := fmt.Sprintf("%s%d values from %s to %s, the latest %s%s", named(s.Name), len(s.Points), first.Time.Format("2 January 2006"), last.Time.Format("2 January 2006"), last.text(), c.unit())
		if c.out(last.Value) {
			words += ", outside of the reference range"
		}
		all = append(all, words)
	}
	return strings.Join(all, "; ") + "."
}

// shown is how many rows the table of a chart has at most: the latest.
const shown = 50

func (c Chart) table() string {
	var b strings.Builder
	b.WriteString(`<details><summary>Values as a table</summary><table><thead><tr><th scope="col">Date</th>`)
	for _, s := range c.Series {
		fmt.Fprintf(&b, `<th scope="col" class="number">%s</th>`, esc(strings.TrimSpace(named(s.Name)+c.unit())))
	}
	b.WriteString(`</tr></thead><tbody>`)
	type row struct {
		at    time.Time
		cells []string
	}
	var rows []row
	for i, s := range c.Series {
		for _, p := range s.Points {
			at := -1
			for j := range rows {
				if rows[j].at.Equal(p.Time) && rows[j].cells[i] == "" {
					at = j
				}
			}
			if at < 0 {
				rows = append(rows, row{p.Time, make([]string, len(c.Series))})
				at = len(rows) - 1
			}
			cell := esc(p.text())
			if p.Link != "" {
				cell = `<a href="` + esc(p.Link) + `">` + cell + `</a>`
			}
			if i == 0 && c.out(p.Value) {
				cell += ` <span class="tag bad">outside</span>`
			}
			rows[at].cells[i] = cell
		}
	}
	for i := len(rows) - 1; i >= 0 && i >= len(rows)-shown; i-- {
		fmt.Fprintf(&b, `<tr><th scope="row">%s</th>`, day(rows[i].at))
		for _, cell := range rows[i].cells {
			fmt.Fprintf(&b, `<td class="number">%s</td>`, cell)
		}
		b.WriteString(`</tr>`)
	}
	b.WriteString(`</tbody></table></details>`)
	return b.String()
}

// bounds are those of the points and of the reference range.
func (c Chart) bounds() (from, to time.Time, low, high float64, n int) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, s := range c.Series {
		for _, p := range s.Points {
			if n == 0 || p.Time.Before(from) {
				from = p.Time
			}
			if n == 0 || p.Time.After(to) {
				to = p.Time
			}
			low, high = min(low, p.Value), max(high, p.Value)
			n++
		}
	}
	if c.ranged() {
		for _, v := range []float64{c.Low, c.High} {
			if !math.IsNaN(v) {
				low, high = min(low, v), max(high, v)
			}
		}
	}
	if n > 0 && high-low < 1e-9 {
		low, high = low-1, high+1
	}
	room := (high - low) * .08
	if low >= 0 && low-room < 0 {
		return from, to, 0, high + room, n
	}
	return from, to, low - room, high + room, n
}

// ticks are round values between two.
func ticks(low, high float64) []float64 {
	step := math.Pow(10, math.Floor(math.Log10((high-low)/4)))
	for _, m := range []float64{1, 2, 2.5, 5, 10} {
		if (high-low)/(step*m) <= 5 {
			step *= m
			break
		}
	}
	var all []float64
	for i := math.Ceil(low / step); i*step <= high; i++ {
		all = append(all, math.Round(i*step*1e9)/1e9)
	}
	return all
}

func dates(from, to time.Time) []time.Time {
	if !to.After(from) {
		return []time.Time{from}
	}
	var all []time.Time
	for i := range 4 {
		all = append(all, from.Add(to.Sub(from)/3*time.Duration(i)))
	}
	return all
}

func dateLabel(t time.Time, span time.Duration) string {
	switch {
	case span > 4*365*24*time.Hour:
		return t.Format("2006")
	case span > 60*24*time.Hour:
		return t.Format("Jan 2006")
	case span > 48*time.Hour:
		return t.Format("2 Jan")
	}
	return t.Format("2 Jan 15:04")
}

// Spark is a small line of values in order, for a row of a table; out says that the
// last of them is outside of its range. "" for fewer than two values.
func Spark(values []float64, out bool) template.HTML {
	if len(values) < 2 {
		return ""
	}
	low, high := values[0], values[0]
	for _, v := range values {
		low, high = min(low, v), max(high, v)
	}
	if high == low {
		low, high = low-1, high+1
	}
	var points []string
	x, y := 0.0, 0.0
	for i, v := range values {
		x, y = 2+float64(i)*88/float64(len(values)-1), 3+18*(high-v)/(high-low)
		points = append(points, fmt.Sprintf("%.1f,%.1f", x, y))
	}
	class := "spark"
	if out {
		class += " out"
	}
	return template.HTML(fmt.Sprintf(`<svg class="%s" viewBox="0 0 96 24" aria-hidden="true"><polyline points="%s"/><circle cx="%.1f" cy="%.1f" r="3"/></svg>`, class, strings.Join(points, " "), x, y)) //nolint:gosec // numbers
}

// Bars is a bar chart with a bar for each name, as a list that reads without it.
type Bars struct {
	ID, Title string
	Unit      string // what one of a value is: "request"; "" for nothing
	Bad       string // what the bad part is called; "": failed
	Bars      []Bar
}

// Bar is one bar, and a part of it that is marked as bad.
type Bar struct {
	Name       string
	Value, Bad int64
	Link       string
}

// HTML draws the bars, "" when there are none.
func (c Bars) HTML() template.HTML {
	most := int64(0)
	for _, one := range c.Bars {
		most = max(most, one.Value)
	}
	if most == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<figure class="chart"><figcaption>%s</figcaption><table><tbody>`, esc(c.Title))
	for _, one := range c.Bars {
		name := esc(one.Name)
		if one.Link != "" {
			name = `<a href="` + esc(one.Link) + `">` + name + `</a>`
		}
		wide, bad := 200*float64(one.Value)/float64(most), 200*float64(one.Bad)/float64(most)
		words := Number(one.Value)
		if c.Unit != "" {
			words = esc(Count(one.Value, c.Unit))
		}
		if one.Bad > 0 {
			words += ", " + Number(one.Bad) + " " + esc(cmp.Or(c.Bad, "failed"))
		}
		fmt.Fprintf(&b, `<tr><th scope="row">%s</th><td><svg viewBox="0 0 200 12" preserveAspectRatio="none" height="12" aria-hidden="true"><rect class="f1" width="%.1f" height="12"/><rect class="out" width="%.1f" height="12"/></svg></td><td class="number">%s</td></tr>`, name, wide, bad, words)
	}
	b.WriteString(`</tbody></table></figure>`)
	return template.HTML(b.String()) //nolint:gosec // every text in it is escaped
}

func esc(s string) string { return template.HTMLEscapeString(s) }
