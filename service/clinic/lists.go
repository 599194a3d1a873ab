package clinic

import (
	"errors"
	"html/template"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// part is one search of a list.
type part struct {
	title string
	typ   fhir.Type
	pairs []string
	row   func(*chart, pages.Element) row
}

// lists are the pages with all of a kind, by their names in addresses.
var lists = map[string]struct {
	title, empty, tab string
	parts             []part
}{
	"problems": {"Problems", "No problems are recorded.", "/list/problems", []part{
		{"Active", "Condition", []string{"clinical-status", "active,recurrence,relapse", "_sort", "-recorded-date"}, problemRow},
		{"Resolved and inactive", "Condition", []string{"clinical-status", "inactive,remission,resolved", "_sort", "-recorded-date"}, problemRow},
		{"Without a status", "Condition", []string{"clinical-status:missing", "true", "_sort", "-recorded-date"}, problemRow},
	}},
	"allergies": {"Allergies", "No allergies are recorded.", "/list/problems", []part{{"", "AllergyIntolerance", []string{"_sort", "-date"}, allergyRow}}},
	"medications": {"Medications", "No medications are recorded.", "/list/medications", []part{
		{"Active", "MedicationRequest", []string{"status", "active,on-hold", "_sort", "-authoredon", "_include", "MedicationRequest:medication"}, medicationRow},
		{"Stated", "MedicationStatement", []string{"_sort", "-effective"}, medicationRow},
		{"Ended", "MedicationRequest", []string{"status", "completed,stopped,cancelled,ended,entered-in-error,draft,unknown", "_sort", "-authoredon", "_include", "MedicationRequest:medication"}, medicationRow},
	}},
	"immunizations": {"Immunizations", "No immunizations are recorded.", "/list/medications", []part{{"", "Immunization", []string{"_sort", "-date"}, immunizationRow}}},
	"encounters":    {"Encounters", "No encounters are recorded.", "/list/encounters", []part{{"", "Encounter", []string{"_sort", "-date"}, encounterRow}}},
	"procedures":    {"Procedures", "No procedures are recorded.", "/list/encounters", []part{{"", "Procedure", []string{"_sort", "-date"}, procedureRow}}},
	"documents":     {"Documents", "No documents are recorded.", "/list/documents", []part{{"", "DocumentReference", []string{"_sort", "-date"}, documentRow}}},
	"observations":  {"All values by date", "Nothing was measured.", "/results", []part{{"", "Observation", []string{"_sort", "-date"}, observationRow}}},
	"reports":       {"Reports", "No reports are recorded.", "/results", []part{{"", "DiagnosticReport", []string{"_sort", "-date"}, reportRow}}},
	"orders": {"Orders and tasks", "Nothing is ordered or to be done.", "/list/orders", []part{
		{"Tasks", "Task", []string{"_sort", "-authored-on"}, orderRow},
		{"Orders", "ServiceRequest", []string{"_sort", "-authored"}, orderRow},
		{"Care plans", "CarePlan", []string{"_sort", "-date"}, planRow},
		{"Goals", "Goal", []string{"_sort", "-start-date"}, planRow},
	}},
	"claims": {"Coverage and claims", "No coverage and no claims are recorded.", "/list/claims", []part{
		{"Coverage", "Coverage", nil, coverageRow},
		{"Claims", "Claim", []string{"_sort", "-created"}, claimRow},
		{"Explanations of benefit", "ExplanationOfBenefit", []string{"_sort", "-created"}, claimRow},
	}},
}

// beside are lists that stand beside a tab's own.
var beside = map[string][]pages.Item{
	"/list/problems":    {{Name: "Allergies", Address: "/list/allergies"}},
	"/list/medications": {{Name: "Immunizations", Address: "/list/immunizations"}},
	"/list/encounters":  {{Name: "Procedures", Address: "/list/procedures"}},
}

var listTemplate = parse("list.html")

// perList is how many rows a page of a list has of each part.
const perList = 25

// showList has all of a kind, in pages.
func showList(h *chart) error {
	name := h.R.PathValue("list")
	l, ok := lists[name]
	if !ok {
		return fault.New(fault.NotFound, fault.CodeNotFound, "", "The chart has no such page.")
	}
	base, err := h.page(l.tab)
	if err != nil {
		return err
	}
	data := struct {
		page
		Title, Empty string
		Sections     []section
		Beside       []pages.Item
		Denied       bool
	}{page: base, Title: l.title, Empty: l.empty, Denied: true}
	found := make([]list, len(l.parts))
	only := h.Query.Get("part") // of which a further page is asked for
	var todo []func()
	for i, p := range l.parts {
		if only != "" && only != number(i) {
			continue
		}
		todo = append(todo, func() {
			after := ""
			if only != "" {
				after = h.Query.Get("after")
			}
			found[i] = h.searchAfter(after, p.typ, append(slices.Clip(p.pairs), "_count", number(perList))...)
		})
	}
	h.together(todo...)
	for i, p := range l.parts {
		if found[i].err != nil {
			return found[i].err
		}
		data.Denied = data.Denied && (found[i].Denied || only != "" && only != number(i))
		if len(found[i].Items) == 0 {
			continue
		}
		s := section{Title: p.title}
		for _, e := range found[i].Items {
			s.Rows = append(s.Rows, p.row(h, e))
		}
		if found[i].Next != "" {
			s.More = h.Link("/list/" + name + "?" + url.Values{"part": {number(i)}, "after": {found[i].Next}}.Encode())
		}
		data.Sections = append(data.Sections, s)
	}
	for _, b := range beside[l.tab] {
		if b.Address == "/list/"+name {
			tab := lists[strings.TrimPrefix(l.tab, "/list/")]
			b = pages.Item{Name: tab.title, Address: l.tab}
		}
		data.Beside = append(data.Beside, pages.Item{Name: b.Name, Address: h.Link(b.Address)})
	}
	return h.write(h.frame(l.title), listTemplate, data)
}

var timelineTemplate = parse("timeline.html")

// events are what the timeline shows, with the parameter of their time.
var events = []struct {
	kind, date string
	part
}{
	{"Encounter", "date", part{typ: "Encounter", row: encounterRow}},
	{"Problem", "recorded-date", part{typ: "Condition", row: problemRow}},
	{"Allergy", "date", part{typ: "AllergyIntolerance", row: allergyRow}},
	{"Medication", "authoredon", part{typ: "MedicationRequest", row: medicationRow}},
	{"Procedure", "date", part{typ: "Procedure", row: procedureRow}},
	{"Immunization", "date", part{typ: "Immunization", row: immunizationRow}},
	{"Report", "date", part{typ: "DiagnosticReport", row: reportRow}},
	{"Document", "date", part{typ: "DocumentReference", row: documentRow}},
}

// event is a line of the timeline.
type event struct {
	row
	Kind string
	at   time.Time
}

// perTimeline is how many events a page of the timeline has.
const perTimeline = 40

// happened are the names under which resources say when something was.
var happened = []string{"period", "recordedDate", "onsetDateTime", "authoredOn", "performedDateTime", "performedPeriod", "occurrenceDateTime", "effectiveDateTime", "effectivePeriod", "issued", "date"}

// showTimeline has what happened, the latest first.
func showTimeline(h *chart) error {
	base, err := h.page("/timeline")
	if err != nil {
		return err
	}
	before, err := time.Parse(time.DateOnly, h.Query.Get("before"))
	paged := err == nil
	found := make([]list, len(events))
	todo := make([]func(), len(events))
	for i, e := range events {
		pairs := []string{"_sort", "-" + e.date, "_count", number(perTimeline)}
		if paged {
			pairs = append(pairs, e.date, "lt"+before.Format(time.DateOnly))
		}
		todo[i] = func() { found[i] = h.search(e.typ, pairs...) }
	}
	h.together(todo...)
	var all []event
	var errs []error
	// On the day of the oldest of a search that has more, and before, events may be
	// missing: the page ends with the day after.
	var from time.Time
	for i, e := range events {
		errs = append(errs, found[i].err)
		for n, one := range found[i].Items {
			at, _ := pages.Time(one.When(happened...))
			line := event{e.row(h, one), e.kind, at}
			line.When = pages.DateTime(one.When(happened...))
			all = append(all, line)
			if end := dayOf(at).AddDate(0, 0, 1); n == len(found[i].Items)-1 && found[i].Next != "" && end.After(from) {
				from = end
			}
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	slices.SortStableFunc(all, func(a, b event) int { return b.at.Compare(a.at) })
	kept := all[:0]
	for i, e := range all {
		if i > 0 && !dayOf(e.at).Equal(dayOf(all[i-1].at)) && (e.at.Before(from) || len(kept) >= perTimeline) {
			break
		}
		kept = append(kept, e)
	}
	data := struct {
		page
		Events []event
		Later  string
		Pager  pages.Pager
	}{page: base, Events: kept}
	if len(kept) < len(all) && len(kept) > 0 {
		data.Pager.After = h.Link("/timeline?before=" + template.URLQueryEscaper(kept[len(kept)-1].at.UTC().Format(time.DateOnly)))
	}
	if paged {
		data.Later = h.Link("/timeline")
	}
	return h.write(h.frame("Timeline"), timelineTemplate, data)
}

func dayOf(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }
