package portal

import (
	"cmp"
	"encoding/base64"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/service/pages"
)

var lookedTemplate = pages.Parse(pageFiles, "looked.html", "page/people.html")

// lookedQuery chooses events of the audit log about the record.
type lookedQuery struct {
	Agent   string // id of an app or a user, or a reference; "" for all
	Since   string // day; "" for open
	Until   string
	Refused bool // only what was refused
	All     bool // also the visitor's own visits to the portal
}

func (q lookedQuery) values() url.Values {
	v := url.Values{}
	for name, text := range map[string]string{"agent": q.Agent, "since": q.Since, "until": q.Until} {
		if text != "" {
			v.Set(name, text)
		}
	}
	for name, on := range map[string]bool{"refused": q.Refused, "all": q.All} {
		if on {
			v.Set(name, "1")
		}
	}
	return v
}

// looked lists who looked at the record, the latest first.
func (r *record) looked() error {
	q := lookedQuery{Agent: r.Query.Get("agent"), Since: r.Query.Get("since"), Until: r.Query.Get("until"), Refused: r.Query.Get("refused") != "", All: r.Query.Get("all") != ""}
	f := r.frame("Who looked", "/looked", pages.Wide)
	for _, d := range []struct{ id, day string }{{"since", q.Since}, {"until", q.Until}} {
		if !isDay(d.day) {
			f.Problems = append(f.Problems, pages.Problem{Field: d.id, Message: "Write the day as 2026-03-31, or leave it empty."})
		}
	}
	page := struct {
		Events      []looked
		Agent, Name string // whose events alone are shown
		Query       lookedQuery
		Everything  string
		Pager       pages.Pager
		Logged      bool
		Since       pages.Field
		Until       pages.Field
	}{Query: q, Agent: q.Agent, Everything: r.at("/looked"), Logged: r.Door.Audit() != nil}
	page.Since = pages.Field{ID: "since", Label: "From", Type: "date", Optional: true, Value: q.Since, Error: f.Problem("since"), Short: true}
	page.Until = pages.Field{ID: "until", Label: "To", Type: "date", Optional: true, Value: q.Until, Error: f.Problem("until"), Short: true}
	if q.Agent != "" {
		page.Name = r.agentName(q.Agent)
	}
	if len(f.Problems) == 0 && page.Logged {
		var next string
		var err error
		if page.Events, next, err = r.lookedBy(q, r.Query.Get("after"), 25); err != nil {
			return err
		}
		page.Pager = r.pager("/looked", next, q.values())
	}
	return r.showIn(pages.StatusOf(f.Problems), f, lookedTemplate, page)
}

// scans bounds how many pages of the log are looked through for one page of events,
// of which each has at least atOnce events.
const (
	scans  = 10
	atOnce = 25
)

// lookedBy is a page of events, and where the next one begins: about count of them,
// often more. It may be empty and not the last.
func (r *record) lookedBy(q lookedQuery, after string, count int) (all []looked, next string, err error) {
	if r.Door.Audit() == nil {
		return nil, "", nil
	}
	pairs := []search.Pair{{Name: "_sort", Value: "-date"}, {Name: "_count", Value: strconv.Itoa(max(count, atOnce))}}
	for _, p := range []search.Pair{{Name: "agent", Value: q.Agent}, {Name: "date", Value: prefixed("ge", q.Since)}, {Name: "date", Value: prefixed("le", q.Until)}} {
		if p.Value != "" {
			pairs = append(pairs, p)
		}
	}
	if q.Refused {
		pairs = append(pairs, search.Pair{Name: "outcome", Value: "4"})
	}
	for range scans {
		found, next, err := r.find("AuditEvent", after, pairs...)
		if err != nil {
			return nil, "", err
		}
		for _, e := range found {
			if one := r.lookedAt(e); q.All || !one.Own {
				all = append(all, one)
			}
		}
		if next == "" || 2*len(all) >= count {
			return all, next, nil
		}
		after = next
	}
	return all, after, nil
}

func prefixed(prefix, day string) string {
	if day == "" {
		return ""
	}
	return prefix + day
}

// looked is one event of the log about the record, in plain words.
type looked struct {
	ID, Address string
	Who         string // a person, or a program
	Agent       string // by which events of the same are found
	App         string // "" when Who is the app
	Self        bool   // the visitor
	Own         bool   // the visitor, in the portal
	Did         string // "Saw 12 test results and measurements"
	Why         string
	When        string
	Refused     bool
	Tag         pages.Tag
	Emergency   bool
}

// What agents of an event are: the first is the app, and people take part in a way of
// this system.
const (
	agentClient = 0
	agentUser   = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
)

