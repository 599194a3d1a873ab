package clinic

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// chart is a visit to the chart of one patient.
type chart struct {
	*pages.Visit
	session *records.Session
	id      fhir.ID
	Head    head
	// Encounter is the id of the encounter in context; "" for none.
	Encounter  string
	Encounters []pages.Choice
	adult      bool
	names      sync.Map       // of what is referred to, by reference
	asked      atomic.Int32   // names that were looked up
	glass      *records.Glass // that is broken for this patient; nil for none
}

// within serves a page of a chart. A patient who cannot be seen gets a page that says
// what can be done.
func (c *Clinic) within(serve func(*chart) error) func(*pages.Visit) error {
	return func(v *pages.Visit) error {
		h, err := openChart(v)
		if kind := fault.KindOf(err); kind == fault.NotFound || kind == fault.Gone || errors.Is(err, records.ErrScope) {
			return showHidden(v, err)
		}
		if err != nil {
			return err
		}
		return serve(h)
	}
}

func openChart(v *pages.Visit) (*chart, error) {
	h := &chart{Visit: v, id: fhir.ID(v.R.PathValue("id"))}
	if !h.id.Valid() {
		return nil, fault.New(fault.NotFound, fault.CodeNotFound, "", "There is no such patient.")
	}
	var err error
	if h.session, err = v.Records(h.id); err != nil {
		return nil, err
	}
	r, err := h.session.Read(v.R.Context(), fhir.Key{Type: "Patient", ID: h.id}, records.ReadOptions{})
	if err != nil {
		return nil, err
	}
	p, err := pages.ParseElement(r.JSON)
	if err != nil {
		return nil, err
	}
	h.Head = headOf(p, v.Now)
	for _, g := range h.session.Principal().Broken {
		if g.Patient == h.id && (h.glass == nil || g.Until.After(h.glass.Until)) {
			h.glass = &g
		}
	}
	if born, ok := pages.Time(p.Text("birthDate")); ok {
		h.adult = !v.Now.Before(born.AddDate(18, 0, 0))
	}
	h.Encounter = v.Query.Get("encounter")
	return h, nil
}

// context reads what the head of every page of the chart has: flags, and encounters to
// choose from.
func (h *chart) context() error {
	var flags, encounters list
	h.together(
		func() { flags = h.search("Flag", "_sort", "-date", "_count", "30") },
		func() { encounters = h.search("Encounter", "_sort", "-date", "_count", "15") },
	)
	if err := errors.Join(flags.err, encounters.err); err != nil {
		return err
	}
	for _, f := range flags.Items {
		if name := f.At("code").Concept(); f.Text("status") == "active" && name != "" && len(h.Head.Flags) < 8 {
			h.Head.Flags = append(h.Head.Flags, short(name, 80))
		}
	}
	chosen := h.Encounter
	if h.Encounter = ""; chosen == noEncounter {
		h.Encounter = noEncounter
	}
	for _, e := range encounters.Items {
		id, status := e.Text("id"), e.Text("status")
		if id == chosen || chosen == "" && h.Encounter == "" && slices.Contains(underway, status) {
			h.Encounter = id
		}
		h.Encounters = append(h.Encounters, pages.Choice{Value: id, Name: strings.TrimSuffix(pages.Date(e.When("period"))+", "+encounterName(e), ", ")})
	}
	for i := range h.Encounters {
		h.Encounters[i].Chosen = h.Encounters[i].Value == h.Encounter
	}
	return nil
}

// noEncounter is the choice of none, where one would be taken by itself.
const noEncounter = "none"

// underway are the states of encounters that go on.
var underway = []string{"arrived", "triaged", "in-progress", "onleave"}

// list is one page of a search; Denied says that the visitor's role does not show the
// type.
type list struct {
	Items  []pages.Element
	Next   string
	Denied bool
	err    error
}

// search finds resources of the patient, by pairs of parameter and value.
func (h *chart) search(t fhir.Type, pairs ...string) list { return h.searchAfter("", t, pairs...) }

func (h *chart) searchAfter(after string, t fhir.Type, pairs ...string) list {
	r := records.SearchRequest{Type: t, After: after, Pairs: []search.Pair{{Name: "patient", Value: "Patient/" + string(h.id)}}}
	for i := 0; i+1 < len(pairs); i += 2 {
		r.Pairs = append(r.Pairs, search.Pair{Name: pairs[i], Value: pairs[i+1]})
	}
	return h.listed(h.session.Search(h.R.Context(), r))
}

func (h *chart) listed(result *records.SearchResult, err error) list {
	if errors.Is(err, records.ErrScope) {
		return list{Denied: true}
	}
	if err != nil {
		return list{err: err}
	}
	l := list{Next: result.Next}
	for _, e := range result.Entries {
		one, err := pages.ParseElement(e.JSON)
		switch {
		case err != nil:
		case e.Mode == records.ModeMatch:
			l.Items = append(l.Items, one)
		default:
			h.names.Store(e.Key.String(), one.At("code").Concept())
		}
	}
	return l
}

// nameOf is what was included as the target of a reference; "" for nothing.
func (h *chart) nameOf(reference string) string {
	name, _ := h.names.Load(reference)
	text, _ := name.(string)
	return text
}

