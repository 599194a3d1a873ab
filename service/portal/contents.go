package portal

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/spec/fault"
)

var (
	contentsTemplate = pages.Parse(pageFiles, "contents.html", "page/people.html")
	sectionTemplate  = pages.Parse(pageFiles, "section.html", "page/people.html", "page/entry.html")
)

// part is a section in the list of all, with how many things it holds.
type part struct {
	Name, Address, Lead string
	Count               int
}

// contents lists the sections that hold something, and the main ones.
func (r *record) contents() error {
	var parts []part
	results, err := r.count("Observation")
	if err != nil {
		return err
	}
	for _, s := range sections {
		n, err := r.count(s.Type)
		if err != nil {
			return err
		}
		if s.Slug == "visits" {
			parts = append(parts, part{"Test results and measurements", r.at("/results"), "Laboratory results, vital signs and other measurements, and how they went.", int(results)})
		}
		if n > 0 || s.Main {
			parts = append(parts, part{s.Name, r.at("/record/" + s.Slug), s.Lead, int(n)})
		}
	}
	return r.show(http.StatusOK, "Record", "/record", pages.Wide, contentsTemplate, struct {
		Person  []fact
		Parts   []part
		Clinics string
	}{r.personal(), parts, r.who(r.patient.At("managingOrganization"))})
}

// personal are the details of the patient.
func (r *record) personal() []fact {
	var e entry
	p := r.patient
	e.add("Name", p.At("name").Name())
	e.add("Also", strings.Join(p.At("name").OtherNames(), ", "))
	born := pages.Date(p.Text("birthDate"))
	if age := pages.Age(p.Text("birthDate"), r.Now); age != "" && p.Text("deceasedDateTime") == "" {
		born += " (" + age + " old)"
	}
	e.add("Born", born)
	e.add("Sex", p.Text("gender"))
	for _, i := range p.List("identifier") {
		if name := i.At("type").Concept(); name != "" && i.Text("value") != "" {
			e.add(name, i.Text("value"))
		}
	}
	for _, t := range p.List("telecom") {
		e.add(capital(cmp.Or(t.Text("system"), "contact")), t.Text("value"))
	}
	for _, a := range p.List("address") {
		var lines []string
		for _, l := range a.List("line") {
			lines = append(lines, l.Text())
		}
		for _, part := range []string{"city", "state", "postalCode", "country"} {
			lines = append(lines, a.Text(part))
		}
		lines = slices.DeleteFunc(lines, func(s string) bool { return s == "" })
		e.add("Address", strings.Join(lines, ", "))
	}
	e.add("Languages", concepts(languages(p)))
	e.add("Main clinician", r.names(p.List("generalPractitioner")))
	return e.Facts
}

func languages(p pages.Element) []pages.Element {
	var all []pages.Element
	for _, c := range p.List("communication") {
		all = append(all, c.At("language"))
	}
	return all
}

// perPage is how many entries a page of a section shows.
const perPage = "25"

// entries is a page of a section.
func (r *record) entries(s section, after, count string) (all []entry, next string, err error) {
	pairs := append([]search.Pair{{Name: "_count", Value: count}}, s.Pairs...)
	found, next, err := r.find(s.Type, after, pairs...)
	if err != nil {
		return nil, "", err
	}
	for _, e := range found {
		if !wrong(e) {
			all = append(all, s.entry(r, e))
		}
	}
	return all, next, nil
}

// section shows a page of one section.
func (r *record) section() error {
	i := slices.IndexFunc(sections, func(s section) bool { return s.Slug == r.R.PathValue("section") })
	if i < 0 {
		return fault.New(fault.NotFound, fault.CodeNotFound, "", "The record has no section of that name.")
	}
	s := sections[i]
	all, next, err := r.entries(s, r.Query.Get("after"), perPage)
	if err != nil {
		return err
	}
	if s.Slug == "care-team" && r.Query.Get("after") == "" {
		if own := r.names(r.patient.List("generalPractitioner")); own != "" {
			all = append([]entry{{Title: "Main clinician", Facts: []fact{{"Name", own}, {"Clinic", r.who(r.patient.At("managingOrganization"))}}}}, all...)
		}
	}
	page := struct {
		section
		Entries []entry
		Pager   pages.Pager
		Back    string
	}{s, all, r.pager("/record/"+s.Slug, next, nil), r.at("/record")}
	return r.show(http.StatusOK, s.Name, "/record", pages.Narrow, sectionTemplate, page)
}

// pager leads to the next page of a list, and back to its first.
func (r *record) pager(path, next string, query url.Values) (p pages.Pager) {
	if r.Query.Get("after") != "" {
		p.Before = r.at(path)
		if len(query) > 0 {
			p.Before += "?" + query.Encode()
		}
	}
	if next != "" {
		with := url.Values{"after": {next}}
		for k, v := range query {
			with[k] = v
		}
		p.After = r.at(path) + "?" + with.Encode()
	}
	return p
}
