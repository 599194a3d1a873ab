package kit

import (
	"strings"
	"testing"
)

func TestACurveIsDrawnOfPointsThatLieBesideEachOther(t *testing.T) {
	c := Curve{Title: `of "<b>"`, Along: short, Low: 10, High: 20, Lines: []Line{
		{Name: "one", Class: "own", Dots: true, Points: []Point{{0, 10}, {10, 30}}}, {Name: "empty", Class: "own second"}, {Name: "covered", Points: []Point{{0, 11}, {10, 29}}},
	}}
	drawn := string(c.SVG())
	for _, want := range []string{`class="band"`, `points="52.0,262.0 628.0,18.0 "`, ">one</text>", ">25</text>", `cx="52.0"`, "of &#34;&lt;b&gt;&#34;"} {
		if !strings.Contains(drawn, want) {
			t.Errorf("no %s in\n%s", want, drawn)
		}
	}
	if strings.Contains(drawn, "covered") {
		t.Error("a label covers another")
	}
	for _, points := range [][]Point{nil, {{1, 1}}, {{1, 1}, {1, 2}}} {
		if drawn := (Curve{Along: short, Lines: []Line{{Points: points}}}).SVG(); drawn != "" {
			t.Errorf("%v is drawn", points)
		}
	}
	flat := Curve{Along: short, Lines: []Line{{Class: "own", Points: []Point{{1, 5}, {2, 5}}}}}
	if drawn := string(flat.SVG()); strings.Contains(drawn, "NaN") || !strings.Contains(drawn, "polyline") {
		t.Errorf("values that are all the same:\n%s", drawn)
	}
}
