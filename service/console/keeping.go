package console

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

var keepingTemplate = parse("keeping.html")

// holdsShown is how many legal holds a page lists.
const holdsShown = 50

// ruleRow is one retention rule in the form.
type ruleRow struct {
	At                           int
	New                          bool
	Name, Type, Filter, Days, By pages.Field
}

type keepingPage struct {
	pages.Frame
	Holds       []records.Hold
	Pager       pages.Pager
	Set, Lift   string
	Fields      []pages.Field // of a new hold
	Rules       []ruleRow
	Save        string
	Counts      []records.RetentionCount // of a dry run
	Dry, DryRun string
}

// keeping lists legal holds and retention rules.
func (v *visit) keeping() error { return v.showKeeping(nil, nil) }

// showKeeping shows them, with the rules as a form has them that was wrong; nil: as
// they are.
func (v *visit) showKeeping(rules []records.RetentionRule, problems []pages.Problem) error {
	s, err := v.session()
	if err != nil {
		return err
	}
	ctx := v.R.Context()
	page := keepingPage{
		Frame: v.frame("Keeping", Path+"/keeping", pages.Wide), Set: v.Path(Path + "/keeping/hold"), Lift: v.Path(Path + "/keeping/lift"), Save: v.Path(Path + "/keeping/rules"),
		DryRun: v.Path(Path+"/keeping") + "?dry=1#rules",
	}
	page.Problems = problems
	if page.Holds, err = s.Holds(ctx, v.Query.Get("after"), holdsShown); err != nil {
		return err
	}
	if n := len(page.Holds); n == holdsShown {
		page.Pager.After = v.Path(Path+"/keeping") + "?" + url.Values{"after": {page.Holds[n-1].Key.String()}}.Encode()
	}
	page.Fields = []pages.Field{
		{ID: "resource", Label: "Patient or resource", Hint: "Such as Patient/123, which holds all that the patient owns.", Value: v.Form.Get("resource"), Error: page.Problem("resource"), Complete: "off"},
		{ID: "reason", Label: "Reason", Value: v.Form.Get("reason"), Error: page.Problem("reason"), Complete: "off"},
	}
	if rules == nil {
		if rules, err = s.Retention(ctx); err != nil {
			return err
		}
	}
	for i, r := range append(rules[:len(rules):len(rules)], records.RetentionRule{}) {
		page.Rules = append(page.Rules, page.rule(i, r, i == len(rules)))
	}
	if v.Query.Get("dry") != "" {
		if page.Counts, err = s.RetentionDryRun(ctx); err != nil {
			return err
		}
		page.Dry = "Nothing would go: there are no rules."
	}
	return v.Write(pages.StatusOf(problems), page.Frame, keepingTemplate, page)
}

func (p *keepingPage) rule(i int, r records.RetentionRule, added bool) ruleRow {
	at := strconv.Itoa(i)
	field := func(name, label, value string) pages.Field {
		return pages.Field{ID: name + "-" + at, Label: label, Value: value, Error: p.Problem(name + "-" + at), Open: added, Optional: !added && (name == "filter" || name == "by"), Complete: "off"}
	}
	row := ruleRow{
		At: i, New: added, Name: field("name", "Name", r.Name), Type: field("type", "Resource type", string(r.Type)), Filter: field("filter", "Only where", r.Filter),
		Days: field("days", "After days", ""), By: field("by", "Since", r.By),
	}
	row.Days.Mode = "numeric"
	if r.Days != 0 {
		row.Days.Value = strconv.Itoa(r.Days)
	}
	row.Filter.Hint, row.By.Hint = "Search parameters, such as status=cancelled.", "A date parameter of the type. Empty: the last change."
	return row
}

// key is the resource that a form names.
func (v *visit) key() (fhir.Key, error) {
	typ, id, ok := strings.Cut(strings.TrimSpace(v.Form.Get("resource")), "/")
	key := fhir.Key{Type: fhir.Type(typ), ID: fhir.ID(id)}
	if !ok || !key.ID.Valid() || v.Door.ReleaseOf(key.Type) == "" || key.Type == "" {
		return key, fault.New(fault.Unprocessable, fault.CodeValue, "resource", "name a resource by type and id, such as Patient/123")
	}
	return key, nil
}

// setHold holds a patient's record or a resource.
func (v *visit) setHold() error {
	v.Note(audit.Administer, "legal hold")
	key, err := v.key()
	if err == nil {
		s, open := v.session()
		if open != nil {
			return open
		}
		_, err = s.SetHold(v.R.Context(), key, strings.TrimSpace(v.Form.Get("reason")))
		if fault.KindOf(err) == fault.NotFound {
			err = fault.New(fault.Unprocessable, fault.CodeNotFound, "resource", "there is no %s", key)
		}
	}
	return v.kept(err, "held")
}

// liftHold ends a hold.
func (v *visit) liftHold() error {
	v.Note(audit.Administer, "end of a legal hold")
	key, err := v.key()
	if err == nil {
		s, open := v.session()
		if open != nil {
			return open
		}
		err = s.LiftHold(v.R.Context(), key)
	}
	return v.kept(err, "lifted")
}

func (v *visit) kept(err error, done string) error {
	if list := pages.Problems(err); list != nil {
		for i := range list {
			if list[i].Field == "" && strings.Contains(list[i].Message, "reason") {
				list[i].Field = "reason"
			}
		}
		return v.showKeeping(nil, list)
	}
	if err != nil {
		return err
	}
	return v.done(Path+"/keeping", done)
}

// setRetention replaces the rules.
func (v *visit) setRetention() error {
	v.Note(audit.Administer, "retention rules")
	rules := []records.RetentionRule{}
	for i := 0; v.Form.Has("name-"+strconv.Itoa(i)) && i <= 100; i++ {
		at := "-" + strconv.Itoa(i)
		get := func(name string) string { return strings.TrimSpace(v.Form.Get(name + at)) }
		if v.Form.Has("remove"+at) || get("name")+get("type")+get("days")+get("filter")+get("by") == "" {
			continue
		}
		days, err := strconv.Atoi(get("days"))
		if err != nil {
			days = 0 // which is refused
		}
		rules = append(rules, records.RetentionRule{Name: get("name"), Type: fhir.Type(get("type")), Filter: get("filter"), Days: days, By: get("by")})
	}
	s, err := v.session()
	if err != nil {
		return err
	}
	err = s.SetRetention(v.R.Context(), rules)
	if list := pages.Problems(err); list != nil {
		for i := range list {
			at, _, _ := strings.Cut(strings.TrimPrefix(list[i].Field, "["), "]")
			list[i].Field = "name-" + at
		}
		return v.showKeeping(rules, list)
	}
	if err != nil {
		return err
	}
	return v.done(Path+"/keeping", "rules")
}
