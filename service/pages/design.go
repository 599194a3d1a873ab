package pages

import (
	"net/http"
	"time"
)

var designTemplate = Parse(pageFiles, "design.html")

// showDesign shows what the design system has, with what it is for.
func showDesign(v *Visit) error {
	start := time.Date(2021, 3, 1, 0, 0, 0, 0, time.UTC)
	var a1c, weight []Point
	for i, value := range []float64{5.9, 6.4, 7.1, 8.2, 7.4, 6.9, 6.6} {
		a1c = append(a1c, Point{Time: start.AddDate(0, 5*i, 0), Value: value})
		weight = append(weight, Point{Time: start.AddDate(0, 5*i, 0), Value: 6 + float64(i)/10})
	}
	f := v.Frame("Design", "", Wide)
	f.Plain = false
	return v.Write(http.StatusOK, f, designTemplate, struct {
		Colours []Tag
		Fields  []Field
		Tags    []Tag
		Tabs    []Item
		Chart   Chart
		Spark   any
		Bars    Bars
	}{
		Colours: []Tag{{"--text", "text"}, {"--soft", "text that matters less"}, {"--mark", "links, buttons, where one is"}, {"--bad", "errors, values out of range"}, {"--warn", "what needs care"}, {"--good", "what went well"}, {"--info", "what helps"}},
		Fields: []Field{
			{ID: "name", Label: "Name of the app", Hint: "People see it when they allow it something."},
			{ID: "address", Label: "Redirect address", Type: "url", Value: "http:/example", Error: "An address looks like https://app.example/callback."},
			{ID: "kind", Label: "Kind", Choices: Choices("public", "public", "Public, without a secret", "secret", "Confidential, with a secret")},
			{ID: "note", Label: "Note", Rows: 3, Optional: true},
		},
		Tags:  []Tag{{"", "plain"}, {"good", "approved"}, {"warn", "waits"}, {"bad", "suspended"}, {"info", "R4"}},
		Tabs:  []Item{{Name: "Summary", Address: "#tabs", Here: true}, {Name: "Results", Address: "#tabs"}, {Name: "Documents", Address: "#tabs"}},
		Chart: Chart{ID: "a1c", Title: "Hemoglobin A1c", Unit: "%", Low: 4, High: 5.7, Series: []Series{{"A1c", a1c}, {"Target", weight}}},
		Spark: Spark([]float64{5.9, 6.4, 7.1, 8.2, 7.4}, true),
		Bars:  Bars{Title: "Requests by app", Unit: "request", Bars: []Bar{{"Chart", 1240, 12, ""}, {"Growth", 310, 0, ""}}},
	})
}
