package clinic

import (
	"cmp"
	"errors"
	"html/template"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/service/pages"
)

var summaryTemplate = parse("summary.html")

// parse makes the template of a page of the chart.
func parse(name string) *pages.Template { return pages.Parse(pageFiles, name, "page/head.html") }

// row is a line of a list.
type row struct {
	When, What, Detail string
	Tag                *pages.Tag
	Address            string
}

// section is a part of the summary.
type section struct {
	Title, Empty, More string
	Rows               []row
	Denied             bool
	Cut                bool // there are more
}

// perSection is how many rows a section of the summary has at most; more stand on a
// page of their own.
const perSection = 12

// How many of the latest values of a category are looked at, however many there are.
const (
	forSummary = 150
	forResults = 400
)

// showSummary is the chart at a glance.
func showSummary(h *chart) error {
	remember(h.Visit, h.id)
	base, err := h.page("")
	if err != nil {
		return err
	}
	var problems, medications, stated, allergies, vitalSigns, labs, orders, tasks, encounters, documents, coverage, apps list
	var offered []app
	var appsErr error
	many := number(perSection + 1)
	h.together(
		func() { allergies = h.search("AllergyIntolerance", "_sort", "-date", "_count", many) },
		func() {
			problems = h.search("Condition", "clinical-status", "active,recurrence,relapse", "_sort", "-recorded-date", "_count", many)
		},
		func() {
			medications = h.search("MedicationRequest", "status", "active,on-hold", "_sort", "-authoredon", "_count", many, "_include", "MedicationRequest:medication")
		},
		func() {
			stated = h.search("MedicationStatement", "status", "active", "_sort", "-effective", "_count", many)
		},
		func() { vitalSigns = h.measuredLately("vital-signs", forSummary) },
		func() { labs = h.measuredLately("laboratory", forSummary) },
		func() { orders = h.search("ServiceRequest", "status", "active", "_sort", "-authored", "_count", "6") },
		func() {
			tasks = h.search("Task", "status", "requested,received,accepted,ready,in-progress,on-hold", "_sort", "-authored-on", "_count", "6")
		},
		func() { encounters = h.search("Encounter", "_sort", "-date", "_count", "5") },
		func() { documents = h.search("DocumentReference", "_sort", "-date", "_count", "5") },
		func() { coverage = h.search("Coverage", "status", "active", "_count", "3") },
		func() { offered, appsErr = h.apps() },
	)
	for _, l := range []list{problems, medications, stated, allergies, vitalSigns, labs, orders, tasks, encounters, documents, coverage, apps} {
		if l.err != nil {
			return l.err
		}
	}
	if appsErr != nil {
		return appsErr
	}
	data := struct {
		page
		Live         string
		Top, Side    []section
		Vitals, Labs measured
		Contacts     []numbered
		Apps         []app
		Unseen       []string // what the role does not show
	}{page: base, Live: h.Link("/live"), Contacts: h.Head.Contacts, Apps: offered[:min(len(offered), 6)]}
	top := []section{
		h.section("Allergies", "No allergies are recorded.", "/list/allergies", allergyRow, allergies),
		h.section("Problems", "No active problems are recorded.", "/list/problems", problemRow, problems),
		h.section("Medications", "No active medications are recorded.", "/list/medications", medicationRow, list{Items: append(medications.Items, stated.Items...), Next: medications.Next, Denied: medications.Denied}),
	}
	side := []section{
		h.section("Orders and tasks", "Nothing is ordered or to be done.", "/list/orders", orderRow, list{Items: append(orders.Items, tasks.Items...), Next: orders.Next + tasks.Next, Denied: orders.Denied && tasks.Denied}),
		h.section("Encounters", "No encounters are recorded.", "/list/encounters", encounterRow, encounters),
		h.section("Documents", "No documents are recorded.", "/list/documents", documentRow, documents),
		h.section("Coverage", "No coverage is recorded.", "/list/claims", coverageRow, coverage),
	}
	for _, s := range append(top, side...) {
		if s.Denied {
			data.Unseen = append(data.Unseen, strings.ToLower(s.Title))
		}
	}
	if vitalSigns.Denied {
		data.Unseen = append(data.Unseen, "vital signs", "results")
	}
	data.Top, data.Side = shownOf(top), shownOf(side)
	data.Vitals = measured{Title: "Vital signs", Trends: h.trendsOf(vitalSigns.Items), Denied: vitalSigns.Denied, More: h.Link("/results"), Empty: "No vital signs are recorded."}
	data.Labs = measured{Title: "Laboratory", Trends: h.trendsOf(labs.Items), Denied: labs.Denied, More: h.Link("/results"), Empty: "No laboratory results are recorded."}
	data.Vitals.cut(h, vitalSigns)
	data.Labs.cut(h, labs)
	f := h.frame("Summary")
	return h.write(f, summaryTemplate, data)
}

// measured is a table of trends.
type measured struct {
	Title  string
	Trends []trend
	Denied bool
	More   string
	Empty  string
	Cut    int    // of how many of the latest values it is made, when there are more; 0: of all
	All    string // address of all values
}

// cut notes that a list has more.
func (m *measured) cut(h *chart, l list) {
	if l.Next != "" {
		m.Cut, m.All = len(l.Items), h.Link("/list/observations")
	}
}

func shownOf(all []section) []section {
	var shown []section
	for _, s := range all {
		if !s.Denied {
			shown = append(shown, s)
		}
	}
	return shown
}

