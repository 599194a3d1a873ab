package portal

import (
	"cmp"
	"html/template"
	"math"
	"net/http"
	"net/url"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/spec/fault"
)

var trendTemplate = pages.Parse(pageFiles, "trend.html", "page/people.html")

// charted is how many values a page of a trend shows.
const charted = "100"

// trend shows how one measurement went, by its code.
func (r *record) trend() error {
	code := r.Query.Get("code")
	if code == "" || len(code) > 300 {
		return fault.New(fault.Invalid, fault.CodeInvalid, "", "Choose a measurement on the page of results.")
	}
	all, next, err := r.find("Observation", r.Query.Get("after"), search.Pair{Name: "code", Value: code}, search.Pair{Name: "_sort", Value: "-date"}, search.Pair{Name: "_count", Value: charted})
	if err != nil {
		return err
	}
	type value struct {
		Value, When string
		Tag         pages.Tag
		Note        string
	}
	page := struct {
		meaning
		Original string
		Latest   string
		When     string
		Tag      pages.Tag
		Usual    string
		Words    []string
		Chart    template.HTML
		Values   []value
		Pager    pages.Pager
		Back     string
	}{Back: r.at("/results"), Pager: r.pager("/trend", next, url.Values{"code": {code}})}
	page.Name = "Measurement"
	var shown []pages.Element
	for _, e := range all {
		if !wrong(e) {
			shown = append(shown, e)
			page.Values = append(page.Values, value{valueWords(e), pages.DateTime(when(e)), judged(e), notes(e)})
		}
	}
	if len(shown) > 0 {
		newest := newest(shown)
		page.meaning, page.Original = inWords(newest.At("code"))
		page.Name = cmp.Or(page.Name, "Measurement")
		page.Latest, page.When, page.Tag = valueWords(newest), pages.DateTime(when(newest)), judged(newest)
		page.Usual = rangeWords(newest.At("referenceRange"))
		s := seriesOf(shown)
		for _, one := range s {
			if text := one.words(); text != "" && len(s) > 1 {
				page.Words = append(page.Words, one.Name+": "+text)
			} else if text != "" {
				page.Words = append(page.Words, text)
			}
		}
		page.Chart = chart(page.Name, newest, s)
	}
	return r.show(http.StatusOK, page.Name, "/results", pages.Wide, trendTemplate, page)
}

// chart draws up to four series that have one unit, when there is more than one value.
func chart(name string, newest pages.Element, all []series) template.HTML {
	c := pages.Chart{ID: "trend", Title: name}
	values := 0
	for _, s := range all {
		if len(c.Series) > 0 && s.Unit != c.Unit || len(c.Series) == 4 {
			continue
		}
		c.Unit = s.Unit
		c.Series = append(c.Series, pages.Series{Name: s.Name, Points: s.points})
		values = max(values, len(s.points))
	}
	if values < 2 {
		return ""
	}
	if low, high := usual(newest); len(c.Series) == 1 && !(math.IsNaN(low) && math.IsNaN(high)) {
		c.Low, c.High = low, high
	}
	return c.HTML()
}

// rangeWords is a reference range in words; "" for none.
func rangeWords(e pages.Element) string {
	low, high := e.At("low").Quantity(), e.At("high").Quantity()
	switch {
	case low != "" && high != "":
		return e.Text("low", "value") + " to " + high
	case low != "":
		return low + " or more"
	case high != "":
		return "up to " + high
	}
	return e.Text("text")
}