// whose is the name of a person or organization that is referred to, as far as the
// visitor may see it, and else what the reference says.
func (h *chart) whose(e pages.Element) string {
	reference := e.Text("reference")
	typ, id, ok := strings.Cut(reference, "/")
	if e.Text("display") != "" || !ok || !slices.Contains(people, fhir.Type(typ)) || !fhir.ID(id).Valid() {
		return e.Reference()
	}
	if _, known := h.names.Load(reference); !known && h.asked.Add(1) <= maxAsked {
		h.names.Store(reference, "")
		if r, err := h.session.Read(h.R.Context(), fhir.Key{Type: fhir.Type(typ), ID: fhir.ID(id)}, records.ReadOptions{}); err == nil {
			if p, err := pages.ParseElement(r.JSON); err == nil {
				h.names.Store(reference, cmp.Or(p.At("name").Name(), p.Text("name")))
			}
		}
	}
	return cmp.Or(h.nameOf(reference), e.Reference())
}

// people are the types whose names are looked up, maxAsked how many a page looks up.
var people = []fhir.Type{"Practitioner", "Organization", "RelatedPerson", "Patient"}

const maxAsked = 20

// atOnce is how many searches of a page run at the same time.
const atOnce = 4

// together runs the parts of a page side by side.
func (h *chart) together(parts ...func()) {
	var wait sync.WaitGroup
	room := make(chan struct{}, atOnce)
	for _, part := range parts {
		room <- struct{}{}
		wait.Go(func() {
			defer func() { <-room }()
			part()
		})
	}
	wait.Wait()
}

// Link is the address of a page of the chart, which keeps the encounter in context.
func (h *chart) Link(path string) string {
	u := h.Path(Path + "/patient/" + string(h.id) + path)
	if h.Encounter == "" {
		return u
	}
	join := "?"
	if strings.Contains(path, "?") {
		join = "&"
	}
	return u + join + url.Values{"encounter": {h.Encounter}}.Encode()
}

// Tabs are the places of the chart.
func (h *chart) tabs(here string) []pages.Item {
	var all []pages.Item
	for _, t := range [][2]string{
		{"Summary", ""}, {"Timeline", "/timeline"}, {"Results", "/results"}, {"Problems", "/list/problems"}, {"Medications", "/list/medications"},
		{"Encounters", "/list/encounters"}, {"Documents", "/list/documents"}, {"Orders", "/list/orders"}, {"Claims", "/list/claims"}, {"Apps", "/apps"},
	} {
		all = append(all, pages.Item{Name: t[0], Address: h.Link(t[1]), Here: t[1] == here})
	}
	return all
}

// page is what every page of the chart shows around its own.
type page struct {
	*chart
	Tabs     []pages.Item
	Self     string
	Glass    string // address where the glass is broken or mended; "" for nobody who may
	Broken   bool
	ReadOnly bool
	Adds     bool // the visitor is one of those who add to charts
	Token    string
}

// page makes the surroundings of a page; here is the tab that it belongs to.
func (h *chart) page(here string) (page, error) {
	if err := h.context(); err != nil {
		return page{}, err
	}
	p := page{chart: h, Tabs: h.tabs(here), Self: h.R.URL.Path, Broken: h.glass != nil, ReadOnly: h.Door.ReadOnly(), Token: h.Visitor.Token}
	p.Adds = !p.ReadOnly && (h.User.Has(identity.Practitioner) || h.User.Has(identity.Nurse))
	may, err := mayBreakGlass(h.Visit)
	if err == nil && (may || p.Broken) {
		p.Glass = h.Link("/glass")
	}
	return p, err
}

func (h *chart) frame(title string) pages.Frame {
	f := frame(h.Visit, title+" · "+h.Head.Name, pages.Dense)
	f.Banner = downtime(h.Visit)
	if h.glass != nil {
		b := &pages.Banner{Kind: "alarm", Message: "You have broken the glass for this record, until " + h.glass.Until.UTC().Format("15:04 UTC, 2 January 2006") + ". The privacy officer reviews it.",
			Link: &pages.Item{Name: "End it", Address: h.Link("/glass")}}
		if f.Banner != nil {
			b.Message += " " + f.Banner.Message
		}
		f.Banner = b
	}
	f.Notice = said[h.Query.Get("done")]
	return f
}

func (h *chart) write(f pages.Frame, t pages.Body, data any) error {
	return h.Write(pages.StatusOf(f.Problems), f, t, data)
}

// frame begins a page.
func frame(v *pages.Visit, title string, d pages.Density) pages.Frame {
	f := v.Frame(title, "", d)
	f.Styles = []string{assets.Path("clinic.css")}
	return f
}

// downtime says that nothing can be changed; nil when it can.
func downtime(v *pages.Visit) *pages.Banner {
	if !v.Door.ReadOnly() {
		return nil
	}
	return &pages.Banner{Kind: "calm", Message: readOnly}
}

var hiddenTemplate = pages.Parse(pageFiles, "hidden.html")

// showHidden says that a patient is not here, or not for the visitor.
func showHidden(v *pages.Visit, why error) error {
	may, err := mayBreakGlass(v)
	if err != nil {
		return err
	}
	if v.R.Method != http.MethodGet || strings.Contains(v.R.Header.Get("Accept"), "event-stream") {
		return why
	}
	page := struct{ Find, Emergency string }{Find: v.Path(Path)}
	if may {
		page.Emergency = v.Path(Path+"/emergency") + "?" + url.Values{"patient": {v.R.PathValue("id")}}.Encode()
	}
	f := frame(v, "No chart to show", pages.Narrow)
	f.Banner = downtime(v)
	return v.Write(http.StatusNotFound, f, hiddenTemplate, page)
}

const readOnly = "Read-only downtime: charts can be read, nothing can be added or changed."
