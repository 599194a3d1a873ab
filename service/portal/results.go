package portal

import (
	"cmp"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/pages"
)

var resultsTemplate = pages.Parse(pageFiles, "results.html", "page/people.html")

// resultGroups are the kinds of results by the code of their category.
var resultGroups = []struct{ Name, Codes string }{
	{"Vital signs", "vital-signs"},
	{"Laboratory", "laboratory"},
	{"Other tests", "exam,imaging,procedure,therapy,activity"},
	{"Habits and living", "social-history,sdoh,survey"},
}

// lastShown is how many of the newest values of each measurement are read for the list.
const lastShown = "8"

// measured is a measurement in the list of results.
type measured struct {
	Name, Original, Means string
	Latest, When          string
	Tag                   pages.Tag
	Trend                 string
	Spark                 template.HTML
	Address               string
}

// results lists what was measured, each with its newest value and how it went.
func (r *record) results() error {
	type group struct {
		Name string
		Rows []measured
	}
	var groups []group
	for _, g := range resultGroups {
		rows, err := r.measured(g.Codes)
		if err != nil {
			return err
		}
		if len(rows) > 0 {
			groups = append(groups, group{g.Name, rows})
		}
	}
	return r.show(http.StatusOK, "Results", "/results", pages.Wide, resultsTemplate, groups)
}

// measured are the measurements of some categories, the newest first.
func (r *record) measured(categories string) ([]measured, error) {
	got, err := r.session.LastN(r.R.Context(), records.LastNRequest{Pairs: []search.Pair{
		{Name: "patient", Value: "Patient/" + string(r.id)}, {Name: "category", Value: categories}, {Name: "max", Value: lastShown},
	}})
	if err != nil {
		return nil, err
	}
	found, err := elements(got)
	if err != nil {
		return nil, err
	}
	byCode := map[string][]pages.Element{}
	var order []string
	for _, e := range found {
		if wrong(e) {
			continue
		}
		code := codeOf(e)
		if byCode[code] == nil {
			order = append(order, code)
		}
		byCode[code] = append(byCode[code], e)
	}
	var all []measured
	for _, code := range order {
		all = append(all, r.measurement(code, byCode[code]))
	}
	return all, nil
}

// codeOf is the first code of an Observation as a search has it; else its text.
func codeOf(e pages.Element) string {
	if code := e.Text("code", "coding", "code"); code != "" {
		return e.Text("code", "coding", "system") + "|" + code
	}
	return e.At("code").Concept()
}

// measurement tells of the newest values of one code, of which there is one at least.
func (r *record) measurement(code string, all []pages.Element) measured {
	slices.SortStableFunc(all, func(a, b pages.Element) int { return taken(b).Compare(taken(a)) })
	newest := newest(all)
	m, original := inWords(newest.At("code"))
	row := measured{Name: cmp.Or(m.Name, "A measurement without a name"), Original: original, Means: m.Means, Latest: valueWords(newest), When: pages.Date(when(newest))}
	s := seriesOf(all)
	row.Tag = judged(newest)
	if len(s) > 0 {
		row.Trend = s[0].words()
		row.Spark = pages.Spark(s[0].values(), row.Tag.Kind == "warn" || row.Tag.Kind == "bad")
	}
	if strings.Contains(code, "|") {
		row.Address = r.at("/trend") + "?" + url.Values{"code": {code}}.Encode()
	}
	return row
}
