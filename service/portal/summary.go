package portal

import (
	"net/http"
	"strings"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/service/pages"
)

var summaryTemplate = pages.Parse(pageFiles, "summary.html", "page/people.html")

// few is how many things of a section the summary shows.
const few = "6"

// brief is a section on the summary.
type brief struct {
	Name, None, Address string
	Entries             []entry
	More                bool
}

// summary shows what matters most of a record on one page.
func (r *record) summary() error {
	page := struct {
		Age, Born string
		Briefs    []brief
		Results   []measured
		Visits    []entry
		Apps      int
		Looked    []looked
	}{Age: pages.Age(r.patient.Text("birthDate"), r.Now), Born: pages.Date(r.patient.Text("birthDate"))}
	for _, b := range []struct {
		slug  string
		pairs []search.Pair
	}{
		{"problems", []search.Pair{{Name: "clinical-status", Value: "active,recurrence,relapse"}}},
		{"medications", []search.Pair{{Name: "status", Value: "active,on-hold"}}},
		{"allergies", []search.Pair{{Name: "clinical-status:not", Value: "inactive,resolved"}}},
	} {
		one, err := r.brief(b.slug, b.pairs...)
		if err != nil {
			return err
		}
		page.Briefs = append(page.Briefs, one)
	}
	for _, codes := range []string{"vital-signs", "laboratory"} {
		rows, err := r.measured(codes)
		if err != nil {
			return err
		}
		page.Results = append(page.Results, rows[:min(len(rows), 5)]...)
	}
	visits, err := r.brief("visits")
	if err != nil {
		return err
	}
	page.Visits = visits.Entries[:min(len(visits.Entries), 3)]
	apps, err := r.grantedApps()
	if err != nil {
		return err
	}
	page.Apps = len(apps)
	last, _, err := r.lookedBy(lookedQuery{}, "", 3)
	if err != nil {
		return err
	}
	page.Looked = last[:min(len(last), 3)]
	return r.show(http.StatusOK, "Summary", "", pages.Wide, summaryTemplate, page)
}

// brief is the beginning of a section.
func (r *record) brief(slug string, pairs ...search.Pair) (brief, error) {
	for _, s := range sections {
		if s.Slug != slug {
			continue
		}
		s.Pairs = append(pairs, s.Pairs...)
		all, next, err := r.entries(s, "", few)
		return brief{s.Name, strings.SplitAfter(s.None, ".")[0], r.at("/record/" + slug), all, next != ""}, err
	}
	return brief{}, nil
}
