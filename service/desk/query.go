package desk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"html/template"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

var queryTemplate = pages.Parse(pageFiles, "query.html")

// queryPage is the query console.
type queryPage struct {
	Action     string
	Type       string
	Types      []string
	Criteria   []criterion
	Known      []string // names of parameters, with their modifiers, to choose from
	Parameters []parameter
	Asked      bool
	Answered   bool
	Address    string // of the search, to copy
	Found      []foundResource
	Total      string
	More       bool
	Issues     []string
	Picture    template.HTML
	AccessTree template.HTML
	Rules      []string
	Times      []fact
	Steps      []records.ExplainedStep
	Restricted bool
	Sort       string
	Staff      bool
}

// parameter is a search parameter in the list of those of a type.
type parameter struct{ Code, Kind, About string }

// about says what a parameter is about: of one that several types share the line of
// its type.
func about(p search.Parameter, typeName string) string {
	if p.Problem != "" {
		return "cannot be searched by: " + p.Problem
	}
	for l := range strings.Lines(p.Human) {
		if strings.HasPrefix(l, "* ["+typeName+"]") {
			_, text, _ := strings.Cut(l, ": ")
			return strings.TrimSpace(text)
		}
	}
	return p.Human
}

// criterion is a line of the form.
type criterion struct {
	Number      int
	Name, Value string
}

// foundResource is one of what was found.
type foundResource struct{ Key, Mode, JSON string }

const (
	lines      = 5
	foundShown = 20
	queryTime  = 20 * time.Second
)

// more are parameters that every search has.
var more = []string{"_count", "_sort", "_include", "_revinclude", "_total", "_summary", "_elements", "_contained", "_has:"}

// modifiers are those that a kind of parameter can have (R4 §3.1.1.4).
var modifiers = map[definitions.SearchType][]string{
	"string": {":exact", ":contains"}, "token": {":not", ":text", ":in", ":not-in", ":above", ":below", ":of-type"},
	"reference": {":identifier", ":above", ":below"}, "uri": {":above", ":below"},
}

// showQuery searches as the visitor may, and draws how it was done.
func showQuery(v *pages.Visit) error {
	q := v.Query
	page := queryPage{Action: v.Path(Path + "/query"), Type: strings.TrimSpace(q.Get("type")), Staff: v.Staff()}
	if page.Type == "" {
		page.Type = "Patient"
	}
	catalog := v.Door.Catalog(v.Door.ReleaseOf(fhir.Type(page.Type)))
	page.Types = v.Door.Definitions("").ResourceTypes()
	for i := range lines {
		n := strconv.Itoa(i + 1)
		page.Criteria = append(page.Criteria, criterion{i + 1, strings.TrimSpace(q.Get("name" + n)), q.Get("value" + n)})
	}
	known := slices.Contains(page.Types, page.Type)
	if known && catalog != nil {
		all := catalog.Parameters(page.Type)
		page.Known = namesOf(all)
		for _, p := range all {
			page.Parameters = append(page.Parameters, parameter{p.Code, string(p.Kind), about(p, page.Type)})
		}
	}
	f := frame(v, "Query console", "/query", pages.Wide)
	if page.Asked = q.Has("type"); page.Asked {
		if err := page.ask(v, known); err != nil {
			problems := queryProblems(err)
			if problems == nil {
				return err
			}
			f.Problems = problems
		}
	}
	return v.Write(pages.StatusOf(f.Problems), f, queryTemplate, page)
}

// queryProblems are what is wrong with a search; nil for what is wrong with the server.
func queryProblems(err error) []pages.Problem {
	if k := fault.KindOf(err); k == fault.Forbidden || k == fault.NotFound {
		if e, ok := errors.AsType[*fault.Error](err); ok {
			return []pages.Problem{{Field: "type", Message: pages.Sentence(e.Issues[0].Message)}}
		}
	}
	problems := pages.Problems(err)
	for i := range problems {
		problems[i].Field = "name1"
	}
	return problems
}

// namesOf are the names of parameters, with those modifiers that they can have.
func namesOf(all []search.Parameter) []string {
	var names []string
	for _, p := range all {
		if p.Problem != "" {
			continue
		}
		if names = append(names, p.Code); strings.HasPrefix(p.Code, "_") {
			continue
		}
		names = append(names, p.Code+":missing")
		for _, m := range modifiers[p.Kind] {
			names = append(names, p.Code+m)
		}
		if p.Kind == "reference" {
			for _, t := range p.Targets[:min(len(p.Targets), 3)] {
				names = append(names, p.Code+":"+t)
			}
		}
	}
	return append(names, more...)
}

// ask searches.
func (p *queryPage) ask(v *pages.Visit, known bool) error {
	if !known {
		return fault.New(fault.Invalid, fault.CodeValue, "type", "There is no resource type “%s” here.", fault.Shorten(p.Type))
	}
	req := records.SearchRequest{Type: fhir.Type(p.Type)}
	count := false
	var query []string
	for _, c := range p.Criteria {
		if c.Name != "" {
			req.Pairs = append(req.Pairs, search.Pair{Name: c.Name, Value: c.Value})
			query = append(query, url.QueryEscape(c.Name)+"="+url.QueryEscape(c.Value))
			count = count || c.Name == "_count" || c.Name == "_summary"
		}
	}
	p.Address = v.Identity.FHIRBase() + "/" + p.Type
	if len(query) > 0 {
		p.Address += "?" + strings.Join(query, "&")
	}
	if !count {
		req.Pairs = append(req.Pairs, search.Pair{Name: "_count", Value: strconv.Itoa(foundShown)})
	}
	s, err := v.Records("")
	if err != nil {
		return err
	}
	ctx, stop := contextFor(v)
	defer stop()
	if !v.Door.Policy().Explain {
		found, err := s.Search(ctx, req)
		if err == nil {
			p.show(found)
		}
		return err
	}
	x, err := s.Explain(ctx, req)
	if err == nil {
		p.show(x.Result)
		p.tell(x)
	}
	return err
}

// show takes over what was found.
func (p *queryPage) show(r *records.SearchResult) {
	p.Answered = true
	for _, e := range r.Entries[:min(len(r.Entries), foundShown)] {
		var text bytes.Buffer
		if json.Indent(&text, e.JSON, "", "  ") != nil {
			continue
		}
		const longest = 20_000
		shown := text.String()
		if len(shown) > longest {
			shown = strings.ToValidUTF8(shown[:longest], "") + "\n…"
		}
		p.Found = append(p.Found, foundResource{e.Key.String(), string(e.Mode), shown})
	}
	p.More = r.Next != "" || len(r.Entries) > foundShown
	if r.Total >= 0 {
		p.Total = pages.Number(r.Total)
	}
	for _, i := range r.Issues {
		p.Issues = append(p.Issues, pages.Sentence(i.Message))
	}
}

// tell takes over how it was found.
func (p *queryPage) tell(x *records.Explanation) {
	p.Picture, p.AccessTree, p.Rules, p.Restricted, p.Sort, p.Steps = drawTree("asked", "What was asked for", x.Query), drawTree("access", "What access adds", x.Access), x.Rules, x.Restricted, x.Sort, x.Steps
	if x.Restricted {
		return
	}
	took := func(name string, d time.Duration) {
		p.Times = append(p.Times, fact{name, d.Round(10 * time.Microsecond).String()})
	}
	took("parse", x.Parse)
	took("plan", x.Plan)
	took("fetch", x.Fetch)
	took("include", x.Include)
}

func contextFor(v *pages.Visit) (context.Context, context.CancelFunc) {
	return context.WithTimeout(v.R.Context(), queryTime)
}
