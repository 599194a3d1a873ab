package auth

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
)

const privacyPath = "/account/privacy"

// officers see what the privacy of patients needs looked at.
var officers = []identity.Role{identity.PrivacyOfficer}

// privacyPage is what waits for the privacy officer, and what was reviewed lately.
type privacyPage struct {
	frame
	Open, Reviewed []brokenGlass
	Unclear        []records.UnclearConsent // the first ones
	More           bool                     // there are others
}

type brokenGlass struct {
	*identity.Glass
	App    string
	Broken bool // still
	Over   time.Time
}

// privacy shows it, and takes a review.
func (v *visit) privacy() error {
	var list []problem
	if v.r.Method == http.MethodPost {
		done, err := v.review()
		if errors.Is(err, identity.ErrNoGlass) {
			return fault.New(fault.NotFound, fault.CodeNotFound, "", "There is no such entry.")
		}
		if err == nil {
			return v.done(privacyPath, done)
		}
		if list = problems(err); list == nil {
			return err
		}
		for i := range list {
			if list[i].Field == "comment" { // each entry has one
				list[i].Field += "-" + v.form.Get("glass")
			}
		}
	}
	page := privacyPage{frame: v.frame("Privacy", privacyPath)}
	page.Problems = list
	var err error
	if page.Open, err = v.glasses(true); err != nil {
		return err
	}
	if page.Reviewed, err = v.glasses(false); err != nil {
		return err
	}
	if err := v.unclear(&page); err != nil {
		return err
	}
	return v.writeFrame(statusOfProblems(list), page.frame, privacyTemplate, page)
}

// unclearShown is how many consents the page lists.
const unclearShown = 20

// unclear lists consents of which parts cannot be computed. They are reviewed in the
// console.
func (v *visit) unclear(page *privacyPage) error {
	list, next, err := v.keeper().UnclearConsents(v.r.Context(), "")
	if err != nil {
		return err
	}
	page.Unclear, page.More = list[:min(len(list), unclearShown)], len(list) > unclearShown || next != ""
	return nil
}

func (v *visit) review() (done string, err error) {
	ctx, id, login := v.r.Context(), v.form.Get("glass"), v.session.User.Login
	switch v.form.Get("do") {
	case "end":
		return "glass-ended", v.Identity.EndGlass(ctx, id, login)
	case "review":
		return "reviewed", v.Identity.ReviewGlass(ctx, id, login, v.form.Get("comment"))
	}
	return "", identity.Refuse(identity.InvalidRequest, "do is end or review")
}

func (v *visit) glasses(open bool) ([]brokenGlass, error) {
	list, err := v.Identity.Glasses(v.r.Context(), open)
	if err != nil {
		return nil, err
	}
	var all []brokenGlass
	for _, g := range list {
		one := brokenGlass{Glass: g, App: g.Client, Broken: g.Broken(v.now), Over: g.Until}
		if !g.Ended.IsZero() && g.Ended.Before(g.Until) {
			one.Over = g.Ended
		}
		c, err := v.Identity.Client(v.r.Context(), g.Client)
		switch {
		case err == nil:
			one.App = c.Name
		case !errors.Is(err, identity.ErrNoClient):
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

// waiting adds to the place of the privacy officer in a menu how much waits there.
func (v *visit) waiting(menu []menuItem) []menuItem {
	if !hasAny(v.session.User, officers) {
		return menu
	}
	open, err := v.Identity.Glasses(v.r.Context(), true)
	if err != nil {
		v.server.config.Log.Error("what waits for the privacy officer cannot be counted", "error", err)
	}
	for i := range menu {
		if len(open) > 0 && menu[i].Address == v.url(privacyPath) {
			menu[i].Name = fmt.Sprintf("%s (%d to review)", menu[i].Name, len(open))
		}
	}
	return menu
}