func (h *chart) section(title, empty, more string, of func(*chart, pages.Element) row, l list) section {
	s := section{Title: title, Empty: empty, More: h.Link(more), Denied: l.Denied, Cut: l.Next != "" || len(l.Items) > perSection}
	for _, e := range l.Items[:min(len(l.Items), perSection)] {
		s.Rows = append(s.Rows, of(h, e))
	}
	return s
}

// measuredLately finds the latest measurements of a category.
func (h *chart) measuredLately(category string, n int) list {
	return h.search("Observation", "category", category, "_sort", "-date", "_count", number(n))
}

var resultsTemplate = parse("results.html")

// showResults has all that was measured, and the reports.
func showResults(h *chart) error {
	base, err := h.page("/results")
	if err != nil {
		return err
	}
	kinds := []struct{ title, category string }{
		{"Laboratory", "laboratory"}, {"Vital signs", "vital-signs"}, {"Imaging and procedures", "imaging,procedure"}, {"Surveys and assessments", "survey"}, {"Social history", "social-history"},
	}
	found := make([]list, len(kinds))
	var reports list
	parts := []func(){func() { reports = h.search("DiagnosticReport", "_sort", "-date", "_count", "15") }}
	for i, k := range kinds {
		parts = append(parts, func() { found[i] = h.measuredLately(k.category, forResults) })
	}
	h.together(parts...)
	data := struct {
		page
		Live    string
		Tables  []measured
		Reports section
		All     string
	}{page: base, Live: h.Link("/live"), All: h.Link("/list/observations"), Reports: h.section("Reports", "No reports are recorded.", "/list/reports", reportRow, reports)}
	errs := []error{reports.err}
	for i, k := range kinds {
		errs = append(errs, found[i].err)
		if t := h.trendsOf(found[i].Items); len(t) > 0 || i == 0 {
			table := measured{Title: k.title, Trends: t, Denied: found[i].Denied, Empty: "No results are recorded."}
			table.cut(h, found[i])
			data.Tables = append(data.Tables, table)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return h.write(h.frame("Results"), resultsTemplate, data)
}

var trendTemplate = parse("trend.html")

// perChart is how many values a chart draws.
const perChart = 200

// showTrend draws what was measured of one thing.
func showTrend(h *chart) error {
	base, err := h.page("/results")
	if err != nil {
		return err
	}
	system, code, _ := strings.Cut(h.Query.Get("code"), "|")
	l := h.searchAfter(h.Query.Get("after"), "Observation", "code", search.Escape(system)+"|"+search.Escape(code), "_sort", "-date", "_count", number(perChart))
	if l.err != nil {
		return l.err
	}
	data := struct {
		page
		Live  string
		Name  string
		Chart template.HTML
		Rows  []row
		Range string
		Pager pages.Pager
	}{page: base, Live: h.Link("/live")}
	data.Name = "Results"
	if len(l.Items) > 0 {
		latest := l.Items[max(0, slices.IndexFunc(l.Items, hasValue))]
		data.Name = latest.At("code").Concept()
		if usual, ok := usually(codeOf(latest.At("code"))); ok && usual.Name != "" {
			data.Name = usual.Name
		}
		r := h.rangeOf(latest)
		data.Range = r.words
		chart := drawn(l.Items, r)
		chart.ID, chart.Title = "trend", data.Name
		data.Chart = chart.HTML()
		for _, o := range l.Items[:min(len(l.Items), 50)] {
			data.Rows = append(data.Rows, row{When: whenOf(o), What: valueOf(o), Detail: strings.Join(h.remarks(o), "; "), Tag: judge(o, h.rangeOf(o))})
		}
	}
	if l.Next != "" {
		data.Pager.After = h.Link("/trend?code=" + template.URLQueryEscaper(h.Query.Get("code")) + "&after=" + template.URLQueryEscaper(l.Next))
	}
	return h.write(h.frame(data.Name), trendTemplate, data)
}

// drawn is the chart of observations of the same thing, the latest first; a line for
// each part.
func drawn(observations []pages.Element, r bounds) pages.Chart {
	c := pages.Chart{Height: 240}
	if r.any() {
		c.Low, c.High = r.low, r.high
	}
	var order []string
	points := map[string][]pages.Point{}
	add := func(name string, o, e pages.Element) {
		v, ok := numberOf(e)
		at := timeOf(o)
		if !ok || at.IsZero() || o.Text("status") == "entered-in-error" {
			return
		}
		if points[name] == nil {
			order = append(order, name)
		}
		if c.Unit == "" {
			c.Unit = cmp.Or(e.Text("valueQuantity", "unit"), e.Text("valueQuantity", "code"))
		}
		points[name] = append(points[name], pages.Point{Time: at, Value: v, Text: e.Text("valueQuantity", "value")})
	}
	for i := len(observations) - 1; i >= 0; i-- {
		o := observations[i]
		add("", o, o)
		for _, part := range o.List("component") {
			add(part.At("code").Concept(), o, part)
		}
	}
	for _, name := range order[:min(len(order), 4)] {
		c.Series = append(c.Series, pages.Series{Name: name, Points: points[name]})
	}
	return c
}

// remarks are what else is said of an observation.
func (h *chart) remarks(o pages.Element) []string {
	var all []string
	if s := o.Text("status"); s != "final" && s != "" {
		all = append(all, s)
	}
	for _, p := range o.List("performer") {
		all = append(all, h.whose(p))
	}
	for _, n := range o.List("note") {
		all = append(all, short(n.Text("text"), 200))
	}
	return all
}

// short cuts a text.
func short(text string, n int) string {
	if runes := []rune(text); len(runes) > n {
		return string(runes[:n]) + " …"
	}
	return text
}
