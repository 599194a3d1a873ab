package console

import (
	"cmp"
	"strings"
	"time"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/limits"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/spec/fault"
)

var limitsTemplate = parse("limits.html")

// usesShown is how many limits that were used a page lists.
const usesShown = 100

// limitRow is a rule, or a limit that was used.
type limitRow struct {
	Whom, Name, ID string
	What, Limit    string
	About          string // the rule without its limit
	Percent        int64
	Refused        int64
	Since          time.Duration
	Over           bool // all of it is used
}

type limitsPage struct {
	pages.Frame
	Set            records.LimitRules
	Own, Defaults  []limitRow
	Uses, Refusals []limitRow
	Save, Remove   string
	Rule           pages.Field
}

// limits shows who may ask for how much, and who did.
func (v *visit) limits() error { return v.showLimits(nil) }

func (v *visit) showLimits(problems []pages.Problem) error {
	s, err := v.session()
	if err != nil {
		return err
	}
	page := limitsPage{Frame: v.frame("Limits", Path+"/limits", pages.Wide), Save: v.Path(Path + "/limits"), Remove: v.Path(Path + "/limits/remove")}
	page.Problems = problems
	page.Rule = pages.Field{
		ID: "rule", Label: "Limit", Value: v.Form.Get("rule"), Error: page.Problem("rule"), Complete: "off",
		Hint: "For whom, what and how many: user requests 100/s burst 1000, or app growth-chart requests none.",
	}
	if page.Set, err = s.Limits(v.R.Context()); err != nil {
		return err
	}
	names := v.appNames()
	row := func(r limits.Rule) (limitRow, error) {
		one := limitRow{Whom: r.Scope.String(), ID: r.ID, What: r.Meter.Words(), Limit: r.Limit.String(), About: r.About()}
		var err error
		switch {
		case r.ID == "":
		case r.Scope == limits.App:
			one.Name, err = names(r.ID)
		case r.Scope == limits.User:
			u := used{Usage: records.Usage{User: r.ID}}
			err = v.nameUser(&u)
			one.Name = u.Name
		}
		one.Name = cmp.Or(one.Name, one.ID)
		return one, err
	}
	for list, rules := range map[*[]limitRow][]limits.Rule{&page.Own: page.Set.Rules, &page.Defaults: page.Set.Defaults()} {
		for _, r := range rules {
			one, err := row(r)
			if err != nil {
				return err
			}
			*list = append(*list, one)
		}
	}
	uses, err := s.LimitUses(v.R.Context(), usesShown)
	if err != nil {
		return err
	}
	for _, u := range uses {
		one, err := row(limits.Rule{Scope: u.Scope, ID: u.ID, Meter: u.Meter, Limit: u.Limit})
		if err != nil {
			return err
		}
		one.Refused, one.Since = u.Refused, u.Since.Round(time.Second)
		if u.Limit.Burst > 0 {
			one.Percent = u.Used * 100 / u.Limit.Burst
			one.Over = one.Percent >= 100
			page.Uses = append(page.Uses, one)
		}
		if u.Refused > 0 {
			page.Refusals = append(page.Refusals, one)
		}
	}
	return v.Write(pages.StatusOf(problems), page.Frame, limitsTemplate, page)
}

// setLimit sets a limit.
func (v *visit) setLimit() error {
	v.Note(audit.Administer, "limit")
	r, err := limits.ParseRule(strings.TrimSpace(v.Form.Get("rule")))
	if err != nil {
		return v.showLimits([]pages.Problem{{Field: "rule", Message: err.Error()}})
	}
	s, err := v.session()
	if err != nil {
		return err
	}
	if _, err = s.SetLimit(v.R.Context(), r); err != nil {
		if list := pages.Problems(err); list != nil {
			return v.showLimits(list)
		}
		return err
	}
	return v.done(Path+"/limits", "limit")
}

// removeLimit removes a limit that was set.
func (v *visit) removeLimit() error {
	v.Note(audit.Administer, "end of a limit")
	r, err := limits.ParseAbout(v.Form.Get("rule"))
	if err != nil {
		return v.showLimits([]pages.Problem{{Message: err.Error()}})
	}
	s, err := v.session()
	if err != nil {
		return err
	}
	err = s.RemoveLimit(v.R.Context(), r)
	if err != nil && fault.KindOf(err) != fault.NotFound { // somebody else did
		return err
	}
	return v.done(Path+"/limits", "unlimited")
}
