package console

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/service/pages"
)

var auditTemplate = parse("audit.html")

// eventsShown is how many events a page lists.
const eventsShown = 50

// kindNames are the kinds of events in words, in the order of the form.
var kindNames = []struct {
	Kind audit.Kind
	Name string
}{
	{audit.Read, "Read"}, {audit.VRead, "Read of a version"}, {audit.Search, "Search"}, {audit.History, "History"}, {audit.Create, "Create"}, {audit.Update, "Update"},
	{audit.Patch, "Patch"}, {audit.Delete, "Delete"}, {audit.Operation, "Operation"}, {audit.Batch, "Batch or transaction"},
	{audit.SignIn, "Sign-in"}, {audit.SignOut, "Sign-out"}, {audit.Authorize, "Authorization of an app"}, {audit.TokenIssue, "Issue of tokens"},
	{audit.TokenRevoke, "Revocation of a token"}, {audit.TokenInspect, "Introspection of a token"}, {audit.Administer, "Administration"},
	{audit.Account, "Own account"}, {audit.Import, "Import"}, {audit.Export, "Export"}, {audit.Disclose, "Disclosure"}, {audit.BreakGlass, "Breaking the glass"}, {audit.Alert, "Alert of the log"},
	{audit.TakeUp, "Events that waited"}, {audit.Refuse, "Refusal by a limit"},
}

func kindName(k audit.Kind) string {
	for _, one := range kindNames {
		if one.Kind == k {
			return one.Name
		}
	}
	return string(k)
}

// outcomes are how events end, as the form names them.
var outcomes = map[string]func(*audit.Event) bool{
	"":       func(*audit.Event) bool { return true },
	"good":   func(e *audit.Event) bool { return e.Outcome() == 0 },
	"bad":    func(e *audit.Event) bool { return e.Outcome() != 0 },
	"failed": func(e *audit.Event) bool { return e.Outcome() == 8 },
}

func outcomeTag(e *audit.Event) pages.Tag {
	switch e.Outcome() {
	case 0:
		return pages.Tag{Kind: "good", Text: "done"}
	case 4:
		return pages.Tag{Kind: "bad", Text: "refused"}
	}
	return pages.Tag{Kind: "bad", Text: "failed"}
}

// shownEvent is an event in a list.
type shownEvent struct {
	*audit.Event
	Address string
	What    string // the kind
	App     string
	State   pages.Tag
	Few     []string // the first patients
	More    int      // further ones
}

// asked is what the form of the search asks for.
type asked struct {
	audit.Query
	Problems []pages.Problem
}

// formTime is how a time stands in a form, in UTC.
const formTime = "2006-01-02T15:04"

// ask reads the search from the address.
func (v *visit) ask() (asked, error) {
	a := asked{Query: audit.Query{Newest: true, Limit: eventsShown}}
	wrong := func(field, message string) {
		a.Problems = append(a.Problems, pages.Problem{Field: field, Message: message})
	}
	when := func(field string, end bool) (t time.Time) {
		text := v.Query.Get(field)
		for _, form := range []string{formTime, formTime + ":05", time.DateOnly} {
			if t, err := time.Parse(form, text); err == nil {
				switch {
				case end && form == time.DateOnly:
					t = t.AddDate(0, 0, 1).Add(-time.Microsecond)
				case end && form == formTime:
					t = t.Add(time.Minute - time.Microsecond)
				}
				return t
			}
		}
		if text != "" {
			wrong(field, "A time looks like 2026-03-01T08:00, in UTC.")
		}
		return t
	}
	a.Since, a.Until = when("since", false), when("until", true)
	if !a.Until.IsZero() && a.Until.Before(a.Since) {
		wrong("until", "The end comes before the start.")
	}
	if id := strings.TrimPrefix(strings.TrimSpace(v.Query.Get("patient")), "Patient/"); id != "" {
		a.Patient = "Patient/" + id
	}
	outcome, ok := outcomes[v.Query.Get("outcome")]
	if !ok {
		wrong("outcome", "An event went well, was refused or failed.")
		outcome = outcomes[""]
	}
	tests := []func(*audit.Event) bool{outcome}
	if k := audit.Kind(v.Query.Get("kind")); k != "" {
		tests = append(tests, func(e *audit.Event) bool { return e.Kind == k })
	}
	user, err := v.askUser()
	if err != nil {
		return a, err
	}
	client, err := v.askApp()
	if err != nil {
		return a, err
	}
	switch {
	case user != nil && user.ID != "":
		a.Agent = user.ID
	case user != nil: // who is gone, or never was
		tests = append(tests, func(e *audit.Event) bool { return strings.EqualFold(e.Agent.Login, user.Login) })
	}
	if client != "" && a.Agent == "" {
		a.Agent = client
	}
	if client != "" {
		tests = append(tests, func(e *audit.Event) bool { return e.Agent.Client == client })
	}
	if text := v.Query.Get("before"); text != "" {
		if a.Before, err = strconv.ParseInt(text, 10, 64); err != nil || a.Before < 0 {
			a.Before = 0
			wrong("", "This page of the list is not known. It begins anew.")
		}
	}
	a.Match = func(e *audit.Event) bool {
		return !slices.ContainsFunc(tests, func(test func(*audit.Event) bool) bool { return !test(e) })
	}
	return a, nil
}

