package portal

import (
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/smart"
)

var appTemplate = pages.Parse(pageFiles, "app.html", "page/people.html")

// app shows what one app may do and did, and takes what the visitor decides about it.
func (r *record) app() error {
	all, err := r.grantedApps()
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(a app) bool { return a.ID == r.R.PathValue("client") })
	if i < 0 {
		return fault.New(fault.NotFound, fault.CodeNotFound, "", "This app may not use the record, or not any more.")
	}
	a := all[i]
	var wrong []pages.Problem
	if r.R.Method == http.MethodPost {
		done := false
		if done, wrong, err = r.decide(a); done || err != nil {
			return err
		}
	}
	if err := r.measure(&a); err != nil {
		return err
	}
	f := r.frame(a.Name, "/apps", pages.Narrow)
	f.Problems = wrong
	f.Notice = map[string]string{
		"narrowed": "The app may use less from now on. What it was given before, it may have kept.", "same": "Nothing was changed: all of it was still chosen.",
	}[r.Query.Get("done")]
	denials, err := r.denials(a.ID)
	if err != nil {
		return err
	}
	usage, err := r.usage(a)
	if err != nil {
		return err
	}
	return r.showIn(pages.StatusOf(wrong), f, appTemplate, struct {
		app
		Options []option
		Writes  bool // it may add or change something
		Usage   template.HTML
		Denials []choice
		Hide    string // where kinds of data are hidden from it
		Looked  string
		Days    int
		Now     time.Time
	}{
		a, r.options(a), writes(a.Scopes), usage, denials, r.at("/sharing/new") + "?" + url.Values{"who": {"app:" + a.ID}}.Encode(),
		r.at("/looked") + "?" + url.Values{"agent": {a.ID}}.Encode(), usageDays, r.Now,
	})
}

// option is something that the app may do, and what of it can be kept.
type option struct {
	Scope, Words string
	Parts        []option
}

// options are the scopes that can be taken from an app, those about records first.
func (r *record) options(a app) []option {
	var all, other []option
	for _, text := range a.Scopes {
		s, err := smart.ParseScope(text)
		if err != nil {
			if text == smart.OfflineAccess {
				other = append(other, option{Scope: text, Words: pages.ScopeText(text, r.own)})
			}
			continue
		}
		o := option{Scope: text, Words: pages.ScopeText(text, r.own)}
		for _, part := range pages.ScopeParts(s) {
			o.Parts = append(o.Parts, option{Scope: part.String(), Words: pages.PartWords(part, r.own)})
		}
		all = append(all, o)
	}
	return append(all, other...)
}

// reads are the interactions that change nothing.
const reads = smart.Read | smart.Search

func writes(scopes smart.Scopes) bool {
	return slices.ContainsFunc(scopes.Resources(), func(s smart.Scope) bool { return s.Interactions&^reads != 0 })
}

// left are the scopes that a form leaves to an app: of an option that is ticked as a
// whole the parts do not count.
func left(options []option, scopes smart.Scopes, ticked []string, only bool) smart.Scopes {
	var all smart.Scopes
	keep := func(text string) {
		if s, err := smart.ParseScope(text); err == nil && only {
			if s.Interactions &= reads; s.Interactions == 0 {
				return
			}
			s.V1 = false
			text = s.String()
		}
		if !all.Has(text) {
			all = append(all, text)
		}
	}
	for _, text := range scopes {
		if i := slices.IndexFunc(options, func(o option) bool { return o.Scope == text }); i < 0 || slices.Contains(ticked, text) {
			keep(text)
			continue
		} else {
			for _, part := range options[i].Parts {
				if slices.Contains(ticked, part.Scope) {
					keep(part.Scope)
				}
			}
		}
	}
	return all
}

// decide ends or narrows what an app may do. Not done, the form is shown again.
func (r *record) decide(a app) (done bool, wrong []pages.Problem, err error) {
	ctx := r.R.Context()
	switch r.Form.Get("do") {
	case "end":
		r.Note(audit.TokenRevoke, "the patient ended an app's access")
		for _, g := range a.grants {
			if err := r.Identity.RevokeGrant(ctx, g.ID, "you ended it"); err != nil && !errors.Is(err, identity.ErrNoGrant) {
				return false, nil, err
			}
		}
		return true, nil, r.See(r.at("/apps") + "?done=ended")
	case "narrow":
	default:
		return false, nil, fault.New(fault.Invalid, fault.CodeInvalid, "", "The form says neither to narrow nor to end.")
	}
	to := left(r.options(a), a.Scopes, r.Form["scope"], r.Form.Get("only") != "")
	if len(to.Resources()) == 0 {
		return false, []pages.Problem{{Field: "scopes", Message: "Choose at least one kind of data, or end the app's access below."}}, nil
	}
	if slices.Equal(to, a.Scopes) {
		return true, nil, r.See(a.Address + "?done=same")
	}
	r.Note(audit.Authorize, "the patient narrowed an app's access")
	for _, g := range a.grants {
		if err := r.Identity.NarrowGrant(ctx, g.ID, to); err != nil && !errors.Is(err, identity.ErrNoGrant) {
			return false, nil, err
		}
	}
	return true, nil, r.See(a.Address + "?done=narrowed")
}

// usage draws how much the app used day by day.
func (r *record) usage(a app) (template.HTML, error) {
	rows, err := r.Door.Usage(r.R.Context(), usageDays, a.ID)
	if err != nil {
		return "", err
	}
	byDay := map[string]*pages.Bar{}
	var order []string
	for _, u := range rows {
		if u.User != r.User.ID {
			continue
		}
		if byDay[u.Day] == nil {
			byDay[u.Day] = &pages.Bar{Name: pages.Date(u.Day)}
			order = append(order, u.Day)
		}
		byDay[u.Day].Value += u.Resources
	}
	slices.Sort(order)
	c := pages.Bars{ID: "usage", Title: "Entries of records that it got for you", Unit: "entry"}
	for _, day := range order {
		c.Bars = append(c.Bars, *byDay[day])
	}
	return c.HTML(), nil
}
