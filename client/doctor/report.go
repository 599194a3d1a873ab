package doctor

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"time"
)

// marks say a result in a terminal.
var marks = map[Result]string{Pass: "ok  ", Warn: "warn", Fail: "FAIL", Skip: "-   "}

// WriteText writes a report for a terminal: what is not as it should be, and with all
// also what is.
func (r *Report) WriteText(w io.Writer, all bool) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s  FHIR %s  (%s)\n", r.URL, or(r.Software, "unknown software"), or(r.FHIR, "?"), r.Took.Round(time.Millisecond))
	for _, group := range r.Groups() {
		fmt.Fprintf(&b, "\n%s: %d ok, %d to look at, %d wrong, %d not tried\n", group, r.Count(group, Pass), r.Count(group, Warn), r.Count(group, Fail), r.Count(group, Skip))
		for _, c := range r.Checks {
			if c.Group == group && (all || c.Result != Pass) {
				b.WriteString(c.line())
			}
		}
	}
	if len(r.Timings) > 0 {
		b.WriteString("\nAnswers, as seen from here:\n")
	}
	for _, t := range r.Timings {
		fmt.Fprintf(&b, "  %-14s %4d, half within %s, all within %s\n", t.Kind, t.Count, t.Median.Round(100*time.Microsecond), t.Worst.Round(100*time.Microsecond))
	}
	fmt.Fprintf(&b, "\nAltogether: %s\n", r.Verdict())
	_, err := io.WriteString(w, b.String())
	return err
}

func (c *Check) line() string {
	s := "  " + marks[c.Result] + "  " + c.Name
	if c.Found != "" && c.Result != Pass {
		s += ": " + c.Found
	}
	if c.Section != "" && c.Result == Fail {
		s += " [" + c.Section + "]"
	}
	if c.Advice != "" {
		s += "\n        " + c.Advice
	}
	return s + "\n"
}

// Verdict sums a report up in a line.
func (r *Report) Verdict() string {
	s := fmt.Sprintf("%d as the standards have it, %d to look at, %d wrong, %d not tried", r.Count("", Pass), r.Count("", Warn), r.Count("", Fail), r.Count("", Skip))
	if r.Count("", Fail) == 0 {
		return s + ". Nothing that the standards demand is missing."
	}
	return s + "."
}

func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

//go:embed report.html
var reportPage string

var reportTemplate = template.Must(template.New("report").Funcs(template.FuncMap{
	"count": func(r *Report, group string, result Result) int { return r.Count(group, result) },
	"round": func(d time.Duration) string { return d.Round(100 * time.Microsecond).String() },
	"or":    or,
	"has": func(r *Report, set string) string {
		for _, s := range r.Sets {
			if s.Name == set && len(s.Lacks) == 0 {
				return "yes"
			}
		}
		return "no"
	},
	"inGroup": func(r *Report, group string) []Check {
		of := func(c Check) bool { return c.Group != group }
		all := slices.DeleteFunc(slices.Clone(r.Checks), of)
		slices.SortStableFunc(all, func(a, b Check) int { return rank[a.Result] - rank[b.Result] })
		return all
	},
	"median": func(r *Report, kind string) string {
		for _, t := range r.Timings {
			if t.Kind == kind {
				return t.Median.Round(100 * time.Microsecond).String()
			}
		}
		return "–"
	},
}).Parse(reportPage))

// rank puts what is wrong first.
var rank = map[Result]int{Fail: 0, Warn: 1, Skip: 2, Pass: 3}

// WriteHTML writes a page that stands by itself, with one report or several side by
// side.
func WriteHTML(w io.Writer, reports ...*Report) error {
	page := struct {
		Reports []*Report
		Groups  []string
		Sets    []string
	}{Reports: reports}
	for _, r := range reports {
		for _, group := range r.Groups() {
			if !slices.Contains(page.Groups, group) {
				page.Groups = append(page.Groups, group)
			}
		}
	}
	for _, s := range sets {
		page.Sets = append(page.Sets, s.name)
	}
	return reportTemplate.Execute(w, page)
}