// askUser is the user who is asked for, without id when there is none of that login;
// nil for nobody.
func (v *visit) askUser() (*identity.User, error) {
	login := strings.TrimSpace(v.Query.Get("user"))
	if login == "" {
		return nil, nil
	}
	u, err := v.Identity.UserByLogin(v.R.Context(), login)
	if errors.Is(err, identity.ErrNotFound) {
		return &identity.User{Login: login}, nil
	}
	return u, err
}

// askApp is the client_id of the app that is asked for by that or by its name.
func (v *visit) askApp() (string, error) {
	text := strings.TrimSpace(v.Query.Get("app"))
	if text == "" {
		return "", nil
	}
	_, err := v.Identity.Client(v.R.Context(), text)
	if err == nil || !errors.Is(err, identity.ErrNoClient) {
		return text, err
	}
	found := text // a room of pages is an app, too
	err = v.Identity.Clients(v.R.Context(), "", func(c *identity.Client) error {
		if strings.EqualFold(c.Name, text) {
			found = c.ID
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return found, err
}

// audit searches the audit log.
func (v *visit) audit() error {
	s, err := v.session()
	if err != nil {
		return err
	}
	a, err := v.ask()
	if err != nil {
		return err
	}
	page := struct {
		pages.Frame
		Fields       []pages.Field
		Events       []shownEvent
		Pager        pages.Pager
		Asked        bool
		NDJSON, CSV  string
		Verify, Keep string
	}{
		Frame:  v.frame("Audit log", Path+"/audit", pages.Wide),
		Verify: v.Path(Path + "/audit/verify"), Keep: v.Path(Path + "/audit/checkpoint"),
	}
	page.Problems = a.Problems
	page.Fields = v.searchFields(page.Frame)
	page.Asked = slices.ContainsFunc(page.Fields, func(f pages.Field) bool { return v.Query.Get(f.ID) != "" })
	page.NDJSON, page.CSV = v.auditAddress("/export", "format", "ndjson"), v.auditAddress("/export", "format", "csv")
	if a.Problems == nil {
		v.Note(audit.Search, "the audit log was looked at")
		found, err := s.FindEvents(v.R.Context(), a.Query)
		if err != nil {
			return err
		}
		names := v.appNames()
		for _, e := range found.Events {
			one, err := v.shownEvent(e, names)
			if err != nil {
				return err
			}
			page.Events = append(page.Events, one)
		}
		if found.Next >= 0 {
			page.Pager.After = v.auditAddress("", "before", strconv.FormatInt(found.Next, 10))
		}
		if a.Before > 0 {
			page.Pager.Before = v.auditAddress("", "before", "")
		}
	}
	return v.Write(pages.StatusOf(page.Problems), page.Frame, auditTemplate, page)
}

// searchFields are those of the form, as they were filled in.
func (v *visit) searchFields(f pages.Frame) []pages.Field {
	field := func(id, label, kind string) pages.Field {
		return pages.Field{ID: id, Label: label, Type: kind, Value: v.Query.Get(id), Error: f.Problem(id), Open: true, Complete: "off"}
	}
	kinds := []string{"", "any"}
	for _, k := range kindNames {
		kinds = append(kinds, string(k.Kind), k.Name)
	}
	kind, outcome := field("kind", "Kind", ""), field("outcome", "Outcome", "")
	kind.Choices = pages.Choices(v.Query.Get("kind"), kinds...)
	outcome.Choices = pages.Choices(v.Query.Get("outcome"), "", "any", "good", "done", "bad", "refused or failed", "failed", "failed")
	return []pages.Field{
		field("since", "From (UTC)", "datetime-local"), field("until", "Until (UTC)", "datetime-local"),
		field("user", "User (login)", "search"), field("patient", "Patient (id)", "search"), field("app", "App (name or client_id)", "search"), kind, outcome,
	}
}

// auditAddress is a page of the audit log with the same search, and a parameter of it
// set anew.
func (v *visit) auditAddress(path, name, value string) string {
	q := url.Values{}
	for _, one := range []string{"since", "until", "user", "patient", "app", "kind", "outcome"} {
		if text := v.Query.Get(one); text != "" {
			q.Set(one, text)
		}
	}
	if value != "" {
		q.Set(name, value)
	}
	address := v.Path(Path + "/audit" + path)
	if len(q) > 0 {
		address += "?" + q.Encode()
	}
	return address
}

// appNames gives the names of apps, and remembers them.
func (v *visit) appNames() func(id string) (string, error) {
	known := map[string]string{}
	return func(id string) (string, error) {
		if name, ok := known[id]; ok || id == "" {
			return name, nil
		}
		c, err := v.Identity.Client(v.R.Context(), id)
		switch {
		case err == nil:
			known[id] = c.Name
		case errors.Is(err, identity.ErrNoClient):
			known[id] = id
		default:
			return "", err
		}
		return known[id], nil
	}
}

// patientsShown is how many patients a row names.
const patientsShown = 3

func (v *visit) shownEvent(e *audit.Event, names func(string) (string, error)) (shownEvent, error) {
	one := shownEvent{Event: e, Address: v.Path(Path + "/audit/event/" + strconv.FormatInt(e.Number, 10)), What: kindName(e.Kind), State: outcomeTag(e)}
	for _, p := range e.Patients {
		switch {
		case p.Key == "":
		case len(one.Few) < patientsShown:
			one.Few = append(one.Few, strings.TrimPrefix(p.Key, "Patient/"))
		default:
			one.More++
		}
	}
	var err error
	one.App, err = names(e.Agent.Client)
	return one, err
}

// eventPage shows one event.
type eventPage struct {
	pages.Frame
	Event       shownEvent
	Purpose     string
	Entities    []audit.Entity
	Patients    []audit.Patient
	Left        int // patients and entities that are not shown
	Proof, Same string
}

var eventTemplate = parse("event.html")

// listedEntities bounds what the page of an event lists.
const listedEntities = 200

// event shows one event of the audit log.
func (v *visit) event() error {
	s, err := v.session()
	if err != nil {
		return err
	}
	number, err := strconv.ParseInt(v.R.PathValue("number"), 10, 64)
	if err != nil {
		number = -1
	}
	v.Note(audit.Read, "the audit log was looked at")
	e, err := s.Event(v.R.Context(), number)
	if err != nil {
		return err
	}
	page := eventPage{Frame: v.frame("Event "+strconv.FormatInt(number, 10), Path+"/audit", pages.Wide), Purpose: e.Agent.Purpose}
	if page.Event, err = v.shownEvent(e, v.appNames()); err != nil {
		return err
	}
	room := listedEntities
	take := func(list []audit.Entity) []audit.Entity {
		n := min(room, len(list))
		room -= n
		page.Left += len(list) - n
		return list[:n]
	}
	page.Entities = take(e.Entities)
	for _, p := range e.Patients {
		if room == 0 || p.Key == "" {
			page.Left++
			continue
		}
		room--
		page.Patients = append(page.Patients, audit.Patient{Key: p.Key, Entities: take(p.Entities)})
	}
	page.Proof = page.Event.Address + "/proof"
	if e.Agent.Login != "" {
		page.Same = v.Path(Path+"/audit") + "?" + url.Values{"user": {e.Agent.Login}}.Encode()
	}
	return v.Write(http.StatusOK, page.Frame, eventTemplate, page)
}