// lookedAt reads an AuditEvent.
func (r *record) lookedAt(e pages.Element) looked {
	l := looked{ID: e.Text("id"), When: moment(e.Text("recorded"))}
	l.Address = r.at("/looked/" + l.ID)
	client, user, role := "", false, ""
	for i, a := range e.List("agent") {
		switch {
		case i == agentClient:
			client = a.Text("who", "identifier", "value")
		case a.Text("type", "coding", "system") == agentUser:
			user = true
			l.Agent = cmp.Or(a.Text("who", "reference"), a.Text("who", "identifier", "value"))
			l.Who = r.agentName(cmp.Or(l.Agent, a.Text("altId")))
			l.Self = a.Text("altId") == r.User.Login
			role = a.Text("role", "text")
			l.Why = purposeWords(a.Text("purposeOfUse", "coding", "code"))
		}
	}
	if l.Self {
		l.Who = "You"
	}
	app := r.appName(client)
	switch {
	case user && app != "":
		l.App = app
	case !user:
		l.Who, l.Agent = cmp.Or(app, "The administration of this server"), client
	}
	if role != "" && !l.Self {
		l.Who += " (" + strings.ReplaceAll(role, "-", " ") + ")"
	}
	if l.Why == "" {
		l.Why = purposeWords(e.Text("purposeOfEvent", "coding", "code"))
	}
	l.Own = l.Self && client == strings.ToLower(Name)
	l.Emergency = e.Text("purposeOfEvent", "coding", "code") == "BTG"
	l.Did = r.did(e)
	switch e.Text("outcome") {
	case "4":
		l.Refused, l.Tag = true, pages.Tag{Kind: "warn", Text: "refused"}
	case "8":
		l.Tag = pages.Tag{Kind: "warn", Text: "failed"}
	default:
		if l.Emergency {
			l.Tag = pages.Tag{Kind: "bad", Text: "emergency access"}
		}
	}
	return l
}

// moment is the time of an event, to the second.
func moment(text string) string {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return text
	}
	return t.UTC().Format("2 January 2006, 15:04:05") + " UTC"
}

// purposes are purposes of use (v3-ActReason) in plain words.
var purposes = map[string]string{
	"TREAT": "for treatment", "ETREAT": "for emergency treatment", "BTG": "in an emergency, with a reason that was written down", "HPAYMT": "for payment", "HOPERAT": "to run the clinic",
	"HRESCH": "for research", "PATRQT": "as the patient asked", "FAMRQT": "for the family", "PUBHLTH": "for public health", "HMARKT": "for marketing", "PATADMIN": "for administration", "HSYSADMIN": "to run the server",
}

func purposeWords(code string) string { return cmp.Or(purposes[code], code) }

// acts are what was done, by interaction.
var acts = map[string]string{
	"read": "Saw", "vread": "Saw an earlier version of", "history": "Saw the history of", "search": "Searched and saw", "operation": "Used", "create": "Added", "update": "Changed", "patch": "Changed", "delete": "Deleted", "batch": "Used or changed",
	"authorize": "Let an app in, or was asked to, and saw",
	"export":    "Exported", "import": "Imported", "110127": "Began emergency access to", "disclose": "Passed on",
}

// did says what was done with what of the record.
func (r *record) did(e pages.Element) string {
	code := e.Text("subtype", "code")
	act := cmp.Or(acts[code], "Used")
	counts := map[string]int{}
	var order []string
	for _, one := range e.List("entity") {
		typ, _, ok := strings.Cut(one.Text("what", "reference"), "/")
		if !ok || one.Text("role", "code") == "1" {
			continue
		}
		if counts[typ] == 0 {
			order = append(order, typ)
		}
		counts[typ]++
	}
	var all []string
	for _, t := range order {
		words := pages.TypeWords(t)
		if counts[t] > 1 {
			words += " (" + strconv.Itoa(counts[t]) + ")"
		}
		all = append(all, words)
	}
	if len(all) > 5 {
		all = append(slices.Clone(all[:4]), pages.Count(len(order)-4, "other kind")+" of data")
	}
	switch {
	case len(all) > 0:
		return act + " " + and(all)
	case code == "110127":
		return act + " this record"
	case e.Text("outcome") == "4":
		return "Tried" + asked(e) + ", and saw nothing"
	case code == "search":
		return "Searched" + asked(e) + ", and got no entry"
	}
	return act + " this record"
}

// asked is what kind of data an event asked for; "" when that is not told.
func asked(e pages.Element) string {
	for _, one := range e.List("entity") {
		text := one.Text("name")
		if query, err := base64.StdEncoding.DecodeString(one.Text("query")); err == nil && len(query) > 0 {
			text = string(query)
		}
		if typ := strings.FieldsFunc(text, func(r rune) bool { return r == '/' || r == '?' }); len(typ) > 0 && typ[0][0] >= 'A' && typ[0][0] <= 'Z' {
			return " " + pages.TypeWords(typ[0])
		}
	}
	return ""
}

// agentName is the name of a user, by id, login or resource, or of an app.
func (r *record) agentName(agent string) string {
	if name, ok := r.agents[agent]; ok {
		return name
	}
	if r.agents == nil {
		r.agents = map[string]string{}
	}
	name := ""
	if strings.Contains(agent, "/") {
		if name = r.display(agent); agent == "Patient/"+string(r.id) {
			name = r.name()
		}
	} else if u, err := r.Identity.User(r.R.Context(), agent); err == nil {
		name = u.Name
	}
	r.agents[agent] = cmp.Or(name, r.appName(agent), agent, "Somebody")
	return r.agents[agent]
}

// appName is the name of an app or a room of pages; "" for none.
func (r *record) appName(client string) string {
	for _, e := range r.House.Entrances {
		if strings.EqualFold(e.Name, client) {
			return "the " + strings.ToLower(e.Name)
		}
	}
	if client == "" {
		return ""
	}
	if strings.EqualFold(client, Name) {
		return "the portal"
	}
	a, err := r.named(client)
	if err != nil {
		return client
	}
	return a.Name
}
