package console

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/inglehealth/ingle/alerts"
	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/spec/fault"
)

var alertsTemplate = parse("alerts.html")

// resolvedShown is how many alerts that are resolved a page lists.
const resolvedShown = 50

// alertCard is an alert as the page shows it.
type alertCard struct {
	ID, Anchor, Title, Subject, Means, Advice string
	Value, Limit, Told, By                    string
	Tag                                       pages.Tag
	Since, Until                              time.Time
	Acknowledged                              bool
	For                                       pages.Field
}

// alertRule is a rule in the form.
type alertRule struct {
	Name, Title, Means, Words string
	Off                       bool
	Fires                     *pages.Tag // nil: it does not
	Limit                     pages.Field
}

type alertsPage struct {
	pages.Frame
	Firing, Resolved           []alertCard
	More                       int
	Rules                      []alertRule
	Acknowledge, Silence, Save string
}

// alerts lists the alerts and the rules.
func (v *visit) alerts() error { return v.showAlerts(nil) }

func (v *visit) showAlerts(problems []pages.Problem) error {
	page := alertsPage{Frame: v.frame("Alerts", Path+"/alerts", pages.Wide), Acknowledge: v.Path(Path + "/alerts/acknowledge"), Silence: v.Path(Path + "/alerts/silence")}
	page.Problems = problems
	if v.administers() {
		page.Save = v.Path(Path + "/alerts/rules")
	}
	book := v.Door.Alerts()
	list, err := book.List(v.R.Context())
	if err != nil {
		return err
	}
	fires := map[string]*pages.Tag{}
	for _, a := range list {
		switch card := v.alertCard(a); {
		case a.State == alerts.Firing:
			page.Firing, fires[a.Rule] = append(page.Firing, card), &card.Tag
		case len(page.Resolved) < resolvedShown:
			page.Resolved = append(page.Resolved, card)
		default:
			page.More++
		}
	}
	rules, err := book.Settings(v.R.Context())
	if err != nil {
		return err
	}
	for _, r := range rules {
		row := page.rule(v, r)
		row.Fires = fires[r.Name]
		page.Rules = append(page.Rules, row)
	}
	return v.Write(pages.StatusOf(problems), page.Frame, alertsTemplate, page)
}

func (v *visit) alertCard(a alerts.Alert) alertCard {
	r, ok := alerts.RuleNamed(a.Rule)
	if !ok { // of another version of the program
		r.Title = a.Rule
	}
	c := alertCard{
		ID: a.ID(), Anchor: url.QueryEscape(a.ID()), Title: r.Title, Subject: a.Subject, Means: r.Means, Advice: r.Advice, Value: alerts.Told(a.Value, r.Unit), Limit: alerts.Told(a.Limit, r.Unit),
		Since: a.Since, Until: a.Resolved, Acknowledged: !a.Acknowledged.IsZero(), By: a.By, Tag: pages.Tag{Kind: "bad", Text: "fires"},
	}
	if c.Acknowledged {
		c.Tag, c.Told = pages.Tag{Kind: "warn", Text: "looked after"}, a.By+" looks after it."
	}
	if a.SilentAt(v.Now) {
		c.Tag = pages.Tag{Kind: "info", Text: "silenced"}
		c.Told += fmt.Sprintf(" %s had it silenced until %s.", a.SilencedBy, a.Silenced.Format("2 January 2006, 15:04 UTC"))
	}
	c.For = pages.Field{ID: "for-" + c.Anchor, Label: "Tell nobody", Choices: pages.Choices("8h", "1h", "for an hour", "8h", "for 8 hours", "24h", "for a day", "168h", "for a week", "720h", "for 30 days", "0", "no longer: tell again")}
	return c
}

func (p *alertsPage) rule(v *visit, r alerts.Set) alertRule {
	id, words := "limit-"+r.Name, "above "
	if r.Below {
		words = "below "
	}
	row := alertRule{Name: r.Name, Title: r.Title, Means: r.Means, Off: r.Off, Words: words + alerts.Told(r.Limit, r.Unit)}
	if r.For > 0 {
		row.Words += fmt.Sprintf(", for %d s", int(r.For.Seconds()))
	}
	label := "Fires " + strings.TrimSpace(words)
	if r.Unit != alerts.Number {
		label += ", in " + string(r.Unit)
	}
	row.Limit = pages.Field{
		ID: id, Label: label, Value: strconv.FormatFloat(r.Limit, 'f', -1, 64), Hint: "On a new server " + strconv.FormatFloat(r.Default, 'f', -1, 64) + ".",
		Mode: "decimal", Short: true, Open: true, Error: p.Problem(id), Complete: "off",
	}
	if v.Form.Has(id) {
		row.Limit.Value, row.Off = v.Form.Get(id), v.Form.Has("off-"+r.Name)
	}
	return row
}

