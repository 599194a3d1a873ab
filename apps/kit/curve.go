package kit

import (
	"bytes"
	"html/template"
	"math"
	"slices"
	"strconv"
)

// Curve is a chart of values over one quantity, drawn as SVG.
type Curve struct {
	Title string // says what it shows, for who cannot see it
	Unit  string // of the values
	Lines []Line
	Low   float64 // of the reference range, with High; both 0 for none
	High  float64
	// Along writes a value of the horizontal axis.
	Along func(float64) string
}

// Line is one line of a Curve.
type Line struct {
	Name   string
	Class  string // "norm", "norm middle", "own", "own second"
	Points []Point
	Dots   bool
}

// Point is where a line passes.
type Point struct{ X, Y float64 }

// The size of the drawing, and of the margins where the axes are labelled.
const (
	curveWidth, curveHeight    = 720.0, 300.0
	left, right, top, bottom   = 52.0, 92.0, 18.0, 38.0
	divisionsAcross, divisions = 6, 5

	labelHeight = 20.0 // a label that would cover another is left out
)

var curveTemplate = template.Must(template.New("").Parse(`<svg class="curve" viewBox="0 0 720 300" role="img" aria-label="{{.Title}}">
{{with .Band}}<rect class="band" x="{{.X}}" y="{{.Y}}" width="{{.W}}" height="{{.H}}"/>
{{end}}{{range .Down}}<line class="grid" x1="{{.X}}" y1="{{.Y}}" x2="{{.X2}}" y2="{{.Y}}"/><text x="46" y="{{.TextY}}" text-anchor="end">{{.Text}}</text>
{{end}}{{range .Across}}<text x="{{.X}}" y="292" text-anchor="middle">{{.Text}}</text>
{{end}}{{range .Lines}}<polyline class="{{.Class}}" points="{{.Points}}"/>{{with .Label}}<text x="{{.X}}" y="{{.Y}}">{{.Text}}</text>{{end}}
{{$class := .Class}}{{range .Dots}}<circle class="dot{{if eq $class "own second"}} second{{end}}" cx="{{.X}}" cy="{{.Y}}" r="4"/>
{{end}}{{end}}</svg>
`))

type mark struct {
	X, Y, X2, TextY string
	Text            string
}

// SVG draws it; "" when it has no two points beside each other.
func (c Curve) SVG() template.HTML {
	fromX, toX, fromY, toY := c.span()
	if fromX >= toX {
		return ""
	}
	step := tidy((toY - fromY) / divisions)
	fromY, toY = math.Floor(fromY/step)*step, math.Ceil(toY/step)*step
	if fromY == toY {
		toY += step
	}
	x := func(v float64) float64 { return left + (v-fromX)/(toX-fromX)*(curveWidth-left-right) }
	y := func(v float64) float64 { return curveHeight - bottom - (v-fromY)/(toY-fromY)*(curveHeight-top-bottom) }

	type drawn struct {
		Class, Points string
		Label         *mark
		Dots          []mark
	}
	var data struct {
		Title        string
		Band         *struct{ X, Y, W, H string }
		Down, Across []mark
		Lines        []drawn
	}
	data.Title = c.Title
	if c.High > c.Low {
		data.Band = &struct{ X, Y, W, H string }{digits(left), digits(y(c.High)), digits(curveWidth - left - right), digits(y(c.Low) - y(c.High))}
	}
	for v := fromY; v <= toY+step/2; v += step {
		data.Down = append(data.Down, mark{X: digits(left), Y: digits(y(v)), X2: digits(curveWidth - right), TextY: digits(y(v) + 4), Text: short(v)})
	}
	for i := range divisionsAcross {
		v := fromX + (toX-fromX)*float64(i)/(divisionsAcross-1)
		if text := c.Along(v); len(data.Across) == 0 || data.Across[len(data.Across)-1].Text != text {
			data.Across = append(data.Across, mark{X: digits(x(v)), Text: text})
		}
	}
	var labels []float64
	for _, l := range c.Lines {
		d := drawn{Class: l.Class}
		for _, p := range l.Points {
			d.Points += digits(x(p.X)) + "," + digits(y(p.Y)) + " "
			if l.Dots {
				d.Dots = append(d.Dots, mark{X: digits(x(p.X)), Y: digits(y(p.Y))})
			}
		}
		if n := len(l.Points); n > 0 && l.Name != "" {
			last := l.Points[n-1]
			if at := y(last.Y); !slices.ContainsFunc(labels, func(other float64) bool { return math.Abs(at-other) < labelHeight }) {
				labels = append(labels, at)
				d.Label = &mark{X: digits(x(last.X) + 6), Y: digits(at + 4), Text: l.Name}
			}
		}
		data.Lines = append(data.Lines, d)
	}
	var out bytes.Buffer
	if err := curveTemplate.Execute(&out, data); err != nil {
		return ""
	}
	return template.HTML(out.String()) //nolint:gosec // it was made by a template
}

// span is from where to where the points are, with the reference range.
func (c Curve) span() (fromX, toX, fromY, toY float64) {
	fromX, toX, fromY, toY = math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)
	for _, l := range c.Lines {
		for _, p := range l.Points {
			fromX, toX, fromY, toY = min(fromX, p.X), max(toX, p.X), min(fromY, p.Y), max(toY, p.Y)
		}
	}
	if c.High > c.Low {
		fromY, toY = min(fromY, c.Low), max(toY, c.High)
	}
	return fromX, toX, fromY, toY
}

// tidy is a step of 1, 2 or 5 times a power of ten that is not shorter than one asked for.
func tidy(step float64) float64 {
	if step <= 0 {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(step)))
	for _, n := range []float64{1, 2, 5} {
		if n*power >= step {
			return n * power
		}
	}
	return 10 * power
}

func digits(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }

func short(v float64) string { return strconv.FormatFloat(math.Round(v*1000)/1000, 'f', -1, 64) }
