package records

import (
	"context"
	"strconv"
	"strings"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/watch/span"
)

// DocRefRequest is a DocumentReference/$docref call (US Core 6.1 and 7.0,
// operation docref).
type DocRefRequest struct {
	Pairs   []search.Pair       // patient; start, end, type, on-demand, profile, _count
	After   string              // Next of the page before; Pairs must be the same
	Release definitions.Release // whose parameters; "": as Door.ReleaseOf has it
}

const documentReference = "DocumentReference"

// DocRef returns the references to documents of a patient, newest first. With
// start or end these are the ones whose context.period, or date where they have
// none, has something of that time in it; without, the newest current one of
// each type. Documents are not generated, so there are none on demand only. Of
// several types, or profiles, any is enough.
func (s *Session) DocRef(ctx context.Context, r DocRefRequest) (*SearchResult, error) {
	ctx, pass := span.Start(ctx, "door docref")
	defer pass.End()
	d := s.door
	if err := s.may(documentReference, smart.Search); err != nil {
		return nil, err
	}
	p := docRef{s: s, catalog: d.releaseOf(r.Release, documentReference).catalog, count: d.policy.MaxCount, values: map[string][]string{}}
	if err := p.read(r.Pairs); err != nil {
		return nil, err
	}
	result := &SearchResult{Total: -1, Self: r.Pairs, Count: p.count}
	if p.onDemand {
		result.Total = 0
		return result, nil
	}
	page, err := p.find(ctx, r.After)
	if err != nil {
		return nil, d.fault(err)
	}
	if result.Next = d.cursors.seal(page.Next); page.Next == "" && r.After == "" {
		result.Total = int64(len(page.Records))
	}
	for _, record := range page.Records {
		if err := s.append(ctx, result, record, ModeMatch); err != nil {
			return nil, err
		}
	}
	return result, nil
}

// docRef is a $docref call, read.
type docRef struct {
	s          *Session
	catalog    *search.Catalog
	values     map[string][]string // of patient, type, profile
	start, end *search.TimeRange
	onDemand   bool
	count      int
}

func (p *docRef) read(pairs []search.Pair) error {
	seen := map[string]bool{}
	for _, pair := range pairs {
		repeats := pair.Name == "type" || pair.Name == "profile"
		if seen[pair.Name] && !repeats {
			return fault.New(fault.Invalid, fault.CodeInvalid, "", "%s is given twice", pair.Name)
		}
		seen[pair.Name] = true
		if pair.Value == "" {
			return fault.New(fault.Invalid, fault.CodeValue, "", "%s is empty: leave it out or give a value", pair.Name)
		}
		var err error
		switch pair.Name {
		case "patient":
			err = p.addPatient(pair.Value)
		case "type", "profile":
			p.values[pair.Name] = append(p.values[pair.Name], pair.Value)
		case "start":
			p.start, err = dateOf(pair)
		case "end":
			p.end, err = dateOf(pair)
		case "on-demand":
			if p.onDemand, err = strconv.ParseBool(pair.Value); err != nil || pair.Value != "true" && pair.Value != "false" {
				err = fault.New(fault.Invalid, fault.CodeValue, "", "on-demand is true or false, not %q", fault.Shorten(pair.Value))
			}
		case "_count":
			p.count, err = countOf(pair, p.s.door.policy.MaxCount)
		default:
			err = unknownParameter("docref", pair.Name, "patient", "start", "end", "type", "on-demand", "profile", "_count")
		}
		if err != nil {
			return err
		}
	}
	if len(p.values["patient"]) == 0 {
		return fault.New(fault.Invalid, fault.CodeRequired, "", "$docref needs the id of a patient, as in patient=123")
	}
	return inOrder(p.start, p.end)
}

func (p *docRef) addPatient(value string) error {
	id := strings.TrimPrefix(p.s.door.below(value), "Patient/")
	if !fhir.ID(id).Valid() {
		return fault.New(fault.Invalid, fault.CodeValue, "", "patient is the id of a Patient, not %q", fault.Shorten(value))
	}
	p.values["patient"] = append(p.values["patient"], "Patient/"+id)
	return nil
}

func (p *docRef) find(ctx context.Context, after string) (store.Page, error) {
	filter, err := p.filter()
	if err != nil {
		return store.Page{}, err
	}
	when, dated := p.catalog.Param(documentReference, "date")
	what, typed := p.catalog.Param(documentReference, "type")
	if _, timed := p.catalog.Param(documentReference, "period"); !dated || !typed || !timed {
		return store.Page{}, fault.New(fault.NotSupported, fault.CodeNotSupported, "", "the definitions of this server lack one of the search parameters date, period and type of DocumentReference")
	}
	types := []string{documentReference}
	if err := p.s.asksMasked(append(search.ParamsOf(filter), what, when)); err != nil {
		return store.Page{}, err
	}
	q := &search.Query{Types: types, Filter: p.s.narrow(types, filter), Count: p.count, Bytes: p.s.door.pageBytes()}
	if p.start == nil && p.end == nil {
		if after != "" {
			return store.Page{}, store.ErrBadCursor
		}
		newest, err := p.s.latest(ctx, q, what, when, 1)
		return store.Page{Records: newest}, err
	}
	if q.After, err = p.s.door.cursors.open(after); err != nil {
		return store.Page{}, err
	}
	q.Sort = []search.SortKey{{Param: when, Desc: true}}
	return p.s.door.store.Search(ctx, q)
}

func (p *docRef) filter() (search.Expr, error) {
	criteria := []search.Pair{{Name: "patient", Value: p.values["patient"][0]}}
	if types := p.values["type"]; len(types) > 0 {
		criteria = append(criteria, search.Pair{Name: "type", Value: strings.Join(types, ",")})
	}
	if p.start == nil && p.end == nil {
		criteria = append(criteria, search.Pair{Name: "status", Value: "current"})
	}
	q, err := p.catalog.Parse(documentReference, criteria, search.ParseOptions{})
	if err != nil {
		return nil, err
	}
	profiled, err := p.profiled()
	return search.And{q.Filter, p.cared(), profiled}, err
}

// cared holds of documents about care of the time asked for.
func (p *docRef) cared() search.Expr {
	if p.start == nil && p.end == nil {
		return search.And{}
	}
	param := func(code string) search.Param {
		p, _ := p.catalog.Param(documentReference, code)
		return p
	}
	within := func(code string) search.And {
		var both search.And
		if p.start != nil {
			both = append(both, search.Date{Param: param(code), Prefix: search.GE, Range: *p.start})
		}
		if p.end != nil {
			both = append(both, search.Date{Param: param(code), Prefix: search.LE, Range: *p.end})
		}
		return both
	}
	return search.Or{within("period"), search.And{search.Missing{Param: param("period"), Want: true}, within("date")}}
}

// profiled holds of documents whose content has one of the profiles as its
// format, and of references that claim one themselves.
func (p *docRef) profiled() (search.Expr, error) {
	if len(p.values["profile"]) == 0 {
		return search.And{}, nil
	}
	var any search.Or
	for _, param := range p.catalog.Parameters(documentReference) {
		if param.Problem != "" || param.Code != "_profile" && !strings.HasPrefix(param.Code, "format") {
			continue
		}
		for _, profile := range p.values["profile"] {
			q, err := p.catalog.Parse(documentReference, []search.Pair{{Name: param.Code, Value: search.Escape(profile)}}, search.ParseOptions{})
			if err != nil {
				return nil, err
			}
			any = append(any, q.Filter)
		}
	}
	return any, nil
}