// acknowledgeAlert says that the visitor looks after an alert.
func (v *visit) acknowledgeAlert() error {
	id := v.Form.Get("alert")
	v.Note(audit.Administer, "alert acknowledged: "+named(id))
	return v.alertChanged(v.Door.Alerts().Acknowledge(v.R.Context(), id, v.UserName()), "acknowledged")
}

// silenceAlert has nobody told of an alert for a time.
func (v *visit) silenceAlert() error {
	id := v.Form.Get("alert")
	v.Note(audit.Administer, "alert silenced: "+named(id))
	d, err := time.ParseDuration(v.Form.Get("for-" + url.QueryEscape(id)))
	if err != nil {
		return fault.New(fault.Invalid, fault.CodeValue, "for", "choose for how long nobody is told.")
	}
	return v.alertChanged(v.Door.Alerts().Silence(v.R.Context(), id, v.UserName(), d), "silenced")
}

// named is the name of an alert, if it can be one, for the audit log.
func named(id string) string {
	rule, _, _ := strings.Cut(id, "/")
	if _, ok := alerts.RuleNamed(rule); !ok || len(id) > 200 {
		return "none"
	}
	return id
}

func (v *visit) alertChanged(err error, done string) error {
	switch {
	case errors.Is(err, alerts.ErrNotFound):
		return fault.New(fault.NotFound, fault.CodeNotFound, "", "There is no such alert any more.")
	case errors.Is(err, alerts.ErrInput):
		return v.showAlerts([]pages.Problem{{Message: "It does not fire any more, or that is too long."}})
	case err != nil:
		return err
	}
	return v.done(Path+"/alerts", done)
}

// setAlertRules sets the limits of the rules.
func (v *visit) setAlertRules() error {
	v.Note(audit.Administer, "limits of alerts")
	book := v.Door.Alerts()
	rules, err := book.Settings(v.R.Context())
	if err != nil {
		return err
	}
	var problems []pages.Problem
	type change struct {
		name  string
		limit float64
		off   bool
	}
	var changes []change
	for _, r := range rules {
		id := "limit-" + r.Name
		if !v.Form.Has(id) {
			continue
		}
		limit, err := strconv.ParseFloat(strings.TrimSpace(v.Form.Get(id)), 64)
		off := v.Form.Has("off-" + r.Name)
		switch {
		case err != nil || limit < 0 || limit > 1e12 || r.Unit == alerts.Percent && limit > 100:
			problems = append(problems, pages.Problem{Field: id, Message: r.Title + ": the limit is a number, such as " + strconv.FormatFloat(r.Default, 'f', -1, 64) + "."})
		case limit != r.Limit || off != r.Off:
			changes = append(changes, change{r.Name, limit, off})
		}
	}
	if problems != nil {
		return v.showAlerts(problems)
	}
	for _, c := range changes {
		if err := book.SetLimit(v.R.Context(), c.name, c.limit, c.off); err != nil {
			return err
		}
	}
	return v.done(Path+"/alerts", "limits")
}

// alertCheck says how many alerts fire.
func (v *visit) alertCheck() (check, error) {
	c := check{Name: "Alerts", State: well, Words: "Nothing fires.", Link: &pages.Item{Name: "Alerts and their rules", Address: v.Path(Path + "/alerts")}}
	list, err := v.Door.Alerts().List(v.R.Context())
	n, open := 0, 0
	for _, a := range list {
		if a.State == alerts.Firing {
			n++
			if a.Acknowledged.IsZero() {
				open++
			}
		}
	}
	if n > 0 {
		c.State, c.Words = pages.Tag{Kind: "warn", Text: "looked after"}, pages.Count(int64(n), "alert")+" fire; somebody looks after them."
	}
	if open > 0 {
		c.State, c.Words = pages.Tag{Kind: "bad", Text: "fires"}, pages.Count(int64(open), "alert")+" that nobody looks after: "+v.alertCard(list[0]).Title+"."
	}
	return c, err
}
