package portal

import (
	"cmp"
	"strings"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/spec/fhir"
)

// maxDisplayed bounds the resources that a page reads for their names.
const maxDisplayed = 60

// display is the name of what a reference is to, as far as the visitor may see it; ""
// when that is not known.
func (r *record) display(reference string) string {
	if name, ok := r.displayed[reference]; ok {
		return name
	}
	typ, id, ok := strings.Cut(reference, "/")
	if !ok || !fhir.ID(id).Valid() || len(r.displayed) >= maxDisplayed {
		return ""
	}
	if r.displayed == nil {
		r.displayed = map[string]string{}
	}
	r.displayed[reference] = ""
	got, err := r.session.Read(r.R.Context(), fhir.Key{Type: fhir.Type(typ), ID: fhir.ID(id)}, records.ReadOptions{})
	if err != nil {
		return "" // hidden, gone or never there: it has no name here
	}
	e, err := pages.ParseElement(got.JSON)
	if err != nil {
		return ""
	}
	m, _ := inWords(e.At("code"))
	r.displayed[reference] = cmp.Or(e.At("name").Name(), e.Text("name"), m.Name, e.At("vaccineCode").Concept())
	return r.displayed[reference]
}

// displays are the names of several, as they are displayed or else read.
func (r *record) displays(list []pages.Element) string {
	var all []string
	for _, one := range list {
		if name := cmp.Or(one.Text("display"), r.display(one.Text("reference"))); name != "" {
			all = append(all, name)
		}
	}
	return strings.Join(all, ", ")
}

// who is the name of what a reference is to, or else the reference.
func (r *record) who(e pages.Element) string {
	return cmp.Or(e.Text("display"), r.display(e.Text("reference")), e.Reference())
}

// names are the names of what several References are to.
func (r *record) names(list []pages.Element, path ...string) string {
	var all []string
	for _, one := range list {
		if text := r.who(one.At(path...)); text != "" {
			all = append(all, text)
		}
	}
	return strings.Join(all, ", ")
}
